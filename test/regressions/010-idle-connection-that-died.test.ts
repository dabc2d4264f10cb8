/**
 * The idle connections of a pool were terminated on the server, and work was started at once: of 120 sessions 68 failed with
 * `ServerShutdown`, `sent: "no"`. Nothing of theirs had been sent, and other connections could have been had.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Stream } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteDriver } from "effect-sql-engine-sqlite"
import type { DriverConnection, Lane } from "effect-sql-engine/Driver"
import { join } from "node:path"
import { Client } from "pg"
import { folder } from "../support/places.js"
import { admin, database } from "../support/postgres.js"
import { proxy } from "../support/proxy.js"
import { backends, quiescent } from "../support/quiescence.js"

const size = 10

/** Opens all connections of the pool, which then lie idle. */
const warm = (sql: SqlClient) =>
  Effect.gen(function*() {
    const all = yield* Deferred.make<void>()
    let open = 0
    const one = Session.transaction(
      Effect.zipRight(
        sql`select 1`,
        Effect.suspend(() => ++open === size ? Deferred.succeed(all, undefined) : Deferred.await(all))
      )
    )
    yield* Effect.replicateEffect(one, size, { concurrency: "unbounded" })
  })

/** A connection outside of the engine that is open already: what is done behind its answer is done at once. */
const outside = (url: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new Client({ connectionString: url })
      await client.connect()
      return client
    }),
    (client) => Effect.promise(() => client.end())
  )

const terminate = "select pg_terminate_backend(pid) from pg_stat_activity " +
  "where datname = current_database() and pid <> pg_backend_pid()"

/** Everything that can be the first to be sent on a connection. Each inserts its key once. */
const works: ReadonlyArray<(sql: SqlClient, key: number) => Effect.Effect<unknown, unknown, Engine.Engine>> = [
  (sql, key) => Session.transaction(sql`insert into t values (${key})`),
  (sql, key) => sql`insert into t values (${key})`,
  (sql, key) => Stream.runDrain(sql`insert into t values (${key}) returning k`.stream),
  (sql, key) =>
    Session.transaction(Effect.zipRight(Stream.runDrain(sql`select 1`.stream), sql`insert into t values (${key})`)),
  (sql, key) => Session.batch([sql`insert into t values (${key})`, sql`select 1`]),
  (sql, key) => Session.transaction(Session.pipeline([sql`insert into t values (${key})`, sql`select 1`])),
  (sql, key) => Session.transaction(Session.transaction(sql`insert into t values (${key})`)),
  (sql, key) => Session.transaction(sql.unsafe(`insert into t values (${key}); select 1`))
]

const failures = (exits: ReadonlyArray<Exit.Exit<unknown, unknown>>) =>
  exits.flatMap((exit) => Exit.isFailure(exit) ? [Cause.pretty(exit.cause)] : [])

describe("idle connections that died", () => {
  it.scopedLive(
    "fail none of 120 units of work that are started at once, and nothing is done twice",
    () =>
      Effect.gen(function*() {
        const at = yield* database
        yield* admin(at.url, "create table t (k int)")
        const engine = yield* PgEngine.make({ url: at.url, ssl: "disable", pool: { size, maxOverflow: 0 } })
        const client = yield* outside(at.url)
        for (let round = 0; round < 6; round++) {
          yield* Effect.provideService(warm(engine.sql), Engine.Engine, engine)
          yield* Effect.promise(() => client.query(terminate))
          const exits = yield* Effect.forEach(
            Array.from({ length: 120 }, (_, i) => 120 * round + i),
            (key) => Effect.exit(works[key % works.length]!(engine.sql, key)),
            { concurrency: "unbounded" }
          ).pipe(Effect.provideService(Engine.Engine, engine))
          expect(failures(exits)).toEqual([])
        }
        const rows = yield* admin(at.url, "select k from t order by k")
        expect(rows.map(({ k }) => Number(k))).toEqual(Array.from({ length: 720 }, (_, i) => i))
        const { pool } = yield* engine.stats
        expect(pool.destroyed.lost).toBeGreaterThan(0)
        yield* quiescent(engine, at)
      }),
    60_000
  )

  it.scopedLive("fail nothing on SQLite", () =>
    Effect.gen(function*() {
      const driver = yield* SqliteDriver.make({ filename: join(yield* folder, "app.db"), readers: 1 })
      const open: Array<DriverConnection> = []
      const kept = (lane: Lane): Lane => ({
        ...lane,
        connect: (context) =>
          Effect.tap(lane.connect(context), (connection) => Effect.sync(() => open.push(connection)))
      })
      const engine = yield* Engine.make({ ...driver, write: kept(driver.write), read: kept(driver.read!) })
      const { sql } = engine
      yield* sql`create table t (k integer primary key)`
      for (const [key, work] of works.slice(0, -1).entries()) {
        yield* sql`select 1`
        yield* Effect.forEach(open.splice(0), (connection) => connection.close)
        yield* Effect.provideService(work(sql, key), Engine.Engine, engine)
      }
      expect(yield* sql`select count(*) as n from t`).toEqual([{ n: works.length - 1 }])
      expect((yield* engine.stats).pool.destroyed.lost).toBeGreaterThan(0)
      yield* quiescent(engine)
    }))

  it.scopedLive("bring back no batch that was interrupted before it was known that nothing of it was sent", () =>
    Effect.gen(function*() {
      const at = yield* database
      yield* admin(at.url, "create table t (k int)")
      const between = yield* proxy(at)
      let made = 0
      const engine = yield* PgEngine.make({
        url: `postgres://${at.username}:${at.password ?? ""}@127.0.0.1:${between.port}/${at.database}`,
        ssl: "disable",
        pool: { size: 2, maxOverflow: 0 },
        onConnect: ({ sql }) => ++made === 1 ? sql`set idle_session_timeout = 100` : Effect.void
      })
      const { sql } = engine
      // The first connection is used last, so that it is lent next. The second one is ready, and lives.
      yield* engine.transaction(
        Effect.zipRight(sql`select 1`, engine.transaction(sql`select 1`, { nested: "new" }))
      )
      between.hold()
      yield* Effect.repeat(backends(at), { until: (count) => count === 1 })
      const batch = Session.batch([sql`insert into t values (1)`]).pipe(
        Effect.provideService(Engine.Engine, engine)
      )
      const fiber = yield* Effect.fork(batch)
      yield* Effect.yieldNow()
      yield* Fiber.interruptFork(fiber)
      yield* Effect.yieldNow()
      between.release()
      const exit = yield* Fiber.await(fiber)
      expect(Exit.isInterrupted(exit)).toBe(true)
      expect(yield* admin(at.url, "select count(*)::int as n from t")).toEqual([{ n: 0 }])
      expect((yield* engine.stats).pool).toMatchObject({ created: 2, served: 3 })
      yield* quiescent(engine, at)
    }))
})
