/**
 * Proof 2, the total fault matrix: every step of a session with every outcome, under every signal and in every depth, and
 * double faults sampled from what really happens after a first one. Each cell is judged twice: by laws that hold for
 * every session, and by the golden table.
 *
 * The whole matrix runs with `PROVE=full`; otherwise every single fault and the first thousand double ones.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { CheckViolation } from "effect-sql-engine/SqlFailure"
import { evidence } from "../support/evidence.js"
import { type Observation, run } from "./fault-matrix/cell.js"
import * as Golden from "./fault-matrix/golden.js"
import { judge } from "./fault-matrix/oracle.js"
import { doubles, nameOf, type Plan, singles } from "./fault-matrix/plan.js"
import { complaints, type Judged, sweep } from "./fault-matrix/sweep.js"

const seed = 20240611
const full = process.env["PROVE"] === "full"
const count = full ? 10_000 : 1_000

const report = (what: string, cells: number, since: number) =>
  evidence({
    proof: "2",
    size: `${cells} ${what}`,
    figures: { "laws broken": 0, "other than the golden table": 0, s: (performance.now() - since) / 1_000 },
    seed
  })

const differences = (
  results: ReadonlyArray<Judged>,
  lineOf: (result: Judged) => string,
  golden: (index: number) => unknown
) =>
  results.flatMap((result, index) => {
    const line = lineOf(result)
    return line === golden(index) ? [] : [`${nameOf(result.plan)}: ${line}, and not ${golden(index)}`]
  })

describe("the fault matrix", () => {
  const names = singles.map(nameOf)

  it("has every step with every outcome, signal and depth, each once", () => {
    expect(new Set(names).size).toBe(12 * 9 * 6 * 3 + 12 * 6 * 3 + 9 * 6 * 3)
  })

  it("every single and every sampled double fault breaks no law, and ends as the golden table says", async () => {
    const began = performance.now()
    const single = await sweep(singles)
    expect(await complaints(single)).toEqual([])
    const table = Golden.updating
      ? { singles: new Map(single.map((result) => [nameOf(result.plan), Golden.lineOf(result)])), doubles: [] }
      : Golden.read()
    if (!Golden.updating) {
      expect(differences(single, Golden.lineOf, (index) => table.singles.get(names[index]!))).toEqual([])
    }

    report("single faults", single.length, began)

    const start = performance.now()
    const plans = doubles(Golden.updating ? 10_000 : count, seed, Golden.stepsAfter(table.singles, names))
    const double = await sweep(plans)
    expect(await complaints(double)).toEqual([])
    if (Golden.updating) {
      Golden.write(seed, single, double)
    } else {
      expect(differences(double, ({ end }) => end, (index) => table.doubles[index])).toEqual([])
    }
    report("double faults", double.length, start)
  }, 300_000)
})

describe("the oracle of the fault matrix", () => {
  const find = (name: string): Plan => singles.find((plan) => nameOf(plan) === name)!
  const fine = "statement#2:ok none nesting 1"
  const refused = "statement#2:fail none nesting 1"
  const stray = Exit.fail(new CheckViolation({ message: "something else" }))

  /** What an engine with a mistake in it would have shown. */
  const mistakes: ReadonlyArray<
    readonly [what: string, cell: string, change: (seen: Observation) => Partial<Observation>]
  > = [
    ["success without its rows", fine, () => ({ rows: [] })],
    ["success with a part of its rows", fine, ({ rows }) => ({ rows: rows.slice(1) })],
    ["rows of a session that failed", refused, () => ({ rows: [0, 1, 10, 11] })],
    ["a failure reported as success", refused, () => ({ exit: Exit.void })],
    ["another failure than the first", refused, () => ({ exit: stray })],
    ["a failure out of nothing", fine, () => ({ exit: stray })],
    ["a defect", fine, () => ({ exit: Exit.die("bug") })],
    ["an interruption by nobody", fine, () => ({ exit: Exit.interrupt(undefined as never) })],
    ["a hang", fine, () => ({ killed: true })],
    ["a slow end", fine, () => ({ tookMillis: 121_000 })],
    ["an open transaction", fine, ({ counts }) => ({ counts: { ...counts, openTransactions: 1 } })],
    ["a leaked connection", fine, ({ counts }) => ({ counts: { ...counts, handles: counts.handles + 1 } })],
    ["a connection too many", fine, ({ counts }) => ({ counts: { ...counts, mostOpen: 9 } })],
    ["a lent connection", fine, ({ stats }) => ({ stats: { ...stats, pool: { ...stats.pool, inUse: 1 } } })],
    [
      "a miscount",
      fine,
      ({ stats }) => ({ stats: { ...stats, pool: { ...stats.pool, served: stats.pool.served + 1 } } })
    ],
    ["a lost hook", fine, ({ diary }) => ({ diary: { ...diary, committed: 0 } })],
    ["a hook of the other outcome", refused, ({ diary }) => ({ diary: { ...diary, committed: 1 } })],
    ["a breach", fine, () => ({ breaches: [{ kind: "overlap", connection: "1", step: "statement", sql: "x" }] })],
    ["an engine that does not go on", fine, () => ({ probe: stray })],
    ["an engine that does not end", fine, () => ({ closeMillis: 12_000 })],
    ["a connection after the end", fine, ({ closedCounts }) => ({ closedCounts: { ...closedCounts, open: 1 } })],
    ["a timer after the end", fine, () => ({ sleepers: 1 })],
    ["a failed rollback that nobody hears of", "rollback#1:fail none nesting 0", () => ({ events: [] })]
  ]

  for (const [what, cell, change] of mistakes) {
    it(`objects to ${what}`, async () => {
      const plan = find(cell)
      const seen = await Effect.runPromise(run(plan))
      expect(judge(plan, seen)).toEqual([])
      expect(judge(plan, { ...seen, ...change(seen) })).not.toEqual([])
    })
  }
})
