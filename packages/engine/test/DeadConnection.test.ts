/** Idle connections that have died: who is lent one takes another, and its caller sees nothing. */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Stream, TestClock } from "effect"
import type { Scope } from "effect"
import { Session } from "effect-sql-engine"
import { Outcome } from "effect-sql-engine-testing"
import type { Engine } from "effect-sql-engine/Engine"
import type { EngineOptions } from "effect-sql-engine/Engine"
import { type Bench, withBench } from "./support/scripted.js"

const sql = SqlClient.SqlClient
const insert = (key: number) => Effect.flatMap(sql, (sql) => sql`insert into t values (${key})`)
const keys = Effect.map(
  Effect.flatMap(sql, (sql) => sql<{ k: number }>`select k from t`),
  (rows) => rows.map(({ k }) => k)
)

/** Opens so many connections, which then lie idle. */
const warm = (count: number) =>
  Effect.gen(function*() {
    const all = yield* Deferred.make<void>()
    let open = 0
    const one = Session.transaction(
      Effect.zipRight(
        Effect.flatMap(sql, (sql) => sql`select k from t`),
        Effect.suspend(() => ++open === count ? Deferred.succeed(all, undefined) : Deferred.await(all))
      )
    )
    yield* Effect.replicateEffect(one, count, { concurrency: "unbounded" })
  })

const onWarm = (
  count: number,
  test: (bench: Bench) => Effect.Effect<void, unknown, Engine | SqlClient.SqlClient | Scope.Scope>,
  options: EngineOptions = { pool: { size: 3, maxOverflow: 0 } }
) => withBench((bench) => Effect.zipRight(warm(count), test(bench)), {}, options)

/** The ways to be the first to use a connection, and what of it the server is to lose. */
const uses = {
  "a statement outside of any session": ["statement", insert(1)],
  "a session": ["begin", Session.transaction(insert(1))],
  "a session whose first statement stands in a nested one": [
    "begin",
    Session.transaction(Session.transaction(insert(1)))
  ],
  "a pipeline": [
    "begin",
    Session.transaction(
      Effect.flatMap(sql, (sql) => Session.pipeline([sql`insert into t values (1)`, sql`select k from t`]))
    )
  ],
  "a batch": ["begin", Effect.flatMap(sql, (sql) => Session.batch([sql`insert into t values (1)`]))],
  "a stream in a session": [
    "begin",
    Session.transaction(Effect.zipRight(
      Effect.flatMap(sql, (sql) => Stream.runDrain(sql`select k from t`.stream)),
      insert(1)
    ))
  ],
  "a reserved connection": [
    "statement",
    Effect.scoped(Effect.flatMap(
      Effect.flatten(Effect.map(sql, (sql) => sql.reserve)),
      (connection) => connection.execute("insert into t values (1)", [], undefined)
    ))
  ]
} as const

describe("an idle connection that has died", () => {
  for (const [name, [step, use]] of Object.entries(uses)) {
    it.scoped(`is nobody's failure: ${name} takes another, however many are dead`, () =>
      onWarm(3, ({ engine, server }) =>
        Effect.gen(function*() {
          server.next(step, Outcome.lostBefore, Outcome.lostBefore, Outcome.lostBefore)
          yield* use
          expect(server.rows("t")).toEqual([1])
          expect((yield* engine.stats).pool).toMatchObject({ created: 4, destroyed: { lost: 3 } })
        })))
  }

  it.scoped("is no failure of a stream outside of any session", () =>
    onWarm(2, ({ engine, server }) =>
      Effect.gen(function*() {
        yield* insert(1)
        server.next("stream", Outcome.lostBefore, Outcome.lostBefore)
        const rows = yield* Effect.flatMap(sql, (sql) => Stream.runCollect(sql`select k from t`.stream))
        expect([...rows]).toEqual([{ k: 1 }])
        expect((yield* engine.stats).pool).toMatchObject({ created: 3, destroyed: { lost: 2 } })
      })))

  it.scoped("is no failure of a checkout hook", () => {
    let checked = 0
    return onWarm(
      2,
      ({ engine, server }) =>
        Effect.gen(function*() {
          checked = 0
          server.next("statement", Outcome.lostBefore, Outcome.lostAfter)
          yield* Session.transaction(insert(1))
          expect([server.rows("t"), checked]).toEqual([[1], 3])
          expect((yield* engine.stats).pool).toMatchObject({ created: 3, destroyed: { lost: 2 } })
        }),
      {
        pool: { size: 2, maxOverflow: 0 },
        onCheckout: ({ sql }) => Effect.zipRight(Effect.sync(() => checked++), sql`select k from u`)
      }
    )
  })

  it.scoped("ends the search with a connection that was opened for it", () =>
    onWarm(1, ({ engine, server }) =>
      Effect.gen(function*() {
        server.next("begin", Outcome.lostBefore, Outcome.lostBefore)
        const failure = yield* Effect.flip(Session.transaction(insert(1)))
        expect(failure).toMatchObject({ _tag: "ConnectionError", sent: "no", retryable: true })
        expect((yield* engine.stats).pool).toMatchObject({ created: 2, destroyed: { lost: 2 } })
      })))

  it.scoped("is waited for to be replaced no longer than for any connection", () =>
    onWarm(1, ({ server }) =>
      Effect.gen(function*() {
        server.next("begin", Outcome.slow("20 seconds", Outcome.lostBefore))
        server.next("connect", Outcome.hang)
        const fiber = yield* Effect.fork(Effect.flip(Session.transaction(insert(1))))
        yield* TestClock.adjust("29 seconds")
        expect(yield* Fiber.poll(fiber)).toMatchObject({ _tag: "None" })
        yield* TestClock.adjust("1 second")
        expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "PoolTimeout", waitedMillis: 30_000 })
      }), { pool: { size: 1, maxOverflow: 0, connectTimeout: "1 hour" } }))

  it.scoped("is told to whoever may have been heard on it", () =>
    onWarm(1, ({ server }) =>
      Effect.gen(function*() {
        server.next("statement", Outcome.lostAfter)
        const failure = yield* Effect.flip(insert(1))
        expect(failure).toMatchObject({ cause: { _tag: "ConnectionError", sent: "maybe" } })
        expect(server.rows("t")).toEqual([1])
      })))

  it.scoped("is told to a session that has used it before", () =>
    onWarm(1, ({ server }) =>
      Effect.gen(function*() {
        const failure = yield* Effect.flip(Session.transaction(Effect.gen(function*() {
          yield* insert(1)
          server.next("statement", Outcome.lostBefore)
          yield* insert(2)
        })))
        expect(failure).toMatchObject({ _tag: "ConnectionError", sent: "no" })
        expect(server.rows("t")).toEqual([])
      })))

  it.scoped("is told to whoever has settings on the connection it reserved", () =>
    onWarm(1, ({ server }) =>
      Effect.scoped(Effect.gen(function*() {
        const connection = yield* (yield* sql).reserve
        yield* connection.execute("set search_path", [], undefined)
        server.next("statement", Outcome.lostBefore)
        const failure = yield* Effect.flip(connection.execute("insert into t values (1)", [], undefined))
        expect(failure).toMatchObject({ cause: { _tag: "ConnectionError", sent: "no" } })
        expect(server.rows("t")).toEqual([])
      }))))

  it.scoped("takes no turn from others in the same session", () =>
    onWarm(1, ({ server }) =>
      Effect.gen(function*() {
        server.next("begin", Outcome.lostBefore)
        yield* Session.transaction(Effect.all([insert(1), insert(2), insert(3)], { concurrency: "unbounded" }))
        expect(yield* keys).toEqual([1, 2, 3])
        expect(server.counts().committed).toBe(2)
      })))
})
