/**
 * Sessions by a key, on the scripted driver: who shares one, how it ends, and that nothing of it is left.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Clock, Context, Data, Deferred, Effect, Exit, Fiber, FiberRef, Scope } from "effect"
import { Session } from "effect-sql-engine"
import { Outcome, VirtualClock } from "effect-sql-engine-testing"
import { bench, layerOf, withBench } from "./support/scripted.js"

class RequestId extends Context.Tag("test/RequestId")<RequestId, string>() {}

const insert = (key: number) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into t values (${key})`)
const name = Effect.map(Session.info, ({ session }) => session)
const named = (id: string) => Effect.provideService(RequestId, id)

/** Until a session has been opened and its owner's effect is over. */
const freed = (sessions: { readonly keys: Effect.Effect<ReadonlyArray<unknown>> }) =>
  Effect.gen(function*() {
    while ((yield* sessions.keys).length === 0) yield* Effect.yieldNow()
    while ((yield* sessions.keys).length > 0) yield* Effect.yieldNow()
  })

describe("the same key", () => {
  it.scoped("shares one session in fibers that are not each other's children, and commits once", () =>
    withBench(({ engine, server }) =>
      Effect.gen(function*() {
        const sessions = yield* Session.keyed(RequestId)
        const [asked, done] = [yield* Deferred.make<void>(), yield* Deferred.make<string, unknown>()]
        // Was there before the session, and knows only the key.
        const other = yield* Effect.fork(
          Effect.zipRight(
            Deferred.await(asked),
            Effect.intoDeferred(sessions.transaction(Effect.zipRight(insert(2), name)), done)
          ).pipe(named("a"))
        )
        const own = yield* sessions.transaction(Effect.gen(function*() {
          yield* insert(1)
          yield* Deferred.succeed(asked, undefined)
          expect(yield* Deferred.await(done)).toBe(yield* name)
          expect(yield* sessions.transaction(name)).toBe(yield* name)
          expect(yield* sessions.keys).toEqual(["a"])
          return yield* name
        })).pipe(named("a"))
        yield* Fiber.join(other)
        expect(own).toBe("session#1")
        expect(server.rows("t")).toEqual([1, 2])
        expect((yield* engine.stats).sessions).toMatchObject({ opened: 1, committed: 1 })
        expect(yield* sessions.keys).toEqual([])
      })
    ))

  it.scoped("is the same by value, and has a new session once its owner is done", () =>
    withBench(() =>
      Effect.gen(function*() {
        const tenant = yield* FiberRef.make(Data.struct({ id: 1 }))
        const sessions = yield* Session.keyed(FiberRef.get(tenant), { name: "tenant" })
        const first = yield* sessions.transaction(
          Effect.zip(name, Effect.locally(sessions.transaction(name), tenant, Data.struct({ id: 1 })))
        )
        expect(first).toEqual(["tenant#1", "tenant#1"])
        expect(yield* sessions.transaction(name)).toBe("tenant#2")
      })
    ))

  it.scoped("works inside of the savepoint its fiber stands in", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        const sessions = yield* Session.keyed(RequestId)
        yield* sessions.transaction(Effect.gen(function*() {
          yield* insert(1)
          const failed = Session.transaction(Effect.zipRight(sessions.transaction(insert(2)), Effect.fail("no")))
          yield* Effect.ignore(failed)
        }))
        expect(server.rows("t")).toEqual([1])
      }).pipe(named("a"))
    ))
})

describe("another key", () => {
  it.scoped("has another session; 100 siblings have 100", () =>
    withBench(({ engine, server }) =>
      Effect.gen(function*() {
        const sessions = yield* Session.keyed(RequestId)
        const names = yield* Effect.forEach(
          Array.from({ length: 100 }, (_, k) => k),
          (k) => sessions.transaction(Effect.zipRight(insert(k), name)).pipe(named(`r${k}`)),
          { concurrency: "unbounded" }
        )
        expect(new Set(names).size).toBe(100)
        expect(server.rows("t").length).toBe(100)
        expect((yield* engine.stats).sessions).toMatchObject({ opened: 100, committed: 100 })
      })
    ))

  it.scoped("10,000 keys, one in three failing, leave no entry", () =>
    withBench(({ engine }) =>
      Effect.gen(function*() {
        const sessions = yield* Session.keyed(RequestId)
        let most = 0
        yield* Effect.forEach(
          Array.from({ length: 10_000 }, (_, k) => k),
          (k) =>
            sessions.transaction(Effect.gen(function*() {
              most = Math.max(most, (yield* sessions.keys).length)
              yield* Effect.yieldNow()
              if (k % 3 === 0) return yield* Effect.fail("no")
              if (k % 100 === 0) yield* insert(k)
            })).pipe(Effect.ignore, named(`r${k}`)),
          { concurrency: 50, discard: true }
        )
        expect(most).toBeGreaterThan(10)
        expect(yield* sessions.keys).toEqual([])
        expect((yield* engine.stats).sessions).toMatchObject({ opened: 10_000, open: 0 })
      })
    ))
})

describe("the end of a shared session", () => {
  it.scoped("a failure of whoever takes part makes its owner roll back", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        const sessions = yield* Session.keyed(RequestId)
        const failure = yield* Effect.flip(sessions.transaction(Effect.gen(function*() {
          yield* insert(1)
          expect(yield* Effect.flip(sessions.transaction(Effect.fail("mine" as const)))).toBe("mine")
        })))
        expect(failure).toMatchObject({ _tag: "TransactionAborted" })
        expect(server.rows("t")).toEqual([])
      }).pipe(named("a"))
    ))

  it.scoped("a failure of its owner ends it under whoever takes part, who gets SessionClosed", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        const sessions = yield* Session.keyed(RequestId)
        const [inside, over] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const part = (after: Effect.Effect<unknown, unknown, SqlClient.SqlClient>) =>
          Effect.fork(Effect.flip(sessions.transaction(
            insert(2).pipe(
              Effect.zipRight(Deferred.succeed(inside, undefined)),
              Effect.zipRight(Deferred.await(over)),
              Effect.zipRight(after)
            )
          )))
        const opened = yield* Deferred.make<void>()
        const owner = yield* Effect.fork(Effect.exit(sessions.transaction(
          Deferred.succeed(opened, undefined).pipe(
            Effect.zipRight(Deferred.await(inside)),
            Effect.zipRight(Effect.fail("no"))
          )
        )))
        yield* Deferred.await(opened)
        const [writes, returns] = [yield* part(insert(3)), yield* part(Effect.void)]
        expect(yield* Fiber.join(owner)).toEqual(Exit.fail("no"))
        yield* Deferred.succeed(over, undefined)
        // Also who has nothing more to do: what it did is gone.
        expect(yield* Fiber.join(writes)).toMatchObject({ _tag: "SessionClosed", closedBy: "rollback" })
        expect(yield* Fiber.join(returns)).toMatchObject({ _tag: "SessionClosed", closedBy: "rollback" })
        expect(server.rows("t")).toEqual([])
      }).pipe(named("a"))
    ))

  it.scoped("its owner waits for whoever takes part, and meanwhile the key has a new session", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        const sessions = yield* Session.keyed(RequestId)
        const [inside, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const late = Effect.all([insert(2), Deferred.succeed(inside, undefined), Deferred.await(go), insert(3)])
        const owner = yield* Effect.fork(sessions.transaction(Effect.gen(function*() {
          yield* insert(1)
          yield* Effect.forkDaemon(sessions.transaction(late))
          yield* Deferred.await(inside)
        })))
        yield* freed(sessions)
        expect(yield* sessions.transaction(Effect.zipRight(insert(9), name))).toBe("session#2")
        expect(server.rows("t")).toEqual([9])
        yield* Deferred.succeed(go, undefined)
        yield* Fiber.join(owner)
        expect(server.rows("t")).toEqual([9, 1, 2, 3])
      }).pipe(named("a"))
    ))

  it.effect("its owner waits no longer than turnTimeout: then it is ConcurrentUse, and rolled back", () =>
    VirtualClock.run(Effect.scoped(withBench(
      ({ server }) =>
        Effect.gen(function*() {
          const sessions = yield* Session.keyed(RequestId)
          const inside = yield* Deferred.make<void>()
          const stays = Effect.all([insert(2), Deferred.succeed(inside, undefined), Effect.never])
          const began = yield* Clock.currentTimeMillis
          const failure = yield* Effect.flip(sessions.transaction(Effect.gen(function*() {
            yield* insert(1)
            yield* Effect.forkScoped(sessions.transaction(stays))
            yield* Deferred.await(inside)
          })))
          expect(failure).toMatchObject({ _tag: "ConcurrentUse" })
          expect((yield* Clock.currentTimeMillis) - began).toBe(7_000)
          expect(server.rows("t")).toEqual([])
        }).pipe(named("a")),
      {},
      { session: { turnTimeout: "7 seconds" } }
    ))))

  it.scoped("an owner that is interrupted while it waits rolls back", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        const sessions = yield* Session.keyed(RequestId)
        const inside = yield* Deferred.make<void>()
        const stays = Effect.all([insert(2), Deferred.succeed(inside, undefined), Effect.never])
        const owner = yield* Effect.fork(sessions.transaction(Effect.gen(function*() {
          yield* Effect.forkDaemon(sessions.transaction(stays))
          yield* Deferred.await(inside)
        })))
        yield* freed(sessions)
        yield* Fiber.interrupt(owner)
        expect(server.rows("t")).toEqual([])
      }).pipe(named("a"))
    ))

  it.scoped("a COMMIT that fails is its owner's failure, and the key is free", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        const sessions = yield* Session.keyed(RequestId)
        server.next("commit", Outcome.fail("23503"))
        expect(yield* Effect.flip(sessions.transaction(insert(1)))).toMatchObject({ _tag: "ForeignKeyViolation" })
        yield* sessions.transaction(insert(2))
        expect(server.rows("t")).toEqual([2])
      }).pipe(named("a")), { onFailure: "continue" }))
})

describe("closing", () => {
  it.effect("ends the session of every fiber, twice is safe, and nothing more is sent", () =>
    Effect.scoped(Effect.gen(function*() {
      const made = yield* bench()
      const scope = yield* Scope.make()
      const sessions = yield* Scope.extend(Session.keyed(RequestId), scope).pipe(Effect.provide(layerOf(made)))
      const go = yield* Deferred.make<void>()
      const inside = yield* Effect.forEach(Array.from({ length: 10 }), () => Deferred.make<void>())
      const fibers = yield* Effect.forEach(inside, (inside, k) =>
        Effect.fork(Effect.exit(
          sessions.transaction(Effect.all([
            insert(k),
            Deferred.succeed(inside, undefined),
            Deferred.await(go),
            // Half of them go on, the others only return.
            k % 2 === 0 ? insert(k + 100) : Effect.void
          ])).pipe(named(`r${k}`), Effect.provide(layerOf(made)))
        )))
      yield* Effect.forEach(inside, Deferred.await)
      yield* sessions.close
      yield* Scope.close(scope, Exit.void)
      yield* sessions.close
      expect(yield* made.engine.stats).toMatchObject({ pool: { inUse: 0 }, sessions: { open: 0, rolledBack: 10 } })
      expect(yield* sessions.keys).toEqual([])
      const sent = made.server.wire.length
      yield* Deferred.succeed(go, undefined)
      for (const fiber of fibers) {
        expect(yield* Effect.flip(Effect.flatten(Fiber.join(fiber)))).toMatchObject({ _tag: "SessionClosed" })
      }
      const late = yield* Effect.flip(sessions.transaction(Effect.void).pipe(named("late")))
      expect(late).toMatchObject({ _tag: "SessionClosed", closedBy: "scope" })
      expect(made.server.wire.length).toBe(sent)
      expect(made.server.rows("t")).toEqual([])
    })))

  it.scoped("with no session there is safe", () =>
    withBench(() =>
      Effect.gen(function*() {
        const sessions = yield* Session.keyed(RequestId)
        yield* sessions.close
        yield* sessions.close
      })
    ))
})
