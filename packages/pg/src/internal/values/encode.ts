/**
 * The one way of a JavaScript value to PostgreSQL: as text, or bytes as they are. `docs/postgresql.md` has the table.
 *
 * Most values say by themselves what they are. A JavaScript array does not: it is an array for a `text[]` and a document for
 * a `jsonb`. Its form is decided by the type of the parameter, which has to be asked for first.
 */
import { BigDecimal, DateTime } from "effect"
import { hasLoneSurrogate, Json, typeName } from "effect-sql-engine/Driver"
import { types as is } from "node:util"
import { columnText, ColumnValues } from "./columns.js"
import { dateText } from "./dates.js"
import { decimalText } from "./decimals.js"
import { documentText } from "./documents.js"
import { listText } from "./lists.js"
import { Recordset, recordsetText } from "./recordset.js"
import { type Kind, ListKind } from "./types.js"
import { Unencodable } from "./unencodable.js"

/** A value as it goes over the wire. */
export type WireValue = string | Buffer | null

/** Elements of an array, whatever the type of the parameter: a list of values to compare with, never a document. */
export class Elements {
  constructor(readonly values: ReadonlyArray<unknown>) {}
}

/** Thrown for a value that needs the type of its parameter to be known. */
export const untyped = Symbol("effect-sql-engine-pg/untyped")

const zero = "\0"

const textOf = (text: string): string => {
  // An encoder would put U+FFFD in its place.
  if (hasLoneSurrogate(text)) throw new Unencodable("holds a lone surrogate, which UTF-8 has no form for")
  if (text.includes(zero)) throw new Unencodable("holds a zero byte, which PostgreSQL stores in no text")
  return text
}

/** Types that are no document although their own properties could be taken for one. */
const isPlain = (value: object): boolean => Object.prototype.toString.call(value) === "[object Object]"

interface ToPostgres {
  readonly toPostgres: (prepareValue: (value: unknown) => WireValue) => unknown
}

const saysItself = (value: object): value is ToPostgres =>
  typeof (value as Partial<ToPostgres>).toPostgres === "function"

/** How often what `toPostgres` returns may say `toPostgres` again. */
const mostTurns = 100

const bySaying = (value: ToPostgres, kind: Kind | undefined): WireValue => {
  let said: unknown = value
  for (let turn = 0; turn < mostTurns; turn++) {
    said = (said as ToPostgres).toPostgres((inner) => encode(inner, "plain"))
    if (typeof said !== "object" || said === null || !saysItself(said)) return encode(said, kind)
  }
  throw new Unencodable("has a toPostgres that never comes to an end")
}

/** `((2,3),(1,1))`: only boxes have another delimiter between elements, and only they have texts like these. */
const mayBeBox = (value: unknown): boolean => typeof value === "string" && value.startsWith("(")

const elementsText = ({ values }: Elements, kind: Kind | undefined): string => {
  if (kind === undefined && values.some(mayBeBox)) throw untyped
  return listText(values, new ListKind("bytes", kind instanceof ListKind ? kind.delimiter : ","), encode)
}

const ofObject = (value: object, kind: Kind | undefined): WireValue => {
  if (Buffer.isBuffer(value)) return value
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (is.isDate(value)) return dateText(value)
  if (Array.isArray(value)) {
    if (kind === undefined) throw untyped
    return kind === "document" ? documentText(value) : listText(value, kind, encode)
  }
  if (value instanceof Json) {
    return kind instanceof ListKind && Array.isArray(value.value)
      ? listText(value.value, kind, encode)
      : documentText(value)
  }
  if (value instanceof ColumnValues) {
    if (kind === undefined) throw untyped
    return columnText(value, kind, encode)
  }
  if (value instanceof Recordset) return recordsetText(value, encode)
  if (value instanceof Elements) return elementsText(value, kind)
  if (is.isAnyArrayBuffer(value)) return Buffer.from(value)
  if (DateTime.isDateTime(value)) return dateText(DateTime.toDateUtc(value))
  if (BigDecimal.isBigDecimal(value)) return decimalText(value)
  if (saysItself(value)) return bySaying(value, kind)
  if (is.isBoxedPrimitive(value)) return encode(value.valueOf(), kind)
  if (isPlain(value)) return documentText(value)
  throw new Unencodable(`is of type ${typeName(value)}, which PostgreSQL has no form for`)
}

/**
 * A value as it is sent, for a parameter of a kind that may not be known. Throws `Unencodable` for what has no form, and
 * `untyped` where the kind decides and is not known.
 */
export const encode = (value: unknown, kind: Kind | undefined): WireValue => {
  switch (typeof value) {
    case "string":
      return textOf(value)
    case "number":
      return Object.is(value, -0) ? "-0" : `${value}`
    case "boolean":
      return value ? "true" : "false"
    case "bigint":
      return `${value}`
    case "undefined":
      return null
    case "object":
      return value === null ? null : ofObject(value, kind)
    default:
      throw new Unencodable(`is a ${typeof value}`)
  }
}
