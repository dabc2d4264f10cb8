/**
 * Messages advised what cannot be done: to raise `maxOverflow` on an SQLite file, which has one connection that writes; and
 * to look for another fiber where a session opened by hand was in the way.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Session } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"

const engine = SqliteEngine.layer({
  filename: ":memory:",
  pool: { acquireTimeout: "50 millis" },
  session: { turnTimeout: "50 millis" }
})

describe("the advice of a failure", () => {
  it.live("does not ask for more connections where the database has one", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const deadlock = yield* Effect.flip(Session.transaction(Effect.zipRight(
        sql`select 1`,
        Session.transaction(sql`select 2`, { nested: "new" })
      )))
      expect(deadlock._tag).toBe("PoolDeadlock")
      expect(deadlock.message).not.toContain("maxOverflow")
      const timeout = yield* Effect.flip(Stream.runForEach(sql`select 1`.stream, () => sql`select 2`))
      expect(timeout.message).toContain("a stream that waits for something else")
      expect(timeout.message).not.toContain("maxOverflow")
    }).pipe(Effect.provide(engine)))

  it.live("names the inner session that a statement of the outer one waited for", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const failure = yield* Effect.flip(Session.transaction(Effect.scoped(Effect.zipRight(
        Session.open(),
        sql`select 1`
      ))))
      expect(failure._tag).toBe("ConcurrentUse")
      expect(failure.message).toMatch(/^A session inside of Session session#1 .* stayed open for 50 ms/)
    }).pipe(Effect.provide(engine)))
})
