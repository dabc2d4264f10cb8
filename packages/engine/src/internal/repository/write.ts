/**
 * Writing rows: the statements, and what comes back.
 */
import type { Segment } from "@effect/sql/Statement"
import { Effect } from "effect"
import type { SqlFailure } from "../failure/failure.js"
import type { RowDecodeError, RowEncodeError } from "../failure/row.js"
import { RowNotFound } from "../failure/row.js"
import { StaleRow } from "../failure/session.js"
import { qualified } from "../table/shape.js"
import type { Values } from "./codec.js"
import { insertion, insertions } from "./insertion.js"
import { hasKey, keyOf } from "./key.js"
import * as read from "./read.js"
import type { Site } from "./site.js"
import { between, bound, segments } from "./text.js"

export type WriteFailure = SqlFailure | RowEncodeError | RowDecodeError

/** Runs statements in one transaction, where there are several; their rows, one after the other. */
export const inOrder = (
  site: Site,
  texts: ReadonlyArray<ReadonlyArray<Segment>>
): Effect.Effect<Array<any>, SqlFailure | RowDecodeError, any> => {
  if (texts.length === 0) return Effect.succeed([])
  if (texts.length === 1) return site.read(texts[0])
  return site.engine.transaction(
    Effect.map(Effect.forEach(texts, (text) => site.read(text)), (all) => all.flat()),
    { name: "insertMany" }
  )
}

export const insert = (site: Site, row: object): Effect.Effect<any, WriteFailure, any> =>
  Effect.flatMap(
    site.layout.codec.encodeInsert(row),
    (values) => Effect.map(site.read(insertion(site.layout, Object.keys(values), [values], undefined)), ([row]) => row)
  )

export const insertMany = (site: Site, rows: Iterable<object>): Effect.Effect<Array<any>, WriteFailure, any> =>
  Effect.flatMap(
    Effect.forEach(rows, (row) => site.layout.codec.encodeInsert(row)),
    (values) => inOrder(site, insertions(site.layout, values).map(({ text }) => text))
  )

/** SET, with the version one further. */
export const setting = ({ layout, ways: { version } }: Site, values: Values): ReadonlyArray<Segment> =>
  between(", ", [
    ...Object.entries(values).filter(([column]) => column !== version?.name).map(([column, value]) =>
      segments(`${layout.id(column)} = `, bound(value))
    ),
    ...(version === undefined ? [] : [`${layout.id(version.name)} = ${layout.id(version.name)} + 1`])
  ])

/** The condition that means one row: its key, its version, that it is there. */
const meant = (site: Site, target: unknown) =>
  Effect.gen(function*() {
    const { layout, ways: { version } } = site
    const key = yield* keyOf(layout, target)
    const alive = site.alive()
    const given = version === undefined ? undefined : (target as Readonly<Record<string, unknown>>)[version.field]
    const value = version === undefined ? undefined : yield* layout.codec.encodeField(version, given)
    return {
      key,
      text: segments(
        " WHERE ",
        hasKey(layout, key),
        ...(version === undefined ? [] : [` AND ${layout.id(version.name)} = `, bound(value)]),
        alive === undefined ? "" : ` AND ${alive}`
      )
    }
  })

export const notFound = ({ layout }: Site): RowNotFound => {
  const table = qualified(layout.table)
  return new RowNotFound({ table, message: `There is no row of ${table} with this key.` })
}

export const stale = (table: string, rows: number, why: string): StaleRow =>
  new StaleRow({ table, rows, message: `${why} Read again, and do the whole unit of work again.` })

/** Why a row was not written: it is not there, or it is there in another version. */
const missed = (site: Site, key: Values): Effect.Effect<never, SqlFailure | RowNotFound> => {
  const { layout, ways: { version } } = site
  if (version === undefined) return Effect.fail(notFound(site))
  const alive = site.alive()
  return Effect.flatMap(
    site.run(
      `SELECT 1 AS ${layout.id("n")} FROM ${layout.name} WHERE `,
      hasKey(layout, key),
      alive === undefined ? "" : ` AND ${alive}`
    ),
    ([row]) => {
      const table = qualified(layout.table)
      return Effect.fail(
        row === undefined
          ? notFound(site)
          : stale(table, 1, `A row of ${table} has another ${version.field} than when it was read: it was changed.`)
      )
    }
  )
}

export const update = (
  site: Site,
  target: unknown,
  changes: Readonly<Record<string, unknown>>
): Effect.Effect<any, WriteFailure | RowNotFound, any> =>
  Effect.gen(function*() {
    const { layout } = site
    const { key, text } = yield* meant(site, target)
    const set = setting(site, yield* layout.codec.encodeChanges(changes))
    const rows = set.length === 0
      ? yield* read.byKey(site, key)
      : yield* site.read(`UPDATE ${layout.name} SET `, set, text, ` RETURNING ${layout.columns}`)
    return rows.length === 0 ? yield* missed(site, key) : rows[0]
  })

export const updateMany = (
  site: Site,
  where: unknown,
  changes: Readonly<Record<string, unknown>>
): Effect.Effect<number, SqlFailure | RowEncodeError, any> =>
  Effect.gen(function*() {
    const set = setting(site, yield* site.layout.codec.encodeChanges(changes))
    const condition = yield* site.where(where)
    if (set.length === 0) return yield* read.count(site, where)
    return yield* site.write(`UPDATE ${site.layout.name} SET `, set, condition)
  })

/** DELETE, or what stands for it. */
const removal = (site: Site) =>
  Effect.gen(function*() {
    const { layout, ways: { deleted, unscoped } } = site
    if (deleted === undefined || unscoped) return segments(`DELETE FROM ${layout.name}`)
    const touched = yield* layout.codec.encodeChanges({})
    const set = setting(site, { ...touched, [deleted.name]: yield* site.tombstone })
    return segments(`UPDATE ${layout.name} SET `, set)
  })

export const remove = (site: Site, target: unknown): Effect.Effect<boolean, SqlFailure | RowEncodeError, any> =>
  Effect.gen(function*() {
    const { key, text } = yield* meant(site, target)
    const written = yield* site.write(yield* removal(site), text)
    if (written > 0) return true
    return yield* Effect.catchTag(missed(site, key), "RowNotFound", () => Effect.succeed(false))
  })

export const removeMany = (site: Site, where: unknown): Effect.Effect<number, SqlFailure | RowEncodeError, any> =>
  Effect.gen(function*() {
    const condition = yield* site.where(where)
    return yield* site.write(yield* removal(site), condition)
  })
