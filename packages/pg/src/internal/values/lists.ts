/**
 * JavaScript arrays as PostgreSQL's array literals.
 *
 * Source: https://www.postgresql.org/docs/18/arrays.html#ARRAYS-IO
 */
import { isUtf8 } from "node:buffer"
import { documentText } from "./documents.js"
import { type Kind, ListKind } from "./types.js"
import { Unencodable } from "./unencodable.js"

/** Arrays in arrays: the server takes 6. One that holds itself has no last. */
const deepest = 1_000

const special = /["\\]/

const everySpecial = /["\\]/g

const quoted = (text: string): string => `"${special.test(text) ? text.replace(everySpecial, "\\$&") : text}"`

/** Writes a value by itself. */
export type Encode = (value: unknown, kind: Kind) => string | Buffer | null

/** Bytes stand in hexadecimal digits; where no bytes are wanted, they are those of a text, as they are in a parameter. */
const bytesText = (bytes: Buffer, kind: Kind): string => {
  if (kind === "bytes") return `"\\\\x${bytes.toString("hex")}"`
  if (!isUtf8(bytes) || bytes.includes(0)) {
    throw new Unencodable("is bytes that are no text, and no bytea is wanted here")
  }
  return quoted(bytes.toString())
}

/** A value as an element of an array: as it is by itself, in quotes where it needs them. */
export const encodedElement = (value: unknown, kind: Kind, encode: Encode): string => {
  const text = encode(value, kind)
  if (text === null) return "NULL"
  if (typeof text !== "string") return bytesText(text, kind)
  return typeof value === "string" || typeof value === "object" ? quoted(text) : text
}

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
    return Array.isArray(value)
      ? this.write(value, depth + 1)
      : encodedElement(value, this.kind, this.encode)
  }
}

/** The literal of an array. */
export const listText = (list: ReadonlyArray<unknown>, kind: Kind, encode: Encode): string =>
  (kind instanceof ListKind ? new Writer(kind.element, kind.delimiter, encode) : new Writer("bytes", ",", encode))
    .write(list, 0)
