/**
 * Whether a session's connection can be trusted still, and what to do when it cannot.
 */
import { Cause, Effect, Exit, Option } from "effect"
import type { DriverConnection } from "../../Driver.js"
import { ConnectionError, QueryCancelled, UnknownError } from "../../SqlFailure.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { asFirst } from "../sessionState.js"
import type { Unit } from "./unit.js"

/** A driver that throws or dies has broken its contract; its connection cannot be trusted any more. */
export const fromDefect = (engine: string, defect: unknown): UnknownError =>
  new UnknownError({
    message: `The driver of engine "${engine}" failed in a way it should not: ${
      defect instanceof Error ? defect.name : typeof defect
    }. Its connection was closed; please report it.`,
    engine,
    sent: "maybe",
    connection: "discard"
  })

/** What became of a statement whose answer nobody waited for. */
export const interrupted = (unit: Unit) =>
  new QueryCancelled({
    message: "A statement was interrupted before the database had answered it.",
    engine: unit.host.name,
    sent: "maybe",
    ...(unit.statement === undefined ? undefined : { statement: unit.statement })
  })

/** Of a connection that died without saying why. */
export const lost = (unit: Unit) =>
  new ConnectionError({
    message: `Engine "${unit.host.name}" lost the connection of session ${unit.session}.`,
    engine: unit.host.name,
    sent: "maybe"
  })

/** Nothing more is sent on the connection; it is closed when the session ends. */
export const distrust = (unit: Unit, failure: SqlFailure | undefined): void => {
  unit.discard ??= failure ?? lost(unit)
  unit.state.disconnected(failure === undefined ? undefined : asFirst(failure))
}

/** Destroys the connection under the session: nothing it does from now on can reach the server. */
export const giveUp = (unit: Unit, failure: SqlFailure): void => {
  unit.discard ??= failure
  unit.state.lose(asFirst(failure), "its connection had to be closed")
  if (unit.lease !== undefined) unit.pool.destroy(unit, failure)
  unit.tell({ _tag: "CleanUpFailed", session: unit.session, failure })
}

/** The typed failure of a bounded step of our own. */
export const verdict = (
  unit: Unit,
  exit: Exit.Exit<unknown, SqlFailure> | undefined,
  what: string,
  millis: number
): SqlFailure | undefined => {
  if (exit === undefined) {
    return new ConnectionError({
      message: `Engine "${unit.host.name}" waited ${millis} ms for ${what}, and closed the connection.`,
      engine: unit.host.name,
      sent: "maybe"
    })
  }
  if (exit._tag === "Success") return undefined
  const error = Cause.failureOption(exit.cause)
  return Option.isSome(error) ? error.value : fromDefect(unit.host.name, Cause.squash(exit.cause))
}

/** Waits, within the release limit, until an interrupted statement is over; else the connection is destroyed. */
export const settle = (unit: Unit, connection: DriverConnection): Effect.Effect<void> => {
  const { deadlines, limits } = unit.host
  const quiet = connection.condition() === "busy"
    ? deadlines.bounded(limits.release, () => connection.settle)
    : Effect.succeed(Exit.void)
  return Effect.map(quiet, (exit) => {
    const failure = verdict(unit, exit, "an interrupted statement to end", limits.release)
    const condition = connection.condition()
    if (failure !== undefined) giveUp(unit, failure)
    else if (condition === "lost" || condition === "busy") giveUp(unit, lost(unit))
    else unit.state.settled(connection.transaction(), interrupted(unit))
  })
}
