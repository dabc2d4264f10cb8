/** The options of a pool: every mistake is told, none is guessed away. */
import { type Clock, Duration, Effect, Either } from "effect"
import assert from "node:assert"
import { describe, it } from "vitest"
import * as Pool from "../src/Pool.js"
import { acquired, inVirtualTime } from "./pool/running.js"
import { TestLane } from "./pool/TestLane.js"

describe("the options of a pool", () => {
  const problems = (options: object, lane: object = {}) =>
    Pool.make("app", { connect: new TestLane().connect, ...lane }, options as Pool.PoolOptions).pipe(
      Effect.scoped,
      Effect.either,
      Effect.map((made) => Either.isLeft(made) ? made.left.problems.map(({ field }) => field) : [])
    )

  it(
    "are refused all at once, with a reason each",
    inVirtualTime(Effect.gen(function*() {
      assert.deepEqual(
        yield* problems({
          mode: "lifo",
          size: 0,
          maxOverflow: 1.5,
          acquireTimeout: "5 parsecs",
          connectTimeout: Infinity,
          recycle: 0,
          idleTimeout: -1,
          prePing: NaN,
          releaseTimeout: Duration.infinity
        }),
        [
          "mode",
          "size",
          "maxOverflow",
          "acquireTimeout",
          "connectTimeout",
          "recycle",
          "idleTimeout",
          "prePing",
          "releaseTimeout"
        ]
      )
      assert.deepEqual(yield* problems({ mode: "single", size: 2, maxOverflow: 1 }), ["size", "maxOverflow"])
    }))
  )

  it(
    "may be for ever, or nothing, where that makes sense",
    inVirtualTime(Effect.gen(function*() {
      assert.deepEqual(
        yield* problems({ recycle: Infinity, idleTimeout: Infinity, prePing: Duration.infinity }),
        []
      )
      assert.deepEqual(yield* problems({ maxOverflow: 0, idleTimeout: 0, prePing: 0 }), [])
    }))
  )

  it(
    "yield to a lane that can have fewer connections",
    inVirtualTime(Effect.gen(function*() {
      const pool = yield* Pool.make("app", { connect: new TestLane().connect, connections: 2 }, { size: 5 })
      assert.equal(pool.stats().max, 2)
    }))
  )

  it(
    "may ask for more time than a timer of JavaScript can take",
    inVirtualTime(Effect.gen(function*() {
      const slept: Array<number> = []
      const real = yield* Effect.clock
      const clock: Clock.Clock = {
        ...real,
        unsafeCurrentTimeMillis: () => real.unsafeCurrentTimeMillis(),
        unsafeCurrentTimeNanos: () => real.unsafeCurrentTimeNanos(),
        sleep: (duration) => {
          slept.push(Duration.toMillis(duration))
          return real.sleep(duration)
        }
      }
      const pool = yield* Effect.withClock(Pool.make("app", new TestLane(), { recycle: "100 days" }), clock)
      pool.release(yield* acquired(pool))
      yield* Effect.sleep("101 days")
      assert.equal(pool.stats().destroyed.recycled, 1)
      assert.ok(slept.length > 5 && Math.max(...slept) < 2 ** 31, slept.join(", "))
    }))
  )
})
