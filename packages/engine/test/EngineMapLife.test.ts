/**
 * How long the engines of a map live: idle, invalidated, in need of room, at the end.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope, TestClock } from "effect"
import type { Engine } from "effect-sql-engine"
import { EngineMap } from "effect-sql-engine"
import { Outcome } from "effect-sql-engine-testing"
import { holding, open, world, write } from "./support/engineMaps.js"
import { scriptedDatabases } from "./support/scriptedDatabases.js"

const a = "scripted://a"

describe("an engine that nobody holds", () => {
  it.scoped("is kept for its time to live, and had again", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world({ idleTimeToLive: "1 minute" })
      const use = Effect.scoped(map.get(a))
      yield* use
      yield* TestClock.adjust("59 seconds")
      yield* use
      yield* TestClock.adjust("59 seconds")
      expect(open(databases)).toEqual([true])
      yield* TestClock.adjust("1 second")
      expect(open(databases)).toEqual([false])
      expect(yield* map.keys).toEqual([])
      yield* use
      expect(databases.attempts()).toBe(2)
      expect((yield* map.stats).totals).toMatchObject({ expired: 1 })
    }))

  it.scoped("is kept for 5 minutes when nothing else is said", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world()
      yield* Effect.scoped(map.get(a))
      yield* TestClock.adjust("299999 millis")
      expect(open(databases)).toEqual([true])
      yield* TestClock.adjust("1 millis")
      expect(open(databases)).toEqual([false])
    }))

  it.scoped("is closed with its last holder where there is no time to live", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world({ idleTimeToLive: 0 })
      const [engine, leave] = yield* holding(map, a)
      yield* Effect.scoped(map.get(a))
      yield* write(engine, 1)
      expect(open(databases)).toEqual([true])
      yield* leave
      expect(open(databases)).toEqual([false])
      expect(databases.server(a).counts().open).toBe(0)
    }))

  it.scoped("is not held by a scope that is closed already", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world({ idleTimeToLive: "1 minute" })
      yield* Effect.scoped(map.get(a))
      const scope = yield* Scope.make()
      yield* Scope.close(scope, Exit.void)
      yield* Scope.extend(map.get(a), scope)
      expect((yield* map.stats).engines.map(({ holders }) => holders)).toEqual([0])
      yield* TestClock.adjust("1 minute")
      expect(open(databases)).toEqual([false])
    }))

  it.scoped("is not closed while somebody holds it, however long", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world({ idleTimeToLive: "1 minute" })
      const [engine, leave] = yield* holding(map, a)
      yield* TestClock.adjust("1 day")
      yield* write(engine, 1)
      yield* leave
      yield* TestClock.adjust("1 minute")
      expect(open(databases)).toEqual([false])
    }))
})

describe("invalidate", () => {
  it.scoped("the next one is new; holders finish on the old one, which goes with the last of them", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world({ idleTimeToLive: "1 hour" })
      const [old, leave] = yield* holding(map, a)
      const [same, leaveToo] = yield* holding(map, a)
      yield* map.invalidate(a)
      const [fresh, leaveFresh] = yield* holding(map, a)
      expect([same === old, fresh === old]).toEqual([true, false])
      yield* write(old, 1)
      yield* write(fresh, 2)
      yield* leave
      yield* write(same, 3)
      expect(open(databases)).toEqual([true, true])
      yield* leaveToo
      expect(open(databases)).toEqual([false, true])
      yield* write(fresh, 4)
      yield* leaveFresh
      yield* TestClock.adjust("59 minutes")
      expect(open(databases)).toEqual([false, true])
      expect(yield* Effect.scoped(map.get(a))).toBe(fresh)
      expect(databases.server(a).rows("t")).toEqual([1, 2, 3, 4])
    }))

  it.scoped("an idle engine is closed when it returns; an unknown key is no matter", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world()
      yield* Effect.scoped(map.get(a))
      yield* map.invalidate("scripted://unknown")
      yield* map.invalidate("not an address")
      expect(open(databases)).toEqual([true])
      const [key] = yield* map.keys
      yield* map.invalidate(key!)
      expect(open(databases)).toEqual([false])
    }))

  it.scoped("who waits for an engine in the making gets it all the same, and it goes with them", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world({ idleTimeToLive: "1 hour" })
      databases.before = () => Effect.sleep("1 second")
      const waiter = yield* Effect.fork(Effect.scoped(Effect.flatMap(map.get(a), (engine) => write(engine, 1))))
      yield* TestClock.adjust("500 millis")
      yield* map.invalidate(a)
      const fresh = yield* Effect.fork(map.get(a))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(waiter)
      yield* Fiber.join(fresh)
      expect(databases.server(a).rows("t")).toEqual([1])
      expect(open(databases)).toEqual([false, true])
    }))
})

describe("capacity", () => {
  const of = (name: string, size: number): EngineMap.EngineTarget => ({
    url: `scripted://${name}`,
    pool: { size, maxOverflow: 0 }
  })

  it.scoped("idle engines make room, the one idle for longest first, and no more of them than needed", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world({ capacity: 10 })
      for (const name of ["a", "b", "c"]) {
        yield* Effect.scoped(map.get(of(name, 3)))
        yield* TestClock.adjust("1 second")
      }
      yield* Effect.scoped(map.get(of("a", 3)))
      yield* map.get(of("d", 4))
      expect(databases.made.map(({ closed, url }) => `${url.slice(-1)} ${closed ? "closed" : "open"}`)).toEqual([
        "a open",
        "b closed",
        "c open",
        "d open"
      ])
      expect(yield* map.stats).toMatchObject({ connections: 10, totals: { evicted: 1 } })
    }))

  it.scoped("what is held does not go: there is TooManyConnections at once, and nothing is kept or closed for it", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world({ capacity: 10 })
      const [held, leave] = yield* holding(map, of("a", 6))
      yield* Effect.scoped(map.get(of("b", 3)))
      const failure = yield* Effect.flip(map.get(of("c", 5)))
      expect(failure).toMatchObject({ _tag: "TooManyConnections", retryable: true, sent: "no" })
      expect(failure.message).toContain("it may open 5 connections, 9 of the map's 10 belong to other engines")
      expect(databases.made.map(({ closed }) => closed)).toEqual([false, false, true])
      expect(databases.server("scripted://c").counts().opened).toBe(0)
      yield* write(held, 1)
      yield* leave
      yield* map.get(of("c", 5))
    }))

  it.scoped("an engine that could never fit is told so", () =>
    Effect.gen(function*() {
      const { map } = yield* world({ capacity: 10 })
      expect(yield* Effect.flip(map.get(of("a", 11)))).toMatchObject({ problems: [{ field: "capacity" }] })
      expect(yield* Effect.flip(EngineMap.make({ drivers: [], capacity: 0 }))).toMatchObject({
        problems: [{ field: "capacity" }]
      })
    }))

  it.scoped("an old generation counts until it is closed", () =>
    Effect.gen(function*() {
      const { map } = yield* world({ capacity: 5 })
      const [, leave] = yield* holding(map, of("a", 3))
      yield* map.invalidate(of("a", 3))
      expect((yield* Effect.flip(map.get(of("a", 3))))._tag).toBe("TooManyConnections")
      yield* leave
      yield* map.get(of("a", 3))
    }))

  it.scoped("who needs room that is coming free waits for it, in order", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world({ capacity: 4 })
      const slow = yield* holding(map, of("a", 4))
      yield* write(slow[0], 1)
      databases.server("scripted://a").next("close", Outcome.slow("500 millis"))
      yield* slow[1]
      const next = yield* Effect.fork(map.get(of("b", 2)))
      const third = yield* Effect.fork(map.get(of("c", 2)))
      yield* TestClock.adjust("400 millis")
      expect((yield* map.stats).connections).toBe(4)
      expect((yield* Fiber.poll(next))._tag).toBe("None")
      yield* TestClock.adjust("200 millis")
      yield* Fiber.join(next)
      yield* Fiber.join(third)
      expect((yield* map.stats).connections).toBe(4)
    }))
})

describe("onEngine", () => {
  it.scoped("runs once for each engine that is made, before anybody gets it", () =>
    Effect.gen(function*() {
      const told: Array<string> = []
      const { map } = yield* world({
        idleTimeToLive: 0,
        onEngine: (engine, key) =>
          Effect.zipRight(engine.sql`insert into ready values (1)`, Effect.sync(() => told.push(String(key))))
      })
      const use = Effect.scoped(Effect.flatMap(map.get(a), (engine) => engine.sql`select k from ready`))
      const rows = yield* Effect.forEach([1, 2, 3], () => use, { concurrency: "unbounded" })
      expect(rows).toEqual([[{ k: 1 }], [{ k: 1 }], [{ k: 1 }]])
      expect(told).toEqual(["scripted:***"])
      yield* use
      expect(told).toHaveLength(2)
      const [, leave] = yield* holding(map, a)
      yield* map.invalidate(a)
      yield* use
      yield* leave
      expect(told).toHaveLength(4)
    }))

  it.scoped("its failure is everybody's who waits, typed; the engine is closed and not kept", () =>
    Effect.gen(function*() {
      let broken = true
      const { databases, map } = yield* world<"not today">({
        idleTimeToLive: "1 hour",
        onEngine: (engine) =>
          Effect.zipRight(
            Effect.orDie(engine.sql`select k from t`),
            broken ? Effect.fail("not today" as const) : Effect.void
          )
      })
      databases.server(a).next("close", Outcome.slow("500 millis"))
      const asked = yield* Effect.fork(
        Effect.forEach([1, 2], () => Effect.flip(map.get(a)), { concurrency: "unbounded" }).pipe(
          Effect.zip(Effect.sync(() => open(databases)))
        )
      )
      yield* TestClock.adjust("500 millis")
      expect(yield* Fiber.join(asked)).toEqual([["not today", "not today"], [false]])
      expect(databases.server(a).counts()).toMatchObject({ opened: 1, open: 0 })
      broken = false
      yield* map.get(a)
      expect(open(databases)).toEqual([false, true])
    }))

  it.scoped("an SqlError of it is its typed failure", () =>
    Effect.gen(function*() {
      const { map } = yield* world({ onEngine: (engine) => engine.sql`fail 42501` })
      expect(yield* Effect.flip(map.get(a))).toMatchObject({ _tag: "AuthorizationError" })
    }))
})

describe("the end of a map", () => {
  it.effect("closes every engine, held, idle or in the making", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { databases, map } = yield* Scope.extend(world({ idleTimeToLive: "1 hour" }), scope)
      const [held, leave] = yield* holding(map, a)
      yield* write(held, 1)
      yield* Effect.scoped(map.get("scripted://idle"))
      databases.before = () => Effect.never
      const waiter = yield* Effect.fork(Effect.scoped(Effect.flip(map.get("scripted://never"))))
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
      expect((yield* Fiber.join(waiter))._tag).toBe("EngineClosed")
      expect(open(databases)).toEqual([false, false])
      expect((yield* Effect.flip(write(held, 2)))._tag).toBe("EngineClosed")
      yield* leave
      expect(databases.server(a).counts().open).toBe(0)
    }))

  it.effect("a session that runs is waited for", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { databases, map } = yield* Scope.extend(world(), scope)
      const [held] = yield* holding(map, a)
      const inside = yield* Deferred.make<void>()
      const session = yield* Effect.fork(held.transaction(Effect.gen(function*() {
        yield* held.sql`insert into t values (1)`
        yield* Deferred.succeed(inside, undefined)
        yield* Effect.sleep("3 seconds")
      })))
      yield* Deferred.await(inside)
      const end = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(session)
      yield* Fiber.join(end)
      expect(databases.server(a).rows("t")).toEqual([1])
    }))
})

describe("fresh", () => {
  it.scoped("never has the shared engine, and never takes its place", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world()
      const shared = yield* map.get(a)
      const own = yield* Effect.scoped(Effect.tap(map.fresh(a), (engine) => write(engine, 1)))
      expect(own).not.toBe(shared)
      expect(open(databases)).toEqual([true, false])
      expect(yield* map.get(a)).toBe(shared)
      expect(yield* map.keys).toHaveLength(1)
    }))
})

describe("a layer for a key", () => {
  it.effect("provides the engine of a tenant for its life", () =>
    Effect.gen(function*() {
      const databases = scriptedDatabases()
      const visit = (tenant: string, key: number) =>
        Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into visit values (${key})`).pipe(
          Effect.provide(EngineMap.layerKey(`scripted://${tenant}`))
        )
      yield* Effect.all([visit("one", 1), visit("two", 2), visit("one", 3)], { concurrency: "unbounded" }).pipe(
        Effect.provide(EngineMap.layer({ drivers: [databases.driver] }))
      )
      expect(["one", "two"].map((tenant) => databases.server(`scripted://${tenant}`).rows("visit"))).toEqual([[1, 3], [
        2
      ]])
      expect(open(databases)).toEqual([false, false])
    }))
})

it.scoped("a statement on one engine inside of a session on another runs on its own", () =>
  Effect.gen(function*() {
    const { databases, map } = yield* world()
    const one = yield* map.get("scripted://one")
    const two = yield* map.get("scripted://two")
    const crossed = (outer: Engine.EngineService, inner: Engine.EngineService) =>
      Effect.ignore(outer.transaction(Effect.gen(function*() {
        yield* outer.sql`insert into t values ('lost')`
        yield* inner.sql`insert into t values (${inner === one ? "one" : "two"})`
        return yield* Effect.fail("rolled back")
      })))
    yield* crossed(one, two)
    yield* crossed(two, one)
    expect(databases.server("scripted://one").rows("t")).toEqual(["one"])
    expect(databases.server("scripted://two").rows("t")).toEqual(["two"])
  }))
