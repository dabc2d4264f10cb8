/**
 * An order as a text to read, and as a sequence diagram.
 */
import type { Ticket } from "./actor.js"
import type { Played } from "./conductor.js"
import { canonical, ended, nameOf, oneLine, told } from "./text.js"

/** How an order is shown. */
export interface Style {
  readonly names: ReadonlyArray<string>
  /** Whether bound values and rows are shown. */
  readonly values: boolean
}

const shown = (value: unknown): string => {
  const text = canonical(value)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

/** What was sent. */
export const sqlOf = ({ wish }: Ticket, { values }: Style): string => {
  const again = wish.kind === "fetch" ? "next rows of " : ""
  const text = [...(wish.inside && wish.kind === "fetch" ? [] : wish.prelude), `${again}${oneLine(wish.sql)}`].join(
    "; "
  )
  return values && wish.params.length > 0 ? `${text} ${shown(wish.params)}` : text
}

/** What came back. */
export const answerOf = ({ answer, wish }: Ticket, { values }: Style): string => {
  if (answer === undefined) return "no answer"
  if (answer.failure !== undefined) return nameOf(answer.failure)
  if (answer.rows === undefined) return wish.kind === "statement" || wish.kind === "fetch" ? "no more rows" : "done"
  if (answer.rows.length === 0) return "done"
  const count = `${answer.rows.length} ${answer.rows.length === 1 ? "row" : "rows"}`
  return values ? `${count} ${shown(answer.rows)}` : count
}

/** A line of a trace. */
interface Line {
  readonly number: string
  readonly name: string
  readonly text: string
  readonly note: string
}

const names = (programs: ReadonlyArray<number>, style: Style): string =>
  programs.length === 0 ? "the lock" : programs.map((program) => style.names[program]!).join(" and ")

/** The moments of a run, a step that is answered at once as one. */
const walk = <A>(
  { events, moments }: Played,
  each: {
    readonly step: (ticket: Ticket, at: number) => A
    readonly wait: (ticket: Ticket, at: number, by: ReadonlyArray<number>) => A
    readonly end: (ticket: Ticket) => A
  }
): ReadonlyArray<A> => {
  return moments.flatMap(({ ticket, what }) => {
    const at = events.findIndex((event) => event.ticket === ticket)
    if (what === "answered") return ticket.waited ? [each.end(ticket)] : []
    return [ticket.waited ? each.wait(ticket, at, events[at]?.waitsFor ?? []) : each.step(ticket, at)]
  })
}

/** The steps of a run, one a line, and how each program ended. */
export const text = (played: Played, style: Style): string => {
  const lines = walk<Line>(played, {
    step: (ticket, at) => ({
      number: String(at + 1),
      name: ticket.actor.name,
      text: sqlOf(ticket, style),
      note: answerOf(ticket, style)
    }),
    wait: (ticket, at, by) => ({
      number: String(at + 1),
      name: ticket.actor.name,
      text: sqlOf(ticket, style),
      note: `waits for ${names(by, style)}`
    }),
    end: (ticket) => ({ number: "", name: ticket.actor.name, text: "goes on", note: answerOf(ticket, style) })
  })
  const wide = (pick: (line: Line) => string) => Math.max(...lines.map((line) => Math.min(pick(line).length, 90)), 0)
  const [name, text] = [wide((line) => line.name), wide((line) => line.text)]
  return [
    ...lines.map((line) =>
      `  ${line.number.padStart(2)}  ${line.name.padEnd(name)}  ${line.text.padEnd(text)}  ${line.note}`
    ),
    "",
    ...played.exits.map((exit, program) => `  ${style.names[program]} ${told(exit)}`)
  ].join("\n")
}

/** What Mermaid would take for its own. */
const escaped = (text: string): string =>
  text.slice(0, 300).replaceAll("#", "#35;").replaceAll(";", "#59;").replaceAll("<", "#lt;").replaceAll(">", "#gt;")

/** The steps of a run as a Mermaid sequence diagram: the programs on both sides of the database. */
export const diagram = (played: Played, style: Style): string => {
  const [first, ...others] = style.names
  const id = (ticket: Ticket) => `p${ticket.actor.program}`
  const lines = walk(played, {
    step: (ticket) => [
      `${id(ticket)}->>db: ${escaped(sqlOf(ticket, style))}`,
      `db-->>${id(ticket)}: ${escaped(answerOf(ticket, style))}`
    ],
    wait: (ticket, _, by) => [
      `${id(ticket)}-)db: ${escaped(sqlOf(ticket, style))}`,
      `Note over ${id(ticket)}: waits for ${escaped(names(by, style))}`
    ],
    end: (ticket) => [`db-->>${id(ticket)}: ${escaped(answerOf(ticket, style))}`]
  })
  return [
    "sequenceDiagram",
    `  participant p0 as ${escaped(first ?? "")}`,
    "  participant db as database",
    ...others.map((name, at) => `  participant p${at + 1} as ${escaped(name)}`),
    ...lines.flat().map((line) => `  ${line}`),
    ...played.exits.map((exit, program) => `  Note over p${program}: ${escaped(ended(exit))}`)
  ].join("\n")
}
