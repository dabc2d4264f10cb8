import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Deferred, Effect, Exit, Fiber, Layer, Resource, Schedule, Scope, Stream, TestClock } from "effect"
import { Engine, Session, SqlFailure } from "effect-sql-engine"
import { Outcome, VirtualClock } from "effect-sql-engine-testing"
import * as ScriptedDriver from "effect-sql-engine-testing/ScriptedDriver"
import { expectAddsUp } from "./support/scripted.js"

/** An engine in a resource; each generation has a server of its own, over the same rows as far as these tests look. */
const world = (
  options: Engine.EngineOptions = {},
  resourceOptions: Engine.ResourceOptions = {},
  driver: ScriptedDriver.Options = {}
) =>
  Effect.gen(function*() {
    const servers: Array<ScriptedDriver.ScriptedDriver> = []
    const control = { before: Effect.void as Effect.Effect<void, SqlFailure.SqlFailure>, made: 0 }
    const make = Effect.gen(function*() {
      control.made++
      yield* control.before
      const server = yield* ScriptedDriver.make(driver)
      const engine = yield* Engine.make(server.driver, options)
      servers.push(server)
      return engine
    })
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        expect(servers.map((server) => server.counts()).filter(({ handles, open }) => open + handles > 0)).toEqual([])
        expect(servers.flatMap(({ breaches }) => breaches)).toEqual([])
      })
    )
    const resource = yield* Engine.resource(make, resourceOptions)
    const engine = yield* resource
    const rows = () => servers.map((server) => server.rows("t"))
    return { control, engine, resource, rows, servers }
  })

const unreachable = new SqlFailure.ConnectionError({ message: "Nobody is there.", sent: "no" })

describe("a refresh", () => {
  it.scoped("serves everybody from a new engine; the old one's idle connections are closed", () =>
    Effect.gen(function*() {
      const { engine, resource, rows, servers } = yield* world()
      const insert = (key: number) => engine.transaction(engine.sql`insert into t values (${key})`)
      yield* insert(1)
      yield* Resource.refresh(resource)
      yield* insert(2)
      yield* engine.sql`insert into t values (3)`
      yield* TestClock.adjust("1 millis")
      expect(rows()).toEqual([[1], [2, 3]])
      expect(servers.map((server) => server.counts().open)).toEqual([0, 1])
      expect(yield* resource).toBe(engine)
    }))

  it.scoped("a session that has a connection finishes on it, however long it takes", () =>
    Effect.gen(function*() {
      const { engine, resource, rows, servers } = yield* world({ drainTimeout: "1 second" })
      const inside = yield* Deferred.make<void>()
      const session = yield* Effect.fork(engine.transaction(Effect.gen(function*() {
        yield* engine.sql`insert into t values (1)`
        yield* Deferred.succeed(inside, undefined)
        yield* Effect.sleep("10 minutes")
        yield* engine.transaction(engine.sql`insert into t values (2)`)
      })))
      yield* Deferred.await(inside)
      yield* Resource.refresh(resource)
      yield* engine.transaction(engine.sql`insert into t values (3)`)
      yield* TestClock.adjust("10 minutes")
      yield* Fiber.join(session)
      expect(rows()).toEqual([[1, 2], [3]])
      expect(servers[0]!.wire.flatMap(({ sql }) => sql?.startsWith("SAVEPOINT") === true ? [sql] : [])).toHaveLength(1)
      expect(servers.map((server) => server.counts().open)).toEqual([0, 1])
    }))

  it.scoped("a session that has sent nothing yet begins on the new engine", () =>
    Effect.gen(function*() {
      const { engine, resource, rows } = yield* world()
      yield* engine.transaction(Effect.zipRight(Resource.refresh(resource), engine.sql`insert into t values (1)`))
      expect(rows()).toEqual([[], [1]])
    }))

  it.scoped("a session that waits in the old engine's line moves to the new one's", () =>
    Effect.gen(function*() {
      const { engine, resource, rows } = yield* world({ pool: { size: 1, maxOverflow: 0 } })
      const inside = yield* Deferred.make<void>()
      const holder = yield* Effect.fork(engine.transaction(Effect.gen(function*() {
        yield* engine.sql`insert into t values (1)`
        yield* Deferred.succeed(inside, undefined)
        yield* Effect.sleep("1 minute")
      })))
      yield* Deferred.await(inside)
      const waiters = yield* Effect.forEach([2, 3], (key) =>
        Effect.fork(engine.transaction(engine.sql`insert into t values (${key})`)))
      yield* Effect.yieldNow()
      expect((yield* engine.stats).pool.waiting).toBe(2)
      yield* Resource.refresh(resource)
      yield* Effect.forEach(waiters, Fiber.join)
      expect(rows()).toEqual([[], [2, 3]])
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(holder)
      expect(rows()).toEqual([[1], [2, 3]])
    }))

  it.effect("fails no session at any moment of one", () =>
    VirtualClock.run(Effect.scoped(Effect.gen(function*() {
      const { engine, resource, rows } = yield* world({ pool: { size: 2, maxOverflow: 2 } }, {}, {
        script: [{ step: "connect", outcome: Outcome.slow("1 millis") }]
      })
      const session = (key: number) =>
        engine.transaction(Effect.gen(function*() {
          yield* Effect.sleep(key % 5)
          yield* engine.sql`insert into t values (${key})`
          yield* Effect.sleep(key % 7)
          yield* engine.transaction(engine.sql`insert into t values (${1000 + key})`)
        }))
      const sessions = yield* Effect.fork(Effect.forEach(
        Array.from({ length: 300 }, (_, key) => key),
        (key) => Effect.delay(session(key), key % 60),
        { concurrency: "unbounded", discard: true }
      ))
      for (let i = 0; i < 40; i++) yield* Effect.delay(Resource.refresh(resource), "3 millis")
      yield* Fiber.join(sessions)
      expect(rows().flat()).toHaveLength(600)
      expect(rows().filter((keys) => keys.length > 0).length).toBeGreaterThan(10)
      const stats = yield* engine.stats
      expectAddsUp(stats)
      expect(stats.sessions).toMatchObject({ opened: 300, committed: 300, open: 0 })
    }))))

  it.scoped("that fails changes nothing", () =>
    Effect.gen(function*() {
      const { control, engine, resource, rows, servers } = yield* world()
      yield* engine.transaction(engine.sql`insert into t values (1)`)
      control.before = unreachable
      expect((yield* Effect.flip(Resource.refresh(resource)))._tag).toBe("ConnectionError")
      yield* engine.transaction(engine.sql`insert into t values (2)`)
      expect(rows()).toEqual([[1, 2]])
      expect(servers[0]!.counts()).toMatchObject({ opened: 1, open: 1 })
    }))

  it.scoped("that is interrupted leaves the old engine, and nothing of the new one", () =>
    Effect.gen(function*() {
      const { control, engine, resource, rows } = yield* world()
      control.before = Effect.never
      const refresh = yield* Effect.fork(Resource.refresh(resource))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(refresh)
      control.before = Effect.void
      yield* engine.transaction(engine.sql`insert into t values (1)`)
      yield* Resource.refresh(resource)
      yield* engine.transaction(engine.sql`insert into t values (2)`)
      expect(rows()).toEqual([[1], [2]])
    }))

  it.scoped("to another kind of database is refused", () =>
    Effect.gen(function*() {
      let name = "scripted"
      const closed: Array<string> = []
      const make = Effect.gen(function*() {
        const { driver } = yield* ScriptedDriver.make()
        const own = name
        yield* Effect.addFinalizer(() => Effect.sync(() => closed.push(own)))
        return yield* Engine.make({ ...driver, dialect: { ...driver.dialect, name } })
      })
      const resource = yield* Engine.resource(make)
      name = "other"
      expect(yield* Effect.flip(Resource.refresh(resource))).toMatchObject({
        _tag: "EngineConfigError",
        problems: [{ field: "url" }]
      })
      expect(closed).toEqual(["other"])
    }))
})

describe("an engine in a resource", () => {
  it.scoped("nests, and knows its sessions, through a refresh inside of one", () =>
    Effect.gen(function*() {
      const { engine, resource, rows, servers } = yield* world()
      const depths = yield* Session.transaction(Effect.gen(function*() {
        yield* engine.sql`insert into t values (1)`
        yield* Resource.refresh(resource)
        yield* engine.sql`insert into t values (2)`
        return yield* Session.transaction(Effect.map(Session.info, ({ depth }) => depth))
      })).pipe(Effect.provide(Engine.layer(Effect.succeed(engine))))
      expect(depths).toBe(1)
      expect(rows()).toEqual([[1, 2], []])
      expect(servers[1]!.wire).toEqual([])
    }))

  it.scoped("counts all its generations together", () =>
    Effect.gen(function*() {
      const { engine, resource } = yield* world({}, {}, { readLane: true })
      for (let i = 0; i < 3; i++) {
        yield* engine.transaction(engine.sql`insert into t values (${i})`)
        yield* engine.sql`select k from t`
        yield* Resource.refresh(resource)
      }
      yield* TestClock.adjust("1 second")
      const stats = yield* engine.stats
      expectAddsUp(stats)
      expect(stats.pool).toMatchObject({ max: 15, created: 3, served: 3, open: 0 })
      expect(stats.readers).toMatchObject({ created: 3, served: 3, open: 0 })
      expect(stats.sessions).toMatchObject({ opened: 3, committed: 3 })
    }))

  it.scoped("tells what happens in all of them", () =>
    Effect.gen(function*() {
      const { engine, resource } = yield* world()
      const events = yield* Effect.fork(Stream.runCollect(Stream.take(
        Stream.filter(engine.events, ({ _tag }) => _tag === "Connected" || _tag === "SessionCommitted"),
        4
      )))
      yield* TestClock.adjust("1 millis")
      yield* engine.transaction(engine.sql`insert into t values (1)`)
      yield* Resource.refresh(resource)
      yield* TestClock.adjust("1 millis")
      yield* engine.transaction(engine.sql`insert into t values (2)`)
      expect(Chunk.toArray(yield* Fiber.join(events)).map(({ _tag }) => _tag).sort()).toEqual([
        "Connected",
        "Connected",
        "SessionCommitted",
        "SessionCommitted"
      ])
    }))

  it.effect("follows every refresh from inside of a layer", () =>
    Effect.gen(function*() {
      const servers: Array<ScriptedDriver.ScriptedDriver> = []
      const make = Effect.gen(function*() {
        const server = yield* ScriptedDriver.make()
        servers.push(server)
        return yield* Engine.make(server.driver)
      })
      const insert = (key: number) =>
        Session.transaction(Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into t values (${key})`))
      yield* Effect.scoped(Effect.gen(function*() {
        const resource = yield* Engine.resource(make)
        const context = yield* Layer.build(Engine.layer(Resource.get(resource)))
        yield* Effect.provide(insert(1), context)
        yield* Resource.refresh(resource)
        yield* Effect.provide(insert(2), context)
      }))
      expect(servers.map((server) => server.rows("t"))).toEqual([[1], [2]])
      expect(servers.map((server) => server.counts().open)).toEqual([0, 0])
    }))

  it.effect("its end drains every generation, each within its own limit, and no refresh revives it", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { control, engine, resource, rows } = yield* Scope.extend(world({ drainTimeout: "2 seconds" }), scope)
      const hold = (key: number, millis: number) =>
        Effect.gen(function*() {
          const inside = yield* Deferred.make<void>()
          const fiber = yield* Effect.fork(Effect.exit(engine.transaction(Effect.gen(function*() {
            yield* engine.sql`insert into t values (${key})`
            yield* Deferred.succeed(inside, undefined)
            yield* Effect.sleep(millis)
          }))))
          yield* Deferred.await(inside)
          return fiber
        })
      const [one, stuck] = [yield* hold(1, 1000), yield* hold(2, 100_000)]
      yield* Resource.refresh(resource)
      const two = yield* hold(3, 1000)
      const end = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(end)
      yield* TestClock.adjust("100 seconds")
      const exits = yield* Effect.forEach([one, stuck, two], Fiber.join)
      expect(exits.map(Exit.isSuccess)).toEqual([true, false, true])
      expect(rows()).toEqual([[1], [3]])
      const made = control.made
      expect((yield* Effect.flip(Resource.refresh(resource)))._tag).toBe("EngineClosed")
      expect((yield* Effect.flip(engine.transaction(engine.sql`insert into t values (4)`)))._tag).toBe("EngineClosed")
      expect(control.made).toBe(made + 1)
    }))
})

describe("a schedule", () => {
  it.scoped("makes the engine anew without being asked, and goes on after a failure", () =>
    Effect.gen(function*() {
      const { control, engine, rows } = yield* world({}, { refresh: Schedule.spaced("1 hour") })
      const insert = (key: number) => engine.transaction(engine.sql`insert into t values (${key})`)
      yield* insert(1)
      control.before = unreachable
      yield* TestClock.adjust("1 hour")
      yield* insert(2)
      control.before = Effect.void
      yield* TestClock.adjust("1 hour")
      yield* insert(3)
      expect(rows()).toEqual([[1, 2], [3]])
      expect(control.made).toBe(3)
    }))
})
