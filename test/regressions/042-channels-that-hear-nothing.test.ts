/**
 * `listen` on a channel whose name takes 65 bytes heard nothing, for ever and without a failure: PostgreSQL cuts names to 63
 * bytes, and refuses to notify longer ones.
 */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { PgEngine } from "effect-sql-engine-pg"
import { fromSqlError, isSqlError, type SqlFailure } from "effect-sql-engine/SqlFailure"
import { database } from "../support/postgres.js"

const onServer = (test: (engine: PgEngine.PgEngineService) => Effect.Effect<void, unknown>) =>
  Effect.scoped(Effect.gen(function*() {
    const at = yield* database
    yield* test(yield* PgEngine.make({ url: at.url, ssl: "disable" }))
  }))

const failureOf = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(effect), (error) => (isSqlError(error) ? fromSqlError(error) : error) as SqlFailure)

const names: ReadonlyArray<readonly [what: string, name: string, says: RegExp]> = [
  ["65 bytes", "c".repeat(65), /65 bytes.*at most 63/],
  ["64 bytes in 22 characters", `c${"€".repeat(21)}`, /64 bytes.*at most 63/],
  ["no bytes", "", /empty/],
  ["a zero byte", "a\0b", /zero byte/],
  ["half of a character", "a\ud83d", /lone surrogate/]
]

describe("a channel whose name PostgreSQL cannot take", () => {
  for (const [what, name, says] of names) {
    it.live(`is refused by listen and by notify, and nothing is sent: ${what}`, () =>
      onServer(({ client, listen, stats, transaction }) =>
        Effect.gen(function*() {
          for (
            const attempt of [
              Stream.runDrain(listen(name)),
              Stream.runDrain(client.listen(name)),
              client.notify(name, "x"),
              transaction(client.notify(name, "x"))
            ]
          ) {
            const failure = yield* failureOf(attempt as Effect.Effect<void, unknown>)
            expect(failure).toMatchObject({ _tag: "DataError", sent: "no", retryable: false })
            expect(failure.message).toMatch(says)
          }
          expect((yield* stats).pool.created).toBe(0)
        })
      ))
  }

  it.live("may take 63 bytes, and hears", () =>
    onServer(({ client, listen }) =>
      Effect.gen(function*() {
        const name = "€".repeat(21)
        const listening = yield* Deferred.make<void>()
        const heard = yield* listen(name).pipe(
          Stream.tap(({ _tag }) => _tag === "Listening" ? Deferred.succeed(listening, undefined) : Effect.void),
          Stream.filter(({ _tag }) => _tag === "Notified"),
          Stream.runHead,
          Effect.fork
        )
        yield* Deferred.await(listening)
        yield* client.notify(name, "€".repeat(2_666))
        expect(yield* Fiber.join(heard)).toMatchObject({ value: { channel: name, payload: "€".repeat(2_666) } })
      })
    ))
})

describe("a payload that PostgreSQL cannot take", () => {
  const payloads: ReadonlyArray<readonly [what: string, payload: string, says: RegExp]> = [
    ["8000 bytes", "p".repeat(8_000), /8000 bytes.*at most 7999/],
    ["8001 bytes in 2667 characters", "€".repeat(2_667), /8001 bytes.*at most 7999/],
    ["a zero byte", "a\0b", /zero byte/]
  ]
  for (const [what, payload, says] of payloads) {
    it.live(`is refused, and leaves its transaction as it is: ${what}`, () =>
      onServer(({ client, sql, transaction }) =>
        transaction(Effect.gen(function*() {
          yield* sql`create table t (a int)`
          const failure = yield* failureOf(client.notify("news", payload))
          expect(failure).toMatchObject({ _tag: "DataError", sent: "no", retryable: false })
          expect(failure.message).toMatch(says)
          expect(yield* sql`select a from t`).toEqual([])
        }))
      ))
  }
})
