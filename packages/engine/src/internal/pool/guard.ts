/**
 * What a driver does wrong, made harmless: an exception or a defect becomes a typed failure, a status that cannot be
 * asked for is a lost connection.
 */
import { Cause, Option } from "effect"
import type { Condition, DriverConnection } from "../../Driver.js"
import { ConnectionError, type SqlFailure, UnknownError } from "../../SqlFailure.js"

/** The failure a driver's call ended with, whichever way it ended. */
export const failureOf = (engine: string, cause: Cause.Cause<SqlFailure>): SqlFailure =>
  Option.getOrElse(Cause.failureOption(cause), () =>
    Cause.isInterruptedOnly(cause)
      ? new ConnectionError({ engine, message: `A call to the driver of engine "${engine}" was interrupted.` })
      : new UnknownError({
        engine,
        sent: "maybe",
        connection: "discard",
        message: `The driver of engine "${engine}" broke its contract: it died of ${nameOf(Cause.squash(cause))}. ` +
          "The connection is not used again. This is a bug of the driver."
      }))

/** Only the kind of the defect: its text is the driver's, and may hold anything. */
const nameOf = (defect: unknown): string => defect instanceof Error ? defect.name : typeof defect

/** The condition a connection says it is in. */
export const conditionOf = (connection: DriverConnection): Condition => {
  try {
    return connection.condition()
  } catch {
    return "lost"
  }
}
