// A program that uses a pool in every way that sets a timer, ends its scope, and does nothing to end itself.
import { Effect, Fiber } from "effect"
import { ScriptedDriver } from "effect-sql-engine-testing"
import * as Pool from "effect-sql-engine/Pool"

const request = (): Pool.Request => ({ session: undefined, statement: undefined, holds: [], lease: undefined })

const program = Effect.scoped(Effect.gen(function*() {
  const { driver } = ScriptedDriver.unsafeMake()
  const pool = yield* Pool.make("exit", driver.write, { size: 1, maxOverflow: 1 })
  const [first, second] = [request(), request()]
  yield* pool.acquire(first)
  yield* pool.acquire(second)
  // A wait of 30 seconds that is given up, and one that the end of the scope refuses.
  const waiting = yield* Effect.fork(pool.acquire(request()))
  yield* Effect.fork(Effect.exit(pool.acquire(request())))
  yield* Effect.yieldNow()
  yield* Fiber.interrupt(waiting)
  // One to recycle in an hour, one to close when it has been idle for ten minutes.
  pool.release(first)
  pool.release(second)
}))

const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length

const before = timers()
await Effect.runPromise(program)
// A timer that rings soon would let the process end too, only later.
process.stdout.write(`${timers() - before} timers\n`)
