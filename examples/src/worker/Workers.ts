/**
 * Fibers that work until they are told to stop, and then finish what they have begun.
 */
import { Array, Config, Deferred, Duration, Effect, Fiber, Layer } from "effect"

/**
 * Runs `next` over and over in so many fibers; it says whether there was something to do. Where there was not, it is asked
 * again after a pause. A failure is logged, and is no reason to give up.
 *
 * The end of the layer lets what is under way finish, for up to STOP_WITHIN, and interrupts the rest: sessions that are
 * interrupted are rolled back. What the layer stands on, the engine, ends afterwards.
 */
export const layer = <E, R>(next: Effect.Effect<boolean, E, R>, { count }: { readonly count: number }) =>
  Layer.scopedDiscard(Effect.gen(function*() {
    const limit = yield* Config.withDefault(Config.duration("STOP_WITHIN"), Duration.seconds(10))
    const stop = yield* Deferred.make<void>()
    // Ends early when it is time to stop.
    const pause = Effect.timeoutOption(Deferred.await(stop), "500 millis")
    const worker = next.pipe(
      Effect.tapErrorCause((cause) => Effect.logError("A job could not be done", cause)),
      Effect.orElseSucceed(() => false),
      Effect.tap((found) => found ? Effect.void : pause),
      Effect.repeat({ until: () => Deferred.isDone(stop) })
    )
    yield* Effect.acquireRelease(
      Effect.forEach(Array.range(1, count), () => Effect.forkDaemon(Effect.interruptible(worker))),
      (fibers) =>
        Effect.log("Stopping; jobs under way are finished").pipe(
          Effect.zipRight(Deferred.succeed(stop, undefined)),
          Effect.zipRight(Effect.timeoutOption(Effect.interruptible(Fiber.awaitAll(fibers)), limit)),
          Effect.zipRight(Fiber.interruptAll(fibers))
        )
    )
    yield* Effect.log(`${count} workers wait for jobs`)
  }))
