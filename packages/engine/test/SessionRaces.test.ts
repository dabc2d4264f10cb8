/**
 * What the random proofs of sessions found, and what two fibers can do to one session at the worst moment: each told as
 * the smallest program that shows it.
 */
import { SqlClient } from "@effect/sql"
import { expect, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Either, Exit, Fiber, FiberId, Option, Scope, Stream, TestClock } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { Outcome, VirtualClock } from "effect-sql-engine-testing"
import { bench, layerOf, withBench } from "./support/scripted.js"

const insert = (key: number) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into t values (${key})`)
const texts = (server: { readonly wire: ReadonlyArray<{ readonly sql: string | undefined }> }) =>
  server.wire.flatMap((entry) => entry.sql === undefined ? [] : [entry.sql])

it.effect("a savepoint that gets its turn while the session ends sends nothing after it", () =>
  VirtualClock.run(Effect.scoped(withBench(({ engine, server }) =>
    Effect.gen(function*() {
      let closed = 0
      for (let ops = 10; ops < 50; ops++) {
        server.next("statement", Outcome.ok, Outcome.slow("1 second"))
        const late = yield* Session.transaction(Effect.gen(function*() {
          yield* insert(1)
          const answered = yield* Deferred.make<void>()
          yield* Effect.forkDaemon(Effect.zipRight(insert(2), Deferred.succeed(answered, void 0)))
          yield* Effect.yieldNow()
          const late = yield* Effect.forkDaemon(
            Effect.either(Session.transaction(insert(ops))).pipe(Effect.withMaxOpsBeforeYield(ops))
          )
          // The answer gives the turn to that one, and ends this one.
          yield* Deferred.await(answered)
          return late
        }))
        const ended = server.wire.length
        const exit = yield* Effect.flatten(Fiber.await(late))
        // It comes before the end where it does not yield on its way, and is a part of the session then.
        if (Either.isLeft(exit)) expect((closed++, exit.left._tag)).toBe("SessionClosed")
        expect(server.rows("t").includes(ops)).toBe(Either.isRight(exit))
        expect(server.wire.length).toBe(ended)
        expect((yield* engine.stats).pool.inUse).toBe(0)
      }
      expect(closed).toBeGreaterThan(3)
    })
  ))))

it.effect("a fiber that yields between asking for the turn and waiting for it is not forgotten", () =>
  VirtualClock.run(Effect.scoped(withBench(({ server }) =>
    Effect.gen(function*() {
      for (let ops = 10; ops < 60; ops++) {
        for (let idle = 0; idle < 15; idle++) {
          const late = Effect.zipRight(Effect.forEach(Array.from({ length: idle }), () => Effect.void), insert(2))
          yield* Session.transaction(
            Effect.all([insert(1), late], { concurrency: 2, discard: true })
          ).pipe(Effect.withMaxOpsBeforeYield(ops))
        }
      }
      expect(server.rows("t").length).toBe(50 * 15 * 2)
    })
  ))))

it.effect("a statement that still waits for a connection when its session ends is never sent", () =>
  VirtualClock.run(Effect.scoped(withBench(
    ({ engine, server }) =>
      Effect.gen(function*() {
        const holder = yield* Effect.fork(Session.transaction(Effect.zipRight(insert(1), Effect.sleep("20 seconds"))))
        yield* Effect.sleep("1 second")
        const exit = yield* Effect.exit(Session.transaction(
          Effect.zipRight(Effect.forkDaemon(insert(2)), Effect.zipRight(Effect.sleep("1 second"), Effect.fail("no")))
        ))
        expect(exit).toEqual(Exit.fail("no"))
        yield* Fiber.join(holder)
        yield* Effect.sleep("1 minute")
        expect(server.rows("t")).toEqual([1])
        expect(texts(server).filter((text) => text.startsWith("insert")).length).toBe(1)
        expect((yield* engine.stats).pool.inUse).toBe(0)
      }),
    {},
    { pool: { size: 1, maxOverflow: 0 } }
  ))))

it.effect("a statement that is interrupted before it is sent sets no savepoint", () =>
  VirtualClock.run(Effect.scoped(withBench(({ server }) =>
    Effect.gen(function*() {
      server.next("statement", Outcome.ok, Outcome.slow("3 seconds"))
      yield* Session.transaction(Effect.gen(function*() {
        yield* insert(1)
        expect(Option.isNone(yield* Effect.timeoutOption(insert(2), "1 second"))).toBe(true)
        // The server is busy with the second one for two more seconds; the third is given up before it can be sent.
        expect(Option.isNone(yield* Effect.timeoutOption(Session.transaction(insert(3)), "1 second"))).toBe(true)
        yield* insert(4)
      }))
      expect(server.rows("t")).toEqual([1, 4])
      expect(texts(server)).toEqual([
        "BEGIN",
        "insert into t values (?)",
        "insert into t values (?)",
        "insert into t values (?)",
        "COMMIT"
      ])
    }), { onFailure: "continue" }))))

it.scoped("a hook may use its engine, and those around it, wherever it was registered", () =>
  Effect.gen(function*() {
    class Other extends Engine.Tag<Other>()("test/Other") {}
    const main = yield* bench()
    const other = yield* bench()
    const write = (key: number) =>
      Effect.orDie(Effect.zipRight(insert(key), Effect.flatMap(Other.sql, (sql) => sql`insert into t values (${key})`)))
    yield* Effect.gen(function*() {
      yield* Session.transaction(Other.transaction(Session.afterCommit(write(1))))
      yield* Session.transaction(Other.transaction(Session.transaction(Session.afterCommit(write(2)))))
      yield* Other.transaction(Session.transaction(Session.afterCommit(write(3))))
      yield* Effect.ignore(Other.transaction(Effect.zipRight(
        Session.transaction(Session.afterCommit(write(4))),
        Effect.fail("no")
      )))
    }).pipe(Effect.provide(layerOf(main)), Effect.provideService(Other, other.engine))
    expect(main.server.rows("t")).toEqual([1, 2, 3, 4])
    expect(other.server.rows("t")).toEqual([1, 2, 3])
  }))

it.scoped("a savepoint whose session ends over it counts as rolled back", () =>
  withBench(({ server }) =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const open = yield* Deferred.make<void>()
      yield* Session.transaction(Effect.gen(function*() {
        yield* insert(1)
        yield* Effect.forkDaemon(Session.transaction(Effect.gen(function*() {
          yield* insert(2)
          yield* Session.afterRollback(Effect.sync(() => seen.push("rolled back")))
          yield* Session.afterCommit(Effect.sync(() => seen.push("committed")))
          yield* Deferred.succeed(open, void 0)
          return yield* Effect.never
        })))
        yield* Deferred.await(open)
      }))
      expect(server.rows("t")).toEqual([1])
      expect(seen).toEqual(["rolled back"])
    })
  ))

it.scoped("a savepoint that ends well over a cut-off statement is TransactionAborted with that statement", () =>
  withBench(({ server }) =>
    Effect.gen(function*() {
      server.next("statement", Outcome.ok, Outcome.slow("3 seconds"))
      const session = yield* Effect.fork(Session.transaction(Effect.gen(function*() {
        yield* insert(1)
        return yield* Effect.flip(Session.transaction(Effect.timeoutOption(insert(2), "1 second")))
      })))
      yield* TestClock.adjust("20 seconds")
      expect(yield* Fiber.join(session)).toMatchObject({
        _tag: "TransactionAborted",
        first: { _tag: "QueryCancelled" }
      })
      expect(server.rows("t")).toEqual([1])
    })
  ))

it.scoped("a fiber of a session that is joined after its end leaves nothing of the session behind", () =>
  withBench(({ server }) =>
    Effect.gen(function*() {
      const stray = yield* Session.transaction(Effect.zipRight(insert(1), Effect.forkDaemon(Effect.yieldNow())))
      yield* Fiber.join(stray)
      yield* insert(2)
      const scoped = yield* Session.transaction(Effect.forkScoped(Session.transaction(insert(3))))
      yield* Effect.ignore(Fiber.join(scoped))
      yield* insert(4)
      expect(server.rows("t")).toEqual(expect.arrayContaining([1, 2, 4]))
    })
  ))

it.scoped("a turn limit of zero refuses whoever finds the session busy", () =>
  withBench(
    ({ server }) =>
      Effect.gen(function*() {
        server.next("statement", Outcome.ok, Outcome.slow("1 second"))
        const session = yield* Effect.fork(Session.transaction(Effect.gen(function*() {
          yield* insert(1)
          return yield* Effect.all([Effect.exit(insert(2)), Effect.exit(insert(3))], { concurrency: 2 })
        })))
        yield* TestClock.adjust("1 second")
        const exits = yield* Fiber.join(session)
        expect(exits[1]).toMatchObject({ cause: { error: { cause: { _tag: "ConcurrentUse" } } } })
      }),
    { onFailure: "continue" },
    { session: { turnTimeout: 0 } }
  ))

it.scoped("a handle or a reserved connection used inside a savepoint of its session works inside that savepoint", () =>
  withBench(({ server }) =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* Effect.scoped(Effect.gen(function*() {
        const session = yield* Session.open()
        yield* session.run(Effect.scoped(Effect.gen(function*() {
          const connection = yield* sql.reserve
          yield* insert(1)
          yield* Session.transaction(
            Effect.zipRight(session.run(insert(2)), connection.execute("insert t 3", [], undefined))
          )
          yield* Effect.ignore(Session.transaction(Effect.zipRight(session.run(insert(4)), Effect.fail("no"))))
        })))
        yield* session.commit
      }))
      expect(server.rows("t")).toEqual([1, 2, 3])
    })
  ))

it.effect("a turn that is granted to a fiber at the moment of its interruption goes to the next one", () =>
  VirtualClock.run(Effect.scoped(withBench(({ server }) =>
    Effect.gen(function*() {
      server.next("statement", Outcome.ok, Outcome.slow("1 second"))
      let second: Fiber.RuntimeFiber<unknown, unknown> | undefined
      yield* Session.transaction(Effect.gen(function*() {
        yield* insert(1)
        // The answer passes the turn on; before the next fiber has run a step with it, it is interrupted.
        const first = yield* Effect.fork(
          Effect.zipRight(insert(2), Effect.sync(() => second?.unsafeInterruptAsFork(FiberId.none)))
        )
        yield* Effect.yieldNow()
        second = yield* Effect.fork(insert(3))
        yield* Effect.yieldNow()
        const third = yield* Effect.fork(insert(4))
        yield* Fiber.join(Fiber.zip(first, third))
        expect(Exit.isInterrupted(yield* Fiber.await(second))).toBe(true)
      }))
      expect(server.rows("t")).toEqual([1, 2, 4])
    })
  ))))

it.effect("a stream of a session can be read, and let go of, inside of a savepoint", () =>
  VirtualClock.run(Effect.scoped(withBench(({ engine, server }) =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const before = yield* Clock.currentTimeMillis
      yield* Session.transaction(Effect.gen(function*() {
        for (const key of [1, 2, 3, 4]) yield* insert(key)
        const begun = yield* Scope.make()
        const unbegun = yield* Scope.make()
        const rows = Stream.rechunk(sql<{ k: number }>`select k from t`.stream, 1)
        const first = yield* Scope.extend(Stream.toPull(rows), begun)
        const second = yield* Scope.extend(Stream.toPull(rows), unbegun)
        expect([...yield* first]).toEqual([{ k: 1 }])
        yield* Session.transaction(Effect.gen(function*() {
          expect([...yield* first]).toEqual([{ k: 2 }])
          expect([...yield* first]).toEqual([{ k: 3 }])
          expect([...yield* second]).toEqual([{ k: 1 }])
          yield* insert(5)
          yield* Scope.close(begun, Exit.void)
        }))
        // It was begun inside of the savepoint, and has ended with it.
        expect([...yield* second]).toEqual([{ k: 2 }])
        expect(yield* Effect.exit(second)).toMatchObject({
          cause: { error: { value: { cause: { _tag: "SessionClosed" } } } }
        })
        yield* Scope.close(unbegun, Exit.void)
        yield* insert(6)
      }))
      // Nobody waited for a turn that could not come.
      expect((yield* Clock.currentTimeMillis) - before).toBe(0)
      expect(server.rows("t")).toEqual([1, 2, 3, 4, 5, 6])
      expect((yield* engine.stats).pool).toMatchObject({ idle: 1, inUse: 0 })
    })
  ))))

it.effect("a commit that waits for a stray's statement can be interrupted, and keeps nothing", () =>
  VirtualClock.run(Effect.scoped(withBench(({ engine, server }) =>
    Effect.gen(function*() {
      server.next("statement", Outcome.ok, Outcome.hang)
      const session = yield* Effect.fork(Session.transaction(Effect.gen(function*() {
        yield* insert(1)
        yield* Effect.forkDaemon(Effect.exit(insert(2)))
        yield* Effect.yieldNow()
      })))
      yield* Effect.sleep("1 second")
      const before = yield* Clock.currentTimeMillis
      expect(Exit.isInterrupted(yield* Fiber.interrupt(session))).toBe(true)
      // The stray's statement is given the time of a release to end.
      expect((yield* Clock.currentTimeMillis) - before).toBe(5_000)
      expect(server.rows("t")).toEqual([])
      expect((yield* engine.stats).pool.inUse).toBe(0)
    })
  ))))
