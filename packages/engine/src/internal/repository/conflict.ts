/**
 * Where a row meets one that is there already: the columns behind ON CONFLICT, and the condition of a partial unique index.
 *
 * Source: https://www.postgresql.org/docs/18/sql-insert.html#SQL-ON-CONFLICT, https://www.sqlite.org/lang_upsert.html
 */
import { Effect } from "effect"
import type { RowEncodeError } from "../failure/row.js"
import type { Column, Index } from "../table/model.js"
import type { Values } from "./codec.js"
import type { Layout } from "./layout.js"

/** What an upsert was told of it; documented where it is public. */
export interface Asked {
  readonly on?: string | ReadonlyArray<string> | undefined
  readonly anyCase?: boolean | undefined
}

export interface Conflict {
  readonly columns: ReadonlyArray<Column>
  /** As it stands behind ON CONFLICT. */
  readonly target: string
}

type Names = ReadonlyArray<string>

const listOf = <A>(given: A | ReadonlyArray<A>): ReadonlyArray<A> => Array.isArray(given) ? given : [given as A]

const sameNames = (some: Names, others: Names): boolean =>
  some.length === others.length && some.every((name) => others.includes(name))

/** The columns of an index that is over nothing else. */
const columnsOf = ({ parts }: Index): ReadonlyArray<Names> => {
  const names = parts.flatMap((part) => "sql" in part ? [] : [part.column])
  return names.length === parts.length ? [names] : []
}

/** The columns in which a row is to meet another one, or why there are none. */
const columnsFor = (layout: Layout, on: Asked["on"], given: Values): ReadonlyArray<Column> | string => {
  const { key, table: { columns, rules } } = layout
  if (on !== undefined) {
    const named = listOf(on).map((field) => layout.column(field))
    return named.some((column) => column === undefined)
      ? "names what is no field of the table"
      : named as ReadonlyArray<Column>
  }
  if (key.length > 0 && key.every(({ name }) => name in given)) return key
  // The key is left to the database, so it cannot be met there.
  const [unique, other] = rules.uniques.length > 0
    ? rules.uniques.map((rule) => rule.columns)
    : rules.indexes.filter((index) => index.unique).flatMap(columnsOf)
  return unique === undefined || other !== undefined
    ? "is missing: the key is left to the database, and there is not exactly one other unique rule"
    : unique.map((name) => columns.find((column) => column.name === name)!)
}

/** Whether an index is over these columns, or over `lower(…)` of those that meet in any case. */
const covers = ({ parts }: Index, columns: ReadonlyArray<Column>, lowered: Names, dialect: string): boolean => {
  const names = parts.map((part) => {
    if (!("sql" in part)) return lowered.includes(part.column) ? undefined : part.column
    const text = typeof part.sql === "string" ? part.sql : part.sql[dialect]
    const inside = /^\s*lower\s*\(\s*(?:"([^"]+)"|(\w+))\s*\)\s*$/i.exec(text ?? "")
    const name = inside?.[1] ?? inside?.[2]
    return name !== undefined && lowered.includes(name) ? name : undefined
  })
  return names.every((name) => name !== undefined) && sameNames(names as Names, columns.map(({ name }) => name))
}

/** The condition of the partial unique index over these columns; nothing where a rule without one is over them, or none. */
const conditionOf = (
  { dialect, table: { rules } }: Layout,
  columns: ReadonlyArray<Column>,
  lowered: Names
): { readonly where: string | undefined } | string => {
  const names = columns.map(({ name }) => name)
  const indexes = rules.indexes.filter((index) => index.unique && covers(index, columns, lowered, dialect.name))
  const isWhole = lowered.length === 0 &&
    [rules.primaryKey, ...rules.uniques.map((rule) => rule.columns)].some((rule) => sameNames(rule, names))
  if (isWhole || indexes.some(({ where }) => where === undefined)) return { where: undefined }
  const conditions = indexes.flatMap(({ where }) => {
    const text = typeof where === "string" ? where : where?.[dialect.name]
    return text === undefined ? [] : [text]
  })
  return new Set(conditions).size > 1
    ? `is over the columns of ${conditions.length} partial unique indexes: nothing says which of them is meant`
    : { where: conditions[0] }
}

/** Where a row with these values meets another one. Fails where nothing tells. */
export const conflictOf = (layout: Layout, asked: Asked, given: Values): Effect.Effect<Conflict, RowEncodeError> => {
  const refuse = (problem: string) => Effect.fail(layout.codec.unencodable([{ field: "on", problem }]))
  const columns = columnsFor(layout, asked.on, given)
  if (typeof columns === "string") return refuse(columns)
  const lowered = asked.anyCase === true
    ? columns.filter((column) => layout.codec.kindOf(column) === "text").map(({ name }) => name)
    : []
  const condition = conditionOf(layout, columns, lowered)
  if (typeof condition === "string") return refuse(condition)
  const places = columns.map(({ name }) => lowered.includes(name) ? `lower(${layout.id(name)})` : layout.id(name))
  const where = condition.where === undefined ? "" : ` WHERE ${condition.where}`
  return Effect.succeed({ columns, target: `(${places.join(", ")})${where}` })
}
