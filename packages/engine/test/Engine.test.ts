import { SqlClient, SqlResolver } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Deferred, Effect, Exit, Fiber, Schema, Scope, Stream, TestClock } from "effect"
import { Engine, Session, SqlFailure } from "effect-sql-engine"
import { Outcome } from "effect-sql-engine-testing"
import * as ScriptedDriver from "effect-sql-engine-testing/ScriptedDriver"
import { bench, expectAddsUp, withBench } from "./support/scripted.js"

const insert = (key: number) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into t values (${key})`)

describe("Engine", () => {
  it.scoped("lazily made it opens nothing; eagerly made it fails when the server cannot be reached", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedDriver.make({ script: [{ step: "connect", outcome: Outcome.serverGone }] })
      yield* Engine.make(server.driver)
      expect(server.wire).toEqual([])
      const failure = yield* Effect.flip(Engine.make(server.driver, { connect: "eager" }))
      expect(failure._tag).toBe("ServerShutdown")
    }))

  it.scoped("many waiters on a server that is gone each get its failure, at once", () =>
    Effect.gen(function*() {
      const server = yield* ScriptedDriver.make({ script: [{ step: "connect", outcome: Outcome.serverGone }] })
      const engine = yield* Engine.make(server.driver)
      const exits = yield* Effect.forEach(
        Array.from({ length: 40 }),
        () => Effect.flip(engine.sql`select k from t`),
        { concurrency: "unbounded" }
      )
      expect(new Set(exits.map((error) => SqlFailure.fromSqlError(error)._tag))).toEqual(new Set(["ServerShutdown"]))
      expectAddsUp(yield* engine.stats)
    }))

  it.scoped("read-only sessions and lone reads go to the lane for them, everything else to the writer", () =>
    withBench(({ engine }) =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql`select k from t`
        yield* Session.transaction(sql`select k from t`, { readOnly: true })
        yield* insert(1)
        yield* Session.transaction(sql`select k from t`)
        const { pool, readers } = yield* engine.stats
        expect([pool.served, readers?.served]).toEqual([2, 2])
      }), { readLane: true }))

  it.scoped("a reserved connection is one connection for its scope, and goes back as new", () =>
    withBench(({ engine, server }) =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const used = yield* Effect.scoped(Effect.gen(function*() {
          const connection = yield* sql.reserve
          yield* connection.execute("set x", [], undefined)
          yield* connection.execute("insert into t values (1)", [], undefined)
          expect((yield* engine.stats).pool.inUse).toBe(1)
          return connection
        }))
        const steps = server.wire.map((entry) => entry.step)
        expect(steps.filter((step) => step !== "connect" && step !== "init")).toEqual([
          "statement",
          "statement",
          "reset"
        ])
        const error = yield* Effect.flip(used.execute("insert into t values (2)", [], undefined))
        expect(SqlFailure.fromSqlError(error)._tag).toBe("SessionClosed")
        expect(server.rows("t")).toEqual([1])
      })
    ))

  it.scoped("inside a session a reserved connection is the session's own", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* Effect.ignore(Session.transaction(Effect.gen(function*() {
          yield* insert(1)
          yield* Effect.scoped(
            Effect.flatMap(sql.reserve, (own) => own.execute("insert into t values (2)", [], undefined))
          )
          return yield* Effect.fail("no")
        })))
        expect(server.rows("t")).toEqual([])
        expect(server.counts().opened).toBe(1)
      })
    ))

  it.scoped("requests of two sessions never share a batch", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const transactions: Array<number | undefined> = []
        const resolver = yield* SqlResolver.void("Insert", {
          Request: Schema.Number,
          execute: (keys) => sql`insert into t values (${keys[0]})`
        })
        const inOwnSession = (key: number) => Session.transaction(resolver.execute(key))
        yield* Effect.forEach([1, 2, 3], inOwnSession, { batching: true, concurrency: "unbounded" })
        for (const entry of server.wire) if (entry.step === "statement") transactions.push(entry.transaction as number)
        expect(new Set(transactions).size).toBe(3)
        expect([...server.rows("t")].sort()).toEqual([1, 2, 3])
      })
    ))

  it.scoped("a stock client that stumbles on a session is refused and sends nothing", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        const { SqliteClient } = yield* Effect.promise(() => import("@effect/sql-sqlite-node"))
        const { Reactivity } = yield* Effect.promise(() => import("@effect/experimental"))
        const stock = yield* SqliteClient.make({ filename: ":memory:" }).pipe(Effect.provide(Reactivity.layer))
        const error = yield* Session.transaction(
          Effect.zipRight(insert(1), Effect.flip(stock`insert into t values (2)`))
        )
        expect(SqlFailure.fromSqlError(error)._tag).toBe("NestedRefused")
        expect(server.rows("t")).toEqual([1])
      })
    ))

  describe("its end", () => {
    it.scoped("waits for a running session, and refuses new work meanwhile", () =>
      withBench(({ engine, server }) =>
        Effect.gen(function*() {
          const [inside, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
          const session = yield* Effect.fork(Session.transaction(
            Effect.zipRight(insert(1), Effect.zipRight(Deferred.succeed(inside, void 0), Deferred.await(go)))
          ))
          yield* Deferred.await(inside)
          const drained = yield* Effect.fork(engine.drain)
          const refused = yield* Effect.eventually(
            Effect.flip(Effect.zipRight(Effect.yieldNow(), Session.transaction(engine.sql`select k from t`)))
          )
          expect(refused._tag).toBe("EngineClosed")
          yield* Deferred.succeed(go, void 0)
          yield* Fiber.join(session)
          expect(yield* Fiber.join(drained)).toEqual([])
          expect(server.rows("t")).toEqual([1])
          expect(server.counts().open).toBe(0)
        })
      ))

    it.scoped("ends a session that goes on too long: it is rolled back and fails", () =>
      withBench(({ engine, server }) =>
        Effect.gen(function*() {
          const [inside, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
          const session = yield* Effect.fork(Session.transaction(
            Effect.gen(function*() {
              yield* insert(1)
              yield* Deferred.succeed(inside, void 0)
              yield* Deferred.await(go)
              return yield* Effect.flip(insert(2))
            }),
            { name: "slow" }
          ))
          yield* Deferred.await(inside)
          const drained = yield* Effect.fork(engine.drain)
          yield* TestClock.adjust("10 seconds")
          expect(yield* Fiber.join(drained)).toEqual(["slow#1"])
          yield* Deferred.succeed(go, void 0)
          const exit = yield* Effect.exit(Fiber.join(session))
          expect(Exit.isFailure(exit)).toBe(true)
          expect(yield* Effect.flip(exit as Exit.Exit<never, SqlFailure.SqlFailure>)).toMatchObject({
            _tag: "TransactionAborted",
            first: { _tag: "EngineClosed" }
          })
          expect(server.rows("t")).toEqual([])
        })
      ))
  })

  it.scoped("its events tell what happened, and end with it", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { engine } = yield* Scope.extend(bench(), scope)
      const subscribed = yield* Deferred.make<void>()
      const listening = yield* engine.events.pipe(
        Stream.map((event) => event._tag),
        Stream.tap(() => Deferred.succeed(subscribed, void 0)),
        Stream.runCollect,
        Effect.fork
      )
      // A subscription has no answer of its own: the first event that is heard is the proof.
      yield* Effect.repeat(Effect.zipRight(engine.sql`select k from t`, Effect.yieldNow()), {
        until: () => Deferred.isDone(subscribed)
      })
      yield* engine.transaction(engine.sql`insert into t values (1)`)
      yield* Effect.exit(engine.transaction(Effect.zipRight(engine.sql`insert into t values (2)`, Effect.fail("no"))))
      yield* engine.drain
      yield* Scope.close(scope, Exit.void)
      const heard = Chunk.toReadonlyArray(yield* Fiber.join(listening))
      expect(heard).toEqual(expect.arrayContaining(["Acquired", "Released", "SessionCommitted", "SessionRolledBack"]))
      expect(heard.slice(-2)).toEqual(["Destroyed", "Drained"])
    }))
})
