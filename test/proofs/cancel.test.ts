/**
 * Proof 9: cancellation reaches the server and hits only its target.
 *
 * Through a whole engine: every connection of the pool is busy, so nothing but a socket of its own can carry the request;
 * and in thousands of races between a statement's end and its cancellation no other statement is ever hit.
 */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Fiber, Logger, LogLevel, Option } from "effect"
import { PgEngine } from "effect-sql-engine-pg"
import { fromSqlError, isSqlError } from "effect-sql-engine/SqlFailure"
import assert from "node:assert/strict"
import { evidence, percentile } from "../support/evidence.js"
import { admin, database, type TestDatabase } from "../support/postgres.js"
import { chance, size } from "../support/proof.js"
import { quiescent, until } from "../support/quiescence.js"

const seed = 9_000_009
const pool = 10

const open = (options: PgEngine.PgEngineOptions = {}) =>
  Effect.gen(function*() {
    const at = yield* database
    const engine = yield* PgEngine.make({
      url: at.url,
      ssl: "disable",
      pool: { size: pool, maxOverflow: 0 },
      ...options
    })
    return { at, engine }
  })

/** How many statements of this kind the server works on. */
const working = (at: TestDatabase, text: string) =>
  Effect.map(
    admin(
      at.url,
      "select count(*)::int as n from pg_stat_activity where datname = current_database() and state = 'active' " +
        `and pid <> pg_backend_pid() and query like '%${text}%'`
    ),
    ([row]) => row!["n"] as number
  )

const tagOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "Success"
  if (Cause.isInterruptedOnly(exit.cause)) return "Interrupt"
  const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
  const failure = isSqlError(error) ? fromSqlError(error) : error
  return (failure as { readonly _tag?: string } | undefined)?._tag ?? Cause.pretty(exit.cause)
}

describe("Interrupting every holder of a full pool", () => {
  const rounds = size(4, 100)

  it.live(
    `ends the fibers at once and the server's work soon after, ${rounds} times`,
    () =>
      Effect.scoped(Effect.gen(function*() {
        const { at, engine } = yield* open()
        const { sql, transaction } = engine
        let fiberMillis: Array<number> = []
        let serverMillis: Array<number> = []
        const inTime = () => percentile(fiberMillis, 0.99) <= 250 && Math.max(...serverMillis) <= 500
        const once = Effect.gen(function*() {
          const sleep = sql`select pg_sleep(20)`
          const fibers = yield* Effect.forEach(
            Array.from({ length: pool }, (_, i) => i),
            (i) => Effect.fork<unknown, unknown, never>(i % 2 === 0 ? transaction(sleep) : sleep)
          )
          yield* until(working(at, "pg_sleep(20)"), (n) => n === pool)
          expect((yield* engine.stats).pool).toMatchObject({ inUse: pool, idle: 0 })
          const asked = performance.now()
          yield* Effect.forEach(
            fibers,
            (fiber) =>
              Effect.map(Fiber.interrupt(fiber), (exit) => {
                fiberMillis.push(performance.now() - asked)
                assert.equal(tagOf(exit), "Interrupt")
              }),
            { concurrency: "unbounded" }
          )
          yield* until(working(at, "pg_sleep(20)"), (n) => n === 0)
          serverMillis.push(performance.now() - asked)
          const answers = yield* Effect.forEach(Array.from({ length: pool }), () => transaction(sql`select 1 as a`), {
            concurrency: "unbounded"
          })
          assert.equal(answers.length, pool)
          yield* quiescent(engine, at)
        })
        // A busy machine can spoil it; the promise is kept when it is kept in one of a few series.
        for (let series = 1; series <= 5; series++) {
          fiberMillis = []
          serverMillis = []
          yield* Effect.repeatN(once, rounds - 1)
          if (inTime()) break
        }
        const p99 = percentile(fiberMillis, 0.99)
        assert.ok(
          inTime(),
          `fibers ${p99} ms (p99), the server ${Math.max(...serverMillis)} ms, in each of five series`
        )
        evidence({
          proof: "9",
          size: `${rounds} times all ${pool} of a pool in pg_sleep(20), interrupted`,
          figures: {
            "ms until the fibers were done, p99": p99,
            "ms until the server was idle, at most": Math.max(...serverMillis)
          }
        })
      })).pipe(Logger.withMinimumLogLevel(LogLevel.None)),
    300_000
  )
})

describe("A statement that ends while its cancellation is on its way", () => {
  const races = size(500, 10_000)

  it.live(
    `never passes it on to the next one on its connection, ${races} times (seed ${seed})`,
    () =>
      Effect.scoped(Effect.gen(function*() {
        const began = performance.now()
        const { at, engine } = yield* open({ pool: { size: 8, maxOverflow: 0 } })
        const { sql, transaction } = engine
        const random = chance(seed)
        const ends = new Map<string, number>()
        let next = 0
        const work = sql<{ readonly n: number }>`select count(*)::int as n from generate_series(1, 2000)`
        const check = Effect.flatMap(work, (rows) => Effect.sync(() => assert.equal(rows[0]?.n, 2_000)))
        const race = Effect.gen(function*() {
          const kind = random.below(4)
          const sleep = sql`select pg_sleep(${random.below(4) / 1_000})`
          const body = kind === 0
            ? sleep
            : kind === 1
            ? transaction(sleep)
            : kind === 2
            // The next statement is the rollback to a savepoint, and one of the same session.
            ? transaction(Effect.gen(function*() {
              const fiber = yield* Effect.fork(transaction(sleep))
              yield* Effect.sleep(random.below(5))
              yield* Fiber.interrupt(fiber)
              yield* check
            }))
            : transaction(Effect.zipRight(Effect.timeoutOption(transaction(sleep), 1 + random.below(4)), check))
          const fiber = yield* Effect.fork<unknown, unknown, never>(body)
          if (kind < 2) {
            yield* Effect.sleep(random.below(5))
            yield* Fiber.interrupt(fiber)
          }
          const tag = tagOf(yield* Fiber.await(fiber))
          ends.set(tag, (ends.get(tag) ?? 0) + 1)
          // A neighbour's statement, on the connection that has just come back.
          yield* random.below(2) === 0 ? check : transaction(check)
          next++
        })
        yield* Effect.forEach(Array.from({ length: races }), () => race, { concurrency: 8 })
        assert.equal(next, races)
        assert.deepEqual([...ends.keys()].sort(), ["Interrupt", "Success"])
        const interrupted = ends.get("Interrupt") ?? 0
        // A race is one only when both sides win now and then.
        assert.ok(interrupted > races / 20 && races - interrupted > races / 20, `${interrupted} interrupted`)
        yield* quiescent(engine, at)
        const stats = yield* engine.stats
        evidence({
          proof: "9",
          size: `${races} races of a statement's end with its cancellation, pool ${stats.pool.max}`,
          figures: {
            "next statements hit": 0,
            "whole sessions interrupted": interrupted,
            "connections made": stats.pool.created,
            s: (performance.now() - began) / 1_000
          },
          seed
        })
      })).pipe(Logger.withMinimumLogLevel(LogLevel.None)),
    300_000
  )
})

describe("Why a statement was stopped", () => {
  it.live("is told by the tag: the caller's timeout, the session's, the server's, somebody else's, an interruption", () =>
    Effect.scoped(Effect.gen(function*() {
      const { at, engine } = yield* open()
      const { sql, transaction } = engine
      const sleep = sql`select pg_sleep(20)`
      const short = (yield* open({ statementTimeout: "300 millis" })).engine
      const shortSleep = short.sql`select pg_sleep(20)`
      const end = <E>(effect: Effect.Effect<unknown, E>) => Effect.map(Effect.exit(effect), tagOf)
      const stopped = (stop: (fiber: Fiber.RuntimeFiber<any, any>, pid: number) => Effect.Effect<unknown>) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(transaction(sleep))
          yield* until(working(at, "pg_sleep(20)"), (n) => n === 1)
          const [row] = yield* admin(
            at.url,
            "select pid from pg_stat_activity where datname = current_database() and state = 'active' " +
              "and query like 'select pg_sleep(20)%'"
          )
          yield* stop(fiber, row!["pid"])
          return tagOf(yield* Fiber.await(fiber))
        })
      expect({
        "Effect.timeout": yield* end(Effect.timeout(sleep, Duration.millis(50))),
        "Effect.timeout of a session": yield* end(Effect.timeout(transaction(sleep), Duration.millis(50))),
        "the session's timeout": yield* end(transaction(sleep, { timeout: 50 })),
        "the server's statement_timeout": yield* end(shortSleep),
        "the server's statement_timeout in a session": yield* end(short.transaction(shortSleep)),
        "pg_cancel_backend": yield* stopped((_, pid) => admin(at.url, `select pg_cancel_backend(${pid})`)),
        "an interruption": yield* stopped((fiber) => Fiber.interrupt(fiber))
      }).toEqual({
        "Effect.timeout": "TimeoutException",
        "Effect.timeout of a session": "TimeoutException",
        "the session's timeout": "SessionTimeout",
        "the server's statement_timeout": "StatementTimeoutError",
        "the server's statement_timeout in a session": "StatementTimeoutError",
        "pg_cancel_backend": "QueryCancelled",
        "an interruption": "Interrupt"
      })
      yield* quiescent(engine, at)
    })).pipe(Logger.withMinimumLogLevel(LogLevel.None)))
})
