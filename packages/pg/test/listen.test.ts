import { describe, it } from "@effect/vitest"
import { Chunk, Deferred, Effect, Fiber, Redacted, Stream } from "effect"
import * as PgDriver from "effect-sql-engine-pg/PgDriver"
import * as assert from "node:assert/strict"
import type { Connection } from "../src/internal/connection.js"
import { Listener } from "../src/internal/listener.js"
import { backends, until } from "./support/activity.js"
import { admin, configFor, connectTo, database, ownServer } from "./support/connect.js"

const driverFor = (at: Parameters<typeof configFor>[0]) => PgDriver.make(configFor(at))

/** Collects what is heard until a number of events, and tells when the first Listening came. */
const hear = (driver: PgDriver.PgDriver, channel: string, count: number) =>
  Effect.gen(function*() {
    const ready = yield* Deferred.make<void>()
    const fiber = yield* driver.listen(channel, "test").pipe(
      Stream.tap((event) => event._tag === "Listening" ? Deferred.succeed(ready, undefined) : Effect.void),
      Stream.take(count),
      Stream.runCollect,
      Effect.map(Chunk.toReadonlyArray),
      Effect.fork
    )
    return { ready: Deferred.await(ready), events: Fiber.join(fiber), fiber }
  })

const words = (events: ReadonlyArray<PgDriver.ListenEvent>) =>
  events.map((event) =>
    event._tag === "Notified"
      ? `${event.channel}: ${event.payload}`
      : event._tag === "Listening"
      ? event.again ? "again" : "listening"
      : event.failure._tag
  )

describe("listen", () => {
  it.live("fails where the server does not take the name, and leaves the other channels alone", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const driver = yield* driverFor(at)
      const scope = yield* Effect.scope
      const listener = new Listener(
        (context) => driver.connect(context) as Effect.Effect<Connection, any>,
        scope,
        "here"
      )
      const ready = yield* Deferred.make<void>()
      const heard = yield* listener.listen("news", "test").pipe(
        Stream.tap(() => Deferred.succeed(ready, undefined)),
        Stream.take(2),
        Stream.runCollect,
        Effect.fork
      )
      yield* Deferred.await(ready)
      for (const name of ["a\0b", ""]) {
        for (let i = 0; i < 2; i++) {
          assert.equal((yield* Effect.flip(Stream.runDrain(listener.listen(name, "test"))))._tag, "SqlSyntaxError")
        }
      }
      yield* admin(at.url, "notify news, 'still'")
      assert.deepEqual(words(Chunk.toReadonlyArray(yield* Fiber.join(heard))), ["listening", "news: still"])
    })))

  it.live("hears what is notified on its channel, whatever its name, and no other", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const driver = yield* driverFor(at)
      const name = "odd \"channel\"; drop"
      const listener = yield* hear(driver, name, 3)
      yield* listener.ready
      const c = yield* connectTo(at)
      for (const [channel, payload] of [[name, "it's"], ["other", "x"], [name, ""]] as const) {
        yield* c.execute({ ...PgDriver.notify(channel, payload), prelude: [] })
      }
      assert.deepEqual(words(yield* listener.events), ["listening", `${name}: it's`, `${name}: `])
    })))

  it.live("shares one connection among all channels and listeners, and closes it after the last", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const driver = yield* driverFor(at)
      const listeners = yield* Effect.forEach(["a", "a", "b", "c"], (channel) => hear(driver, channel, 2))
      for (const listener of listeners) yield* listener.ready
      assert.equal(yield* backends(at), 1)
      yield* admin(at.url, "notify a, '1'", "notify b, '2'")
      assert.deepEqual(words(yield* listeners[0]!.events), ["listening", "a: 1"])
      assert.deepEqual(words(yield* listeners[1]!.events), ["listening", "a: 1"])
      assert.deepEqual(words(yield* listeners[2]!.events), ["listening", "b: 2"])
      assert.equal(yield* backends(at), 1)
      yield* Fiber.interrupt(listeners[3]!.fiber)
      yield* until(backends(at), (count) => count === 0)
      const later = yield* hear(driver, "a", 2)
      yield* later.ready
      yield* admin(at.url, "notify a, '3'")
      assert.deepEqual(words(yield* later.events), ["listening", "a: 3"])
    })))

  it.live("that loses its connection says so, and says when it hears again", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const driver = yield* driverFor(at)
      const listener = yield* hear(driver, "a", 4)
      yield* listener.ready
      yield* admin(
        at.url,
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
      )
      const listening = admin(
        at.url,
        "select 1 from pg_stat_activity where datname = current_database() and query ilike 'listen%'"
      )
      yield* until(listening, (rows) => rows.length > 0)
      yield* admin(at.url, "notify a, 'back'")
      assert.deepEqual(words(yield* listener.events), ["listening", "ServerShutdown", "again", "a: back"])
    })))

  it.live("waits for a server that is away", () =>
    Effect.scoped(Effect.gen(function*() {
      const server = yield* ownServer()
      const driver = yield* driverFor(server)
      const listener = yield* hear(driver, "a", 4)
      yield* listener.ready
      yield* server.stop("fast")
      yield* Effect.sleep("300 millis")
      yield* server.start
      yield* until(admin(server.url, "select 1 from pg_stat_activity where query ilike 'listen%'"), (rows) =>
        rows.length > 0)
      yield* admin(server.url, "notify a, 'back'")
      assert.deepEqual(words(yield* listener.events), ["listening", "ServerShutdown", "again", "a: back"])
    })))

  it.live("fails typed when it can never be", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const driver = yield* driverFor({ ...at, database: "nowhere" })
      const failure = yield* Effect.flip(Stream.runDrain(driver.listen("a", "test")))
      assert.equal(failure.code, "3D000")
      const denied = yield* PgDriver.make(configFor(at, { password: Effect.fail(Redacted.make("x")) }))
      assert.equal((yield* Effect.flip(Stream.runDrain(denied.listen("a", "test"))))._tag, "AuthenticationError")
    })))

  it.live("ends with its driver, and leaves no connection", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      yield* Effect.scoped(Effect.gen(function*() {
        const driver = yield* driverFor(at)
        const listener = yield* hear(driver, "a", 2)
        yield* listener.ready
        assert.equal(yield* backends(at), 1)
      }))
      yield* until(backends(at), (count) => count === 0)
    })))
})
