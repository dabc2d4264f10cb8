/**
 * The words that end a session or a savepoint, watched like statements.
 */
import { Effect, Exit } from "effect"
import type { DriverConnection } from "../../Driver.js"
import type { SqlFailure } from "../../SqlFailure.js"
import type { Unit } from "../session/unit.js"
import { isWatched, start, within } from "./watch.js"

const nothing: ReadonlyArray<never> = []

/** A control statement that succeeds with its failure, told of to whoever watches. */
export const watchedControl = (
  unit: Unit,
  connection: DriverConnection,
  sql: string,
  send: Effect.Effect<SqlFailure | undefined>
): Effect.Effect<SqlFailure | undefined> =>
  Effect.withFiberRuntime((fiber) => {
    const { host, session, span: parent } = unit
    if (!isWatched(host, fiber)) return send
    const watched = start(host, { sql, params: nothing, session, parent }, fiber)
    return within(
      watched,
      fiber,
      Effect.suspend(() => {
        watched.sent(connection.id, nothing)
        return Effect.onExit(send, (exit) => watched.ended(Exit.void, Exit.isSuccess(exit) ? exit.value : undefined))
      })
    )
  })
