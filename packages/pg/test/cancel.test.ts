import { describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Random, Stream } from "effect"
import * as assert from "node:assert/strict"
import { active, until } from "./support/activity.js"
import { admin, connectTo, database, recorder, run, statement } from "./support/connect.js"
import { proxy } from "./support/proxy.js"

const full = process.env["PROVE"] === "full"

const sleeping = (texts: ReadonlyArray<string>) => texts.some((text) => text.includes("pg_sleep"))

/** A connection through a proxy, whose statement the server is at work on. */
const asleep = Effect.gen(function*() {
  const at = yield* database
  const between = yield* proxy(at)
  const seen = recorder()
  const c = yield* connectTo({ ...at, port: between.port }, {}, seen.context)
  const fiber = yield* Effect.fork(run(c, "select pg_sleep(20)"))
  yield* until(active(at), sleeping)
  return { at, between, c, fiber, seen }
})

describe("interruption", () => {
  it.live("returns at once, stops the statement on the server, and leaves the connection busy until that is over", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const connections = yield* Effect.all(Array.from({ length: 10 }, () => connectTo(at)), { concurrency: 10 })
      const fibers = yield* Effect.forEach(connections, (c) => Effect.fork(run(c, "select pg_sleep(20)")))
      yield* until(active(at), (texts) => texts.filter((text) => text.includes("pg_sleep")).length === 10)
      const [took] = yield* Effect.timed(Fiber.interruptAll(fibers))
      assert.ok(Duration.toMillis(took) < 250, Duration.format(took))
      for (const c of connections) assert.equal(c.condition(), "busy")
      yield* Effect.all(connections.map((c) => c.settle), { concurrency: 10 }).pipe(Effect.timeout("2 seconds"))
      assert.deepEqual(yield* active(at), [])
      for (const c of connections) {
        assert.equal(c.condition(), "clean")
        assert.deepEqual(yield* run(c, "select 1 as a"), [{ a: 1 }])
      }
    })))

  it.live("inside of a transaction leaves a failed one, that can be rolled back", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const c = yield* connectTo(at)
      const fiber = yield* Effect.fork(run(c, "select pg_sleep(20)", [], { prelude: ["BEGIN"] }))
      yield* until(active(at), sleeping)
      yield* Fiber.interrupt(fiber)
      // Waits for the answer to the cancelled statement first.
      assert.equal(yield* c.control("rollback", "ROLLBACK"), "none")
      assert.equal(c.condition(), "clean")
    })))

  // Stopped at SAVEPOINT, the server would have nothing to go back to, and all that was done before it were lost.
  it.live("asks the server to stop first when the savepoints ahead of the statement are known to be set", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const between = yield* proxy(at)
      const c = yield* connectTo({ ...at, port: between.port })
      yield* run(c, "create temporary table t as select 1 as a", [], { prelude: ["BEGIN"] })
      between.hold("answers")
      const prelude = ["SAVEPOINT a", "SAVEPOINT b"]
      const fiber = yield* Effect.fork(run(c, "select pg_sleep(20)", [], { prelude }))
      yield* until(active(at), sleeping)
      yield* Fiber.interrupt(fiber)
      // A request is made before this connection is, where one is made.
      yield* Effect.scoped(connectTo(at))
      assert.equal(between.connections(), 1)
      assert.equal(c.condition(), "busy")
      between.release()
      yield* c.settle.pipe(Effect.timeout("5 seconds"))
      assert.equal(c.transaction(), "failed")
      assert.equal(yield* c.control("rollbackTo", "ROLLBACK TO SAVEPOINT a"), "open")
      assert.deepEqual(yield* run(c, "select a from t"), [{ a: 1 }])
    })))

  it.live("does not stop what a stream reads ahead in front of the statement", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const c = yield* connectTo(at, { fetchSize: 2 })
      yield* run(c, "select 1", [], { prelude: ["BEGIN"] })
      const slow = statement("select i, pg_sleep(0.15) from generate_series(1, 6) as i")
      const pull = yield* Stream.toPull(c.stream(slow))
      yield* pull
      yield* pull
      const fiber = yield* Effect.fork(run(c, "select 'behind', pg_sleep(20)", [], { prelude: ["SAVEPOINT a"] }))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      yield* c.settle.pipe(Effect.timeout("5 seconds"))
      assert.equal(yield* c.control("rollbackTo", "ROLLBACK TO SAVEPOINT a"), "open")
      assert.deepEqual(Array.from(yield* pull, ({ i }) => i), [5, 6])
    })))

  it.live("asks again when a request is lost", () =>
    Effect.scoped(Effect.gen(function*() {
      const { between, c, fiber } = yield* asleep
      between.cutOnSend = "before"
      yield* Fiber.interrupt(fiber)
      yield* until(Effect.sync(between.connections), (made) => made >= 3)
      assert.equal(c.condition(), "busy")
      between.cutOnSend = undefined
      yield* c.settle.pipe(Effect.timeout("5 seconds"))
      assert.equal(c.condition(), "clean")
    })))

  it.live("keeps the connection busy while a request is on its way, though the statement is over", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const between = yield* proxy(at)
      const c = yield* connectTo({ ...at, port: between.port })
      between.delayMillis = 300
      const fiber = yield* Effect.fork(run(c, "select pg_sleep(0.15)"))
      yield* until(active(at), sleeping)
      yield* Fiber.interrupt(fiber)
      yield* until(active(at), (texts) => texts.length === 0)
      assert.equal(c.condition(), "busy")
      // Sent now, it would be the one the late request hits.
      yield* run(c, "select pg_sleep(0.4)")
      assert.equal(c.condition(), "clean")
    })))

  it.live("whose request is cut off on the way ends the connection, and says nothing of the server", () =>
    Effect.scoped(Effect.gen(function*() {
      const { between, c, fiber, seen } = yield* asleep
      between.resetOnSend = true
      yield* Fiber.interrupt(fiber)
      assert.equal((yield* Effect.flip(c.settle))._tag, "ConnectionError")
      assert.equal(c.condition(), "lost")
      assert.deepEqual([...seen.lost, ...seen.gone], [])
    })))

  it.live("does not hide the server's end while a request is on its way", () =>
    Effect.scoped(Effect.gen(function*() {
      const { at, between, c, fiber, seen } = yield* asleep
      between.delayMillis = 60_000
      yield* Fiber.interrupt(fiber)
      yield* until(Effect.sync(between.connections), (made) => made >= 2)
      yield* admin(
        at.url,
        `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`
      )
      yield* until(Effect.sync(() => c.condition()), (condition) => condition === "lost")
      assert.equal(seen.gone.length, 1)
    })))

  it.live("of COMMIT sends no cancellation: the transaction is committed", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const c = yield* connectTo(at)
      yield* run(c, "create table t (a int)")
      yield* run(
        c,
        "create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.2); return null; end $$"
      )
      yield* run(
        c,
        "create constraint trigger slow after insert on t deferrable initially deferred for each row execute function slow()"
      )
      yield* run(c, "insert into t values (1)", [], { prelude: ["BEGIN"] })
      const fiber = yield* Effect.fork(c.control("commit", "COMMIT"))
      yield* until(active(at), (texts) => texts.includes("COMMIT"))
      yield* Fiber.interrupt(fiber)
      assert.equal(c.condition(), "busy")
      assert.deepEqual(yield* run(c, "select a from t"), [{ a: 1 }])
    })))

  it.live(
    "never cancels the next statement, whenever it comes",
    () =>
      Effect.scoped(
        Effect.gen(function*() {
          const at = yield* database
          const lanes = 8
          const races = (full ? 10_000 : 600) / lanes
          let interrupted = 0
          let completed = 0
          const lane = Effect.gen(function*() {
            const c = yield* connectTo(at)
            for (let i = 0; i < races; i++) {
              const millis = yield* Random.nextIntBetween(0, 4)
              const inTransaction = yield* Random.nextBoolean
              const fiber = yield* Effect.fork(
                run(c, `select pg_sleep(${millis / 1000})`, [], { prelude: inTransaction ? ["BEGIN"] : [] })
              )
              yield* Effect.sleep(yield* Random.nextIntBetween(0, 5))
              const exit = yield* Fiber.interrupt(fiber)
              if (Exit.isInterrupted(exit)) interrupted++
              else completed++
              // The next statement waits by itself, or a pool waits by `settle`.
              if (yield* Random.nextBoolean) yield* c.settle
              if (inTransaction) {
                yield* c.control("rollback", "ROLLBACK")
              }
              const [{ a }] = yield* run(c, "select count(*)::int as a from generate_series(1, 2000)")
              assert.equal(a, 2000)
              assert.equal(c.condition(), "clean")
            }
          })
          yield* Effect.all(Array.from({ length: lanes }, () => lane), { concurrency: lanes })
          // The race is a race only when both sides win now and then.
          assert.ok(interrupted > races && completed > races / 10, `${interrupted} interrupted, ${completed} completed`)
        }).pipe(Effect.withRandom(Random.make("cancel")))
      ),
    full ? 600_000 : 60_000
  )
})

describe("close", () => {
  it.live("under a running statement fails that statement and stops the server's work", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const c = yield* connectTo(at)
      const fiber = yield* Effect.fork(Effect.flip(run(c, "select pg_sleep(20)")))
      yield* until(active(at), sleeping)
      yield* c.close.pipe(Effect.timeout("2 seconds"))
      const failure = yield* Fiber.join(fiber)
      assert.equal(failure._tag, "ConnectionError")
      assert.equal(failure.sent, "maybe")
      assert.equal(failure.retryable, false)
      assert.equal(c.condition(), "lost")
      yield* until(active(at), (texts) => texts.length === 0)
      const after = yield* Effect.flip(run(c, "select 1"))
      assert.equal(after.sent, "no")
      yield* c.close
    })))
})
