/**
 * JavaScript values as SQLite stores them.
 */

/** A value that SQLite has no place for. Holds its position and its type, never the value. */
export class Unbindable extends Error {
  override readonly name = "Unbindable"

  constructor(readonly position: number, readonly problem: string) {
    super(`Value ${position} ${problem}.`)
  }
}

const maxInteger = 2n ** 63n - 1n
const minInteger = -(2n ** 63n)

const typeOf = (value: object): string => {
  const name: unknown = value.constructor?.name
  return typeof name === "string" && name !== "" ? name : "object"
}

const bindable = (value: unknown, position: number): unknown => {
  switch (typeof value) {
    case "string":
      return value
    case "undefined":
      return null
    case "boolean":
      return value ? 1 : 0
    case "number":
      // SQLite would store NULL without a word.
      if (Number.isNaN(value)) throw new Unbindable(position, "is NaN, which SQLite cannot store")
      return value
    case "bigint":
      if (value > maxInteger || value < minInteger) {
        throw new Unbindable(position, "is a bigint beyond the 64 bits of an SQLite integer")
      }
      return value
    case "object": {
      if (value === null || ArrayBuffer.isView(value)) return value
      if (value instanceof ArrayBuffer) return new Uint8Array(value)
      if (value instanceof Date) {
        if (Number.isNaN(value.getTime())) throw new Unbindable(position, "is an invalid Date")
        return value.toISOString()
      }
      const hint = Array.isArray(value)
        ? "use sql.in for a list, or JSON text"
        : "encode it first, as JSON text for one"
      throw new Unbindable(position, `is of type ${typeOf(value)}, which SQLite cannot store: ${hint}`)
    }
    default:
      throw new Unbindable(position, `is a ${typeof value}, which SQLite cannot store`)
  }
}

/**
 * The values to bind: `undefined` is NULL, a boolean is 0 or 1, a `Date` its ISO text, a view of bytes a BLOB. Throws
 * `Unbindable`.
 */
export const bindings = (params: ReadonlyArray<unknown>): ReadonlyArray<unknown> =>
  params.map((value, at) => bindable(value, at + 1))
