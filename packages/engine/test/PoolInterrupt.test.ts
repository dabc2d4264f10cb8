/** Borrowers that are interrupted at any moment, on a driver that is slow, refuses and breaks: nothing is ever lost. */
import { Effect, Fiber, Random } from "effect"
import assert from "node:assert"
import { describe, it } from "vitest"
import * as Pool from "../src/Pool.js"
import { ConnectionError } from "../src/SqlFailure.js"
import { acquired, assertQuiet, connectionOf, inVirtualTime, request } from "./pool/running.js"
import { TestLane } from "./pool/TestLane.js"

const plans = 60
const borrowers = 200
const conditions = ["clean", "clean", "clean", "dirty", "busy", "lost"] as const

const draw = (below: number) => Random.nextIntBetween(0, below)

/** One borrower: waits, works, gives back; whatever happens to it. */
const borrow = (pool: Pool.Pool) =>
  Effect.gen(function*() {
    const [delay, hold, leftover] = [yield* draw(50), yield* draw(8), conditions[yield* draw(conditions.length)]!]
    const one = request()
    yield* Effect.sleep(delay)
    yield* Effect.uninterruptibleMask((restore) =>
      restore(Effect.zipRight(pool.acquire(one), Effect.sleep(hold))).pipe(
        Effect.ensuring(Effect.sync(() => {
          if (one.lease !== undefined && connectionOf(one).isOpen) connectionOf(one).now = leftover
          pool.release(one)
        }))
      )
    )
  })

const play = Effect.gen(function*() {
  let calm = false
  const lane = new TestLane(() =>
    calm ?
      Effect.void :
      Effect.flatMap(draw(12), (n): Effect.Effect<void, ConnectionError> =>
        n < 5 ? Effect.void : n < 11 ? Effect.sleep(n - 4) : Effect.fail(new ConnectionError({ message: "refused" })))
  )
  const mode = (["queue", "queue", "none", "single"] as const)[yield* draw(4)]!
  const sizes = mode === "single" ? {} : { size: 1 + (yield* draw(6)), maxOverflow: yield* draw(4) }
  const releaseTimeout = 1 + (yield* draw(12))
  const pool = yield* Pool.make("app", lane, {
    ...sizes,
    mode,
    acquireTimeout: 40,
    connectTimeout: 1 + (yield* draw(10)),
    releaseTimeout,
    prePing: yield* draw(10),
    recycle: 1 + (yield* draw(100)),
    idleTimeout: yield* draw(20)
  })
  const fibers = yield* Effect.forEach(Array.from({ length: borrowers }), () => Effect.fork(Effect.exit(borrow(pool))))
  yield* Effect.forEach(
    fibers,
    (fiber) => Effect.flatMap(draw(100), (at) => Effect.zipRight(Effect.sleep(at), Fiber.interrupt(fiber))),
    {
      concurrency: "unbounded"
    }
  )
  const { interrupted, served } = pool.stats()
  calm = true
  yield* Effect.sleep(100)
  assertQuiet(pool)
  assert.equal(lane.open, pool.stats().open)
  // A close that was given up may still be under way when its slot is used again.
  if (releaseTimeout > 6) assert.ok(lane.mostOpen <= pool.stats().max, `${lane.mostOpen} open`)
  for (let i = 0; i < 100; i++) pool.release(yield* acquired(pool))
  yield* pool.close(0)
  assert.equal(lane.open, 0)
  assert.equal(pool.stats().open, 0)
  return { interrupted, served }
})

describe("borrowers interrupted at random", () => {
  it(
    `lose nothing in ${plans} plans of ${borrowers}, and the pool serves 100 of 100 afterwards`,
    inVirtualTime(
      Effect.gen(function*() {
        const sum = { interrupted: 0, served: 0 }
        for (let seed = 0; seed < plans; seed++) {
          const { interrupted, served } = yield* Effect.scoped(play).pipe(
            Effect.withRandom(Random.make(`interrupt ${seed}`)),
            Effect.catchAllDefect((defect) =>
              Effect.die(new Error(`plan ${seed}: ${String(defect)}`, { cause: defect }))
            )
          )
          sum.interrupted += interrupted
          sum.served += served
        }
        assert.ok(sum.interrupted > 1000 && sum.served > 1000, JSON.stringify(sum))
      })
    )
  )
})
