/**
 * Running a whole unit of work again, in a new session each time.
 */
import { Duration, Effect, Random, Schedule } from "effect"
import type { BeginOptions } from "../../Dialect.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { isSqlFailure, ReadRetryExhausted, RetryExhausted } from "../../SqlFailure.js"
import { mayRetry } from "../failure/retryable.js"
import type { RetryOptions } from "./api.js"
import type { Host } from "./unit.js"

const retries = 3
const firstCap = 20
const lastCap = 10_000

/** Three retries, each after a time by chance of at most 20, 40, 80 milliseconds, so that rivals do not meet again. */
const conflicts: Schedule.Schedule<unknown, SqlFailure> = Schedule.recurs(retries).pipe(
  Schedule.modifyDelayEffect((attempt) =>
    Effect.map(Random.next, (random) => Duration.millis(random * Math.min(lastCap, firstCap * 2 ** attempt)))
  )
)

/** Tries an attempt again as long as its failure allows it and the schedule grants it. */
export const retrying = <A, E, R>(
  host: Host,
  name: string,
  attempt: Effect.Effect<A, E | SqlFailure, R>,
  options: RetryOptions & BeginOptions
): Effect.Effect<A, E | SqlFailure, R> =>
  Effect.flatMap(
    Schedule.driver(options.retry === undefined || options.retry === "conflicts" ? conflicts : options.retry),
    (driver) => {
      const tryAgain = (attempts: number): Effect.Effect<A, E | SqlFailure, R> =>
        Effect.catchAll(attempt, (error) => {
          if (!isSqlFailure(error) || !mayRetry(error, options.idempotent === true)) return Effect.fail(error)
          // An overloaded pool refuses work to have less of it: within milliseconds the same work would be back.
          if (options.retry === "conflicts" && error._tag === "PoolOverloaded") return Effect.fail(error)
          return Effect.matchEffect(driver.next(error), {
            onFailure: () => Effect.fail(exhausted(host, name, attempts, error, options)),
            onSuccess: () => {
              host.totals.retried++
              if (host.sight.sessions.listening) {
                host.sight.sessions.publish({ _tag: "SessionRetried", session: name, attempts, failure: error })
              }
              return Effect.zipRight(between(host, name, attempts, error, options), tryAgain(attempts + 1))
            }
          })
        })
      return tryAgain(1)
    }
  )

/** Between two attempts: a log line, and the caller's hook, whose failure changes nothing. */
const between = (host: Host, name: string, attempts: number, failure: SqlFailure, options: RetryOptions) => {
  const left = options.retry === "conflicts" ? `, ${retries - attempts} more after this` : ""
  const line = Effect.logWarning(
    `Session "${name}" of engine "${host.name}" failed with ${failure._tag} and is tried again (retry ${attempts}${left}).`
  )
  if (options.onRetry === undefined) return line
  return Effect.zipRight(
    line,
    Effect.catchAllCause(
      options.onRetry({ failure, attempts }),
      (cause) => Effect.logWarning(`The onRetry hook of session "${name}" failed; the retry goes on.`, cause)
    )
  )
}

const exhausted = (
  host: Host,
  name: string,
  attempts: number,
  last: SqlFailure,
  { readOnly }: BeginOptions
): SqlFailure => {
  switch (last._tag) {
    case "SessionClosed":
    case "NestedRefused":
    case "ConcurrentUse":
    case "RetryExhausted":
    case "ReadRetryExhausted":
      return last
    default: {
      const Exhausted = readOnly ?? host.defaults.readOnly ? ReadRetryExhausted : RetryExhausted
      return new Exhausted({
        message: `Session "${name}" of engine "${host.name}" failed ${attempts} times; the last time: ${last.message}`,
        engine: host.name,
        attempts,
        last,
        sent: last.sent
      })
    }
  }
}
