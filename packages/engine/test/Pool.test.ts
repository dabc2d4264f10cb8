/** The pool as its users see it: lending, waiting, deadlines, generations, events. */
import { Chunk, Deferred, Effect, Exit, Fiber, Stream } from "effect"
import assert from "node:assert"
import { describe, it } from "vitest"
import * as Pool from "../src/Pool.js"
import { ConnectionError, UniqueViolation } from "../src/SqlFailure.js"
import { acquired, assertQuiet, connectionOf, inVirtualTime, request, settled } from "./pool/running.js"
import { TestLane } from "./pool/TestLane.js"

const gone = new ConnectionError({ message: "the link is gone" })

describe("a pool", () => {
  it(
    "opens nothing until somebody asks, and lends the same connection again",
    inVirtualTime(Effect.gen(function*() {
      const lane = new TestLane()
      const pool = yield* Pool.make("app", lane)
      assert.equal(lane.all.length, 0)
      const first = request()
      assert.equal(pool.tryAcquire(first), false)
      yield* pool.acquire(first)
      pool.release(first)
      pool.release(first)
      const second = request()
      assert.equal(pool.tryAcquire(second), true)
      assert.equal(second.lease!.connection, lane.all[0])
      pool.release(second)
      assert.equal(lane.all.length, 1)
      assertQuiet(pool)
    }))
  )

  it(
    "opens up to size and maxOverflow, and no more",
    inVirtualTime(Effect.gen(function*() {
      const lane = new TestLane(() => Effect.sleep("5 millis"))
      const pool = yield* Pool.make("app", lane, { size: 2, maxOverflow: 1 })
      yield* Effect.forEach(
        Array.from({ length: 20 }),
        () =>
          Effect.flatMap(acquired(pool), (one) => Effect.sleep("10 millis").pipe(Effect.tap(() => pool.release(one)))),
        { concurrency: "unbounded" }
      )
      assert.equal(lane.mostOpen, 3)
      assert.equal(pool.stats().max, 3)
      yield* Effect.sleep("11 minutes")
      assert.equal(lane.open, 2, "what is beyond size goes after idleTimeout")
      assertQuiet(pool)
    }))
  )

  it(
    "serves whoever waits in the order of arrival",
    inVirtualTime(Effect.gen(function*() {
      const pool = yield* Pool.make("app", new TestLane(), { mode: "single" })
      const holder = yield* acquired(pool)
      const served: Array<number> = []
      const fibers = yield* Effect.forEach(Array.from({ length: 50 }, (_, i) => i), (i) =>
        acquired(pool).pipe(
          Effect.tap((one) =>
            Effect.sync(() => {
              served.push(i)
              pool.release(one)
            })
          ),
          Effect.fork,
          Effect.zipLeft(settled)
        ))
      assert.equal(pool.tryAcquire(request()), false)
      pool.release(holder)
      assert.equal(pool.tryAcquire(request()), false, "nobody goes ahead of those who wait")
      yield* Fiber.joinAll(fibers)
      assert.deepEqual(served, Array.from({ length: 50 }, (_, i) => i))
      assertQuiet(pool)
    }))
  )

  it(
    "ends a wait at its deadline, with the numbers",
    inVirtualTime(Effect.gen(function*() {
      const pool = yield* Pool.make("app", new TestLane(), { size: 1, maxOverflow: 1, acquireTimeout: "2 seconds" })
      const holder = yield* acquired(pool, "report", { statement: "SELECT 1" })
      yield* Effect.sleep("1 second")
      const other = yield* acquired(pool)
      const start = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      const failure = yield* Effect.flip(acquired(pool, "late"))
      const end = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      assert.equal(end - start, 2000)
      assert.ok(failure._tag === "PoolTimeout")
      assert.equal(failure.engine, "app")
      assert.equal(failure.retryable, true)
      const { idle, inUse, max, oldestHolder, waitedMillis, waiting } = failure
      assert.deepEqual({ idle, inUse, max, oldestHolder, waitedMillis, waiting }, {
        idle: 0,
        inUse: 2,
        max: 2,
        oldestHolder: { session: "report", heldMillis: 3000, statement: "SELECT 1" },
        waitedMillis: 2000,
        waiting: 1
      })
      pool.release(holder)
      pool.release(other)
      assertQuiet(pool)
    }))
  )

  it(
    "ends a wait at the request's own deadline",
    inVirtualTime(Effect.gen(function*() {
      const pool = yield* Pool.make("app", new TestLane(), { mode: "single" })
      const holder = yield* acquired(pool)
      const ends: Array<readonly [number, number]> = []
      yield* Effect.forEach(
        Array.from({ length: 100 }, (_, i) => (i * 37) % 100),
        (i) =>
          acquired(pool, undefined, { deadline: 100 + i }).pipe(
            Effect.flip,
            Effect.zipRight(Effect.clockWith((clock) => clock.currentTimeMillis)),
            Effect.tap((at) => Effect.sync(() => ends.push([100 + i, at])))
          ),
        { concurrency: "unbounded" }
      )
      assert.deepEqual(ends, ends.map(([deadline]) => [deadline, deadline]))
      pool.release(holder)
      assertQuiet(pool)
    }))
  )

  it(
    "gives an interrupted waiter's turn to the next one",
    inVirtualTime(Effect.gen(function*() {
      const pool = yield* Pool.make("app", new TestLane(), { mode: "single" })
      const holder = yield* acquired(pool)
      const first = yield* Effect.fork(acquired(pool))
      const second = yield* Effect.fork(acquired(pool))
      yield* settled
      assert.equal(pool.stats().waiting, 2)
      assert.ok(Exit.isInterrupted(yield* Fiber.interrupt(first)))
      pool.release(holder)
      pool.release(yield* Fiber.join(second))
      assert.equal(pool.stats().interrupted, 1)
      assertQuiet(pool)
    }))
  )

  it(
    "leaves the lease on the request of a fiber that was interrupted as it was served",
    inVirtualTime(
      Effect.gen(function*() {
        const pool = yield* Pool.make("app", new TestLane(), { mode: "single" })
        const holder = yield* acquired(pool)
        const one = request()
        const fiber = yield* Effect.fork(pool.acquire(one))
        yield* settled
        pool.release(holder)
        const exit = yield* Fiber.interrupt(fiber)
        assert.ok(Exit.isInterrupted(exit))
        assert.notEqual(one.lease, undefined)
        assert.equal(pool.stats().inUse, 1)
        pool.release(one)
        assertQuiet(pool)
      })
    )
  )

  it(
    "can be waited for where nothing else is interruptible",
    inVirtualTime(Effect.gen(function*() {
      const pool = yield* Pool.make("app", new TestLane(), { mode: "single" })
      const holder = yield* acquired(pool)
      const one = request()
      const fiber = yield* Effect.fork(Effect.uninterruptibleMask((restore) => restore(pool.acquire(one))))
      yield* settled
      yield* Effect.fork(Fiber.interrupt(fiber))
      const start = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      yield* Fiber.await(fiber)
      assert.equal(yield* Effect.clockWith((clock) => clock.currentTimeMillis), start)
      pool.release(holder)
      assertQuiet(pool)
    }))
  )

  it(
    "bounds the wait of somebody who cannot be interrupted",
    inVirtualTime(Effect.gen(function*() {
      const pool = yield* Pool.make("app", new TestLane(), { mode: "single", acquireTimeout: "1 second" })
      const holder = yield* acquired(pool)
      const fiber = yield* Effect.fork(Effect.uninterruptible(Effect.flip(acquired(pool))))
      yield* settled
      yield* Effect.fork(Fiber.interrupt(fiber))
      yield* Fiber.await(fiber)
      assert.equal(pool.stats().timedOut, 1)
      pool.release(holder)
      assertQuiet(pool)
    }))
  )

  it(
    "refuses the youngest when every holder waits, at once",
    inVirtualTime(Effect.gen(function*() {
      const pool = yield* Pool.make("app", new TestLane(), { size: 2, maxOverflow: 0 })
      const [a, b] = [yield* acquired(pool, "a"), yield* acquired(pool, "b")]
      const older = yield* Effect.fork(acquired(pool, "a.inner", { holds: [a.lease!] }))
      yield* settled
      const start = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      const failure = yield* Effect.flip(acquired(pool, "b.inner", { holds: [b.lease!] }))
      assert.equal(yield* Effect.clockWith((clock) => clock.currentTimeMillis), start)
      assert.ok(failure._tag === "PoolDeadlock")
      assert.deepEqual([failure.max, ...failure.holders], [2, "a", "b"])
      pool.release(b)
      pool.release(yield* Fiber.join(older))
      pool.release(a)
      assertQuiet(pool)
    }))
  )

  it(
    "ignores what somebody holds of another pool",
    inVirtualTime(Effect.gen(function*() {
      const writers = yield* Pool.make("app", new TestLane(), { mode: "single", acquireTimeout: "1 second" })
      const readers = yield* Pool.make("app (read)", new TestLane(), { mode: "single" })
      const writer = yield* acquired(writers)
      const reader = yield* acquired(readers)
      const failure = yield* Effect.flip(acquired(writers, undefined, { holds: [reader.lease!] }))
      assert.equal(failure._tag, "PoolTimeout", "who holds the writer may still go on")
      readers.release(reader)
      writers.release(writer)
    }))
  )

  it(
    "begins one new generation when a server falls with all its connections",
    inVirtualTime(Effect.gen(function*() {
      const lane = new TestLane()
      const pool = yield* Pool.make("app", lane, { size: 3 })
      const all = [yield* acquired(pool), yield* acquired(pool), yield* acquired(pool)]
      pool.release(all[0]!)
      for (const { context } of lane.all) context.onServerGone(gone)
      assert.equal(pool.stats().generation, 1)
      yield* settled
      assert.deepEqual(lane.all.map((connection) => connection.isOpen), [false, true, true])
      const fresh = yield* acquired(pool)
      for (const one of [all[1]!, all[2]!, fresh]) pool.release(one)
      yield* settled
      assert.equal(pool.stats().destroyed.retired, 3)
      assert.equal(lane.open, 1)
      assertQuiet(pool)
    }))
  )

  it(
    "removes an idle connection that is found dead",
    inVirtualTime(Effect.gen(function*() {
      const lane = new TestLane()
      const pool = yield* Pool.make("app", lane)
      pool.release(yield* acquired(pool))
      lane.all[0]!.context.onLost(gone)
      assert.equal(pool.stats().idle, 0)
      const next = yield* acquired(pool)
      assert.equal(connectionOf(next).name, "c2")
      pool.release(next)
      assert.equal(pool.stats().destroyed.lost, 1)
    }))
  )

  it(
    "checks a connection that lay idle, and replaces a dead one",
    inVirtualTime(Effect.gen(function*() {
      const lane = new TestLane((step, count) => step === "ping" && count === 1 ? Effect.fail(gone) : Effect.void)
      const pool = yield* Pool.make("app", lane, { prePing: "30 seconds" })
      pool.release(yield* acquired(pool))
      yield* Effect.sleep("29 seconds")
      pool.release(yield* acquired(pool))
      yield* Effect.sleep("30 seconds")
      assert.equal(pool.tryAcquire(request()), false)
      pool.release(yield* acquired(pool))
      yield* Effect.sleep("30 seconds")
      pool.release(yield* acquired(pool))
      assert.deepEqual(lane.log, ["connect", "ping c1", "ping c1", "close c1", "connect"])
      assertQuiet(pool)
    }))
  )

  it(
    "does not lend a connection again whose failure says discard, and does where it says keep",
    inVirtualTime(
      Effect.gen(function*() {
        const lane = new TestLane()
        const pool = yield* Pool.make("app", lane)
        const one = yield* acquired(pool)
        pool.release(one, new UniqueViolation({ message: "exists" }))
        assert.ok(pool.tryAcquire(one))
        pool.release(one, gone)
        yield* settled
        assert.equal(lane.open, 0)
        assert.equal(pool.stats().destroyed.discarded, 1)
      })
    )
  )

  it(
    "ends a connection in the borrower's hands, and its slot with the return",
    inVirtualTime(Effect.gen(function*() {
      const lane = new TestLane()
      const pool = yield* Pool.make("app", lane, { mode: "single" })
      const told: Array<unknown> = []
      const one = yield* acquired(pool, "cancelled", { onRevoked: (failure) => void told.push(failure) })
      const waiting = yield* Effect.fork(acquired(pool))
      const lease = one.lease!
      pool.destroy(one, gone)
      pool.destroy(one, gone)
      yield* settled
      assert.deepEqual(told, [gone])
      assert.equal(lease.revoked, gone)
      assert.equal(lane.open, 0)
      assert.equal(pool.stats().inUse, 1)
      pool.release(one)
      const next = yield* Fiber.join(waiting)
      assert.equal(connectionOf(next).name, "c2")
      pool.release(next)
      assertQuiet(pool)
    }))
  )

  it(
    "recycles with a jitter: 50 connections born together do not end together",
    inVirtualTime(Effect.gen(function*() {
      const lane = new TestLane()
      const pool = yield* Pool.make("app", lane, { size: 50, maxOverflow: 0, recycle: "30 minutes" })
      const all = yield* Effect.forEach(Array.from({ length: 50 }), () => acquired(pool), { concurrency: "unbounded" })
      for (const one of all) pool.release(one)
      const ends: Array<number> = []
      for (let minute = 0; minute < 30 * 10; minute++) {
        yield* Effect.sleep("6 seconds")
        ends.push(pool.stats().destroyed.recycled)
      }
      assert.equal(ends.at(-1), 50)
      assert.equal(ends[239], 0, "nobody ends before 80 % of the life")
      // A window of 1 % of the life is 18 seconds: three samples.
      for (let i = 3; i < ends.length; i++) {
        assert.ok(ends[i]! - ends[i - 3]! <= 5, `${ends[i]! - ends[i - 3]!} ended together`)
      }
      assertQuiet(pool)
    }))
  )
})

describe("the events of a pool", () => {
  it(
    "tell what happens in order, and end with the pool",
    inVirtualTime(Effect.gen(function*() {
      const lane = new TestLane(() => Effect.sleep("7 millis"))
      const pool = yield* Pool.make("app", lane, { mode: "single" })
      const reading = yield* Effect.fork(Stream.runCollect(pool.events))
      yield* settled
      const one = yield* acquired(pool, "s")
      yield* Effect.sleep("3 millis")
      pool.release(one)
      pool.retire("asked")
      yield* Effect.sleep("10 millis")
      yield* pool.close(0)
      const refused = yield* Effect.flip(acquired(pool, "t"))
      assert.equal(refused._tag, "EngineClosed")
      assert.deepEqual(Chunk.toReadonlyArray(yield* Fiber.join(reading)), [
        { _tag: "Connected", connection: "c1", millis: 7 },
        { _tag: "Acquired", connection: "c1", session: "s", waitedMillis: 7 },
        { _tag: "Released", connection: "c1", session: "s", heldMillis: 3 },
        { _tag: "Retired", generation: 1, reason: "asked" },
        { _tag: "Destroyed", connection: "c1", reason: "retired", failure: undefined }
      ])
      assert.equal((yield* Stream.runCollect(pool.events)).length, 0, "a closed pool tells nothing")
    }))
  )

  it(
    "are not built when nobody listens, also after somebody did",
    inVirtualTime(Effect.gen(function*() {
      const lane = new TestLane()
      const pool = yield* Pool.make("app", lane)
      const round = Effect.gen(function*() {
        const one = yield* acquired(pool)
        const connection = connectionOf(one)
        const before = connection.idReads
        pool.release(one)
        return connection.idReads - before
      })
      assert.equal(yield* round, 0)
      const heard = yield* Effect.fork(Stream.runHead(Stream.filter(pool.events, ({ _tag }) => _tag === "Released")))
      yield* settled
      assert.equal(yield* round, 1)
      yield* Fiber.join(heard)
      assert.equal(yield* round, 0)
      const interrupted = yield* Effect.fork(Stream.runDrain(pool.events))
      yield* settled
      yield* Fiber.interrupt(interrupted)
      assert.equal(yield* round, 0)
    }))
  )

  it(
    "forget the oldest when a reader is slow, and hold nobody up",
    inVirtualTime(Effect.gen(function*() {
      const pool = yield* Pool.make("app", new TestLane())
      pool.release(yield* acquired(pool))
      const begun = yield* Deferred.make<void>()
      const reading = yield* pool.events.pipe(
        Stream.tap(() => Effect.zipRight(Deferred.succeed(begun, undefined), Effect.sleep("1 hour"))),
        Stream.runCollect,
        Effect.fork
      )
      yield* settled
      for (let i = 0; i < 5000; i++) pool.release(yield* acquired(pool, String(i)))
      yield* Deferred.await(begun)
      yield* pool.close(0)
      const events = Chunk.toReadonlyArray(yield* Fiber.join(reading))
      assert.ok(events.length <= 2100, `${events.length}`)
      assert.equal(events.at(-1)!._tag, "Destroyed")
    }))
  )
})
