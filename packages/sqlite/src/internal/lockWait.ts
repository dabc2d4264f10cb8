/**
 * Waiting for a lock of the file.
 *
 * SQLite's own waiting (`busy_timeout`) would sleep inside of a call and stop the event loop, so it is off. What finds a
 * lock taken is tried again after a pause: 1 ms first, doubled up to 25 ms, 20 % more or less by chance so that waiting
 * processes do not meet in step. The last try falls on the limit.
 */
import { Clock, Duration, Effect, Either, Schedule } from "effect"
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
    // Whole milliseconds: timers know no others.
    Schedule.modifyDelay((elapsed, pause) =>
      Duration.min(Duration.millis(Math.ceil(Duration.toMillis(pause))), Duration.subtract(limit, elapsed))
    )
  )

/**
 * Runs `attempt` now, which must have no effect when it throws for a lock; it is tried again by the effect that comes
 * back. `refused` makes the failure; it is told of the wait when there was one that was too long. Interruptible during each
 * pause, with nothing to undo.
 */
export const patientlyNow = <A, E>(
  limit: Duration.Duration,
  attempt: () => A,
  refused: (cause: unknown, wait: LockWait | undefined) => E
): Effect.Effect<A, E> => {
  try {
    return Effect.succeed(attempt())
  } catch (cause) {
    return isBusy(cause) ? waiting(limit, attempt, refused) : Effect.fail(refused(cause, undefined))
  }
}

/** The same, begun when the effect is run. */
export const patiently = <A, E>(
  limit: Duration.Duration,
  attempt: () => A,
  refused: (cause: unknown, wait: LockWait | undefined) => E
): Effect.Effect<A, E> => Effect.suspend(() => patientlyNow(limit, attempt, refused))

interface Thrown {
  readonly cause: unknown
}

const waiting = <A, E>(
  limit: Duration.Duration,
  attempt: () => A,
  refused: (cause: unknown, wait: LockWait | undefined) => E
): Effect.Effect<A, E> =>
  Effect.gen(function*() {
    const began = yield* Clock.currentTimeMillis
    const again = Effect.try({ try: attempt, catch: (cause): Thrown => ({ cause }) })
    const policy = { schedule: pauses(limit), while: ({ cause }: Thrown) => isBusy(cause) }
    const result = yield* Effect.either(Effect.retry(again, policy))
    if (Either.isRight(result)) return result.right
    const { cause } = result.left
    const waitedMillis = Math.round((yield* Clock.currentTimeMillis) - began)
    const code = isBusy(cause) ? codeOf(cause) : undefined
    const wait = code === undefined ? undefined : { code, waitedMillis, limitMillis: Duration.toMillis(limit) }
    return yield* Effect.fail(refused(cause, wait))
  })
