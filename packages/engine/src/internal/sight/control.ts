/**
 * The words that end a session or a savepoint, watched like statements.
 */
import { Effect, Exit } from "effect"
import type { Fiber } from "effect"
import type { DriverConnection } from "../../Driver.js"
import type { SqlFailure } from "../../SqlFailure.js"
import type { Unit } from "../session/unit.js"
import { start, within } from "./watch.js"

const nothing: ReadonlyArray<never> = []

/** A control statement that succeeds with its failure, told of to those who watch. */
export const watchedControl = (
  unit: Unit,
  connection: DriverConnection,
  sql: string,
  fiber: Fiber.RuntimeFiber<any, any>,
  send: () => Effect.Effect<SqlFailure | undefined>
): Effect.Effect<SqlFailure | undefined> => {
  const { host, session, span: parent } = unit
  const watched = start(host, { sql, params: nothing, info: host.infos.of(sql), session, parent }, fiber)
  return within(
    watched,
    fiber,
    Effect.suspend(() => {
      watched.sent(connection.id, nothing)
      return Effect.onExit(send(), (exit) => watched.ended(Exit.void, Exit.isSuccess(exit) ? exit.value : undefined))
    })
  )
}
