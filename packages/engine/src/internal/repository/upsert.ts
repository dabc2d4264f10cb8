/**
 * Insert, or update what is there already: one statement, so that rivals cannot come in between.
 */
import type { Segment } from "@effect/sql/Statement"
import { Effect } from "effect"
import type { Column } from "../table/model.js"
import type { Values } from "./codec.js"
import type { Asked, Conflict } from "./conflict.js"
import { conflictOf } from "./conflict.js"
import { insertion, insertions } from "./insertion.js"
import { textOf } from "./key.js"
import type { Site } from "./site.js"
import { between, segments } from "./text.js"
import type { WriteFailure } from "./write.js"
import { inOrder } from "./write.js"

/** What may be said of an upsert; documented where it is public. */
export interface Upsert extends Asked {
  readonly update?: ReadonlyArray<string> | undefined
}

/** A row as it is inserted, and the columns in which a row that is there is set. */
interface Row {
  readonly values: Values
  readonly set: ReadonlyArray<Column>
}

/**
 * The columns that a row sets in one that is there: what may be changed, what was named, or what fills itself. A field that
 * the row does not say is left alone: an insert gives it a default or NULL, which is no reason to lose what is there.
 */
const setIn = ({ layout, ways }: Site, { columns }: Conflict, { update }: Upsert, row: object, values: Values) => {
  const { codec, key, table } = layout
  const isSet = ({ field }: Column): boolean =>
    codec.touched.includes(field) ||
    (update === undefined ? codec.updated.includes(field) && field in row : update.includes(field))
  return table.columns.filter((column) =>
    column.name in values && !columns.includes(column) && !key.includes(column) && column !== ways.version &&
    column !== ways.deleted && isSet(column)
  )
}

/** ON CONFLICT … DO UPDATE. */
const tail = (
  { layout, ways: { deleted, version } }: Site,
  conflict: Conflict,
  set: ReadonlyArray<Column>,
  columns: ReadonlyArray<string>
): ReadonlyArray<Segment> => {
  const words = set.map(({ name }) => `${layout.id(name)} = excluded.${layout.id(name)}`)
  if (version !== undefined) words.push(`${layout.id(version.name)} = t.${layout.id(version.name)} + 1`)
  // A deleted row that is written again is there again.
  if (deleted !== undefined) {
    const name = layout.id(deleted.name)
    words.push(columns.includes(deleted.name) ? `${name} = excluded.${name}` : `${name} = NULL`)
  }
  // Something has to be written for the row to be returned.
  if (words.length === 0) {
    const name = layout.id(conflict.columns[0]!.name)
    words.push(`${name} = t.${name}`)
  }
  return segments(` ON CONFLICT ${conflict.target} DO UPDATE SET `, between(", ", words))
}

export const upsert = (site: Site, row: object, options: Upsert): Effect.Effect<any, WriteFailure, any> =>
  Effect.gen(function*() {
    const values = yield* site.layout.codec.encodeInsert(row)
    const conflict = yield* conflictOf(site.layout, options, values)
    const set = setIn(site, conflict, options, row, values)
    const columns = Object.keys(values)
    const rows = yield* site.read(insertion(site.layout, columns, [values], tail(site, conflict, set, columns)))
    return rows[0]
  })

/**
 * Rows in groups that one statement can write: they set the same columns, and no two meet in the same place, because a
 * statement cannot write a row twice.
 */
const apart = (
  { columns }: Conflict,
  anyCase: boolean,
  rows: ReadonlyArray<Row>
): ReadonlyArray<ReadonlyArray<Row>> => {
  const groups: Array<Array<Row>> = []
  let seen = new Set<string>()
  for (const row of rows) {
    const exact = textOf(columns.map(({ name }) => row.values[name]))
    const place = anyCase ? exact.toLowerCase() : exact
    const first = groups.at(-1)?.[0]
    const isAlike = first !== undefined && first.set.length === row.set.length &&
      first.set.every((column, at) => column === row.set[at])
    if (!isAlike || seen.has(place)) {
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
    const given = [...rows]
    const values = yield* Effect.forEach(given, (row) => layout.codec.encodeInsert(row))
    if (values.length === 0) return []
    const conflict = yield* conflictOf(layout, options, values[0]!)
    const all = values.map((values, at) => ({ values, set: setIn(site, conflict, options, given[at]!, values) }))
    const texts = apart(conflict, options.anyCase === true, all).flatMap((group) =>
      insertions(layout, group.map(({ values }) => values), (columns) => tail(site, conflict, group[0]!.set, columns))
        .map(({ text }) => text)
    )
    return yield* inOrder(site, texts)
  })
