/**
 * Health checks on the scripted driver: their own connection, their limit, and what they call sick.
 */
import { describe, expect, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber, Resource, Scope } from "effect"
import { Engine, Health } from "effect-sql-engine"
import { Outcome, ScriptedDriver, VirtualClock } from "effect-sql-engine-testing"
import { bench, layerOf, withBench } from "./support/scripted.js"

/** Runs an effect in virtual time, and tells how long it took. */
const timed = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function*() {
    const began = yield* Clock.currentTimeMillis
    const value = yield* effect
    return [value, (yield* Clock.currentTimeMillis) - began] as const
  })

const dialect = { ...ScriptedDriver.dialect, version: "select k from version" }

describe("engine.health", () => {
  it.scoped("passes with what the database says, and leaves no connection", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedDriver.make({ tables: { version: [16] } })
      const engine = yield* Engine.make({ ...server.driver, dialect }, { name: "shop" })
      expect(yield* engine.health).toMatchObject({
        engine: "shop",
        status: "pass",
        failure: undefined,
        connectMillis: 0,
        latencyMillis: 0,
        stats: { sessions: { opened: 0 }, pool: { requests: 0 } }
      })
      expect(server.counts()).toMatchObject({ opened: 1, open: 0, handles: 0, begun: 0 })
    }))

  it.scoped("has a connection of its own when the pool is in full use, and counts nothing of the engine's", () =>
    withBench(
      ({ engine, server }) =>
        Effect.gen(function*() {
          const [inside, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
          const holder = yield* Effect.fork(engine.transaction(
            Effect.all([engine.sql`insert into t values (1)`, Deferred.succeed(inside, undefined), Deferred.await(go)])
          ))
          yield* Deferred.await(inside)
          const waiter = yield* Effect.fork(engine.sql`insert into t values (2)`)
          yield* Effect.yieldNow()
          const before = yield* engine.stats
          expect(before.pool).toMatchObject({ inUse: 1, waiting: 1, max: 1 })
          expect((yield* engine.health).status).toBe("pass")
          expect(yield* engine.stats).toEqual(before)
          expect(server.counts()).toMatchObject({ mostOpen: 2, open: 1 })
          yield* Deferred.succeed(go, undefined)
          yield* Fiber.join(holder)
          yield* Fiber.join(waiter)
        }),
      {},
      { pool: { size: 1, maxOverflow: 0 } }
    ))

  it.effect("100 who ask at once have one answer, by one connection; who gives up takes nothing from the others", () =>
    VirtualClock.run(Effect.scoped(withBench(({ engine, server }) =>
      Effect.gen(function*() {
        server.next("connect", Outcome.slow("1 second"))
        const first = yield* Effect.fork(engine.health)
        const others = yield* Effect.fork(Effect.all(Array.from({ length: 100 }, () => engine.health), {
          concurrency: "unbounded"
        }))
        yield* Effect.sleep("100 millis")
        yield* Fiber.interrupt(first)
        const reports = yield* Fiber.join(others)
        expect(new Set(reports).size).toBe(1)
        expect(reports[0]).toMatchObject({ status: "pass", connectMillis: 1_000 })
        expect(server.counts().opened).toBe(1)
        expect(yield* engine.health).not.toBe(reports[0])
      })
    ))))

  it.effect("fails typed after 2 seconds, wherever the server is silent", () =>
    VirtualClock.run(Effect.scoped(withBench(({ engine, server }) =>
      Effect.gen(function*() {
        for (const step of ["connect", "validate"] as const) {
          server.next(step, Outcome.hang)
          const [report, millis] = yield* timed(engine.health)
          expect(report).toMatchObject({
            status: "fail",
            failure: { _tag: "ConnectionError", engine: "main", retryable: true },
            latencyMillis: undefined
          })
          expect(millis).toBe(2_000)
          // The next one is not held up by it.
          yield* Effect.sleep("20 seconds")
          expect((yield* engine.health).status).toBe("pass")
        }
      })
    ))))

  it.scoped("fails with what connecting and the statement fail with", () =>
    withBench(({ engine, server }) =>
      Effect.gen(function*() {
        for (
          const [step, outcome, tag] of [
            ["connect", Outcome.fail("28P01"), "AuthenticationError"],
            ["connect", Outcome.lostBefore, "ConnectionError"],
            ["connect", Outcome.throws("a bug"), "UnknownError"],
            ["validate", Outcome.fail("57P01"), "ServerShutdown"],
            ["validate", Outcome.throws("a bug"), "UnknownError"]
          ] as const
        ) {
          server.next(step, outcome)
          expect(yield* engine.health).toMatchObject({ status: "fail", failure: { _tag: tag } })
        }
        expect((yield* engine.health).status).toBe("pass")
      })
    ))

  it.scoped("warns when the server takes no more connections, as long as the engine has one", () =>
    withBench(({ engine }) =>
      Effect.gen(function*() {
        yield* engine.sql`insert into t values (1)`
        expect(yield* engine.health).toMatchObject({ status: "warn", failure: { _tag: "TooManyConnections" } })
        yield* engine.reset
        expect((yield* engine.health).status).toBe("pass")
      }), { maxConnections: 1 }))

  it.scoped("fails when the server is full and the engine has none", () =>
    withBench(({ engine, server }) =>
      Effect.gen(function*() {
        server.next("connect", Outcome.fail("53300"))
        expect(yield* engine.health).toMatchObject({ status: "fail", failure: { _tag: "TooManyConnections" } })
      })
    ))

  it.effect("fails with EngineClosed when the engine drains, and after its end", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { engine, server } = yield* Scope.extend(bench(), scope)
      yield* engine.drain
      expect(yield* engine.health).toMatchObject({ status: "fail", failure: { _tag: "EngineClosed" } })
      yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      expect(yield* engine.health).toMatchObject({ status: "fail", failure: { _tag: "EngineClosed" } })
      expect(server.counts().opened).toBe(0)
    }))

  it.effect("the engine's end does not wait for a check that hangs longer than its limits", () =>
    VirtualClock.run(Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { engine, server } = yield* Scope.extend(bench(), scope)
      server.next("validate", Outcome.hang)
      const check = yield* Effect.fork(engine.health)
      yield* Effect.sleep("10 millis")
      const [, millis] = yield* timed(Scope.close(scope, yield* Effect.exit(Effect.void)))
      expect(millis).toBeLessThanOrEqual(2_000)
      expect((yield* Fiber.join(check)).status).toBe("fail")
      expect(server.counts().handles).toBe(0)
    })))

  it.scoped("of an engine in a resource is that of the current one", () =>
    Effect.gen(function*() {
      const servers: Array<ScriptedDriver.ScriptedDriver> = []
      const make = Effect.gen(function*() {
        const server = yield* ScriptedDriver.make()
        servers.push(server)
        return yield* Engine.make(server.driver)
      })
      const resource = yield* Engine.resource(make)
      const engine = yield* resource
      yield* engine.health
      yield* Resource.refresh(resource)
      expect((yield* engine.health).status).toBe("pass")
      expect(servers.map((server) => server.counts().opened)).toEqual([1, 1])
    }))
})

describe("Health", () => {
  class Reports extends Engine.Tag<Reports>()("test/Reports") {}

  it.scoped("has the worst of several engines, checked side by side", () =>
    Effect.gen(function*() {
      const main = yield* bench({}, { name: "main" })
      const reports = yield* bench({}, { name: "reports" })
      const both = Health.all([Health.check(), Health.check({ engine: Reports })]).pipe(
        Effect.provide([layerOf(main), Reports.layer(Effect.succeed(reports.engine))])
      )
      expect((yield* both).status).toBe("pass")
      reports.server.next("connect", Outcome.lostBefore)
      const sick = yield* both
      expect(sick.status).toBe("fail")
      expect(sick.engines.map(({ engine, status }) => [engine, status])).toEqual([["main", "pass"], [
        "reports",
        "fail"
      ]])
    }))

  it.effect("has the limit it is given", () =>
    VirtualClock.run(Effect.scoped(withBench(({ server }) =>
      Effect.gen(function*() {
        const engine = yield* Engine.Engine
        server.next("connect", Outcome.hang)
        const check = Health.check({ timeout: "300 millis" })
        const [report, millis] = yield* timed(Effect.provideService(check, Engine.Engine, engine))
        expect(report).toMatchObject({ status: "fail", failure: { _tag: "ConnectionError" }, schema: undefined })
        expect(millis).toBe(300)
      })
    ))))
})
