/**
 * In one session `select *`, `alter table`, `select *` failed with "cached plan must not change result type", and failed
 * again in every retry. After a migration by another program the first statement of the next session failed, too.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { PgEngine } from "effect-sql-engine-pg"
import * as Engine from "effect-sql-engine/Engine"
import * as Session from "effect-sql-engine/Session"
import { admin, database, type TestDatabase } from "../support/postgres.js"
import { quiescent } from "../support/quiescence.js"

type Rows = ReadonlyArray<Record<string, unknown>>

/** An engine of one connection, so that what one session prepares is there for the next. */
const onOneConnection = (
  test: (sql: SqlClient, at: TestDatabase) => Effect.Effect<void, unknown, Engine.Engine>,
  ...ground: ReadonlyArray<string>
) =>
  Effect.scoped(Effect.gen(function*() {
    const at = yield* database
    yield* admin(at.url, "create table t (a int)", "insert into t values (1)", ...ground)
    const engine = yield* PgEngine.make({ url: at.url, ssl: "disable", pool: { size: 1, maxOverflow: 0 } })
    yield* Effect.provideService(test(engine.sql, at), Engine.Engine, engine)
    expect((yield* engine.stats).pool.created).toBe(1)
    yield* quiescent(engine, at)
  }))

const widened = [{ a: 1, b: 2 }]
const widen = "alter table t add b int default 2"
const otherSchema = "create schema other; create table other.t as select 3 as z"
const widenFunction = `create function widen() returns void language plpgsql as $$ begin ${widen}; end $$`

/** What changes a table under a prepared statement, its rows from then on, and what has to be there before. */
const ownChanges: ReadonlyArray<readonly [what: string, change: string, after: Rows, ground?: string]> = [
  ["ALTER TABLE", widen, widened],
  ["ALTER TABLE behind comments", `/* of /* mine */ */ -- and\n${widen}`, widened],
  ["a table dropped and made again", "drop table t; create table t (x text); insert into t values ('y')", [{ x: "y" }]],
  ["a temporary table of the same name", "create temp table t as select 'mine' as x", [{ x: "mine" }]],
  ["SELECT INTO", "select 'mine' as x into temp t", [{ x: "mine" }]],
  ["DO", `do $$ begin ${widen}; end $$`, widened],
  ["CALL", "call widen()", widened, widenFunction.replace("function", "procedure").replace("returns void", "")],
  ["SET search_path", "set search_path = other", [{ z: 3 }], otherSchema],
  ["SET LOCAL search_path", "set local search_path = other", [{ z: 3 }], otherSchema],
  ["SET SCHEMA", "set schema 'other'", [{ z: 3 }], otherSchema],
  ["set_config of the search path", "select set_config('search_path', 'other', true)", [{ z: 3 }], otherSchema]
]

describe("a statement whose table its own session has changed", () => {
  for (const [what, change, after, ground = "select 1"] of ownChanges) {
    it.live(`returns the rows as they are now, and as they were when that is rolled back: ${what}`, () =>
      onOneConnection((sql) =>
        Effect.gen(function*() {
          const all = sql<Record<string, unknown>>`select * from t`
          const changed = Effect.gen(function*() {
            yield* sql.unsafe(change)
            expect(yield* all).toEqual(after)
            return yield* Effect.fail("undo" as const)
          })
          yield* Session.transaction(Effect.gen(function*() {
            expect(yield* all).toEqual([{ a: 1 }])
            expect(yield* Effect.flip(Session.transaction(changed))).toBe("undo")
            expect(yield* all).toEqual([{ a: 1 }])
            return yield* changed
          })).pipe(Effect.flip)
          yield* Session.transaction(Effect.gen(function*() {
            yield* sql`select 1 as other`
            expect(yield* all).toEqual([{ a: 1 }])
            // What is changed on purpose stays so, with the connection's settings as they were.
            yield* sql.unsafe(change)
            expect(yield* all).toEqual(after)
          }))
          const kept = /temp|set/.test(change) ? [{ a: 1 }] : after
          yield* Session.transaction(Effect.gen(function*() {
            yield* sql`select 1 as other`
            expect(yield* all).toEqual(kept)
          }))
        }), ground))
  }

  it.live("returns them in a pipeline and in a batch, too, wherever the change stands", () =>
    onOneConnection((sql) =>
      Effect.gen(function*() {
        const all = sql<Record<string, unknown>>`select * from t`
        yield* all
        for (let i = 0; i < 4; i++) {
          const statements = [all, sql.unsafe(`alter table t add c${i} int`), all] as const
          const [before, , after] = yield* (i % 2 === 0
            ? Session.batch(statements)
            : Session.transaction(Session.pipeline(statements)))
          expect(Object.keys(after[0]!).length).toBe(Object.keys(before[0]!).length + 1)
        }
      })
    ))

  it.live("returns them when a function has made the change, at the latest in the first retry", () =>
    onOneConnection(
      (sql) =>
        Effect.gen(function*() {
          const all = sql<Record<string, unknown>>`select * from t`
          const attempts: Array<number> = []
          const work = Effect.gen(function*() {
            attempts.push(1)
            expect(yield* all).toEqual([{ a: 1 }])
            yield* sql`select widen()`
            return yield* all
          })
          expect(yield* Session.transaction(work, { retry: "conflicts" })).toEqual(widened)
          expect(attempts.length).toBe(2)
        }),
      widenFunction
    ))

  it.live("is read as a stream as it is now", () =>
    onOneConnection((sql) =>
      Session.transaction(Effect.gen(function*() {
        const all = sql<Record<string, unknown>>`select * from t`
        const streamed = Effect.map(Stream.runCollect(all.stream), (rows) => [...rows])
        expect(yield* streamed).toEqual([{ a: 1 }])
        yield* sql.unsafe(widen)
        expect(yield* streamed).toEqual(widened)
        expect(yield* all).toEqual(widened)
      }))
    ))
})

describe("a statement whose table another program has changed", () => {
  const foreignChanges: ReadonlyArray<readonly [what: string, change: string, after: Rows]> = [
    ["a column more", widen, widened],
    ["a column of another type", "alter table t alter column a type bigint", [{ a: "1" }]],
    ["dropped and made again", "drop table t; create table t (x text); insert into t values ('y')", [{ x: "y" }]]
  ]
  for (const [what, change, after] of foreignChanges) {
    it.live(`is prepared anew where it is the first of its session, pipeline or batch: ${what}`, () =>
      onOneConnection((sql, at) =>
        Effect.gen(function*() {
          const all = sql<Record<string, unknown>>`select * from t`
          const second = sql<Record<string, unknown>>`select * from t where true`
          const one = sql`select 1 as one`
          const prepared = Effect.zipRight(
            admin(at.url, "begin; drop table t; create table t (a int); insert into t values (1); commit"),
            Session.batch([one, all, second])
          )
          const roads: ReadonlyArray<Effect.Effect<ReadonlyArray<Rows>, unknown, Engine.Engine>> = [
            Effect.map(all, (rows) => [rows]),
            // The second finds what the first has made known.
            Session.transaction(Effect.all([all, second])),
            Session.transaction(Session.transaction(Effect.all([all, second]))),
            Session.transaction(Session.pipeline([all, second])),
            Session.batch([all, second]),
            Effect.map(Session.batch([one, all, second]), (rows) => rows.slice(1))
          ]
          for (const road of roads) {
            yield* prepared
            yield* admin(at.url, change)
            for (const rows of yield* road) expect(rows).toEqual(after)
          }
        })
      ))
  }

  it.live("takes values that only its new type has", () =>
    onOneConnection((sql, at) =>
      Effect.gen(function*() {
        const insert = (a: string) => sql`insert into t (a) values (${a})`
        yield* insert("2")
        yield* admin(at.url, "alter table t alter column a type bigint")
        yield* Session.transaction(insert("3000000000"))
        yield* insert("3000000001")
        expect(yield* admin(at.url, "select a from t order by a")).toEqual([
          { a: "1" },
          { a: "2" },
          { a: "3000000000" },
          { a: "3000000001" }
        ])
        yield* admin(at.url, "alter table t alter column a type text")
        yield* Session.batch([insert("four")])
      })
    ))

  it.live("fails as retryable where work was done before it, and is mended by a retry", () =>
    onOneConnection((sql, at) =>
      Effect.gen(function*() {
        const all = sql<Record<string, unknown>>`select * from t`
        const work = Effect.zipRight(sql`insert into t (a) values (7) returning 'inserted' as what`, all)
        yield* Session.transaction(work)
        yield* admin(at.url, widen, "truncate t")
        const failure = yield* Effect.flip(Session.transaction(work))
        expect(failure).toMatchObject({ _tag: "SqlSyntaxError", code: "0A000", retryable: true, connection: "keep" })
        expect(yield* admin(at.url, "select * from t")).toEqual([])
        yield* admin(at.url, "alter table t add c int")
        expect(yield* Session.transaction(work, { retry: "conflicts" })).toEqual([{ a: 7, b: 2, c: null }])
      })
    ))
})
