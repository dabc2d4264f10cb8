/**
 * JSON documents on their way to a database: which JavaScript values are one, and the text of each.
 *
 * `JSON.stringify` loses without a word what JSON has no form for: NaN becomes `null`, a `Map` becomes `{}`, a lone
 * surrogate becomes an escape that `jsonb` refuses. Here all of these are refused.
 */
import { DateTime } from "effect"
import { isInspectable, typeName } from "./typeName.js"

/**
 * A value that is bound as a JSON document, whatever its JavaScript type: a list is a document and not an array of the
 * database's own, `null` is JSON's `null` and not NULL, a string is a JSON string.
 *
 * @since 0.1.0
 * @category values
 */
export class Json {
  constructor(readonly value: unknown) {}

  toJSON(): unknown {
    return this.value
  }
}

/** Deeper documents are refused: SQLite reads 1,000 levels, and a value that refers to itself has no last one. */
const deepest = 1_000

/** ES2024, and in every runtime this runs on. */
interface WellFormed {
  readonly isWellFormed: () => boolean
}

/**
 * Whether a string holds half of a surrogate pair. It has no form in UTF-8: encoders put U+FFFD in its place.
 *
 * @since 0.1.0
 * @category values
 */
export const hasLoneSurrogate = (text: string): boolean => !(text as unknown as WellFormed).isWellFormed()

const ofObject = (value: object, depth: number): string | undefined => {
  if (depth > deepest) return `is nested deeper than ${deepest} levels, or refers to itself`
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      const problem = value[at] === undefined ? "holds undefined in a list" : problemOf(value[at], depth + 1)
      if (problem !== undefined) return problem
    }
    return undefined
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    if (value instanceof Json) return problemOf(value.value, depth)
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "holds an invalid Date" : undefined
    if (DateTime.isDateTime(value)) {
      return DateTime.isUtc(value) ? undefined : "holds a DateTime.Zoned, whose zone would be lost"
    }
    if (isInspectable(value) || ArrayBuffer.isView(value)) return `holds a value of type ${typeName(value)}`
    if (Object.prototype.toString.call(value) !== "[object Object]") return `holds a value of type ${typeName(value)}`
  }
  if ("toJSON" in value && typeof value.toJSON === "function") return problemOf(value.toJSON(), depth + 1)
  for (const key of Object.keys(value)) {
    const problem = hasLoneSurrogate(key)
      ? "holds a name with a lone surrogate"
      : problemOf((value as Readonly<Record<string, unknown>>)[key], depth + 1)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** What JSON has no form for in a value; nothing where it is a document. */
const problemOf = (value: unknown, depth: number): string | undefined => {
  switch (typeof value) {
    case "string":
      return hasLoneSurrogate(value) ? "holds a lone surrogate" : undefined
    case "number":
      return Number.isFinite(value) ? undefined : `holds ${value}`
    case "boolean":
    // An absent property is no property.
    case "undefined":
      return undefined
    case "object":
      return value === null ? undefined : ofObject(value, depth)
    default:
      return `holds a ${typeof value}`
  }
}

/**
 * The text of a document. Throws an `Error` that says what JSON has no form for, without showing any of it: `undefined` as
 * a whole or in a list, NaN, the infinities, a `bigint`, a function, a lone surrogate, bytes, a `Map`, a data type of
 * Effect's, a value that refers to itself. A `Date` and a `DateTime.Utc` are their ISO text; a property that is `undefined`
 * is left out.
 *
 * @since 0.1.0
 * @category values
 */
export const jsonText = (value: unknown): string => {
  let problem: string | undefined = "cannot be read"
  let text: string | undefined
  try {
    problem = value === undefined ? "is undefined" : problemOf(value, 0)
    if (problem === undefined) text = JSON.stringify(value)
  } catch {
    // A getter or a `toJSON` has failed, with a message that may hold what it was about.
  }
  if (text === undefined) throw new Error(`is no JSON document: it ${problem ?? "cannot be read"}`)
  return text
}
