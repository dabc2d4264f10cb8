/**
 * Trying again when somebody else was changing tables at the same moment.
 */
import { Duration, Effect, Random, Schedule } from "effect"

const retries = 10
const firstCap = 10
const lastCap = 1_000

/**
 * Ten retries. Before retry i (from 0 on) a time by chance, evenly between 0 and `min(1000, 10 · 2^i)` milliseconds, so
 * that rivals do not meet again; 4,270 milliseconds at most in all.
 */
export const tenTimes: Schedule.Schedule<unknown> = Schedule.recurs(retries).pipe(
  Schedule.modifyDelayEffect((attempt) =>
    Effect.map(Random.next, (random) => Duration.millis(random * Math.min(lastCap, firstCap * 2 ** attempt)))
  )
)

/** What became of an attempt that may be made again. */
export interface Again<E> {
  readonly failure: E
  /** Attempts made so far. */
  readonly attempts: number
}

/**
 * Runs an attempt again, as the schedule says, while it fails with something for which `raced` holds. The last failure
 * is the outcome. `onRetry` runs before each attempt but the first.
 */
export const again = <A, E, R, R2, R3>(
  attempt: Effect.Effect<A, E, R>,
  raced: (failure: E) => boolean,
  schedule: Schedule.Schedule<unknown, NoInfer<E>, R2>,
  onRetry: (again: Again<E>) => Effect.Effect<void, never, R3>
): Effect.Effect<A, E, R | R2 | R3> =>
  Effect.flatMap(Schedule.driver(schedule), (driver) => {
    const attempts = (number: number): Effect.Effect<A, E, R | R2 | R3> =>
      Effect.catchAll(attempt, (failure) =>
        raced(failure)
          ? Effect.matchEffect(driver.next(failure), {
            onFailure: () => Effect.fail(failure),
            onSuccess: () => Effect.zipRight(onRetry({ failure, attempts: number }), attempts(number + 1))
          })
          : Effect.fail(failure))
    return attempts(1)
  })
