import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Equal, Exit, Fiber, Inspectable, Redacted, Scope, TestClock } from "effect"
import { Engine, EngineMap, EngineUrl, SqlFailure } from "effect-sql-engine"
import { Outcome } from "effect-sql-engine-testing"
import type { ScriptedDatabases } from "./support/scriptedDatabases.js"
import { scriptedDatabases } from "./support/scriptedDatabases.js"

/** A map on scripted databases, which must have let go of everything when its scope has ended. */
const world = <E = never>(options: Partial<EngineMap.EngineMapOptions<E>> = {}) =>
  Effect.gen(function*() {
    const databases = scriptedDatabases()
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => expect(databases.made.filter(({ closed }) => !closed)).toEqual([]))
    )
    const map = yield* EngineMap.make<E>({ drivers: [databases.driver], ...options })
    return { databases, map }
  })

/** Holds an engine until the effect it comes with is run. */
const holding = <E>(map: EngineMap.EngineMapService<E>, target: EngineMap.EngineTarget) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const engine = yield* Scope.extend(map.get(target), scope)
    return [engine, Scope.close(scope, Exit.void)] as const
  })

const write = (engine: Engine.EngineService, key: number) => engine.transaction(engine.sql`insert into t values (${key})`)

const open = (databases: ScriptedDatabases) => databases.made.map(({ closed }) => !closed)

const a = "scripted://a"

describe("get", () => {
  it.scoped("50 fibers that ask at once share one engine, made once", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world()
      databases.before = () => Effect.sleep("1 second")
      const fiber = yield* Effect.fork(
        Effect.forEach(Array.from({ length: 50 }), () => map.get(a), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("1 second")
      const engines = yield* Fiber.join(fiber)
      expect(new Set(engines).size).toBe(1)
      expect(databases.attempts()).toBe(1)
      expect((yield* map.stats).engines).toMatchObject([{ holders: 50, state: "ready" }])
    }))

  it.scoped("an engine that is there is had at once, also by its address in another form", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world()
      const engines = yield* Effect.all([map.get(a), map.get({ url: a }), map.get(Redacted.make(a)), map.get(new URL(a))])
      expect(new Set(engines).size).toBe(1)
      expect(databases.attempts()).toBe(1)
    }))

  it.scoped("who gives up waiting takes nothing from the others; when all have, the creation is given up", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world()
      databases.before = () => Effect.sleep("1 second")
      const fibers = yield* Effect.replicateEffect(Effect.fork(map.get(a)), 3)
      yield* TestClock.adjust("500 millis")
      yield* Fiber.interrupt(fibers[0]!)
      yield* TestClock.adjust("500 millis")
      yield* Fiber.join(fibers[1]!)
      expect(databases.attempts()).toBe(1)
      const others = yield* Effect.replicateEffect(Effect.fork(map.get("scripted://b")), 2)
      yield* TestClock.adjust("500 millis")
      yield* Effect.forEach(others, Fiber.interrupt)
      const { engines, totals } = yield* map.stats
      expect(engines).toHaveLength(1)
      expect(totals).toMatchObject({ created: 2, made: 1, cancelled: 1, failed: 0 })
    }))

  it.scoped("an engine that goes at the very moment somebody takes it is not handed out", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world({ idleTimeToLive: "1 hour" })
      const steps = Effect.forEach(Array.from({ length: 15 }), () => Effect.void, { discard: true })
      for (let ops = 12; ops < 60; ops++) {
        yield* Effect.scoped(map.get(a))
        // Effect's breaks are moments at which others run: each time one step later.
        const taker = yield* Effect.fork(
          Effect.withMaxOpsBeforeYield(Effect.exit(Effect.zipRight(steps, map.get(a))), ops)
        )
        yield* Effect.yieldNow()
        yield* map.invalidate(a)
        const engine = yield* Effect.flatten(Fiber.join(taker))
        yield* write(engine, ops)
      }
      expect(databases.server(a).rows("t")).toHaveLength(48)
    }))

  it.scoped("fails as making the engine does, and that is not kept: the next one tries again at once", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world({ idleTimeToLive: "1 hour" })
      databases.before = () =>
        databases.attempts() === 1
          ? Effect.zipRight(Effect.yieldNow(), new SqlFailure.ConnectionError({ message: "Nobody is there.", sent: "no" }))
          : Effect.void
      const exits = yield* Effect.forEach([1, 2, 3], () => Effect.flip(map.get(a)), { concurrency: "unbounded" })
      expect(exits.map(({ _tag }) => _tag)).toEqual(["ConnectionError", "ConnectionError", "ConnectionError"])
      expect(yield* map.keys).toEqual([])
      yield* map.get(a)
      expect(databases.attempts()).toBe(2)
      expect((yield* map.stats).totals).toMatchObject({ created: 2, made: 1, failed: 1 })
    }))

  it.scoped("an eager engine has to connect before anybody gets it", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world()
      databases.server(a).next("connect", Outcome.fail("28P01"))
      expect((yield* Effect.flip(map.get({ url: a, connect: "eager" })))._tag).toBe("AuthenticationError")
      const engine = yield* map.get({ url: a, connect: "eager" })
      expect((yield* engine.stats).pool.created).toBe(1)
      expect(databases.server(a).counts().opened).toBe(1)
    }))

  it.scoped("what is wrong with the address or the options is told before anything is made", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world()
      expect(yield* Effect.flip(map.get("oracle://h/a"))).toMatchObject({ _tag: "UnsupportedBackend" })
      expect(yield* Effect.flip(map.get("sqlite://"))).toMatchObject({ _tag: "DriverMissing" })
      const target = { url: a, pool: { size: 0 }, lable: "x" } as EngineMap.EngineTarget
      expect(yield* Effect.flip(map.get(target))).toMatchObject({ problems: [{ field: "pool.size" }, { field: "lable" }] })
      expect(databases.attempts()).toBe(0)
    }))

  it.effect("after the end of the map it is EngineClosed, and nothing is made", () =>
    Effect.gen(function*() {
      const databases = scriptedDatabases()
      const map = yield* Effect.scoped(EngineMap.make({ drivers: [databases.driver] }))
      expect((yield* Effect.flip(Effect.scoped(map.get(a))))._tag).toBe("EngineClosed")
      expect(databases.attempts()).toBe(0)
    }))
})

describe("the key", () => {
  it.scoped("is the whole configuration by value, however it is written", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world({ options: { pool: { size: 2 }, name: "tenant" } })
      const token = () => Redacted.make("t")
      yield* map.get({ url: a, pool: { acquireTimeout: "5 seconds" }, scripted: { token: token() } } as EngineMap.EngineTarget)
      yield* map.get({
        scripted: { label: undefined, token: token() },
        pool: { acquireTimeout: 5000, size: 2 },
        url: a
      } as EngineMap.EngineTarget)
      expect(databases.attempts()).toBe(1)
    }))

  const hook = () => Effect.void
  const others: ReadonlyArray<readonly [string, EngineMap.EngineTarget]> = [
    ["address", "scripted://b"],
    ["number", { url: a, pool: { size: 3 } }],
    ["duration", { url: a, drainTimeout: "1 second" }],
    ["name", { url: a, name: "x" }],
    ["function", { url: a, onConnect: hook }],
    ["other function", { url: a, onConnect: () => Effect.void }],
    ["secret", { url: a, scripted: { token: Redacted.make("one") } } as EngineMap.EngineTarget],
    ["other secret", { url: a, scripted: { token: Redacted.make("two") } } as EngineMap.EngineTarget]
  ]
  it.scoped("differs with every option, and with another secret", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world()
      for (const [, target] of [["none", a] as const, ...others]) {
        yield* map.get(target)
        yield* map.get(target)
      }
      expect(databases.attempts()).toBe(others.length + 1)
      const keys = yield* map.keys
      expect(keys.every((key, i) => keys.every((other, j) => Equal.equals(key, other) === (i === j)))).toBe(true)
    }))

  it.scoped("is read again from an object that has been changed", () =>
    Effect.gen(function*() {
      const { databases, map } = yield* world()
      const target = { url: a, pool: { size: 1 } }
      yield* map.get(target)
      yield* map.get(target)
      target.pool.size = 2
      yield* map.get(target)
      expect(databases.made.map(({ options }) => options.pool?.size)).toEqual([1, 2])
    }))

  it.scoped("never shows a password, in whatever way it is shown", () =>
    Effect.gen(function*() {
      const databases = scriptedDatabases()
      const posing: Engine.EngineDriver = {
        ...databases.driver,
        schemes: ["postgresql", "scripted"],
        make: () => databases.driver.make({ url: a })
      }
      const map = yield* EngineMap.make({ drivers: [posing] })
      const url = "postgres://app:s3cret@h/a"
      yield* map.get({ url, scripted: { token: Redacted.make("s3cret-token") } } as EngineMap.EngineTarget)
      yield* map.get(yield* EngineUrl.parse("postgres://app:s3cret2@h/a"))
      yield* map.get("scripted://u:s3cret@x")
      const { engines } = yield* map.stats
      const texts = engines.flatMap(({ key }) => [
        String(key),
        JSON.stringify(key),
        Inspectable.format(key),
        Cause.pretty(Cause.fail(key)),
        JSON.stringify({ ...key })
      ])
      expect(texts.join("\n")).not.toContain("s3cret")
      expect(String(engines[0]!.key)).toBe("postgresql://app:***@h:5432/a (token)")
    }))
})

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
      expect((yield* Effect.scoped(map.get(a)))).toBe(fresh)
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
          Effect.zipRight(Effect.orDie(engine.sql`select k from t`), broken ? Effect.fail("not today" as const) : Effect.void)
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
      expect(["one", "two"].map((tenant) => databases.server(`scripted://${tenant}`).rows("visit"))).toEqual([[1, 3], [2]])
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
        yield* Effect.fail("rolled back")
      })))
    yield* crossed(one, two)
    yield* crossed(two, one)
    expect(databases.server("scripted://one").rows("t")).toEqual(["one"])
    expect(databases.server("scripted://two").rows("t")).toEqual(["two"])
  }))
