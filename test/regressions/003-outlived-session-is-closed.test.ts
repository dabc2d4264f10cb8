/**
 * A fiber that had outlived its session and asked for a session with `retry`, `readOnly`, `isolation` or `refuse` was told
 * that the nested session was refused, and not that the outer one was over.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { Session } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"

const options: ReadonlyArray<NonNullable<Parameters<typeof Session.transaction>[1]>> = [
  {},
  { retry: "conflicts" },
  { readOnly: true },
  { isolation: "serializable" },
  { nested: "refuse" },
  { nested: "join" }
]

describe("a fiber that has outlived its session", () => {
  it.effect.each(options)("gets SessionClosed when it asks for a session with %j", (asked) =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const ended = yield* Deferred.make<void>()
      const late = Effect.zipRight(Deferred.await(ended), Session.transaction(sql`select 1`, asked))
      const fiber = yield* Session.transaction(Effect.forkDaemon(late))
      yield* Deferred.succeed(ended, undefined)
      expect((yield* Effect.flip(Fiber.join(fiber)))._tag).toBe("SessionClosed")
    }).pipe(Effect.provide(SqliteEngine.layer({ filename: ":memory:" }))))
})
