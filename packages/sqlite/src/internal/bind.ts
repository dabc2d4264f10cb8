/**
 * JavaScript values as SQLite stores them: one form for each, whichever way a value goes.
 */
import { BigDecimal, DateTime } from "effect"
import { hasLoneSurrogate, Json, jsonText, typeName } from "effect-sql-engine/Driver"

/** A value that SQLite has no place for. Holds its position and its type, never the value. */
export class Unbindable extends Error {
  override readonly name = "Unbindable"

  constructor(readonly position: number, readonly problem: string) {
    super(`Value ${position} ${problem}.`)
  }
}

/** What SQLite stores. */
export type Stored = string | number | bigint | ArrayBufferView | null

const maxInteger = 2n ** 63n - 1n
const minInteger = -(2n ** 63n)

const ofText = (text: string): string => {
  // The binding would store U+FFFD in its place.
  if (hasLoneSurrogate(text)) throw new Error("is a string with a lone surrogate, which UTF-8 has no form for")
  return text
}

const ofObject = (value: object): Stored => {
  if (ArrayBuffer.isView(value)) return value
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new Error("is an invalid Date")
    return value.toISOString()
  }
  if (value instanceof Json) return jsonText(value.value)
  if (value instanceof ArrayBuffer || isShared(value)) return new Uint8Array(value)
  if (DateTime.isDateTime(value)) return DateTime.formatIso(value)
  if (BigDecimal.isBigDecimal(value)) return BigDecimal.format(value)
  const hint = Array.isArray(value)
    ? "use sql.in for a list, or JSON text"
    : "encode it first, as JSON text for one"
  throw new Error(`is of type ${typeName(value)}, which SQLite cannot store: ${hint}`)
}

const isShared = (value: object): value is SharedArrayBuffer =>
  typeof SharedArrayBuffer !== "undefined" && value instanceof SharedArrayBuffer

/** A value as it is stored. Throws an `Error` that says why it cannot be, and nothing of what it holds. */
export const stored = (value: unknown): Stored => {
  switch (typeof value) {
    case "string":
      return ofText(value)
    case "undefined":
      return null
    case "boolean":
      return value ? 1 : 0
    case "number":
      // SQLite would store NULL without a word.
      if (Number.isNaN(value)) throw new Error("is NaN, which SQLite cannot store")
      return value
    case "bigint":
      if (value > maxInteger || value < minInteger) {
        throw new Error("is a bigint beyond the 64 bits of an SQLite integer")
      }
      return value
    case "object":
      return value === null ? null : ofObject(value)
    default:
      throw new Error(`is a ${typeof value}, which SQLite cannot store`)
  }
}

/**
 * The values to bind: `undefined` is NULL, a boolean is 0 or 1, a `Date` and a `DateTime` the ISO text of their instant, a
 * `BigDecimal` its shortest text, bytes of any view or buffer a BLOB, a `Json` its text. Throws `Unbindable`.
 */
export const bindings = (params: ReadonlyArray<unknown>): ReadonlyArray<Stored> =>
  params.map((value, at) => {
    try {
      return stored(value)
    } catch (cause) {
      throw new Unbindable(at + 1, cause instanceof Error ? cause.message : "cannot be written")
    }
  })
