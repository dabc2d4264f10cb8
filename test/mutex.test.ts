/**
 * One holder at a time, on a real server and on a real file.
 */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Clock, Deferred, Duration, Effect, Either, Exit, Fiber, Option } from "effect"
import { Engine, Mutex } from "effect-sql-engine"
import type { SqlFailure } from "effect-sql-engine"
import { VirtualClock } from "effect-sql-engine-testing"
import { places } from "./support/places.js"
import type { Place } from "./support/places.js"

/** With the default engine being this one. */
const on = (engine: Engine.EngineService) => Effect.provideService(Engine.Engine, engine)

const free = (place: Place) =>
  place.kind === "postgres"
    ? Effect.map(
      place.admin(
        "select 1 from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())"
      ),
      (rows) => rows.length === 0
    )
    : Effect.map(place.admin("select 1 from effect_sql_engine_mutex"), (rows) => rows.length === 0)

/** Runs until it succeeds with `true`. */
const eventually = (check: Effect.Effect<boolean>) =>
  Effect.repeat(Effect.zipLeft(check, Effect.sleep("10 millis")), { until: (held) => held }).pipe(
    Effect.timeoutFail({ duration: "20 seconds", onTimeout: () => new Error("it never became so") })
  )

describe.each(places)("a mutex on %s", (_, open) => {
  it.scopedLive("has one holder at a time, and everybody gets it", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engines = yield* Effect.all(Array.from({ length: 3 }, () => place.engine()))
      let inside = 0
      let most = 0
      let done = 0
      const work = Effect.gen(function*() {
        most = Math.max(most, ++inside)
        yield* Effect.sleep("5 millis")
        inside--
        done++
      })
      yield* Effect.forEach(
        Array.from({ length: 15 }, (_, i) => engines[i % 3]!),
        (engine) => on(engine)(Mutex.withLock("one", { poll: "10 millis" })(work)),
        { concurrency: "unbounded" }
      )
      expect({ most, done }).toEqual({ most: 1, done: 15 })
      expect(yield* free(place)).toBe(true)
    }))

  it.scopedLive("is given back after success, failure, defect and interruption, which it leaves as they are", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const ends = [Effect.succeed(1), Effect.fail("refused"), Effect.die("broken"), Effect.interrupt]
      for (const end of ends) {
        const exit = yield* Effect.exit(on(engine)(Mutex.withLock("ends")(end)))
        expect(Exit.mapErrorCause(exit, Cause.stripFailures) && exit).toMatchObject({ _tag: exit._tag })
        const plain = yield* Effect.exit(end)
        if (Exit.isFailure(plain) && Exit.isFailure(exit)) {
          expect(Cause.squash(exit.cause)).toEqual(Cause.squash(plain.cause))
          expect(Cause.isInterrupted(exit.cause)).toBe(Cause.isInterrupted(plain.cause))
        } else expect(exit).toEqual(plain)
        expect(yield* free(place)).toBe(true)
      }
    }))

  it.scopedLive("that is not free within the limit is a MutexTimeout with the numbers and the holder", () =>
    Effect.gen(function*() {
      const place = yield* open
      const [first, second] = yield* Effect.all([place.engine({ name: "first" }), place.engine()])
      const held = yield* Deferred.make<void>()
      yield* Effect.fork(
        on(first)(Mutex.withLock("busy")(Effect.zipRight(Deferred.succeed(held, void 0), Effect.never)))
      )
      yield* Deferred.await(held)
      let ran = false
      const body = Effect.sync(() => (ran = true))
      const failure = yield* Effect.flip(on(second)(Mutex.withLock("busy", { limit: "300 millis" })(body)))
      expect(failure).toMatchObject({
        _tag: "MutexTimeout",
        mutex: "busy",
        limitMillis: 300,
        retryable: true,
        sent: "no"
      })
      expect((failure as SqlFailure.MutexTimeout).waitedMillis).toBeGreaterThanOrEqual(300)
      expect((failure as SqlFailure.MutexTimeout).waitedMillis).toBeLessThan(2_000)
      const who = yield* on(second)(Mutex.holder("busy"))
      expect(Option.getOrNull(who)).toBe((failure as SqlFailure.MutexTimeout).holder)
      expect(ran).toBe(false)

      const once = yield* Effect.timed(Effect.flip(on(second)(Mutex.withLock("busy", { limit: 0 })(body))))
      expect(once[1]).toMatchObject({ _tag: "MutexTimeout", limitMillis: 0 })
      expect(Duration.toMillis(once[0])).toBeLessThan(1_000)
      // Another lock is another lock.
      expect(yield* on(second)(Mutex.withLock("idle", { limit: 0 })(Effect.succeed("mine")))).toBe("mine")
    }))

  it.scopedLive("whose wait is interrupted is not taken", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const held = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const holder = yield* Effect.fork(
        on(engine)(Mutex.withLock("wait")(Effect.zipRight(Deferred.succeed(held, void 0), Deferred.await(go))))
      )
      yield* Deferred.await(held)
      const waiter = yield* Effect.fork(on(engine)(Mutex.withLock("wait", { poll: "5 millis" })(Effect.void)))
      yield* Effect.sleep("50 millis")
      yield* Fiber.interrupt(waiter)
      yield* Deferred.succeed(go, void 0)
      yield* Fiber.join(holder)
      expect(yield* free(place)).toBe(true)
    }))

  it.scopedLive("that is taken away interrupts the body, and is a MutexLost", () =>
    Effect.gen(function*() {
      const place = yield* open
      const [engine, other] = yield* Effect.all([place.engine(), place.engine()])
      const held = yield* Deferred.make<void>()
      let interrupted = false
      const body = Deferred.succeed(held, void 0).pipe(
        Effect.zipRight(Effect.never),
        Effect.onInterrupt(() => Effect.sync(() => (interrupted = true)))
      )
      const holder = yield* Effect.fork(on(engine)(Mutex.withLock("stolen", { expiry: "300 millis" })(body)))
      yield* Deferred.await(held)
      expect(yield* on(other)(Mutex.evict("stolen"))).toBe(true)
      const [took, failure] = yield* Effect.timed(Effect.flip(Fiber.join(holder)))
      expect(failure).toMatchObject({ _tag: "MutexLost", mutex: "stolen", finished: false })
      expect(interrupted).toBe(true)
      expect(Duration.toMillis(took)).toBeLessThan(2_000)
      expect(yield* on(other)(Mutex.evict("stolen"))).toBe(false)
      expect(yield* on(other)(Mutex.withLock("stolen", { limit: 0 })(Effect.succeed(1)))).toBe(1)
    }))

  it.scopedLive("that was lost unseen while the body succeeded is a MutexLost that says it had finished", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      // Beside the connection that has it, where nothing is noticed: the server's own hand, the row.
      const steal = place.kind === "sqlite"
        ? Effect.zipRight(place.admin("update effect_sql_engine_mutex set owner = 'thief'"), Effect.succeed("done"))
        : Effect.succeed("done")
      const exit = yield* Effect.either(on(engine)(Mutex.withLock("late", { expiry: "1 hour" })(steal)))
      if (place.kind === "sqlite") {
        expect(Either.getLeft(exit)).toMatchObject({ value: { _tag: "MutexLost", finished: true } })
        // Only the owner releases.
        expect(yield* place.admin("select owner from effect_sql_engine_mutex")).toEqual([{ owner: "thief" }])
      } else expect(exit).toEqual(Either.right("done"))
    }))

  it.scopedLive("is had already by whoever holds it, and not by a fiber that outlives the holder", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const go = yield* Deferred.make<void>()
      const inner = Mutex.withLock("again", { limit: 0 })(Effect.succeed("inner"))
      const late = Effect.zipRight(Deferred.await(go), inner)
      const outer = Mutex.withLock("again")(
        Effect.zip(inner, Effect.forkDaemon(late))
      )
      const [first, daemon] = yield* on(engine)(outer)
      expect(first).toBe("inner")
      // Somebody else has it now; what was forked under the lock must ask like everybody.
      const held = yield* Deferred.make<void>()
      yield* Effect.fork(
        on(engine)(Mutex.withLock("again")(Effect.zipRight(Deferred.succeed(held, void 0), Effect.never)))
      )
      yield* Deferred.await(held)
      yield* Deferred.succeed(go, void 0)
      expect(yield* Effect.flip(Fiber.join(daemon))).toMatchObject({ _tag: "MutexTimeout" })
    }))

  it.scopedLive("needs no connection of the pool, and its body may use all of them", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine({ pool: { size: 1, maxOverflow: 0 } })
      const work = Effect.flatMap(Engine.Engine, (engine) => engine.transaction(engine.sql`select 1 as one`))
      expect(yield* on(engine)(Mutex.withLock("small")(work))).toEqual([{ one: 1 }])
    }))
})

describe("a mutex on PostgreSQL", () => {
  const [, open] = places[0]!

  it.scopedLive("is waited for without a snapshot, a transaction, or a lock that is waited for", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const held = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      yield* Effect.fork(
        on(engine)(Mutex.withLock("quiet")(Effect.zipRight(Deferred.succeed(held, void 0), Deferred.await(go))))
      )
      yield* Deferred.await(held)
      const waiters = yield* Effect.forEach(
        Array.from({ length: 5 }),
        () => Effect.fork(on(engine)(Mutex.withLock("quiet", { poll: "20 millis" })(Effect.void)))
      )
      for (let look = 0; look < 10; look++) {
        yield* Effect.sleep("10 millis")
        const waiting = yield* place.admin(
          "select 1 from pg_locks where locktype = 'advisory' and not granted " +
            "union all select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() " +
            "and state like 'idle in%'"
        )
        expect(waiting).toEqual([])
      }
      yield* Deferred.succeed(go, void 0)
      yield* Effect.forEach(waiters, Fiber.join)
    }))

  it.scopedLive("is another one in another database", () =>
    Effect.gen(function*() {
      const [here, there] = yield* Effect.all([open, open])
      const [mine, other] = yield* Effect.all([here.engine(), there.engine()])
      const nested = Mutex.withLock("shared", { limit: 0 })(Effect.succeed("both"))
      expect(yield* on(mine)(Mutex.withLock("shared")(on(other)(nested)))).toBe("both")
    }))
})

describe("a mutex on SQLite", () => {
  const [, open] = places[1]!

  it.scopedLive("is not taken from a holder whose long transaction keeps it from showing signs of life", () =>
    Effect.gen(function*() {
      const place = yield* open
      const [engine, other] = yield* Effect.all([place.engine(), place.engine()])
      const held = yield* Deferred.make<void>()
      const long = engine.transaction(
        Effect.zipRight(
          engine.sql`create table t (k integer)`,
          Effect.zipRight(Deferred.succeed(held, void 0), Effect.sleep("1500 millis"))
        )
      )
      let inside = 0
      let most = 0
      const counted = <A, E, R>(body: Effect.Effect<A, E, R>) =>
        Effect.acquireUseRelease(
          Effect.sync(() => (most = Math.max(most, ++inside))),
          () => body,
          () => Effect.sync(() => inside--)
        )
      const lock = Mutex.withLock("long", { expiry: "300 millis", poll: "10 millis" })
      const holder = yield* Effect.fork(on(engine)(lock(counted(Effect.zipRight(long, Effect.sleep("500 millis"))))))
      yield* Deferred.await(held)
      yield* on(other)(lock(counted(Effect.void)))
      yield* Fiber.join(holder)
      expect(most).toBe(1)
    }))

  it("is not taken from a holder that was silent for too long, and shows a sign of life before the second look", () =>
    Effect.runPromise(VirtualClock.run(
      Effect.scoped(Effect.gen(function*() {
        const place = yield* open
        const engine = yield* place.engine()
        yield* on(engine)(Mutex.withLock("slow")(Effect.void))
        const silent = (at: number) => `('slow', 'sleeper', 3, ${at})`
        yield* place.admin(`insert into effect_sql_engine_mutex (name, owner, beat, at) values ${silent(1)}`)
        const options = { expiry: "1200 millis", poll: "10 millis", limit: "500 millis" } as const
        const waiter = yield* Effect.fork(on(engine)(Mutex.withLock("slow", options)(Effect.succeed("robbed"))))
        yield* Effect.sleep("150 millis")
        yield* place.admin(`update effect_sql_engine_mutex set beat = 4, at = ${(yield* Clock.currentTimeMillis)}`)
        expect(yield* Effect.flip(Fiber.join(waiter))).toMatchObject({ _tag: "MutexTimeout", holder: "sleeper" })

        // Without one it is taken at the second look.
        yield* place.admin("update effect_sql_engine_mutex set beat = 5, at = 1")
        const [took] = yield* Effect.timed(on(engine)(Mutex.withLock("slow", options)(Effect.void)))
        expect(Duration.toMillis(took)).toBeGreaterThanOrEqual(200)
        expect(Duration.toMillis(took)).toBeLessThan(230)
      })),
      { startMillis: 1_000_000 }
    )))

  it.scopedLive("whose holder shows no sign of life is taken over after its expiry", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      yield* on(engine)(Mutex.withLock("dead")(Effect.void))
      yield* place.admin(
        `insert into effect_sql_engine_mutex (name, owner, beat, at) values ('dead', 'gone', 3, ${Date.now()})`
      )
      const [took] = yield* Effect.timed(on(engine)(Mutex.withLock("dead", { expiry: "600 millis" })(Effect.void)))
      expect(Duration.toMillis(took)).toBeGreaterThanOrEqual(600)
      expect(Duration.toMillis(took)).toBeLessThan(3_000)
      expect(yield* eventually(free(place))).toBe(true)
    }))

  it.scopedLive("inside of a session, which has the only connection that can write, is refused at once", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const inner = on(engine)(Mutex.withLock("inner")(Effect.void))
      const failure = yield* Effect.flip(
        engine.transaction(Effect.zipRight(engine.sql`create table t (k integer)`, inner))
      )
      expect(failure._tag).toBe("PoolDeadlock")
    }))
})
