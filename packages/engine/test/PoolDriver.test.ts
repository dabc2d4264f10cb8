/** What a driver does to a pool: it is slow, silent, throws, dies, and arrives when nobody expects it any more. */
import { Deferred, Effect, Fiber } from "effect"
import assert from "node:assert"
import { describe, it } from "vitest"
import * as Pool from "../src/Pool.js"
import { ConnectionError } from "../src/SqlFailure.js"
import { acquired, assertQuiet, connectionOf, inVirtualTime, settled } from "./pool/running.js"
import { type Step, TestLane } from "./pool/TestLane.js"

const gone = new ConnectionError({ message: "the link is gone" })
const now = Effect.clockWith((clock) => clock.currentTimeMillis)

/** Something that does not stop when it is told to. */
const deaf = <A, E>(effect: Effect.Effect<A, E>) => Effect.uninterruptible(effect)

const brokenSteps: ReadonlyArray<readonly [string, () => Effect.Effect<never, ConnectionError>]> = [
  ["fails", () => Effect.fail(gone)],
  ["dies", () => Effect.die(new TypeError("secret"))],
  ["interrupts itself", () => Effect.interrupt],
  ["throws", () => {
    throw new TypeError("secret")
  }]
]

describe("a pool with a driver that breaks its contract", () => {
  for (const [name, broken] of brokenSteps) {
    it(
      `answers with a failure when connect ${name}`,
      inVirtualTime(Effect.gen(function*() {
        const lane = new TestLane((_, count) => count === 0 ? broken() : Effect.void)
        const pool = yield* Pool.make("app", lane)
        const failure = yield* Effect.flip(acquired(pool))
        assert.equal(
          failure._tag,
          name === "fails" || name === "interrupts itself" ? "ConnectionError" : "UnknownError"
        )
        assert.ok(!failure.message.includes("secret"), "the text of a defect is not passed on")
        assert.equal(failure.connection, "discard")
        pool.release(yield* acquired(pool))
        assertQuiet(pool)
      }))
    )

    for (const step of ["ping", "settle", "reset", "close"] as const) {
      it(
        `replaces a connection whose ${step} ${name}`,
        inVirtualTime(Effect.gen(function*() {
          const lane = new TestLane((which) => which === step ? broken() : Effect.void)
          const pool = yield* Pool.make("app", lane, { mode: "single", prePing: "1 second" })
          const one = yield* acquired(pool)
          connectionOf(one).now = step === "settle" ? "busy" : step === "reset" ? "dirty" : "clean"
          pool.release(one, step === "close" ? gone : undefined)
          yield* Effect.sleep("1 second")
          const next = yield* acquired(pool)
          assert.equal(connectionOf(next).name, "c2")
          pool.release(next)
          const { destroyed } = pool.stats()
          const reason = step === "ping" ? "pingFailed" : step === "close" ? "discarded" : "resetFailed"
          assert.equal(destroyed[reason], 1)
          assertQuiet(pool)
        }))
      )
    }
  }

  it(
    "takes a connection for lost whose condition throws",
    inVirtualTime(Effect.gen(function*() {
      const lane = new TestLane()
      const pool = yield* Pool.make("app", lane)
      const one = yield* acquired(pool)
      connectionOf(one).condition = () => {
        throw new Error("no")
      }
      pool.release(one)
      yield* settled
      assert.equal(pool.stats().destroyed.lost, 1)
      assert.equal(lane.open, 0)
    }))
  )
})

describe("a pool with a silent server", () => {
  it(
    "gives a connection attempt up at its deadline",
    inVirtualTime(Effect.gen(function*() {
      const lane = new TestLane((_, count) => count === 0 ? Effect.never : Effect.void)
      const pool = yield* Pool.make("app", lane, { mode: "single", connectTimeout: "3 seconds" })
      const fiber = yield* Effect.fork(Effect.flip(acquired(pool)))
      const behind = yield* Effect.fork(acquired(pool))
      const failure = yield* Fiber.join(fiber)
      assert.equal(yield* now, 3000)
      assert.equal(failure._tag, "ConnectionError")
      assert.ok(failure.message.includes("3 s"), failure.message)
      pool.release(yield* Fiber.join(behind))
      assert.equal(yield* now, 3000, "the next one gets an attempt of its own")
      assertQuiet(pool)
    }))
  )

  it(
    "frees the slot of an attempt that does not stop, and closes what arrives after that",
    inVirtualTime(
      Effect.gen(function*() {
        const lane = new TestLane((step, count) =>
          step === "connect" && count === 0 ? deaf(Effect.sleep("1 minute")) : Effect.void
        )
        const connect = lane.connect
        // The driver finishes what it began, whatever it is told.
        lane.connect = (context) => deaf(connect(context))
        const pool = yield* Pool.make("app", lane, { mode: "single" })
        assert.equal((yield* Effect.flip(acquired(pool)))._tag, "ConnectionError")
        assert.equal(yield* now, 10_000)
        assert.equal(pool.stats().connecting, 1, "there may be a socket")
        const next = yield* acquired(pool)
        assert.equal(yield* now, 15_000)
        pool.release(next)
        yield* Effect.sleep("1 minute")
        assert.equal(lane.all.length, 2)
        assert.equal(lane.open, 1)
        assert.equal(pool.stats().destroyed.late, 1)
        assertQuiet(pool)
      })
    )
  )

  it(
    "keeps a connection that arrives although its attempt was called off",
    inVirtualTime(Effect.gen(function*() {
      const lane = new TestLane()
      const connect = lane.connect
      lane.connect = (context) => deaf(Effect.zipRight(Effect.sleep("12 seconds"), connect(context)))
      const pool = yield* Pool.make("app", lane, { mode: "single" })
      const first = yield* Effect.fork(Effect.flip(acquired(pool)))
      const second = yield* Effect.fork(acquired(pool))
      assert.equal((yield* Fiber.join(first))._tag, "ConnectionError")
      pool.release(yield* Fiber.join(second))
      assert.equal(yield* now, 12_000)
      assert.deepEqual([lane.all.length, lane.open, pool.stats().idle], [1, 1, 1])
      assertQuiet(pool)
    }))
  )

  it(
    "keeps a connection whose waiter has gone in the meantime",
    inVirtualTime(Effect.gen(function*() {
      const lane = new TestLane(() => Effect.sleep("1 second"))
      const pool = yield* Pool.make("app", lane)
      const fiber = yield* Effect.fork(acquired(pool))
      yield* settled
      yield* Fiber.interrupt(fiber)
      yield* Effect.sleep("1 second")
      assert.equal(pool.stats().idle, 1)
      assertQuiet(pool)
    }))
  )

  const silent = (step: Step, deafness: "deaf" | "obedient") =>
    inVirtualTime(Effect.gen(function*() {
      const wait = deafness === "deaf" ? deaf(Effect.sleep("1 hour")) : Effect.never
      const lane = new TestLane((which, count) => which === step && count === 0 ? wait : Effect.void)
      const pool = yield* Pool.make("app", lane, { mode: "single", prePing: "1 minute", releaseTimeout: "2 seconds" })
      const one = yield* acquired(pool)
      connectionOf(one).now = step === "settle" ? "busy" : step === "reset" ? "dirty" : "clean"
      pool.release(one, step === "close" ? gone : undefined)
      if (step === "ping") yield* Effect.sleep("1 minute")
      const start = yield* now
      const next = yield* acquired(pool)
      assert.equal((yield* now) - start, 2000)
      assert.equal(connectionOf(next).name, "c2")
      pool.release(next)
      assertQuiet(pool)
    }))

  for (const step of ["ping", "settle", "reset", "close"] as const) {
    it(`gives up a ${step} after releaseTimeout`, silent(step, "obedient"))
    it(`gives up a ${step} that does not even stop, after releaseTimeout`, silent(step, "deaf"))
  }
})

describe("a connection that comes back", () => {
  it(
    "is settled, then cleaned, then lent; nobody waits beside it meanwhile in vain",
    inVirtualTime(
      Effect.gen(function*() {
        const answer = yield* Deferred.make<void>()
        const lane = new TestLane((step) => step === "settle" ? Deferred.await(answer) : Effect.void)
        const pool = yield* Pool.make("app", lane, { mode: "single" })
        const one = yield* acquired(pool)
        connectionOf(one).now = "busy"
        pool.release(one)
        assert.equal(pool.stats().returning, 1)
        const waiting = yield* Effect.fork(acquired(pool))
        yield* settled
        assert.deepEqual(lane.log, ["connect", "settle c1"])
        yield* Deferred.succeed(answer, undefined)
        const next = yield* Fiber.join(waiting)
        assert.deepEqual(lane.log, ["connect", "settle c1", "reset c1"])
        assert.equal(connectionOf(next).name, "c1")
        pool.release(next)
        assertQuiet(pool)
      })
    )
  )

  it(
    "costs nothing when it is clean",
    inVirtualTime(Effect.gen(function*() {
      const lane = new TestLane()
      const pool = yield* Pool.make("app", lane)
      for (let i = 0; i < 100; i++) pool.release(yield* acquired(pool))
      assert.deepEqual(lane.log, ["connect"])
    }))
  )
})
