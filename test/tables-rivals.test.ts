/**
 * Rivals: what is tried again, and what is not (capability 41).
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schema } from "effect"
import { Engine, SqlFailure, Table, Tables } from "effect-sql-engine"
import { PgDialect, PgEngine } from "effect-sql-engine-pg"
import { SqliteDialect, SqliteEngine } from "effect-sql-engine-sqlite"
import { Client } from "pg"
import { admin, database } from "./support/postgres.js"
import { on, worlds } from "./tables/world.js"

const things = Table.make("things", Schema.Struct({ id: Schema.Int }))

/** Runs `ensure`, and hears of its retries. */
const heard = <A, E, R>(run: (options: Tables.EnsureOptions) => Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const retried = yield* Deferred.make<void>()
    const retries: Array<string> = []
    const onEvent = (event: Tables.TablesEvent) =>
      event._tag === "Retrying"
        ? Effect.zipRight(Effect.sync(() => retries.push(event.failure._tag)), Deferred.succeed(retried, undefined))
        : Effect.void
    const fiber = yield* Effect.fork(Effect.either(run({ onEvent, lockTimeout: "50 millis" })))
    return { retried: Deferred.await(retried), retries, result: Fiber.join(fiber) }
  })

/** A connection of somebody else. */
const rival = (url: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new Client({ connectionString: url })
      await client.connect()
      return client
    }),
    (client) => Effect.promise(() => client.end())
  )

const say = (client: Client, sql: string) => Effect.promise(() => client.query(sql))

describe("on PostgreSQL", () => {
  it.scopedLive("a table that a rival makes at the same moment is found after a retry", () =>
    on("postgresql", ({ url }) =>
      Effect.gen(function*() {
        const other = yield* rival(url)
        const { result, retries } = yield* heard((options) =>
          Effect.gen(function*() {
            yield* say(other, "begin; create table things (id integer primary key)")
            const fiber = yield* Effect.fork(Tables.ensure([things], { ...options, lockTimeout: "10 seconds" }))
            // It waits for the rival's transaction, in an index of the catalog.
            const waits = `select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock'`
            yield* Effect.repeat(admin(url, waits), { until: ([row]) => row!["n"] > 0 })
            yield* say(other, "commit")
            return yield* Fiber.join(fiber)
          })
        )
        expect(yield* result).toMatchObject({ right: { created: [], existed: ["things"] } })
        expect(retries).toHaveLength(1)
      })))

  it.scopedLive("a lock that is not granted in time is waited for again", () =>
    on("postgresql", ({ url }) =>
      Effect.gen(function*() {
        const other = yield* rival(url)
        yield* say(other, "select pg_advisory_lock(hashtextextended('effect-sql-engine/tables', 0))")
        const { result, retried, retries } = yield* heard((options) => Tables.ensure([things], options))
        yield* retried
        yield* say(other, "select pg_advisory_unlock_all()")
        expect(yield* result).toMatchObject({ right: { created: ["things"] } })
        expect(new Set(retries)).toEqual(new Set(["LockTimeoutError"]))
      })))

  it.scopedLive("what a rival explains is a race: by code, and 23505 only on the catalog", () =>
    on("postgresql", ({ url }) =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const raced = PgDialect.dialect.ddl!.raced
        const failing = (text: string) => Effect.flip(SqlFailure.refine(sql.unsafe(text)))
        const raise = (code: string, words = "x") =>
          failing(`do $$ begin raise exception '${words}' using errcode = '${code}'; end $$`)
        for (const code of ["42P07", "42710", "42P06", "40001", "40P01", "55P03", "08006", "08001"]) {
          expect([code, raced(yield* raise(code))]).toEqual([code, true])
        }
        expect(raced(yield* raise("XX000", "tuple concurrently updated"))).toBe(true)
        for (const code of ["42501", "42601", "28P01", "23502", "23514", "57014", "XX000", "3D000", "08P01"]) {
          expect([code, raced(yield* raise(code))]).toEqual([code, false])
        }
        yield* sql`create table mine (id integer primary key)`
        const own = yield* failing("insert into mine values (1), (1)")
        expect([own._tag, raced(own)]).toEqual(["UniqueViolation", false])
        // The same code from the catalog: both have looked, and neither has seen the other's type.
        const other = yield* rival(url)
        yield* say(other, "begin; create type mood as enum ('sad')")
        const fiber = yield* Effect.fork(failing("create type mood as enum ('sad')"))
        const waits = `select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock'`
        yield* Effect.repeat(admin(url, waits), { until: ([row]) => row!["n"] > 0 })
        yield* say(other, "commit")
        const catalog = yield* Fiber.join(fiber)
        expect(catalog).toMatchObject({ _tag: "UniqueViolation", schema: "pg_catalog", code: "23505" })
        expect(raced(catalog)).toBe(true)
        const gone = PgEngine.make({ host: "127.0.0.1", port: 1, ssl: "disable", connect: "eager" })
        const dead = yield* Effect.flip(Effect.scoped(gone))
        expect([dead._tag, raced(dead)]).toEqual(["ConnectionError", true])
      })))

  it.scopedLive("a role that may not create, and one that does not exist, are one attempt", () =>
    Effect.gen(function*() {
      const at = yield* database
      yield* admin(
        at.url,
        "do $$ begin create role weak login password 'weak'; exception when others then null; end $$",
        "revoke create on schema public from public"
      )
      const attempt = (role: string) =>
        heard((options) => {
          const url = new URL(at.url)
          url.username = role
          url.password = "weak"
          return Tables.ensure([things], options).pipe(
            Effect.provide(Engine.layer(PgEngine.make({ url, ssl: "disable" })))
          )
        })
      const weak = yield* attempt("weak")
      expect(yield* weak.result).toMatchObject({ left: { _tag: "AuthorizationError", code: "42501" } })
      const nobody = yield* attempt("nobody at all")
      expect(yield* nobody.result).toMatchObject({ left: { _tag: "AuthenticationError" } })
      expect([...weak.retries, ...nobody.retries]).toEqual([])
    }))
})

describe("on SQLite", () => {
  it.scopedLive("a file that a rival writes to is waited for again", () =>
    Effect.gen(function*() {
      const { url } = yield* worlds.sqlite
      const patient = yield* SqliteEngine.make({ url })
      const hasty = SqliteEngine.make({ url, lockTimeout: 0 })
      const { result, retried, retries } = yield* heard((options) =>
        Effect.provide(Tables.ensure([things], options), Engine.layer(hasty))
      ).pipe((start) =>
        patient.transaction(
          Effect.gen(function*() {
            yield* patient.sql`create table other (id integer primary key)`
            const running = yield* start
            yield* running.retried
            return running
          })
        )
      )
      yield* retried
      expect(yield* result).toMatchObject({ right: { created: ["things"] } })
      expect(new Set(retries)).toEqual(new Set(["LockTimeoutError"]))
    }))

  it.scopedLive("what a rival explains is a race: a busy lock, and what already exists", () =>
    on("sqlite", () =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const raced = SqliteDialect.dialect.ddl!.raced
        const failing = (text: string) => Effect.flip(SqlFailure.refine(sql.unsafe(text)))
        yield* sql`create table t (id integer primary key)`
        yield* sql`insert into t values (1)`
        expect([
          raced(yield* failing("create table t (id integer)")),
          raced(yield* failing("insert into t values (1)")),
          raced(yield* failing("create tabel u (id integer)")),
          ...["SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_BUSY_RECOVERY", "SQLITE_READONLY"].map((code) =>
            raced(new SqlFailure.LockTimeoutError({ message: "x", code }))
          )
        ]).toEqual([true, false, false, true, true, true, false])
      })))
})
