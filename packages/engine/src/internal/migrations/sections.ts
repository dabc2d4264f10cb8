/**
 * A migration as text:
 *
 * ```sql
 * -- no-transaction        optional: without a transaction of its own
 * create index concurrently person_name on person (name);
 * -- down                  optional: what follows takes it back
 * drop index concurrently person_name;
 * ```
 *
 * `-- up` may stand before the first part. Each of these is a comment on a line of its own, outside of parentheses, bodies,
 * strings and other comments; `-- no-transaction` counts before the first statement only. The markers of other tools are read
 * too: see `marker.ts`.
 */
import type { SqlSyntax } from "../../SqlText.js"
import { sha256 } from "../sha256.js"
import { Boundary } from "../sql/boundary.js"
import { Lexer } from "../sql/lexer.js"
import { markedBy } from "./marker.js"
import type { Marked } from "./marker.js"

/** The lines that are run on the way up, or on the way down. */
export class Section {
  constructor(
    readonly text: string,
    /** The line of the whole text it begins with; the first is 1. */
    readonly line: number
  ) {}
}

/** What a text says. */
export interface SqlText {
  readonly transaction: boolean
  readonly up: Section
  readonly down: Section | undefined
  readonly checksum: string
}

/** A line that is a marker, and whether a statement has begun before it. */
interface Marker extends Marked {
  readonly start: number
  /** The index of the next line. */
  readonly end: number
  readonly begun: boolean
}

/**
 * Editors and version control change the ends of lines and of files; nobody else does. A carriage return alone stays: it is a
 * character of a string, or of a comment that goes on behind it, where the database says so.
 */
const normal = (text: string): string => text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n")

const markersOf = (text: string, syntax: SqlSyntax): ReadonlyArray<Marker> => {
  const lexer = new Lexer(text, syntax)
  const boundary = new Boundary(syntax)
  const found: Array<Marker> = []
  let begun = false
  for (let token = lexer.next(); token !== undefined; token = lexer.next()) {
    if (token.kind !== "comment") {
      if (!boundary.ends(token)) begun = true
      continue
    }
    const marked = boundary.isInside(token.depth) ? undefined : markedBy(token.text)
    if (marked === undefined) continue
    let start = token.start
    while (text[start - 1] === " " || text[start - 1] === "\t") start--
    if (start === 0 || syntax.lineEnds.includes(text[start - 1]!)) {
      found.push({ ...marked, start, end: Math.min(token.end + 1, text.length), begun })
    }
  }
  return found
}

const lineAt = (text: string, at: number): number => {
  let line = 1
  for (let next = text.indexOf("\n"); next !== -1 && next < at; next = text.indexOf("\n", next + 1)) line++
  return line
}

/** Reads a text; a string says what is wrong with it. */
export const readSql = (text: string, syntax: SqlSyntax): SqlText | string => {
  const whole = normal(text)
  const all = markersOf(whole, syntax)
  const cuts = all.filter(({ begins }) => begins !== "none")
  const lineOf = ({ end, start }: Marker) => `line "${whole.slice(start, end).trim()}"`
  for (const word of ["up", "down"]) {
    const [, second] = cuts.filter(({ begins }) => begins === word)
    if (second !== undefined) return `has more than one ${lineOf(second)}`
  }
  const up = cuts.find(({ begins }) => begins === "up")
  if (cuts[0]?.begun === true && up !== undefined) return `has statements before its ${lineOf(up)}`
  const section = (word: "up" | "down"): Section | undefined => {
    const at = cuts.findIndex(({ begins }) => begins === word)
    if (at === -1 && word === "down") return undefined
    const start = at === -1 ? 0 : cuts[at]!.end
    return new Section(whole.slice(start, cuts[at + 1]?.start), lineAt(whole, start))
  }
  return {
    transaction: !all.some(({ alone, begins, begun }) => alone && (begins !== "none" || !begun)),
    up: section("up")!,
    down: section("down"),
    checksum: checksumOf(whole, all)
  }
}

/**
 * The way back may still be corrected when the way forth has been gone. `-- no-transaction` is left out of the text behind
 * the first statement too, where it says nothing: migrations that were applied when it did have their checksum from then.
 */
const checksumOf = (whole: string, all: ReadonlyArray<Marker>): string => {
  let up = ""
  let from = 0
  let isUp = true
  for (const { begins, end, start } of all) {
    if (isUp) up += whole.slice(from, start)
    from = end
    if (begins !== "none") isUp = begins === "up"
  }
  if (isUp) up += whole.slice(from)
  const transaction = !all.some(({ alone }) => alone)
  return sha256(`${transaction ? "" : "-- no-transaction\n"}${up.replaceAll("\r", "\n").trim()}`)
}
