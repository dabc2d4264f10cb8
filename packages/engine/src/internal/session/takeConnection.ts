/**
 * The wait of a session for its connection. Who waits holds the session's turn.
 */
import { Cause } from "effect"
import type { Effect, Fiber } from "effect"
import type { SqlFailure } from "../../SqlFailure.js"
import { call } from "../callback.js"
import { Ends } from "../effects.js"
import type { Restore } from "../effects.js"
import type { Scope } from "../sessionState.js"
import { priorityIn } from "./priority.js"
import type { Hook, Unit } from "./unit.js"

/** Waits for a connection for a statement of this scope, and goes on with one of the two. */
export const takeConnection = <A, E>(
  unit: Unit,
  scope: Scope<Hook>,
  fiber: Fiber.RuntimeFiber<any, any>,
  restore: Restore,
  onFailure: (cause: Cause.Cause<SqlFailure>) => Effect.Effect<A, E>,
  onTaken: () => Effect.Effect<A, E>
): Effect.Effect<A, E> => {
  unit.priority = priorityIn(fiber) ?? unit.priority
  return call(
    () => unit.pool.acquire(unit),
    restore,
    new Ends<void, SqlFailure, A, E>((cause) => {
      returnLate(unit)
      return onFailure(cause)
    }, () => {
      // The scope may have ended meanwhile: a rollback does not wait as long as the pool may take.
      const refused = unit.state.refusal(scope)
      if (refused === undefined) return onTaken()
      returnLate(unit)
      return onFailure(Cause.fail(refused))
    })
  )
}

/** A connection that came too late for the session's end goes back at once. */
const returnLate = (unit: Unit): void => {
  if (unit.over) unit.pool.release(unit)
}
