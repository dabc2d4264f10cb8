/**
 * A hook ran in the uninterruptible end of its session: a limit of its own never passed, and nothing could stop it.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { Session } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"

const engine = SqliteEngine.layer({ filename: ":memory:" })

describe("hooks", () => {
  it.live("a limit that a hook sets itself passes, after a commit and after a rollback", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const ran: Array<string> = []
      const hanging = (name: string) =>
        Effect.never.pipe(Effect.timeout("1 millis"), Effect.ignore, Effect.zipRight(Effect.sync(() => ran.push(name))))
      yield* Session.transaction(Effect.zipRight(sql`select 1`, Session.afterCommit(hanging("committed"))))
      yield* Effect.ignore(Session.transaction(
        sql`select 1`.pipe(
          Effect.zipRight(Session.afterRollback(hanging("rolled back"))),
          Effect.zipRight(Effect.fail("no"))
        )
      ))
      expect(ran).toEqual(["committed", "rolled back"])
    }).pipe(Effect.provide(engine)), 5_000)

  it.live("hooks of a session that was interrupted run to their end", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const ran: Array<number> = []
      const inside = yield* Deferred.make<void>()
      const hook = (n: number) => Effect.zipRight(Effect.yieldNow(), Effect.sync(() => ran.push(n)))
      const fiber = yield* Effect.fork(Session.transaction(Effect.gen(function*() {
        yield* sql`select 1`
        yield* Session.afterRollback(hook(1))
        yield* Session.afterRollback(hook(2))
        yield* Deferred.succeed(inside, undefined)
        return yield* Effect.never
      })))
      yield* Deferred.await(inside)
      yield* Fiber.interrupt(fiber)
      expect(ran).toEqual([1, 2])
    }).pipe(Effect.provide(engine)))

  it.live("an interruption from outside waits for a hook that runs", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const ran: Array<string> = []
      const started = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const hook = Deferred.succeed(started, undefined).pipe(
        Effect.zipRight(Deferred.await(go)),
        Effect.zipRight(Effect.sync(() => ran.push("first")))
      )
      const fiber = yield* Effect.fork(Session.transaction(Effect.gen(function*() {
        yield* sql`select 1`
        yield* Session.afterCommit(hook)
        yield* Session.afterCommit(Effect.sync(() => ran.push("second")))
      })))
      yield* Deferred.await(started)
      const interrupted = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* Effect.yieldNow()
      yield* Deferred.succeed(go, undefined)
      yield* Fiber.join(interrupted)
      expect(ran).toEqual(["first", "second"])
    }).pipe(Effect.provide(engine)))

  it.live("a fiber that a hook forks outlives the hook", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const go = yield* Deferred.make<void>()
      const done = yield* Deferred.make<string>()
      const work = Effect.zipRight(Deferred.await(go), Deferred.succeed(done, "done"))
      yield* Session.transaction(Effect.zipRight(sql`select 1`, Session.afterCommit(Effect.fork(work))))
      yield* Deferred.succeed(go, undefined)
      expect(yield* Deferred.await(done)).toBe("done")
    }).pipe(Effect.provide(engine)), 5_000)
})
