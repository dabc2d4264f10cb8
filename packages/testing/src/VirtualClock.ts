/**
 * A clock that jumps: when every fiber is waiting, it moves on to the next sleeper at once.
 *
 * It brings its own scheduler, so it knows when nothing is left to run, instead of guessing by real time as `TestClock`
 * does. Thousands of cases with timeouts of minutes run in milliseconds. When everybody waits and nobody sleeps, the
 * program is stuck, and the run dies with {@link Stuck}, instead of hanging.
 *
 * It is for programs without real input and output: a socket is nothing the scheduler knows of. Promises are waited for
 * as long as they need no more than one turn of the event loop.
 *
 * @since 0.1.0
 */
import { Cause, Chunk, Data, Deferred, Duration, Effect, Exit, Fiber } from "effect"
import * as EngineConfig from "effect-sql-engine/EngineConfig"
import { clockOptions } from "./internal/options.js"
import { JumpingClock } from "./internal/virtual/clocks.js"
import { IdleScheduler } from "./internal/virtual/IdleScheduler.js"

/**
 * Every fiber waits, nobody sleeps, and the program has not ended. `now` is the virtual time at which it happened.
 *
 * @since 0.1.0
 * @category errors
 */
export class Stuck extends Data.Error<{ readonly now: number; readonly message: string }> {}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Virtual milliseconds after which a program that still sleeps is taken for stuck. Default: 10 years. */
  readonly limitMillis?: number | undefined
  /** The time at which the clock begins. Default 0. */
  readonly startMillis?: number | undefined
}

class VirtualClock extends JumpingClock {}

/**
 * Runs an effect in virtual time.
 *
 * The fibers it forks live in the same time. Dies with {@link Stuck} when nothing could ever go on. Interruption
 * interrupts the effect, in virtual time too.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { VirtualClock } from "effect-sql-engine-testing"
 *
 * const twoHours = VirtualClock.run(Effect.sleep("2 hours"))
 * ```
 *
 * @since 0.1.0
 * @category running
 */
export const run = <A, E, R>(effect: Effect.Effect<A, E, R>, options: Options = {}): Effect.Effect<A, E, R> => {
  EngineConfig.insist(
    "Nothing can run under a virtual clock",
    clockOptions satisfies EngineConfig.Described<Options>,
    options
  )
  return Effect.gen(function*() {
    const clock = new VirtualClock(options.startMillis ?? 0)
    const limit = clock.unsafeCurrentTimeMillis() + (options.limitMillis ?? Duration.toMillis("3650 days"))
    const done = Deferred.unsafeMake<Exit.Exit<A, E>>(yield* Effect.fiberId)
    let ended = false
    const end = (exit: Exit.Exit<A, E>) => {
      ended = true
      Deferred.unsafeDone(done, Exit.succeed(exit))
    }
    const stuck = (message: string) => {
      const now = clock.unsafeCurrentTimeMillis()
      end(Exit.die(new Stuck({ now, message: `${message} (${now} ms of virtual time have passed.)` })))
    }
    const scheduler = new IdleScheduler(() => {
      if (ended) {
        return
      }
      if (!clock.advance()) {
        stuck("Every fiber waits and nobody sleeps: the program can never go on.")
      } else if (clock.unsafeCurrentTimeMillis() > limit) {
        stuck("The program still sleeps after its limit of virtual time.")
      } else {
        scheduler.watch()
      }
    })
    const fiber = yield* effect.pipe(
      Effect.onExit((exit) => Effect.sync(() => end(exit))),
      Effect.withClock(clock),
      Effect.interruptible,
      Effect.forkDaemon,
      Effect.withScheduler(scheduler)
    )
    const exit = yield* Effect.onInterrupt(Deferred.await(done), () => Fiber.interrupt(fiber))
    return yield* exit
  })
}

/**
 * How many fibers sleep now, of those that run in virtual time with this one: after a program has let go of everything,
 * 0. Under another clock it is 0 too.
 *
 * @since 0.1.0
 * @category inspection
 */
export const sleeping: Effect.Effect<number> = Effect.clockWith((clock) =>
  Effect.succeed(clock instanceof VirtualClock ? clock.asleep : 0)
)

/**
 * Whether a cause says {@link Stuck}.
 *
 * @since 0.1.0
 * @category guards
 */
export const isStuck = (cause: Cause.Cause<unknown>): boolean =>
  Chunk.some(Cause.defects(cause), (defect) => defect instanceof Stuck)
