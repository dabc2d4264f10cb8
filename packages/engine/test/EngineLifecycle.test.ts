import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, ManagedRuntime, Scope, TestClock } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { Outcome } from "effect-sql-engine-testing"
import * as ScriptedDriver from "effect-sql-engine-testing/ScriptedDriver"
import { bench, withBench } from "./support/scripted.js"

const insert = (key: number) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into t values (${key})`)

const steps = (server: ScriptedDriver.ScriptedDriver) => server.wire.map(({ sql, step }) => sql ?? step)

const setZone: Engine.ConnectionHook = ({ sql }) => sql`set zone`

describe("onConnect", () => {
  it.scoped("sets up each connection before its first borrower, and what it sets is no leftover", () =>
    withBench(
      ({ server }) =>
        Effect.gen(function*() {
          yield* Session.transaction(insert(1))
          yield* Session.transaction(insert(2))
          expect(steps(server)).toEqual([
            "connect",
            "init",
            "set zone",
            "BEGIN",
            "insert into t values (?)",
            "COMMIT",
            "BEGIN",
            "insert into t values (?)",
            "COMMIT"
          ])
        }),
      {},
      { onConnect: setZone }
    ))

  it.scoped("runs again when a borrower has left something and the connection was made as new", () =>
    withBench(
      ({ server }) =>
        Effect.gen(function*() {
          const sql = yield* SqlClient.SqlClient
          yield* Session.transaction(sql`set role`)
          yield* Session.transaction(insert(1))
          expect(steps(server).slice(2)).toEqual([
            "set zone",
            "BEGIN",
            "set role",
            "COMMIT",
            "reset",
            "set zone",
            "BEGIN",
            "insert into t values (?)",
            "COMMIT"
          ])
        }),
      {},
      { onConnect: setZone }
    ))

  it.scoped("runs on the connections of both lanes, and on those that replace lost ones", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      const { engine, server } = yield* bench({ readLane: true }, {
        onConnect: ({ id, lane }) => Effect.sync(() => seen.push(`${lane} ${id}`))
      })
      const work = Effect.zipRight(
        engine.transaction(engine.sql`insert into t values (1)`),
        engine.sql`select k from t`
      )
      yield* work
      server.crash()
      yield* work
      expect(seen.map((text) => text.split(" ")[0])).toEqual(["write", "read", "write", "read"])
      expect(new Set(seen).size).toBe(4)
    }))

  it.scoped("its failure is whose who waited, says that nothing was sent, and leaves nothing open", () =>
    Effect.gen(function*() {
      const { engine, server } = yield* bench({}, { onConnect: ({ sql }) => sql`set zone` })
      server.next("statement", Outcome.fail("42501"))
      const failure = yield* Effect.flip(engine.transaction(engine.sql`insert into t values (1)`))
      expect(failure).toMatchObject({ _tag: "AuthorizationError", sent: "no" })
      expect(server.counts()).toMatchObject({ open: 0, handles: 0 })
      yield* engine.transaction(engine.sql`insert into t values (2)`)
      expect(server.rows("t")).toEqual([2])
    }))

  it.scoped("a defect in it is told as its own, not as the driver's", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedDriver.make()
      const engine = yield* Engine.make(server.driver, { onConnect: () => Effect.die(new TypeError("secret")) })
      const failure = yield* Effect.flip(engine.transaction(engine.sql`insert into t values (1)`))
      expect(failure).toMatchObject({ problems: [{ field: "onConnect", problem: "died with TypeError" }] })
      expect(server.counts()).toMatchObject({ open: 0, handles: 0 })
    }))

  it.scoped("does not outlive the engine: one that hangs is interrupted, and its connection closed", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedDriver.make()
      const scope = yield* Scope.make()
      const began = yield* Deferred.make<void>()
      const engine = yield* Scope.extend(
        Engine.make(server.driver, {
          onConnect: () => Effect.zipRight(Deferred.succeed(began, undefined), Effect.never)
        }),
        scope
      )
      const waiter = yield* Effect.fork(Effect.exit(engine.transaction(engine.sql`select k from t`)))
      yield* Deferred.await(began)
      yield* Scope.close(scope, Exit.void)
      expect(Exit.isFailure(yield* Fiber.join(waiter))).toBe(true)
      expect(server.counts()).toMatchObject({ open: 0, handles: 0 })
    }))

  it.scoped("is part of the connection attempt: it has to end within connectTimeout", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedDriver.make()
      const engine = yield* Engine.make(server.driver, {
        pool: { connectTimeout: "2 seconds" },
        onConnect: () => Effect.never
      })
      const waiter = yield* Effect.fork(Effect.flip(engine.transaction(engine.sql`select k from t`)))
      yield* TestClock.adjust("2 seconds")
      expect((yield* Fiber.join(waiter))._tag).toBe("ConnectionError")
      expect(server.counts()).toMatchObject({ open: 0, handles: 0 })
    }))
})

describe("onCheckout", () => {
  it.scoped("runs each time a connection is lent, outside of the transaction, and what it sets is taken back", () =>
    withBench(
      ({ server }) =>
        Effect.gen(function*() {
          yield* Session.transaction(Effect.zipRight(insert(1), insert(2)))
          yield* Session.transaction(insert(3))
          expect(steps(server).filter((text) => !text.startsWith("insert"))).toEqual([
            "connect",
            "init",
            "set tenant",
            "BEGIN",
            "COMMIT",
            "reset",
            "set tenant",
            "BEGIN",
            "COMMIT",
            "reset"
          ])
        }),
      {},
      { onCheckout: ({ sql }) => sql`set tenant` }
    ))

  it.scoped("its failure is the borrower's, and nothing stays lent", () =>
    withBench(
      ({ engine, server }) =>
        Effect.gen(function*() {
          server.next("statement", Outcome.fail("42501"))
          const failure = yield* Effect.flip(Session.transaction(insert(1)))
          expect(failure).toMatchObject({ _tag: "AuthorizationError", sent: "no" })
          expect((yield* engine.stats).pool.inUse).toBe(0)
          yield* Session.transaction(insert(2))
          expect(server.rows("t")).toEqual([2])
        }),
      {},
      { onCheckout: ({ sql }) => sql`set tenant` }
    ))

  it.scoped("a session that goes on after its failure gets a connection that it has seen", () =>
    withBench(
      ({ server }) =>
        Effect.gen(function*() {
          server.next("statement", Outcome.fail("42501"))
          yield* Session.transaction(Effect.zipRight(Effect.flip(insert(1)), insert(2)))
          expect(steps(server).filter((text) => text === "set tenant")).toHaveLength(2)
          expect(server.rows("t")).toEqual([2])
        }),
      {},
      { onCheckout: ({ sql }) => sql`set tenant` }
    ))

  it.scoped("an interruption while it runs gives the connection back", () =>
    Effect.gen(function*() {
      const began = yield* Deferred.make<void>()
      const { engine } = yield* bench({}, {
        onCheckout: () => Effect.zipRight(Deferred.succeed(began, undefined), Effect.never)
      })
      const session = yield* Effect.fork(engine.transaction(engine.sql`insert into t values (1)`))
      yield* Deferred.await(began)
      yield* Fiber.interrupt(session)
      expect((yield* engine.stats).pool.inUse).toBe(0)
    }))
})

describe("an engine in a foreign process", () => {
  it.scoped("opens nothing and waits for nothing, and says whose it is", () =>
    Effect.gen(function*() {
      let here = "process 1"
      const server = yield* ScriptedDriver.make()
      const engine = yield* Engine.make(server.driver).pipe(
        Effect.provideService(Engine.ProcessIdentity, { current: () => here })
      )
      here = "process 2"
      const failure = yield* Effect.flip(engine.transaction(engine.sql`insert into t values (1)`))
      expect(failure).toMatchObject({ _tag: "ForeignProcess", owner: "process 1", user: "process 2", sent: "no" })
      expect(server.wire).toEqual([])
      here = "process 1"
      yield* engine.transaction(engine.sql`insert into t values (1)`)
      expect(server.rows("t")).toEqual([1])
    }))
})

describe("unpooled", () => {
  it.scoped("each unit of work has a connection of its own, and none is left", () =>
    withBench(
      ({ engine, server }) =>
        Effect.gen(function*() {
          yield* Effect.forEach([1, 2, 3], (key) => Session.transaction(insert(key)))
          yield* insert(4)
          expect(server.counts()).toMatchObject({ opened: 4, open: 0 })
          expect((yield* engine.stats).mode).toBe("none")
        }),
      {},
      { pool: { mode: "none" } }
    ))

  it.scoped("pooled, they share one", () =>
    withBench(({ engine, server }) =>
      Effect.gen(function*() {
        yield* Effect.forEach([1, 2, 3], (key) => Session.transaction(insert(key)))
        expect(server.counts()).toMatchObject({ opened: 1, open: 1 })
        expect((yield* engine.stats).mode).toBe("queue")
      })
    ))
})

describe("the end of an engine", () => {
  it.scoped("an engine that the caller owns is used by a layer, and not closed by it", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedDriver.make()
      const engine = yield* Engine.make(server.driver)
      yield* Effect.provide(Session.transaction(insert(1)), Engine.layer(Effect.succeed(engine)))
      yield* engine.transaction(engine.sql`insert into t values (2)`)
      expect(server.counts()).toMatchObject({ opened: 1, open: 1 })
    }))

  it.effect("closing twice closes each connection once; one that was never used closes too", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedDriver.make()
      yield* Effect.scoped(Effect.gen(function*() {
        const engine = yield* Engine.make(server.driver)
        yield* engine.transaction(engine.sql`insert into t values (1)`)
        yield* engine.drain
        yield* engine.drain
      }))
      expect(server.counts()).toMatchObject({ opened: 1, open: 0, handles: 0 })
      expect(server.breaches).toEqual([])
      yield* Effect.scoped(Engine.make(server.driver))
      expect(server.counts().opened).toBe(1)
    }))

  it.effect("a program that fails while it starts releases what it had", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedDriver.make()
      const second = Layer.effectDiscard(Effect.zipRight(insert(1), Effect.fail("no port left")))
      const failure = yield* Effect.flip(Effect.scoped(Layer.build(
        Layer.provideMerge(second, Engine.layer(Engine.make(server.driver)))
      )))
      expect(failure).toBe("no port left")
      expect(server.counts()).toMatchObject({ opened: 1, open: 0, handles: 0 })
    }))

  it.effect("two runtimes in one process have nothing in common", () =>
    Effect.gen(function*() {
      const servers = [yield* ScriptedDriver.make(), yield* ScriptedDriver.make()] as const
      const [one, two] = servers.map((server) => ManagedRuntime.make(Engine.layer(Engine.make(server.driver))))
      const work = (key: number) => Session.transaction(insert(key))
      yield* Effect.promise(() => one!.runPromise(work(1)))
      yield* Effect.promise(() => two!.runPromise(work(2)))
      yield* one!.disposeEffect
      yield* Effect.promise(() => two!.runPromise(work(3)))
      yield* two!.disposeEffect
      expect(servers.map((server) => server.rows("t"))).toEqual([[1], [2, 3]])
      expect(servers.map((server) => server.counts().open)).toEqual([0, 0])
    }))
})
