/**
 * Names of columns and constraints. Constraints that nobody names get the names PostgreSQL would have chosen.
 */
import { String as Str } from "effect"
import type { Naming } from "./options.js"

/** The longest name PostgreSQL keeps, in bytes; it cuts a longer one without an error. */
export const longestName = 63

/** The bytes of a name in UTF-8. */
export const bytesOf = (name: string): number => {
  let bytes = 0
  for (const char of name) {
    const point = char.codePointAt(0)!
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4
  }
  return bytes
}

export const naming = (how: Naming | undefined): (name: string) => string =>
  how === undefined || how === "same" ? (name) => name : how === "snake" ? Str.camelToSnake : how

/** FNV-1a: the same text has the same eight letters, on every machine. */
const digest = (text: string): string => {
  let hash = 0x811c9dc5
  for (const char of text) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, "0")
}

/** `users_email_key`; where that is too long, its beginning and a digest of the whole. */
export const constraintName = (...parts: ReadonlyArray<string>): string => {
  const whole = parts.join("_")
  if (bytesOf(whole) <= longestName) return whole
  const tail = `_${digest(whole)}_${parts[parts.length - 1]}`
  let head = ""
  for (const char of whole) {
    if (bytesOf(head + char + tail) > longestName) break
    head += char
  }
  return head + tail
}

/** A name that somebody gave: under another name of the table it follows, where it begins with the one declared. */
export const givenName = (given: string, declared: string, table: string): string =>
  given.startsWith(`${declared}_`) ? constraintName(table + given.slice(declared.length)) : given

/** Why something cannot be a name; absent: it can. */
export const misnamed = (name: string): string | undefined =>
  name === ""
    ? "has an empty name"
    : name.includes("\0")
    ? "has a NUL character in its name"
    : bytesOf(name) > longestName
    ? `has a name of ${bytesOf(name)} bytes; the longest is ${longestName}`
    : undefined
