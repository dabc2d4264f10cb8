/** The options of a pool: every mistake is told, none is guessed away. */
import { Duration, Effect, Either } from "effect"
import assert from "node:assert"
import { describe, it } from "vitest"
import * as Pool from "../src/Pool.js"
import { inVirtualTime } from "./pool/running.js"
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
})
