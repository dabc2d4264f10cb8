import { describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { PgConfig } from "effect-sql-engine-pg/PgConfig"
import * as PgDriver from "effect-sql-engine-pg/PgDriver"
import * as assert from "node:assert/strict"
import { active, backends, until } from "./support/activity.js"
import {
  admin,
  configFor,
  connectTo,
  database,
  ownServer,
  recorder,
  run,
  type TestDatabase
} from "./support/connect.js"
import { proxy } from "./support/proxy.js"

/** A connection through a proxy, and what it tells its engine. */
const proxied = (config: PgConfig = {}) =>
  Effect.gen(function*() {
    const at = yield* database
    const between = yield* proxy(at)
    const seen = recorder()
    const c = yield* connectTo({ ...at, port: between.port }, config, seen.context)
    return { at, between, seen, c }
  })

/** A driver that goes around the proxy. */
const directDriver = (at: TestDatabase) => Effect.map(PgDriver.make(configFor(at)), (driver) => ({ driver }))

const asleep = (texts: ReadonlyArray<string>) => texts.some((text) => text.includes("pg_sleep"))

describe("an idle connection", () => {
  it.live("that the server ends is reported lost, and the server gone", () =>
    Effect.scoped(Effect.gen(function*() {
      const { at, c, seen } = yield* proxied()
      yield* admin(at.url, `select pg_terminate_backend(${c.id})`)
      yield* until(Effect.sync(() => c.condition()), (condition) => condition === "lost")
      assert.deepEqual(seen.lost.map((failure) => [failure._tag, failure.code]), [["ServerShutdown", "57P01"]])
      assert.deepEqual(seen.gone.map((failure) => failure.code), ["57P01"])
      const failure = yield* Effect.flip(run(c, "select 1"))
      assert.equal(failure._tag, "ServerShutdown")
      assert.equal(failure.sent, "no")
      assert.equal(failure.retryable, true)
      for (const dead of [c.settle, c.reset, c.ping, c.control("rollback", "ROLLBACK")]) {
        assert.equal(
          (yield* Effect.flip(dead as Effect.Effect<unknown, { readonly _tag: string }>))._tag,
          "ServerShutdown"
        )
      }
      yield* c.close
    })))

  it.live("that is closed without a word is reported lost, and proves nothing about the others", () =>
    Effect.scoped(Effect.gen(function*() {
      const { between, c, seen } = yield* proxied()
      between.cut()
      yield* until(Effect.sync(() => c.condition()), (condition) => condition === "lost")
      assert.deepEqual(seen.lost.map((failure) => failure._tag), ["ConnectionError"])
      assert.deepEqual(seen.gone, [])
    })))
})

describe("a statement whose connection dies", () => {
  it.live("may have run, and can be tried again only where its transaction undoes it", () =>
    Effect.scoped(Effect.gen(function*() {
      for (const prelude of [[], ["BEGIN"]]) {
        for (const moment of ["before", "after"] as const) {
          const { between, c, seen } = yield* proxied()
          between.cutOnSend = moment
          const failure = yield* Effect.flip(run(c, "select 1", [], { prelude }))
          assert.equal(failure._tag, "ConnectionError")
          assert.equal(failure.sent, "maybe")
          assert.equal(failure.retryable, prelude.length > 0)
          assert.equal(failure.connection, "discard")
          assert.equal(c.condition(), "lost")
          assert.equal(c.transaction(), "none")
          // It is the borrower who hears of it.
          assert.deepEqual(seen.lost, [])
          assert.deepEqual(seen.gone.map(({ _tag }) => _tag), ["ConnectionError"])
        }
      }
    })))

  it.live("by the server's hand is ServerShutdown", () =>
    Effect.scoped(Effect.gen(function*() {
      const { at, c, seen } = yield* proxied()
      const fiber = yield* Effect.fork(Effect.flip(run(c, "select pg_sleep(20)")))
      yield* until(active(at), asleep)
      yield* admin(at.url, `select pg_terminate_backend(${c.id})`)
      const failure = yield* Fiber.join(fiber)
      assert.deepEqual([failure._tag, failure.sent, failure.retryable], ["ServerShutdown", "maybe", false])
      assert.equal(seen.gone.length, 1)
    })))

  it.live("in a text of several may have run, though the server answered nothing before its last word", () =>
    Effect.scoped(Effect.gen(function*() {
      const { at, c } = yield* proxied()
      yield* run(c, "create sequence s")
      const script = "do $$ begin perform nextval('s'); perform pg_sleep(20); end $$; select 1"
      const fiber = yield* Effect.fork(Effect.flip(run(c, script)))
      yield* until(active(at), asleep)
      yield* admin(at.url, `select pg_terminate_backend(${c.id})`)
      const failure = yield* Fiber.join(fiber)
      assert.deepEqual([failure._tag, failure.sent, failure.retryable], ["ServerShutdown", "maybe", false])
      const [row] = yield* admin(at.url, "select is_called from s")
      assert.deepEqual(row, { is_called: true })
    })))

  it.live("was not begun when the server's last word came before any answer", () =>
    Effect.scoped(Effect.gen(function*() {
      const { at, between, c } = yield* proxied()
      between.hold()
      yield* admin(at.url, `select pg_terminate_backend(${c.id})`)
      yield* until(backends(at), (count) => count === 0)
      const fiber = yield* Effect.fork(Effect.flip(run(c, "select 1")))
      yield* Effect.yieldNow()
      between.release()
      const failure = yield* Fiber.join(fiber)
      assert.deepEqual([failure._tag, failure.sent, failure.retryable], ["ServerShutdown", "no", true])
    })))
})

describe("a COMMIT whose answer is lost", () => {
  for (const moment of ["before", "after"] as const) {
    it.live(`because the link broke ${moment} the server had it may have happened, and its transaction's id tells`, () =>
      Effect.scoped(Effect.gen(function*() {
        const { at, between, c } = yield* proxied({ trackTransactionId: true })
        yield* run(c, "create table t (a int)")
        yield* run(c, "insert into t values (1)", [], { prelude: ["BEGIN"] })
        between.cutOnSend = moment
        const failure = yield* Effect.flip(c.control("commit", "COMMIT"))
        assert.deepEqual([failure._tag, failure.sent, failure.retryable], ["ConnectionError", "maybe", false])
        const { driver } = yield* directDriver(at)
        const outcome = yield* driver.commitOutcome(c.transactionId()!, "test")
        assert.equal(outcome, moment === "after" ? "committed" : "aborted")
        const [row] = yield* admin(at.url, "select count(*)::int as n from t")
        assert.deepEqual(row, { n: moment === "after" ? 1 : 0 })
      })))
  }

  it.live("is found out also while the server still believes in its client", () =>
    Effect.scoped(Effect.gen(function*() {
      const { at, between, c } = yield* proxied({ trackTransactionId: true })
      yield* run(c, "create table t (a int)")
      yield* run(c, "insert into t values (1)", [], { prelude: ["BEGIN"] })
      between.blackHole = true
      const fiber = yield* Effect.fork(c.control("commit", "COMMIT"))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      assert.equal(c.condition(), "busy")
      const { driver } = yield* directDriver(at)
      assert.equal(yield* driver.commitOutcome(c.transactionId()!, "test"), "aborted")
      yield* until(active(at), (texts) => texts.length === 0)
      assert.equal(yield* driver.commitOutcome("999999999999", "test"), "unknown")
    })))

  it.live("is certainly undone when the connection was dead before", () =>
    Effect.scoped(Effect.gen(function*() {
      const { between, c } = yield* proxied()
      yield* run(c, "select 1", [], { prelude: ["BEGIN"] })
      between.cut()
      yield* until(Effect.sync(() => c.condition()), (condition) => condition === "lost")
      assert.equal((yield* Effect.flip(c.control("commit", "COMMIT"))).sent, "no")
    })))
})

describe("a server that stops", () => {
  for (const mode of ["fast", "immediate"] as const) {
    it.live(`(${mode}) is reported by every connection, refuses new ones, and is reached again when it is back`, () =>
      Effect.scoped(Effect.gen(function*() {
        const server = yield* ownServer()
        const seen = recorder()
        const c = yield* connectTo(server, {}, seen.context)
        yield* server.stop(mode)
        yield* until(Effect.sync(() => c.condition()), (condition) => condition === "lost")
        assert.equal(seen.lost.length, 1)
        // Stopped at once, a backend does not always find the time for a last word.
        if (mode === "fast") assert.deepEqual(seen.gone.map(({ code }) => code), ["57P01"])
        const failure = yield* Effect.flip(connectTo(server, {}, seen.context))
        assert.deepEqual([failure._tag, failure.code, failure.retryable], ["ConnectionError", "ECONNREFUSED", true])
        assert.equal(seen.gone.at(-1), failure)
        yield* server.start
        assert.deepEqual(yield* Effect.flatMap(connectTo(server), (d) => run(d, "select 1 as a")), [{ a: 1 }])
      })))
  }

  it.live("by a crash of a backend takes the bystanders with it, typed", () =>
    Effect.scoped(Effect.gen(function*() {
      const server = yield* ownServer()
      const seen = recorder()
      const [victim, bystander] = [
        yield* connectTo(server, {}, seen.context),
        yield* connectTo(server, {}, seen.context)
      ]
      const fiber = yield* Effect.fork(Effect.flip(run(victim, "select pg_sleep(20)")))
      yield* until(active({ ...server, url: server.url }), asleep)
      process.kill(Number(victim.id), "SIGKILL")
      const failure = yield* Fiber.join(fiber)
      assert.deepEqual([failure._tag, failure.sent], ["ConnectionError", "maybe"])
      yield* until(Effect.sync(() => bystander.condition()), (condition) => condition === "lost")
      assert.equal(seen.lost.length, 1)
      assert.equal(seen.gone.length >= 1, true)
    })))
})
