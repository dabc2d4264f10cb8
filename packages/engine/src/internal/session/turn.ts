/**
 * A session's turn: one fiber at a time uses its connection, in the order of asking.
 */
import { Effect } from "effect"
import type { SqlFailure } from "../../SqlFailure.js"
import { call, Callback } from "../callback.js"
import type { Restore } from "../effects.js"
import type { Scope, Waiter } from "../sessionState.js"
import type { Hook, Unit } from "./unit.js"

/**
 * Waits until the turn is this scope's, for at most `millis`; the caller is uninterruptible. Afterwards the turn is held,
 * or the effect has failed: a turn granted to a fiber that was interrupted at the same moment is passed on.
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
    let waiter: Waiter<Hook> | undefined
    const wait = new Callback<void, SqlFailure>((answer) => {
      const deadline = deadlines.set(millis, () => {
        state.forget(waiter!)
        const who = `Session ${state.id} of engine "${state.engine}"`
        answer(Effect.fail(state.concurrent(
          scope.child === undefined
            ? `${who} was busy with another fiber's work for ${millis} ms; nothing was sent. Give parallel work sessions ` +
              "of its own (nested: \"new\")."
            : `A session inside of ${who} stayed open for ${millis} ms while a statement outside of it waited for its ` +
              "end; nothing was sent. Run the statement in the inner session (`session.run` of one that was opened by " +
              "hand), or end that first."
        )))
      })
      waiter = state.wait(scope, ending, (refused) => {
        deadlines.lift(deadline)
        answer(refused === undefined ? Effect.void : Effect.fail(refused))
      })
      const listed = waiter
      return () => {
        state.forget(listed)
        deadlines.lift(deadline)
      }
    })
    return call(() => wait, restore, {
      onFailure: (cause) => {
        if (waiter?.granted === true) state.leave()
        return Effect.failCause(cause)
      },
      onSuccess: () => Effect.void
    })
  })
