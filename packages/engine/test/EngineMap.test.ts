import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Equal, Fiber, Inspectable, Redacted, TestClock } from "effect"
import type { Engine } from "effect-sql-engine"
import { EngineMap, EngineUrl, SqlFailure } from "effect-sql-engine"
import { Outcome } from "effect-sql-engine-testing"
import { world, write } from "./support/engineMaps.js"
import { scriptedDatabases } from "./support/scriptedDatabases.js"

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
      const engines = yield* Effect.all([
        map.get(a),
        map.get({ url: a }),
        map.get(Redacted.make(a)),
        map.get(new URL(a))
      ])
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
          ? Effect.zipRight(
            Effect.yieldNow(),
            new SqlFailure.ConnectionError({ message: "Nobody is there.", sent: "no" })
          )
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
      expect(yield* Effect.flip(map.get(target))).toMatchObject({
        problems: [{ field: "pool.size" }, { field: "lable" }]
      })
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
      yield* map.get(
        { url: a, pool: { acquireTimeout: "5 seconds" }, scripted: { token: token() } } as EngineMap.EngineTarget
      )
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
