/**
 * When tables are tried again, and when not, on the scripted driver: capabilities 40 and 43.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import {
  Clock,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Logger,
  LogLevel,
  Random,
  Schedule,
  Schema,
  TestClock
} from "effect"
import { Engine, Session, Table, Tables } from "effect-sql-engine"
import { Outcome, ScriptedDriver } from "effect-sql-engine-testing"
import type { Ddl } from "effect-sql-engine/Dialect"
import type { EngineService } from "effect-sql-engine/Engine"

const things = Table.make("things", Schema.Struct({ id: Schema.Int }))

/** Words that the scripted server understands; it has a table once its catalog has a row. */
const ddl: Ddl = {
  schemas: false,
  sameName: (a, b) => a === b,
  forwardReferences: true,
  dropsTogether: false,
  columnType: (kind) => kind,
  sameType: (a, b) => a === b,
  generated: (type) => ({ definition: type, isKey: false }),
  literal: String,
  now: () => "now",
  uuid: "uuid",
  isolation: undefined,
  lock: () => [],
  beforeDrop: [],
  introspection: () => ({
    queries: [{ sql: "select catalog", params: [] }],
    read: ([rows = []]) => ({
      defaultSchema: undefined,
      schemas: [],
      tables: rows.map(() => ({
        schema: undefined,
        name: "things",
        columns: [{ name: "id", type: "integer", nullable: false, default: undefined, generated: false }],
        primaryKey: { name: undefined, columns: ["id"] },
        uniques: [],
        indexes: [],
        foreignKeys: [],
        checks: []
      }))
    })
  }),
  raced: (failure) => failure.code === "40001"
}

/** An engine whose every look at the catalog ends as `failures` say; later ones succeed. */
const make = (...failures: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const server = yield* ScriptedDriver.make({ tables: { catalog: [1] } })
    server.next("statement", ...failures.map((code) => Outcome.fail(code)))
    const dialect = { ...server.driver.dialect, ddl }
    const engine = yield* Engine.make({ ...server.driver, dialect }, { name: "shop" })
    return { engine, server }
  })

const provide = (engine: EngineService) => Effect.provide(Engine.layer(Effect.succeed(engine)))

const forever = Array.from({ length: 50 }, () => "40001")

/** Runs `ensure` to its end, and tells when each retry began. */
const retried = (engine: EngineService, options: Tables.EnsureOptions = {}) =>
  Effect.gen(function*() {
    const began: Array<number> = []
    const onEvent = (event: Tables.TablesEvent) =>
      event._tag === "Retrying" ? Effect.map(Clock.currentTimeMillis, (now) => began.push(now)) : Effect.void
    const fiber = yield* Effect.fork(
      Effect.exit(Tables.ensure([things], { ...options, onEvent }).pipe(provide(engine)))
    )
    yield* TestClock.adjust("5 seconds")
    const pauses = began.map((at, nth) => at - (began[nth - 1] ?? 0))
    return { exit: yield* Fiber.join(fiber), pauses }
  })

describe("a race that always fails", () => {
  const caps = [10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000]

  it.scoped("is tried 11 times, with 10 pauses of at most min(1000, 10 · 2^i) ms, and the last failure is returned", () =>
    Effect.gen(function*() {
      const { engine, server } = yield* make(...forever)
      const { exit, pauses } = yield* Effect.withRandom(retried(engine), Random.fixed([1]))
      expect(pauses).toEqual(caps)
      expect(pauses.reduce((a, b) => a + b, 0)).toBe(4270)
      expect(Exit.causeOption(exit)).toMatchObject({ value: { error: { _tag: "SerializationError", code: "40001" } } })
      expect(server.wire.filter(({ sql }) => sql === "select catalog")).toHaveLength(11)
    }))

  it.effect("pauses for a time by chance, evenly between 0 and its cap", () =>
    Effect.gen(function*() {
      const inputs = Array.from({ length: 20 }, () => undefined)
      const run = Effect.map(Schedule.run(Schedule.delays(Tables.schedule), 0, inputs), (delays) =>
        [...delays].slice(0, caps.length).map(Duration.toMillis))
      const runs = yield* Effect.withRandom(Effect.replicateEffect(run, 2000), Random.make("seed 20260725"))
      for (const [i, cap] of caps.entries()) {
        const pauses = runs.map((pauses) =>
          pauses[i]!
        )
        expect(Math.min(...pauses)).toBeGreaterThanOrEqual(0)
        expect(Math.max(...pauses)).toBeLessThanOrEqual(cap)
        for (let tenth = 0; tenth < 10; tenth++) {
          const share = pauses.filter((pause) => Math.min(9, Math.floor(pause / cap * 10)) === tenth).length /
            runs.length
          expect(Math.abs(share - 0.1)).toBeLessThan(0.035)
        }
      }
    }))

  it.scoped("follows another schedule where one is given, also in the place of the options", () =>
    Effect.gen(function*() {
      const { engine, server } = yield* make(...forever)
      const { pauses } = yield* retried(engine, {
        schedule: Schedule.intersect(Schedule.spaced(7), Schedule.recurs(2))
      })
      expect(pauses).toEqual([7, 7])
      expect(yield* Effect.exit(Tables.ensure([things], Schedule.recurs(1)).pipe(provide(engine)))).toMatchObject({
        _tag: "Failure"
      })
      expect(server.wire.filter(({ sql }) => sql === "select catalog")).toHaveLength(3 + 2)
    }))

  it.scoped("is no race when the failure is of another kind: one attempt", () =>
    Effect.gen(function*() {
      for (const code of ["42501", "42601", "28P01", "UniqueViolation"]) {
        const { engine } = yield* make(code)
        const { exit, pauses } = yield* retried(engine)
        expect([Exit.isFailure(exit), pauses]).toEqual([true, []])
      }
    }))
})

describe("on one engine", () => {
  it.scoped("50 fibers do it once; a second time does nothing; a failure is not remembered", () =>
    Effect.gen(function*() {
      const { engine, server } = yield* make()
      server.next("statement", Outcome.slow("1 second", Outcome.fail("42501")))
      const all = Effect.all(
        Array.from({ length: 50 }, () => Effect.exit(Tables.ensure([things]).pipe(provide(engine)))),
        { concurrency: "unbounded" }
      )
      const looks = () => server.wire.filter(({ sql }) => sql === "select catalog").length
      const fiber = yield* Effect.fork(all)
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(fiber)).every(Exit.isFailure)).toBe(true)
      expect(looks()).toBe(1)
      expect((yield* all).every(Exit.isSuccess)).toBe(true)
      expect(looks()).toBe(2)
      yield* all
      expect(looks()).toBe(2)
    }))

  it.scoped("a waiter takes over from a fiber that is interrupted", () =>
    Effect.gen(function*() {
      const { engine } = yield* make("40001")
      const started = yield* Deferred.make<void>()
      const onEvent = () => Deferred.succeed(started, undefined)
      const first = yield* Effect.fork(Tables.ensure([things], { onEvent }).pipe(provide(engine)))
      yield* Deferred.await(started)
      const second = yield* Effect.fork(Tables.ensure([things]).pipe(provide(engine)))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(first)
      expect(yield* Fiber.join(second)).toEqual({ created: [], existed: ["things"] })
    }))

  it.scoped("inside a session it is a part of it: neither tried again nor remembered", () =>
    Effect.gen(function*() {
      const { engine, server } = yield* make("40001")
      const inside = Session.transaction(Tables.ensure([things])).pipe(provide(engine))
      expect(yield* Effect.flip(inside)).toMatchObject({ code: "40001" })
      yield* inside
      yield* inside
      expect(server.wire.filter(({ sql }) => sql === "select catalog")).toHaveLength(3)
      expect(server.counts()).toMatchObject({ openTransactions: 0, committed: 2 })
    }))
})

describe("its lifecycle", () => {
  /** Two tries, of which the first meets a rival and then a refusal. */
  const observed = (logLevel?: LogLevel.LogLevel) =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make(({ annotations, logLevel, message }) => {
        lines.push(`${logLevel.label} ${String(message)}`)
        facts.push(Object.fromEntries(annotations))
      })
      const facts: Array<Record<string, unknown>> = []
      const events: Array<Tables.TablesEvent> = []
      const { engine } = yield* make("40001", "42501")
      const options = { logLevel, onEvent: (event: Tables.TablesEvent) => Effect.sync(() => events.push(event)) }
      const once = Effect.exit(Tables.ensure([things], options).pipe(provide(engine)))
      const fiber = yield* Effect.fork(
        Effect.provide(Effect.zip(once, once), Logger.replace(Logger.defaultLogger, logger))
      )
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      return { lines, facts, events }
    })

  it.scoped("is told as events: start, retry, failure, success, with the engine's name and the time it took", () =>
    Effect.gen(function*() {
      const { events } = yield* observed()
      expect(events).toMatchObject([
        { _tag: "Started", engine: "shop", tables: ["things"] },
        { _tag: "Retrying", engine: "shop", attempts: 1, failure: { _tag: "SerializationError" } },
        { _tag: "Failed", engine: "shop", millis: expect.any(Number) },
        { _tag: "Started", engine: "shop" },
        { _tag: "Ready", engine: "shop", created: [], existed: ["things"], millis: 0 }
      ])
    }))

  it.scoped("is silent in the log, unless a level is asked for", () =>
    Effect.gen(function*() {
      expect((yield* observed()).lines).toEqual([])
      const { facts, lines } = yield* observed(LogLevel.Info)
      expect(lines).toEqual([
        "INFO Making sure of 1 table of engine \"shop\".",
        "INFO The tables of engine \"shop\" met a rival (SerializationError); attempt 2 begins.",
        "INFO The tables of engine \"shop\" could not be made sure of.",
        "INFO Making sure of 1 table of engine \"shop\".",
        "INFO The tables of engine \"shop\" are there: 0 created, 1 found."
      ])
      expect(facts.map(({ engine, event }) => [engine, event])).toEqual(
        ["Started", "Retrying", "Failed", "Started", "Ready"].map((event) => ["shop", `Tables.${event}`])
      )
      expect([facts[2], facts[4]]).toMatchObject([{ millis: expect.any(Number) }, { millis: 0 }])
    }))
})

describe("tables on first use", () => {
  it.scoped("come before the first statement of whoever is first, and once", () =>
    Effect.gen(function*() {
      const { engine, server } = yield* make()
      const layer = Tables.layer([things], { when: "first use" })
      yield* Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        expect(server.wire).toEqual([])
        yield* Effect.all(
          Array.from({ length: 20 }, (_, at) => at % 2 === 0 ? sql`select t` : Session.transaction(sql`select t`)),
          { concurrency: "unbounded", discard: true }
        )
        const said = server.wire.flatMap(({ sql }) => sql?.startsWith("select") === true ? [sql] : [])
        expect(said.filter((sql) => sql === "select catalog")).toHaveLength(1)
        expect(said.indexOf("select catalog")).toBe(0)
      }).pipe(Effect.provide(layer), provide(engine))
    }))
})
