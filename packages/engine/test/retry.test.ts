import { SqlClient } from "@effect/sql"
import { assert, describe, expect, it } from "@effect/vitest"
import { Clock, Data, Effect, Fiber, Schedule, TestClock } from "effect"
import { Session, SqlFailure } from "effect-sql-engine"
import { Outcome } from "effect-sql-engine-testing"
import { withBench } from "./support/scripted.js"

const insert = (key: number) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into t values (${key})`)

/** Runs an effect to its end while the test clock moves on. */
const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Effect.fork(effect), (fiber) => Effect.zipRight(TestClock.adjust("1 minute"), Fiber.join(fiber)))

describe("retry", () => {
  it.scoped("a conflict at COMMIT runs the whole effect again: one row, and hooks of the last attempt only", () =>
    withBench(({ engine, server }) =>
      Effect.gen(function*() {
        server.next("commit", Outcome.fail("40001"), Outcome.fail("40P01"))
        let attempts = 0
        let committed = 0
        const work = Effect.zipRight(
          Session.afterCommit(Effect.sync(() => committed++)),
          Effect.suspend(() => insert(++attempts))
        )
        yield* inTime(Session.transaction(work, { retry: "conflicts" }))
        expect([attempts, committed, server.rows("t")]).toEqual([3, 1, [3]])
        expect((yield* engine.stats).sessions).toMatchObject({ opened: 3, rolledBack: 2, committed: 1, retried: 2 })
      })
    ))

  it.scoped("conflicts are tried four times within 140 ms, then it is RetryExhausted with the last failure", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        server.next("commit", ...Array.from({ length: 9 }, () => Outcome.fail("40001")))
        let tries = 0
        let last = 0
        const work = Effect.zipRight(
          Effect.tap(Clock.currentTimeMillis, (now) =>
            Effect.sync(() => {
              tries++
              last = now
            })),
          insert(1)
        )
        const failure = yield* inTime(Effect.flip(Session.transaction(work, { retry: "conflicts" })))
        expect(failure).toMatchObject({ _tag: "RetryExhausted", attempts: 4, last: { _tag: "SerializationError" } })
        expect(tries).toBe(4)
        expect(last).toBeLessThanOrEqual(140)
      })
    ))

  it.scoped("of a session that only reads it is ReadRetryExhausted, with the same facts", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        const read = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select k from t`)
        for (
          const [options, tag] of [
            [{ readOnly: true }, "ReadRetryExhausted"],
            [{}, "RetryExhausted"]
          ] as const
        ) {
          server.next("statement", ...Array.from({ length: 3 }, () => Outcome.fail("40001")))
          const failure = yield* Effect.flip(Session.transaction(read, { ...options, retry: Schedule.recurs(2) }))
          expect(failure).toMatchObject({ _tag: tag, attempts: 3, sent: "yes", last: { _tag: "SerializationError" } })
        }
      })
    ))

  it.scoped("what the engine's sessions are by default decides what it is", () =>
    withBench(
      ({ server }) =>
        Effect.gen(function*() {
          server.next("commit", Outcome.fail("40001"), Outcome.fail("40001"))
          const once = { retry: Schedule.recurs(0) }
          const read = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select k from t`)
          expect((yield* Effect.flip(Session.transaction(read, once)))._tag).toBe("ReadRetryExhausted")
          expect((yield* Effect.flip(Session.transaction(read, { ...once, readOnly: false })))._tag).toBe(
            "RetryExhausted"
          )
        }),
      {},
      { session: { readOnly: true } }
    ))

  it.scoped("a schedule decides how often, and none at all means one try", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        server.next("commit", ...Array.from({ length: 4 }, () => Outcome.fail("40001")))
        for (const [times, attempts] of [[0, 1], [2, 3]] as const) {
          const failure = yield* Effect.flip(Session.transaction(insert(1), { retry: Schedule.recurs(times) }))
          expect(failure).toMatchObject({ _tag: "RetryExhausted", attempts })
        }
      })
    ))

  it.scoped("what is not retryable fails at once and unchanged", () =>
    withBench(() =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        let tries = 0
        const work = Effect.zipRight(Effect.sync(() => tries++), sql`fail 23505`)
        const failure = yield* Effect.flip(Session.transaction(work, { retry: "conflicts" }))
        expect([failure._tag, tries]).toEqual(["UniqueViolation", 1])
      })
    ))

  it.scoped("inside a session it is refused", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        const failure = yield* Effect.flip(Session.transaction(Session.transaction(insert(1), { retry: "conflicts" })))
        expect(failure._tag).toBe("NestedRefused")
        expect(server.wire).toEqual([])
        yield* Session.transaction(Session.transaction(insert(2), { retry: "conflicts", nested: "new" }))
        expect(server.rows("t")).toEqual([2])
      })
    ))

  it.scoped("a lost connection is tried again when nothing was sent, or when the work is idempotent", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        server.next("begin", Outcome.lostBefore)
        yield* inTime(Session.transaction(insert(1), { retry: "conflicts" }))
        server.next("statement", Outcome.lostAfter)
        const failure = yield* Effect.flip(Session.transaction(insert(2), { retry: "conflicts" }))
        expect(failure).toMatchObject({ _tag: "ConnectionError", sent: "maybe" })
        server.next("commit", Outcome.lostAfter)
        expect((yield* Effect.flip(Session.transaction(insert(3), { retry: "conflicts" })))._tag).toBe("CommitUnknown")
        server.next("commit", Outcome.lostAfter)
        yield* inTime(Session.transaction(insert(4), { retry: "conflicts", idempotent: true }))
        expect(server.rows("t")).toEqual([1, 3, 4, 4])
      })
    ))

  it.scoped("the hook runs once for each retry, and its own failure changes nothing", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        server.next("commit", Outcome.fail("40001"), Outcome.fail("40P01"))
        const seen: Array<string> = []
        yield* inTime(Session.transaction(insert(1), {
          retry: "conflicts",
          onRetry: ({ attempts, failure }) =>
            Effect.zipRight(Effect.sync(() => seen.push(`${attempts} ${failure._tag}`)), Effect.fail("mine"))
        }))
        expect(seen).toEqual(["1 SerializationError", "2 DeadlockError"])
      })
    ))
})

describe("operators", () => {
  class Taken extends Data.TaggedError("Taken")<{}> {}

  const violation = (facts: SqlFailure.ConstraintFacts) =>
    SqlFailure.statementFailure("UniqueViolation", { message: "no", ...facts })

  it.effect("catchConstraint handles the named constraint, typed or as an SqlError, and nothing else", () =>
    Effect.gen(function*() {
      const named = violation({ constraint: "users_email_key" })
      const implied = violation({ table: "users", columns: ["email"] })
      for (const failure of [named, implied, SqlFailure.toSqlError(named)]) {
        const handled = yield* Effect.flip(
          SqlFailure.catchConstraint(Effect.fail(failure), "users_email_key", () => new Taken())
        )
        expect(handled._tag).toBe("Taken")
      }
      const other = violation({ constraint: "users_name_key" })
      const left = yield* Effect.flip(
        Effect.fail(other).pipe(SqlFailure.catchConstraint("users_email_key", () => new Taken()))
      )
      assert.strictEqual(left, other)
    }))

  it.effect("catchUnique handles any unique constraint", () =>
    Effect.gen(function*() {
      const handled = yield* SqlFailure.catchUnique(Effect.fail(violation({})), ({ table }) => Effect.succeed(table))
      expect(handled).toBeUndefined()
      const other = SqlFailure.statementFailure("DataError", { message: "no" })
      assert.strictEqual(yield* Effect.flip(SqlFailure.catchUnique(Effect.fail(other), () => Effect.void)), other)
    }))

  it.effect("retryTransient repeats only what left nothing behind", () =>
    Effect.gen(function*() {
      const triesOf = (failure: SqlFailure.SqlFailure) =>
        Effect.suspend(() => {
          let tries = 0
          return Effect.suspend(() => {
            tries++
            return Effect.fail(SqlFailure.toSqlError(failure))
          }).pipe(SqlFailure.retryTransient(Schedule.recurs(2)), Effect.ignore, Effect.map(() => tries))
        })
      const make = SqlFailure.statementFailure
      expect(yield* triesOf(make("DeadlockError", { message: "no" }))).toBe(3)
      expect(yield* triesOf(make("ConnectionError", { message: "no", sent: "no" }))).toBe(3)
      expect(yield* triesOf(make("ConnectionError", { message: "no", sent: "maybe" }))).toBe(1)
      expect(yield* triesOf(make("UniqueViolation", { message: "no" }))).toBe(1)
    }))
})
