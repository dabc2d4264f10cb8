/**
 * Limits were measured by the wall clock: set back by an hour, those that were pending lasted an hour longer, and all that
 * were set after them stood behind them.
 */
import { describe, expect, it } from "@effect/vitest"
import { type Clock, Deferred, Effect, Fiber } from "effect"
import { PgEngine } from "effect-sql-engine-pg"
import { database } from "../support/postgres.js"

const hour = 3_600_000

/** The machine's clock, until somebody sets it back. */
const adjustable = (live: Clock.Clock) => {
  let back = 0
  const wall = () => live.unsafeCurrentTimeMillis() - back
  const clock: Clock.Clock = Object.assign(Object.create(live), {
    unsafeCurrentTimeMillis: wall,
    currentTimeMillis: Effect.sync(wall)
  })
  return { clock, setBack: Effect.sync(() => back += hour) }
}

describe("limits", () => {
  it.scopedLive("hold although the clock is set back", () =>
    Effect.gen(function*() {
      const { clock, setBack } = adjustable(yield* Effect.clock)
      yield* Effect.withClock(
        Effect.gen(function*() {
          const at = yield* database
          const { sql, stats, transaction } = yield* PgEngine.make({
            url: at.url,
            ssl: "disable",
            pool: { size: 1, maxOverflow: 0, acquireTimeout: "300 millis" }
          })
          const held = yield* Deferred.make<void>()
          const holder = yield* Effect.fork(
            transaction(
              Effect.zipRight(sql`select 1`, Effect.zipRight(Deferred.succeed(held, undefined), Effect.never))
            )
          )
          yield* Deferred.await(held)
          const before = yield* Effect.fork(Effect.flip(transaction(sql`select 2`)))
          yield* Effect.repeat(Effect.zipRight(Effect.yieldNow(), stats), { until: ({ pool }) => pool.waiting === 1 })
          yield* setBack
          const after = yield* Effect.fork(Effect.flip(transaction(sql`select 3`)))
          for (const waiting of [before, after]) {
            const failure = yield* Effect.timeout(Fiber.join(waiting), "10 seconds")
            expect(failure._tag).toBe("PoolTimeout")
          }
          yield* Fiber.interrupt(holder)
        }),
        clock
      )
    }))
})
