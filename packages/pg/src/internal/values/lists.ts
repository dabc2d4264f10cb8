/**
 * JavaScript arrays as PostgreSQL's array literals.
 *
 * Source: https://www.postgresql.org/docs/18/arrays.html#ARRAYS-IO
 */
import { documentText } from "./documents.js"
import { type Kind, ListKind } from "./types.js"
import { Unencodable } from "./unencodable.js"

/** Arrays in arrays: the server takes 6. One that holds itself has no last. */
const deepest = 1_000

const special = /["\\]/g

const quoted = (text: string): string => `"${special.test(text) ? text.replace(special, "\\$&") : text}"`

/** Writes a value that is no array. */
type Encode = (value: unknown, kind: Kind) => string | Buffer | null

class Writer {
  constructor(
    private readonly kind: Kind,
    private readonly delimiter: string,
    private readonly encode: Encode
  ) {}

  write(list: ReadonlyArray<unknown>, depth: number): string {
    if (depth > deepest) throw new Unencodable(`is nested deeper than ${deepest} levels, or holds itself`)
    let text = "{"
    for (let at = 0; at < list.length; at++) {
      if (at > 0) text += this.delimiter
      text += this.element(list[at], depth)
    }
    return `${text}}`
  }

  private element(value: unknown, depth: number): string {
    if (value === null || value === undefined) return "NULL"
    if (this.kind === "document") return quoted(documentText(value))
    if (Array.isArray(value)) return this.write(value, depth + 1)
    const text = this.encode(value, this.kind)
    if (text === null) return "NULL"
    if (typeof text !== "string") return `"\\\\x${text.toString("hex")}"`
    return typeof value === "string" || typeof value === "object" ? quoted(text) : text
  }
}

/** The literal of an array. */
export const listText = (list: ReadonlyArray<unknown>, kind: Kind, encode: Encode): string =>
  (kind instanceof ListKind ? new Writer(kind.element, kind.delimiter, encode) : new Writer("plain", ",", encode))
    .write(list, 0)
