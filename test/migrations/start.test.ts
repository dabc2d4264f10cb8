/**
 * The start of a program: waiting for a database, for a lock, for another process, and what each ends with. In virtual
 * time, on a real file.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber } from "effect"
import type { Scope } from "effect"
import { Engine, Migrations, Mutex, SqlFailure } from "effect-sql-engine"
import { SqliteDriver } from "effect-sql-engine-sqlite"
import { VirtualClock } from "effect-sql-engine-testing"
import { join } from "node:path"
import { folder, places } from "../support/places.js"
import type { Place } from "../support/places.js"

const [, open] = places[1]!

const on = (engine: Engine.EngineService) => Effect.provideService(Engine.Engine, engine)

const set = Migrations.fromRecord({ "1_a": "create table a (k integer)", "2_b": "create table b (k integer)" })

/** In virtual time, on a database of its own. */
const virtually =
  (body: (place: Place, engine: Engine.EngineService) => Effect.Effect<void, unknown, Engine.Engine | Scope.Scope>) =>
  () =>
    Effect.runPromise(VirtualClock.run(
      Effect.scoped(Effect.gen(function*() {
        const place = yield* open
        const engine = yield* place.engine()
        yield* on(engine)(body(place, engine))
      }))
    ))

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.timed(effect), ([took, value]) => [Duration.toMillis(took), value] as const)

/** Events, and when each of them came. */
const listening = () => {
  const heard: Array<string> = []
  const onEvent = (event: Migrations.MigrationEvent) =>
    Effect.map(Clock.currentTimeMillis, (now) => heard.push(`${now} ${event._tag}`))
  return { heard, onEvent }
}

describe("whoever waits for another's migrations", () => {
  it(
    "looks every 5 seconds, and stops at its limit, also when that is 12",
    virtually(() =>
      Effect.gen(function*() {
        const { heard, onEvent } = listening()
        const [took, failure] = yield* timed(Effect.flip(Migrations.wait(set, { limit: "12 seconds", onEvent })))
        expect(failure).toMatchObject({ _tag: "MigrationPending", migrations: ["1_a", "2_b"], waitedMillis: 12_000 })
        expect(took).toBe(12_000)
        expect(heard).toEqual(["0 Pending", "5000 Pending", "10000 Pending"])
      })
    )
  )

  it(
    "returns as soon as everything is applied, and has changed nothing",
    virtually((place, engine) =>
      Effect.gen(function*() {
        const waiter = yield* Effect.fork(timed(Migrations.wait(set)))
        yield* Effect.sleep("7 seconds")
        expect(yield* place.tables).toEqual([])
        yield* on(engine)(Migrations.run(set))
        expect((yield* Fiber.join(waiter))[0]).toBe(10_000)
        expect((yield* timed(Migrations.wait(set)))[0]).toBe(0)
      })
    )
  )

  it(
    "with no limit to wait looks once",
    virtually(() =>
      Effect.gen(function*() {
        const [took, failure] = yield* timed(Effect.flip(Migrations.wait(set, { limit: 0 })))
        expect([took, failure._tag]).toEqual([0, "MigrationPending"])
      })
    )
  )
})

describe("a start", () => {
  it(
    "that migrates is a success, with what was applied and what came behind it",
    virtually((place) =>
      Effect.gen(function*() {
        const andThen = Effect.gen(function*() {
          expect(yield* Mutex.holder(Migrations.lock)).toMatchObject({ _tag: "Some" })
          return (yield* place.tables).length
        })
        const first = yield* Migrations.initialise(set, { andThen })
        expect(first).toMatchObject({ _tag: "Success", applied: [{ id: "1" }, { id: "2" }], value: 2 })
        expect(yield* Migrations.initialise(set)).toEqual({ _tag: "Success", applied: [], value: undefined })
        expect(yield* Mutex.holder(Migrations.lock)).toMatchObject({ _tag: "None" })
      })
    )
  )

  it(
    "that waits migrates nothing, and does not run what comes behind",
    virtually((place) =>
      Effect.gen(function*() {
        const never = Effect.dieMessage("a waiter seeds nothing")
        const options = { mode: "wait", maxTime: "12 seconds", andThen: never } as const
        const [took, failure] = yield* timed(Effect.flip(Migrations.initialise(set, options)))
        expect([took, failure]).toMatchObject([12_000, { _tag: "MigrationPending" }])
        expect(yield* place.tables).toEqual([])
        yield* Migrations.run(set)
        expect(yield* Migrations.initialise(set, options)).toMatchObject({ _tag: "Success", applied: [] })
      })
    )
  )

  it(
    "with no time is skipped, said so, and looks at nothing",
    virtually((place, engine) =>
      Effect.gen(function*() {
        const { heard, onEvent } = listening()
        const before = (yield* engine.stats).pool.requests
        expect(yield* Migrations.initialise(set, { maxTime: 0, onEvent })).toEqual({
          _tag: "Skipped",
          reason: "maxTime is 0"
        })
        expect(heard).toEqual(["0 Skipped"])
        expect((yield* engine.stats).pool.requests).toBe(before)
        expect(yield* place.tables).toEqual([])
      })
    )
  )

  it(
    "that does not get the lock within 20 seconds says so, and `run` fails with a MutexTimeout",
    virtually((place) =>
      Effect.gen(function*() {
        const other = yield* place.engine({ name: "other" })
        const held = yield* Effect.fork(on(other)(Mutex.withLock(Migrations.lock)(Effect.never)))
        yield* Effect.sleep("1 second")
        const [took, result] = yield* timed(Migrations.initialise(set))
        expect(result).toMatchObject({
          _tag: "LockTimeout",
          waitedMillis: 20_000,
          holder: expect.stringContaining("other")
        })
        expect(took).toBe(20_000)
        const failure = yield* Effect.flip(Migrations.run(set, { lockTimeout: "1 second" }))
        expect(failure).toMatchObject({ _tag: "MutexTimeout", mutex: Migrations.lock, waitedMillis: 1_000 })
        expect(yield* place.tables).toEqual([])
        yield* Fiber.interrupt(held)
        expect(yield* Migrations.initialise(set)).toMatchObject({ _tag: "Success" })
      })
    )
  )

  /** An engine on a file nobody can open before that virtual moment, and what they are told until then. */
  const later = (
    upAt: number,
    until: SqlFailure.SqlFailure = new SqlFailure.ConnectionError({ message: "not up yet" })
  ) =>
    Effect.gen(function*() {
      const filename = join(yield* folder, "late.db")
      const driver = yield* SqliteDriver.make({ filename, readers: 0 })
      const connect: typeof driver.write.connect = (context) =>
        Effect.flatMap(
          Clock.currentTimeMillis,
          (now) => now < upAt ? Effect.fail(until) : driver.write.connect(context)
        )
      return yield* Engine.make({ ...driver, write: { ...driver.write, connect } })
    })

  it(
    "whose database does not answer yet tries every 10 seconds, and migrates when it does",
    virtually(() =>
      Effect.gen(function*() {
        const engine = yield* later(25_000)
        const { heard, onEvent } = listening()
        const [took, result] = yield* timed(on(engine)(Migrations.initialise(set, { onEvent })))
        expect(result).toMatchObject({ _tag: "Success", applied: [{ id: "1" }, { id: "2" }] })
        expect(took).toBe(30_000)
        expect(heard.slice(0, 4)).toEqual(["0 Unreachable", "10000 Unreachable", "20000 Unreachable", "30000 Waiting"])
      })
    )
  )

  it(
    "whose database never answers fails with what it was told, within its limit, and seeds nothing",
    virtually(() =>
      Effect.gen(function*() {
        const engine = yield* later(Infinity)
        const andThen = Effect.dieMessage("nothing was migrated")
        const start = Migrations.initialise(set, { maxTime: "34 seconds", andThen })
        const [took, failure] = yield* timed(Effect.flip(on(engine)(start)))
        expect([took, failure]).toMatchObject([34_000, { _tag: "ConnectionError", message: "not up yet" }])
      })
    )
  )

  it(
    "that is refused for its password fails at once",
    virtually(() =>
      Effect.gen(function*() {
        const refused = new SqlFailure.AuthenticationError({ message: "wrong password" })
        const engine = yield* later(25_000, refused)
        const [took, failure] = yield* timed(Effect.flip(on(engine)(Migrations.initialise(set))))
        expect([took, failure]).toEqual([0, refused])
      })
    )
  )

  it(
    "that loses its lock in the middle goes on after a while, and its answer has all it applied",
    virtually((place) =>
      Effect.gen(function*() {
        let robberies = 0
        const robbed = Effect.gen(function*() {
          const sql = yield* SqlClient.SqlClient
          yield* sql`create table c (k integer)`
          if (robberies++ === 0) yield* sql`update effect_sql_engine_mutex set owner = 'thief'`
        })
        const three = Migrations.fromRecord({
          "1_a": "create table a (k integer)",
          "2_b": "create table b (k integer)",
          "3_c": robbed
        })
        const { heard, onEvent } = listening()
        const seeds = { begun: 0 }
        const andThen = Effect.sync(() => ++seeds.begun)
        const [took, result] = yield* timed(Migrations.initialise(three, { onEvent, andThen }))
        expect(result).toMatchObject({
          _tag: "Success",
          applied: [{ id: "1" }, { id: "2" }, { id: "3" }],
          value: 1
        })
        expect([took, robberies, seeds.begun]).toEqual([10_000, 2, 1])
        expect(heard.filter((line) => line.endsWith("Unreachable"))).toEqual(["0 Unreachable"])
        expect(yield* place.tables).toEqual(["a", "b", "c"])
      })
    )
  )

  it(
    "that loses its lock after its seed was begun fails, and seeds no second time",
    virtually(() =>
      Effect.gen(function*() {
        let seeds = 0
        const andThen = Effect.gen(function*() {
          seeds++
          const { sql } = yield* Engine.Engine
          yield* sql`delete from effect_sql_engine_mutex`
        })
        const failure = yield* Effect.flip(Migrations.initialise(set, { andThen }))
        expect([failure, seeds]).toMatchObject([{ _tag: "MutexLost", finished: true }, 1])
      })
    )
  )
})

describe("a failure behind the migrations", () => {
  it(
    "is the start's own, and the migrations stay",
    virtually((place) =>
      Effect.gen(function*() {
        const andThen = Effect.fail("no seed" as const)
        const failure = yield* Effect.flip(Migrations.initialise(set, { andThen }))
        expect(failure).toBe("no seed")
        expect(yield* place.tables).toEqual(["a", "b"])
      })
    )
  )
})
