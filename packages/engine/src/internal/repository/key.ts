/**
 * Keys of rows: as they were given, and as conditions.
 */
import type { Segment } from "@effect/sql/Statement"
import { Effect } from "effect"
import type { RowEncodeError } from "../failure/row.js"
import type { Values } from "./codec.js"
import type { Layout } from "./layout.js"
import { between, bound, segments } from "./text.js"

/** Whether a row was given, or the fields of a key, and not the value of its only field. */
const isRow = (given: unknown, field: string): given is Readonly<Record<string, unknown>> =>
  typeof given === "object" && given !== null && field in given

/** The value of each field of the key. */
export const fieldsOf = ({ key }: Layout, given: unknown): ReadonlyArray<unknown> =>
  key.length === 1 && !isRow(given, key[0]!.field)
    ? [given]
    : key.map(({ field }) => (given as Readonly<Record<string, unknown>> | undefined)?.[field])

/** The key of a row, by column. */
export const keyOf = (layout: Layout, given: unknown): Effect.Effect<Values, RowEncodeError, any> => {
  const { codec, key } = layout
  if (key.length === 0) {
    return Effect.fail(codec.unencodable([{ field: "primaryKey", problem: "is none: find the row by conditions" }]))
  }
  const values = fieldsOf(layout, given)
  if (key.length === 1) {
    const column = key[0]!
    return Effect.map(codec.encodeField(column, values[0]), (value) => ({ [column.name]: value }))
  }
  return Effect.map(
    Effect.all(key.map((column, at) => codec.encodeField(column, values[at]))),
    (encoded) => Object.fromEntries(key.map(({ name }, at) => [name, encoded[at]]))
  )
}

/** The condition that a row has this key. */
export const hasKey = (layout: Layout, key: Values): ReadonlyArray<Segment> =>
  between(" AND ", Object.entries(key).map(([column, value]) => segments(`${layout.id(column)} = `, bound(value))))

/** A value as JSON that no other value has: JSON alone has `null` for NaN and NULL, and the same text for 1 and 1n. */
const distinct = (value: unknown): unknown => {
  switch (typeof value) {
    case "bigint":
      return ["bigint", `${value}`]
    case "number":
      return Number.isFinite(value) ? value : ["number", `${value}`]
    case "object":
      if (value === null) return null
      if (value instanceof Uint8Array) return ["bytes", ...value]
      if (value instanceof Date) return ["date", value.getTime()]
      if (Array.isArray(value)) return ["array", ...value.map(distinct)]
      return ["object", value]
    default:
      return value
  }
}

/** A text that is another one for each key. */
export const textOf = (values: Iterable<unknown>): string => JSON.stringify([...values].map(distinct))
