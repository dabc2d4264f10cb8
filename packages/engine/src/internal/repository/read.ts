/**
 * Finding rows.
 */
import type { Segment } from "@effect/sql/Statement"
import { Chunk, Effect, Option, Stream } from "effect"
import type { SqlFailure } from "../failure/failure.js"
import type { RowDecodeError, RowEncodeError } from "../failure/row.js"
import { MultipleRows } from "../failure/row.js"
import { qualified } from "../table/shape.js"
import type { Values } from "./codec.js"
import { hasKey } from "./key.js"
import { orderBy, stepsOf } from "./order.js"
import type { Site } from "./site.js"
import { bound, segments } from "./text.js"

export type ReadFailure = SqlFailure | RowEncodeError | RowDecodeError

/** What may be asked for, besides which rows. */
export interface Asked {
  readonly where?: unknown
  readonly orderBy?: unknown
  readonly limit?: number | undefined
  readonly offset?: number | undefined
  readonly lock?: "update" | "share" | undefined
}

/** The query, whole. */
const query = (site: Site, { limit, lock, offset, orderBy: order, where }: Asked) =>
  Effect.map(site.where(where), (condition): ReadonlyArray<Segment> => {
    const { layout, sql } = site
    return segments(
      `SELECT ${layout.columns} FROM ${layout.name}`,
      condition,
      orderBy(layout, stepsOf(layout, sql, order)),
      ...(limit === undefined && offset === undefined ? [] : [
        " LIMIT ",
        // SQLite knows no OFFSET without a LIMIT.
        limit === undefined ? bound(Number.MAX_SAFE_INTEGER) : bound(limit),
        ...(offset === undefined ? [] : [" OFFSET ", bound(offset)])
      ]),
      lock === undefined ? "" : layout.rows.lock[lock]
    )
  })

export const many = (site: Site, asked: Asked): Effect.Effect<Array<any>, ReadFailure, any> =>
  Effect.flatMap(query(site, asked), (text) => site.read(text))

export const first = (site: Site, asked: Asked): Effect.Effect<Option.Option<any>, ReadFailure, any> =>
  Effect.map(many(site, { ...asked, limit: 1 }), ([row]) => row === undefined ? Option.none() : Option.some(row))

export const one = (site: Site, asked: Asked): Effect.Effect<Option.Option<any>, ReadFailure | MultipleRows, any> =>
  Effect.flatMap(many(site, { ...asked, limit: 2 }), (rows) => {
    if (rows.length < 2) return Effect.succeed(Option.fromIterable(rows))
    const table = qualified(site.layout.table)
    const message = `One row of ${table} was asked for, and there are several. Ask more precisely, or for the first.`
    return Effect.fail(new MultipleRows({ table, message }))
  })

/** The rows of keys that are there, in no order. */
export const byKey = (
  site: Site,
  key: Values,
  lock?: "update" | "share"
): Effect.Effect<Array<any>, SqlFailure | RowDecodeError, any> => {
  const { layout } = site
  const alive = site.alive()
  return site.read(
    `SELECT ${layout.columns} FROM ${layout.name} WHERE `,
    hasKey(layout, key),
    alive === undefined ? "" : ` AND ${alive}`,
    lock === undefined ? "" : layout.rows.lock[lock]
  )
}

export const count = (site: Site, where: unknown): Effect.Effect<number, SqlFailure | RowEncodeError, any> =>
  Effect.flatMap(site.where(where), (condition) =>
    Effect.map(
      site.run(`SELECT count(*) AS ${site.layout.id("n")} FROM ${site.layout.name}`, condition),
      ([row]) => Number(row.n)
    ))

export const exists = (site: Site, where: unknown): Effect.Effect<boolean, SqlFailure | RowEncodeError, any> =>
  Effect.flatMap(site.where(where), (condition) =>
    Effect.map(
      site.run(`SELECT 1 AS ${site.layout.id("n")} FROM ${site.layout.name}`, condition, " LIMIT 1"),
      (rows) => rows.length > 0
    ))

export const stream = (site: Site, asked: Asked): Stream.Stream<any, ReadFailure, any> =>
  Stream.unwrap(
    Effect.map(query(site, asked), (text) =>
      Stream.mapChunksEffect(site.stream(text), (rows) =>
        Effect.map(site.layout.codec.decode([...rows]), (decoded) =>
          Chunk.unsafeFromArray(decoded))))
  )
