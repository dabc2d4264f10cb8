/**
 * PostgreSQL behind PgBouncer in transaction mode: what works, and what is refused because it cannot.
 *
 * What needs a real one runs where its program is found (`PGBOUNCER`, else the PATH): Debian's `pgbouncer` will do. The
 * refusals need none: they come before anything is sent.
 */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Chunk, Effect, Exit, Fiber, Logger, LogLevel, type Scope, Stream } from "effect"
import { PgEngine } from "effect-sql-engine-pg"
import * as Engine from "effect-sql-engine/Engine"
import * as Mutex from "effect-sql-engine/Mutex"
import { fromSqlError, isSqlError, type SqlFailure } from "effect-sql-engine/SqlFailure"
import assert from "node:assert/strict"
import { binary, pgbouncer } from "./pgbouncer/server.js"
import { admin, database, type TestDatabase } from "./support/postgres.js"
import { chance } from "./support/proof.js"
import { quiescent, until } from "./support/quiescence.js"

const seed = 6_432

const failureOf = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(effect), (error) => (isSqlError(error) ? fromSqlError(error) : error) as SqlFailure)

describe("What cannot work behind PgBouncer in transaction mode is refused", () => {
  it.effect("when the engine is made: options that would not reach the server", () =>
    Effect.gen(function*() {
      const failure = yield* failureOf(Effect.scoped(PgEngine.make({
        url: "postgres://db.example.org/app?pgbouncer=true&statement_timeout=5s",
        lockTimeout: "1 second",
        idleInTransactionTimeout: "1 second",
        searchPath: "app",
        options: "-c geqo=off",
        settings: { work_mem: "1MB" },
        prepare: true
      })))
      assert.ok(failure._tag === "EngineConfigError")
      expect(failure.problems.map(({ field }) => field).sort()).toEqual([
        "idleInTransactionTimeout",
        "lockTimeout",
        "options",
        "prepare",
        "searchPath",
        "settings",
        "statementTimeout"
      ])
      for (const { problem } of failure.problems) expect(problem).toMatch(/PgBouncer in transaction mode/)
    }))

  // The engine is told that a PgBouncer stands between; whether one does makes no difference to a refusal.
  const told = (test: (engine: PgEngine.PgEngineService) => Effect.Effect<void, unknown>) =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const engine = yield* PgEngine.make({ url: at.url, ssl: "disable", pgbouncer: true })
      yield* test(engine)
      yield* quiescent(engine, at)
    }))

  const refused = [
    ["SET", "set work_mem = '2MB'"],
    ["SET", "select 1; set search_path = app"],
    ["SET", "set session characteristics as transaction isolation level serializable"],
    ["SET", "set role nobody"],
    ["set_config for the session", "select set_config('work_mem', '2MB', false)"],
    ["LISTEN", "listen news"],
    ["PREPARE", "prepare mine as select 1"],
    ["LOAD", "load 'auto_explain'"],
    ["an advisory lock of the session", "select pg_advisory_lock(7)"],
    ["an advisory lock of the session", "select pg_try_advisory_lock_shared(1, 2)"],
    ["a cursor WITH HOLD", "declare held cursor with hold for select 1"],
    ["a temporary table", "create temp table scratch (a int)"]
  ] as const
  for (const [what, text] of refused) {
    it.live(`before it is sent, alone and in a session: ${what} (${text})`, () =>
      told((engine) =>
        Effect.gen(function*() {
          const { sql, transaction } = engine
          const statement = sql.unsafe(text)
          for (
            const attempt of [
              statement,
              transaction(statement),
              Stream.runDrain(statement.stream),
              transaction(Stream.runDrain(statement.stream))
            ]
          ) {
            const failure = yield* failureOf(attempt as Effect.Effect<unknown, unknown>)
            expect(failure).toMatchObject({ _tag: "EngineConfigError", sent: "no", retryable: false })
            expect(failure.message).toContain(`${what} needs a connection of the server`)
          }
        })
      ))
  }

  it.live("and nothing else is: what ends with the transaction", () =>
    told((engine) =>
      Effect.gen(function*() {
        const { sql, transaction } = engine
        yield* transaction(Effect.gen(function*() {
          yield* sql`set local work_mem = '2MB'`
          yield* sql`set transaction read write`
          yield* sql`set constraints all deferred`
          yield* sql`select set_config('work_mem', '3MB', true)`
          yield* sql`select pg_advisory_xact_lock(7)`
          yield* sql`create temp table scratch (a int) on commit drop`
          yield* sql`declare loose cursor for select 1`
          yield* sql`notify news, 'a'`
          yield* sql`do $$ begin perform 1; end $$`
        }))
        yield* sql`select 'listen', 'set work_mem = 1'`
      })
    ))

  it.live("LISTEN as a stream", () =>
    told((engine) =>
      Effect.gen(function*() {
        const failure = yield* failureOf(Stream.runDrain(engine.listen("news")))
        expect(failure).toMatchObject({ _tag: "EngineConfigError", sent: "no" })
        const other = yield* failureOf(Stream.runDrain(engine.client.listen("news")))
        expect(other).toMatchObject({ _tag: "EngineConfigError", sent: "no" })
      })
    ))
})

if (binary !== undefined) {
  const program = binary
  const shared = 4

  /** An engine with more connections to PgBouncer than PgBouncer has to the server. */
  const behind = (
    test: (engine: PgEngine.PgEngineService, at: TestDatabase) => Effect.Effect<void, unknown, Scope.Scope>
  ) =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      yield* admin(at.url, "create table t (id int not null, part int not null)")
      const port = yield* pgbouncer(program, at, shared)
      const engine = yield* PgEngine.make({
        url: at.url,
        hosts: [{ host: "127.0.0.1", port }],
        ssl: "disable",
        pgbouncer: true,
        pool: { size: 3 * shared, maxOverflow: 0 }
      })
      yield* test(engine, at)
      yield* quiescent(engine, at)
    })).pipe(Logger.withMinimumLogLevel(LogLevel.None))

  const active = (at: TestDatabase, text: string) =>
    Effect.map(
      admin(
        at.url,
        `select count(*)::int as n from pg_stat_activity where datname = current_database() and state = 'active'
           and pid <> pg_backend_pid() and query like '%${text}%'`
      ),
      ([row]) => row!["n"] as number
    )

  const whole = (engine: Engine.EngineService, id: number, end: "commit" | "fail" | "savepoint") =>
    engine.transaction(Effect.gen(function*() {
      yield* engine.sql`insert into t (id, part) values (${id}, 1)`
      if (end === "savepoint") {
        yield* Effect.ignore(
          engine.transaction(Effect.zipRight(engine.sql`insert into t (id, part) values (${id}, 9)`, Effect.fail("no")))
        )
      }
      yield* engine.sql`insert into t (id, part) values (${id}, 2)`
      if (end === "fail") return yield* Effect.fail("undo")
    }))

  describe("Behind PgBouncer in transaction mode", () => {
    it.live("sessions and savepoints are whole, though more of them run than the server has connections", () =>
      behind((engine, at) =>
        Effect.gen(function*() {
          const ids = Array.from({ length: 300 }, (_, i) => i)
          const ends = ["commit", "fail", "savepoint"] as const
          yield* Effect.forEach(ids, (id) => Effect.exit(whole(engine, id, ends[id % 3]!)), { concurrency: 30 })
          const rows = yield* admin(
            at.url,
            "select id, array_agg(part order by part) as parts from t group by id order by id"
          )
          expect(rows).toEqual(ids.filter((id) => id % 3 !== 1).map((id) => ({ id, parts: [1, 2] })))
          const [servers] = yield* admin(
            at.url,
            "select count(*)::int as n from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
          )
          expect(servers!["n"]).toBeLessThanOrEqual(shared)
          expect((yield* engine.stats).pool.created).toBeGreaterThan(shared)
        })
      ))

    it.live("conflicts are tried again until every session has committed once", () =>
      behind((engine, at) =>
        Effect.gen(function*() {
          yield* admin(at.url, "create table counter (n int not null)", "insert into counter values (0)")
          const add = Effect.gen(function*() {
            const [row] = yield* engine.sql<{ readonly n: number }>`select n from counter`
            yield* engine.sql`update counter set n = ${row!.n + 1}`
          })
          const session = engine.transaction(add, { isolation: "serializable", retry: "conflicts" })
          const patient = Effect.retry(session, { while: ({ _tag }) => _tag === "RetryExhausted" })
          yield* Effect.forEach(Array.from({ length: 60 }), () => patient, { concurrency: 8 })
          expect(yield* admin(at.url, "select n from counter")).toEqual([{ n: 60 }])
          expect((yield* engine.stats).sessions.retried).toBeGreaterThan(0)
        })
      ))

    it.live("an interrupted statement is stopped on the server", () =>
      behind((engine, at) =>
        Effect.gen(function*() {
          const sleep = engine.sql`select pg_sleep(20)`
          const fibers = yield* Effect.forEach(
            Array.from({ length: shared }, (_, i) => i),
            (i) => Effect.fork<unknown, unknown, never>(i % 2 === 0 ? engine.transaction(sleep) : sleep)
          )
          yield* until(active(at, "pg_sleep(20)"), (n) => n === shared)
          yield* Fiber.interruptAll(fibers)
          yield* until(active(at, "pg_sleep(20)"), (n) => n === 0)
          for (const fiber of fibers) expect(Exit.isInterrupted(yield* Fiber.await(fiber))).toBe(true)
          expect(yield* engine.sql`select 1 as a`).toEqual([{ a: 1 }])
        })
      ))

    it.live(`a cancellation that comes too late hits nobody else, 400 times (seed ${seed})`, () =>
      behind((engine, at) =>
        Effect.gen(function*() {
          const { sql, transaction } = engine
          const random = chance(seed)
          const count = sql<{ readonly n: number }>`select count(*)::int as n from generate_series(1, 2000)`
          const check = Effect.flatMap(count, (rows) => Effect.sync(() => assert.equal(rows[0]?.n, 2_000)))
          let interrupted = 0
          const race = Effect.gen(function*() {
            const sleep = sql`select pg_sleep(${random.below(4) / 1_000})`
            const fiber = yield* Effect.fork<unknown, unknown, never>(
              random.below(2) === 0 ? sleep : transaction(sleep)
            )
            yield* Effect.sleep(random.below(5))
            const exit = yield* Fiber.interrupt(fiber)
            if (Exit.isFailure(exit)) {
              assert.ok(Cause.isInterruptedOnly(exit.cause), Cause.pretty(exit.cause))
              interrupted++
            }
            yield* random.below(2) === 0 ? check : transaction(check)
          })
          yield* Effect.forEach(Array.from({ length: 400 }), () => race, { concurrency: 2 * shared })
          assert.ok(interrupted > 40 && interrupted < 400, `${interrupted} interrupted`)
          yield* quiescent(engine, at)
        })
      ))

    it.live("streams are read in batches, in a session and alone, to their end or to where the reader stops", () =>
      behind((engine) =>
        Effect.gen(function*() {
          const rows = engine.sql<{ readonly n: number }>`select n from generate_series(1, 2000) n`.stream
          const sum = Stream.runFold(rows, 0, (sum, { n }) => sum + n)
          const some = Effect.map(Stream.runCollect(Stream.take(rows, 3)), (some) => Chunk.size(some))
          const all: ReadonlyArray<Effect.Effect<number, unknown>> = [
            sum,
            engine.transaction(sum),
            some,
            engine.transaction(some)
          ]
          const results = yield* Effect.forEach(Array.from({ length: 40 }, (_, i) => all[i % 4]!), (one) => one, {
            concurrency: 10
          })
          expect(results).toEqual(Array.from({ length: 40 }, (_, i) => i % 4 < 2 ? 2_001_000 : 3))
        })
      ))

    it.live("a mutex that would hold a session's lock is refused", () =>
      behind((engine) =>
        Effect.gen(function*() {
          const asked = Effect.void.pipe(
            Mutex.withLock<Engine.Engine>("nightly"),
            Effect.provideService(Engine.Engine, engine)
          )
          const failure = yield* Effect.flip(asked)
          expect(failure).toMatchObject({ _tag: "MutexUnsupported", reason: "pooler" })
        })
      ))
  })
}
