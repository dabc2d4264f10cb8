/**
 * The life of an engine as a log and as events: silent unless somebody asks, complete when somebody does.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Exit, Fiber, Layer, Scope, Stream } from "effect"
import { Engine, EngineLog, Session } from "effect-sql-engine"
import { Outcome, ScriptedDriver, VirtualClock } from "effect-sql-engine-testing"
import { HostId } from "../src/internal/session/verbs.js"
import { bench } from "./support/scripted.js"
import { logged } from "./support/sight.js"

const insert = (key: number) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into t values (${key})`)

describe("EngineLog", () => {
  it.effect("tells each step of a session's life, from connect to dispose, with engine, session, duration and outcome", () => {
    const { layer, lines } = logged()
    return Effect.gen(function*() {
      const server = yield* ScriptedDriver.make()
      server.next("connect", Outcome.slow("5 millis"))
      server.next("statement", Outcome.slow("20 millis"), Outcome.slow("30 millis"))
      yield* Effect.gen(function*() {
        yield* Session.transaction(insert(1), { name: "kept" })
        yield* Effect.exit(Session.transaction(Effect.zipRight(insert(2), Effect.fail("no")), { name: "undone" }))
      }).pipe(
        Effect.provide(
          EngineLog.layer.pipe(Layer.provideMerge(Engine.layer(Engine.make(server.driver, { name: "app" }))))
        )
      )
      expect(lines.every(({ facts, level }) => level === "DEBUG" && facts["engine"] === "app")).toBe(true)
      const own = (facts: object) => Object.fromEntries(Object.entries(facts).filter(([name]) => name !== "engine"))
      expect(lines.map(({ facts, message }) => [message, own(facts)])).toEqual([
        ["connect", { connection: "1", durationMillis: 5, outcome: "success" }],
        ["acquire", { connection: "1", session: "kept#1", durationMillis: 5, outcome: "success" }],
        ["begin", { connection: "1", session: "kept#1", durationMillis: 25, outcome: "success" }],
        ["release", { connection: "1", session: "kept#1", durationMillis: 20, outcome: "success" }],
        ["commit", { session: "kept#1", durationMillis: 25, outcome: "success" }],
        ["acquire", { connection: "1", session: "undone#2", durationMillis: 0, outcome: "success" }],
        ["begin", { connection: "1", session: "undone#2", durationMillis: 30, outcome: "success" }],
        ["release", { connection: "1", session: "undone#2", durationMillis: 30, outcome: "success" }],
        ["rollback", { session: "undone#2", durationMillis: 30, outcome: "success" }],
        ["close", { connection: "1", outcome: "closed" }],
        ["dispose", { durationMillis: 0, outcome: "success" }]
      ])
    }).pipe(Effect.provide(layer), VirtualClock.run)
  })

  it.effect("tells what goes wrong: a refused connection, a lost COMMIT, a retry, a session that is cut off", () => {
    const { layer, lines } = logged()
    return Effect.gen(function*() {
      const server = yield* ScriptedDriver.make()
      const scope = yield* Scope.make()
      const engine = yield* Scope.extend(Engine.make(server.driver, { name: "app", drainTimeout: "1 second" }), scope)
      yield* EngineLog.attach(engine, { level: "Info" })
      server.next("connect", Outcome.fail("53300"))
      yield* Effect.exit(engine.sql`select k from t`)
      server.next("commit", Outcome.lostAfter)
      yield* Effect.exit(engine.transaction(engine.sql`insert into t values (1)`, { name: "lost" }))
      server.next("statement", Outcome.fail("40001"))
      yield* engine.transaction(engine.sql`insert into t values (2)`, { name: "rival", retry: "conflicts" })
      const stuck = yield* Effect.fork(
        engine.transaction(Effect.zipRight(engine.sql`insert into t values (3)`, Effect.never), { name: "stuck" })
      )
      yield* Effect.sleep(1)
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.interrupt(stuck)
      const said = lines.filter(({ level }) => level === "INFO").map(({ facts, message }) => [
        message,
        facts["session"],
        facts["outcome"],
        facts["failure"]
      ])
      expect(said).toContainEqual(["connect", undefined, "failure", "TooManyConnections"])
      expect(said).toContainEqual(["acquire", undefined, "failure", "TooManyConnections"])
      expect(said).toContainEqual(["commit", "lost#1", "unknown", "CommitUnknown"])
      expect(said).toContainEqual(["retry", "rival", undefined, "SerializationError"])
      expect(said).toContainEqual(["rollback", "rival#2", "success", undefined])
      expect(said).toContainEqual(["commit", "rival#3", "success", undefined])
      expect(lines.filter(({ message }) => message === "dispose").map(({ facts }) => facts)).toEqual([
        { engine: "app", durationMillis: 1000, outcome: "cancelled", cancelled: ["stuck#4"] }
      ])
    }).pipe(Effect.provide(layer), VirtualClock.run)
  })
})

describe("the events of an engine", () => {
  it.effect("tell of statements as well, in the order in which everything happens, and none of a value", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { engine, server } = yield* Scope.extend(bench(), scope)
      server.next("statement", Outcome.slow("20 millis"))
      const listening = yield* Effect.fork(Stream.runCollect(engine.events))
      yield* Effect.sleep(1)
      yield* engine.transaction(engine.sql`insert into t values (${"s3cret"})`, { name: "work" })
      yield* Effect.exit(engine.sql.unsafe("fail 23505"))
      yield* Scope.close(scope, Exit.void)
      const events = Chunk.toReadonlyArray(yield* Fiber.join(listening))
      expect(events.map(({ _tag }) => _tag)).toEqual([
        "Connected",
        "Acquired",
        "SessionBegan",
        "StatementEnded",
        "StatementEnded",
        "Released",
        "SessionCommitted",
        "Acquired",
        "Released",
        "StatementEnded",
        "Destroyed",
        "Drained"
      ])
      const statements = events.filter((event) => event._tag === "StatementEnded")
      expect(statements).toMatchObject([
        {
          session: "work#1",
          statement: "insert into t values (?)",
          operation: "INSERT",
          collection: "t",
          ahead: ["BEGIN"],
          connection: "1",
          millis: 20,
          databaseMillis: 20,
          rows: 0,
          outcome: "success",
          failure: undefined
        },
        { session: "work#1", operation: "COMMIT", ahead: [], outcome: "success" },
        { session: undefined, statement: "fail ?", outcome: "failure", failure: { _tag: "UniqueViolation" } }
      ])
      expect(JSON.stringify(events)).not.toContain("s3cret")
    }).pipe(VirtualClock.run))

  it.scoped("a listener that fails changes nothing of what happens", () =>
    Effect.gen(function*() {
      const { engine } = yield* bench()
      const told: Array<string> = []
      const stop = engine[HostId].sight.listen({
        tell: ({ _tag }) => {
          told.push(_tag)
          throw new Error("the listener is broken")
        }
      })
      yield* engine.transaction(engine.sql`select k from t`)
      stop()
      yield* engine.transaction(engine.sql`select k from t`)
      expect(told).toEqual(["Connected", "Acquired", "SessionBegan", "Released", "SessionCommitted"])
    }))
})
