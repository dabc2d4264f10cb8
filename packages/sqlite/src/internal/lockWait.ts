/**
 * Waiting for a lock of the file.
 *
 * SQLite's own waiting (`busy_timeout`) would sleep inside of a call and stop the event loop, so it is off. What finds a
 * lock taken is tried again after a pause: 1 ms first, doubled up to 25 ms, 20 % more or less by chance so that waiting
 * processes do not meet in step. The last try falls on the limit.
 */
import { Clock, Duration, Effect, Schedule } from "effect"
import { codeOf, isBusy } from "./failure.js"

/** How long a wait was, and what for. */
export interface LockWait {
  readonly code: string
  readonly waitedMillis: number
  readonly limitMillis: number
}

const pauses = (limit: Duration.Duration) =>
  Schedule.exponential("1 millis").pipe(
    Schedule.union(Schedule.spaced("25 millis")),
    Schedule.jittered,
    Schedule.zipRight(Schedule.elapsed),
    Schedule.whileOutput((elapsed) => Duration.lessThan(elapsed, limit)),
    Schedule.modifyDelay((elapsed, pause) => Duration.min(pause, Duration.subtract(limit, elapsed)))
  )

/**
 * Runs `attempt`, which must have no effect when it throws for a lock. `refused` makes the failure; it is told of the
 * wait when there was one that was too long. Interruptible during each pause, with nothing to undo.
 */
export const patiently = <A, E>(
  limit: Duration.Duration,
  attempt: () => A,
  refused: (cause: unknown, wait: LockWait | undefined) => E
): Effect.Effect<A, E> => {
  const once = Effect.try({ try: attempt, catch: (cause) => cause })
  const waiting = Effect.flatMap(Clock.currentTimeMillis, (began) =>
    Effect.catchAll(
      Effect.retry(once, { schedule: pauses(limit), while: isBusy }),
      (cause) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          Effect.fail(refused(
            cause,
            isBusy(cause)
              ? { code: codeOf(cause)!, waitedMillis: now - began, limitMillis: Duration.toMillis(limit) }
              : undefined
          )))
    ))
  // The first try costs no fiber anything: locks are rarely taken.
  return Effect.suspend(() => {
    try {
      return Effect.succeed(attempt())
    } catch (cause) {
      return isBusy(cause) ? waiting : Effect.fail(refused(cause, undefined))
    }
  })
}
