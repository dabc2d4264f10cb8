/**
 * Pools in virtual time: nothing sleeps for real, and a program in which everybody waits for ever fails at once.
 */
import { Effect, Logger, type Scope } from "effect"
import { VirtualClock } from "effect-sql-engine-testing"
import assert from "node:assert"
import type * as Pool from "../../src/Pool.js"
import type { TestConnection } from "./TestLane.js"

/** The body of a test, run in virtual time; the scope of what it makes ends with it. */
export const inVirtualTime = <E>(effect: Effect.Effect<void, E, Scope.Scope>) => (): Promise<void> =>
  effect.pipe(
    Effect.scoped,
    Effect.provide(Logger.remove(Logger.defaultLogger)),
    VirtualClock.run,
    Effect.runPromise
  )

/** Somebody who asks. */
export const request = (session?: string, more: Partial<Pool.Request> = {}): Pool.Request => ({
  session,
  statement: undefined,
  holds: [],
  lease: undefined,
  ...more
})

/** A request that was served. */
export const acquired = (pool: Pool.Pool, session?: string, more: Partial<Pool.Request> = {}) =>
  Effect.suspend(() => {
    const one = request(session, more)
    return Effect.as(pool.acquire(one), one)
  })

export const connectionOf = (request: Pool.Request): TestConnection => request.lease!.connection as TestConnection

/** Lets every fiber run that can, and no time pass. */
export const settled = Effect.sleep(0)

/** The laws of conservation, and what a pool at rest looks like. */
export const assertQuiet = (pool: Pool.Pool): void => {
  const stats = pool.stats()
  const destroyed = Object.values(stats.destroyed).reduce((sum, count) => sum + count, 0)
  assert.equal(
    stats.requests,
    stats.served + stats.timedOut + stats.shed + stats.interrupted + stats.refused + stats.waiting
  )
  assert.equal(stats.created, stats.open + destroyed)
  assert.equal(stats.served, stats.released + stats.inUse)
  assert.deepEqual(
    { inUse: stats.inUse, waiting: stats.waiting, connecting: stats.connecting, returning: stats.returning },
    { inUse: 0, waiting: 0, connecting: 0, returning: 0 }
  )
  assert.ok(stats.open <= stats.max)
}
