/**
 * A session's turn: one fiber at a time uses its connection, in the order of asking.
 */
import { Effect } from "effect"
import type { SqlFailure } from "../../SqlFailure.js"
import type { Scope } from "../sessionState.js"
import type { Hook, Unit } from "./unit.js"

export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * Waits until the turn is this scope's, for at most `millis`. Afterwards the turn is held, or the effect has failed: a
 * turn granted to a fiber that was interrupted at the same moment is passed on.
 */
export const awaitTurn = (
  unit: Unit,
  scope: Scope<Hook>,
  ending: boolean,
  millis: number,
  restore: Restore
): Effect.Effect<void, SqlFailure> =>
  Effect.suspend(() => {
    const { deadlines } = unit.host
    const { state } = unit
    const wait = Effect.async<void, SqlFailure>((resume) => {
      const deadline = deadlines.set(millis, () => {
        state.forget(waiter)
        const who = `Session ${state.id} of engine "${state.engine}"`
        resume(Effect.fail(state.concurrent(
          scope.child === undefined
            ? `${who} was busy with another fiber's work for ${millis} ms; nothing was sent. Give parallel work sessions ` +
              "of its own (nested: \"new\")."
            : `A session inside of ${who} stayed open for ${millis} ms while a statement outside of it waited for its ` +
              "end; nothing was sent. Run the statement in the inner session (`session.run` of one that was opened by " +
              "hand), or end that first."
        )))
      })
      const waiter = state.wait(scope, ending, (refused) => {
        deadlines.lift(deadline)
        resume(refused === undefined ? Effect.void : Effect.fail(refused))
      })
      current = waiter
      return Effect.sync(() => {
        state.forget(waiter)
        deadlines.lift(deadline)
      })
    })
    let current: { readonly granted: boolean } | undefined
    return Effect.onError(restore(wait), () =>
      Effect.sync(() => {
        if (current?.granted === true) state.leave()
      }))
  })
