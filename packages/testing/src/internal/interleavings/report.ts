/**
 * What an exploration found, as a text.
 */
import type { Isolation } from "effect-sql-engine/Dialect"
import type { Findings } from "./explore.js"
import type { Judged } from "./judge.js"
import { type Style, text } from "./trace.js"

const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`

const title = ({ anomaly, problem }: Judged): string =>
  problem === undefined ? "holds" : `${anomaly === "unclassified" ? "broken" : anomaly}: ${problem}`

/** An order: what is wrong with it, its steps, how to run it again. */
export const orderText = (judged: Judged, style: Style): string =>
  [
    title(judged),
    "",
    text(judged.played, style),
    "",
    `  again: Interleavings.replay(programs, "${judged.code}", options)`
  ].join("\n")

const columns = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)))
  return rows.map((row) => row.map((cell, at) => cell.padEnd(widths[at]!)).join("  ").trimEnd())
}

/** An exploration: how many orders, how they ended, the smallest that is broken. */
export const reportText = (
  findings: Findings,
  style: Style,
  isolation: Isolation | undefined,
  elapsedMillis: number
): string => {
  const { broken, covered, cut, explored, incomplete, outcomes, smallest } = findings
  const at = isolation === undefined ? "" : ` at ${isolation}`
  const all = covered === undefined || incomplete !== undefined ? "" : `, which stand for all ${covered}`
  return [
    ...(incomplete === undefined ? [] : [`NOT COMPLETE: ${incomplete}. Orders that were not run may be broken.`, ""]),
    `${plural(explored, "order")}${at}${all} (${plural(cut, "run")} cut off), ${Math.round(elapsedMillis)} ms: ` +
    (broken === 0 ? "none is broken" : `${broken} ${broken === 1 ? "is" : "are"} broken`),
    ...(outcomes.length === 0 ? [] : columns([
      ["", ...style.names, "orders", "as in"],
      ...outcomes.map(({ code, orders, results }) => ["", ...results, String(orders), code])
    ])),
    ...(smallest === undefined
      ? []
      : ["", `The smallest broken order, ${smallest.code}`, "", orderText(smallest, style)])
  ].join("\n")
}

/** A line for each isolation level. */
export const levelsTable = (
  levels: ReadonlyArray<{ readonly isolation: Isolation; readonly findings: Findings }>
): string =>
  columns([
    ["isolation", "orders", "broken", "deadlocks", "smallest", "what"],
    ...levels.map(({ findings, isolation }) => [
      isolation,
      `${findings.explored}${findings.incomplete === undefined ? "" : " (NOT COMPLETE)"}`,
      String(findings.broken),
      String(findings.deadlocks),
      findings.smallest?.code ?? "-",
      findings.anomalies.join(", ") || "-"
    ])
  ]).join("\n")
