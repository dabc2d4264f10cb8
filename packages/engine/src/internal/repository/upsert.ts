/**
 * Insert, or update what is there already: one statement, so that rivals cannot come in between.
 *
 * Source: https://www.postgresql.org/docs/18/sql-insert.html#SQL-ON-CONFLICT, https://www.sqlite.org/lang_upsert.html
 */
import type { Segment } from "@effect/sql/Statement"
import { Effect } from "effect"
import type { RowEncodeError } from "../failure/row.js"
import type { Column } from "../table/model.js"
import type { Values } from "./codec.js"
import { insertion, insertions } from "./insertion.js"
import { textOf } from "./key.js"
import type { Site } from "./site.js"
import { between, segments } from "./text.js"
import type { WriteFailure } from "./write.js"
import { inOrder } from "./write.js"

/** What may be said of an upsert; documented where it is public. */
export interface Upsert {
  readonly on?: string | ReadonlyArray<string> | undefined
  readonly anyCase?: boolean | undefined
  readonly update?: ReadonlyArray<string> | undefined
}

const listOf = <A>(given: A | ReadonlyArray<A>): ReadonlyArray<A> => Array.isArray(given) ? given : [given as A]

/** The columns in which a row may meet one that is there. */
const targetOf = (
  { layout }: Site,
  on: Upsert["on"],
  given: Values
): Effect.Effect<ReadonlyArray<Column>, RowEncodeError> => {
  const { codec, key, table } = layout
  const refuse = (problem: string) => Effect.fail(codec.unencodable([{ field: "on", problem }]))
  if (on !== undefined) {
    const columns = listOf(on).map((field) => layout.column(field))
    return columns.some((column) => column === undefined)
      ? refuse("names what is no field of the table")
      : Effect.succeed(columns as ReadonlyArray<Column>)
  }
  if (key.length > 0 && key.every(({ name }) => name in given)) return Effect.succeed(key)
  // The key is left to the database, so it cannot be met there.
  const [unique, other] = table.rules.uniques
  if (unique === undefined || other !== undefined) {
    return refuse("is missing: the key is left to the database, and there is not exactly one other unique rule")
  }
  return Effect.succeed(unique.columns.map((name) => table.columns.find((column) => column.name === name)!))
}

/** ON CONFLICT … DO UPDATE. */
const tail = (
  site: Site,
  target: ReadonlyArray<Column>,
  { anyCase, update }: Upsert,
  columns: ReadonlyArray<string>
): ReadonlyArray<Segment> => {
  const { layout, ways: { deleted, version } } = site
  const { codec, table } = layout
  const place = (column: Column) =>
    anyCase === true && codec.kindOf(column) === "text" ? `lower(${layout.id(column.name)})` : layout.id(column.name)
  const fields = update ?? codec.updated
  const set = table.columns.filter((column) =>
    columns.includes(column.name) && !target.includes(column) && !layout.key.includes(column) && column !== version &&
    column !== deleted && (fields.includes(column.field) || codec.touched.includes(column.field))
  )
  const words = set.map(({ name }) => `${layout.id(name)} = excluded.${layout.id(name)}`)
  if (version !== undefined) words.push(`${layout.id(version.name)} = t.${layout.id(version.name)} + 1`)
  // A deleted row that is written again is there again.
  if (deleted !== undefined) {
    const name = layout.id(deleted.name)
    words.push(columns.includes(deleted.name) ? `${name} = excluded.${name}` : `${name} = NULL`)
  }
  // Something has to be written for the row to be returned.
  if (words.length === 0) words.push(`${layout.id(target[0]!.name)} = t.${layout.id(target[0]!.name)}`)
  return segments(` ON CONFLICT (${target.map(place).join(", ")}) DO UPDATE SET `, between(", ", words))
}

export const upsert = (site: Site, row: object, options: Upsert): Effect.Effect<any, WriteFailure, any> =>
  Effect.gen(function*() {
    const values = yield* site.layout.codec.encodeInsert(row)
    const target = yield* targetOf(site, options.on, values)
    const columns = Object.keys(values)
    const rows = yield* site.read(
      insertion(site.layout, columns, [values], tail(site, target, options, columns))
    )
    return rows[0]
  })

/** Rows in groups in which no two meet in the same place: a statement cannot write a row twice. */
const apart = (
  target: ReadonlyArray<Column>,
  anyCase: boolean,
  rows: ReadonlyArray<Values>
): ReadonlyArray<ReadonlyArray<Values>> => {
  const groups: Array<Array<Values>> = []
  let seen = new Set<string>()
  for (const row of rows) {
    const exact = textOf(target.map(({ name }) => row[name]))
    const place = anyCase ? exact.toLowerCase() : exact
    if (groups.length === 0 || seen.has(place)) {
      groups.push([])
      seen = new Set()
    }
    seen.add(place)
    groups[groups.length - 1]!.push(row)
  }
  return groups
}

export const upsertMany = (
  site: Site,
  rows: Iterable<object>,
  options: Upsert
): Effect.Effect<Array<any>, WriteFailure, any> =>
  Effect.gen(function*() {
    const { layout } = site
    const values = yield* Effect.forEach(rows, (row) => layout.codec.encodeInsert(row))
    if (values.length === 0) return []
    const target = yield* targetOf(site, options.on, values[0]!)
    const texts = apart(target, options.anyCase === true, values).flatMap((group) =>
      insertions(layout, group, (columns) => tail(site, target, options, columns)).map(({ text }) => text)
    )
    return yield* inOrder(site, texts)
  })
