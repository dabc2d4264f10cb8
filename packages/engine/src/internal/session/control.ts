/**
 * The words with which a session steers its transaction: COMMIT, ROLLBACK, RELEASE, ROLLBACK TO.
 */
import { Effect } from "effect"
import type { Control } from "../../Driver.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { flatMap } from "../effects.js"
import { watchedControl } from "../sight/control.js"
import { isWatched } from "../sight/watch.js"
import { giveUp, lost, settle, verdict } from "./trust.js"
import type { Unit } from "./unit.js"

/**
 * Sends one control statement within `millis`; the caller holds the turn. Never fails: succeeds with the failure, when
 * there is one. When the answer stays away or the connection is lost, the connection is destroyed.
 */
export const control = (
  unit: Unit,
  kind: Control,
  sql: string,
  millis: number
): Effect.Effect<SqlFailure | undefined> =>
  Effect.withFiberRuntime((fiber) => {
    const { state } = unit
    if (unit.lease === undefined) return done
    const connection = unit.lease.connection
    const exchange = () =>
      flatMap(unit.host.deadlines.bounded(millis, () => connection.control(kind, sql)), (exit) => {
        if (exit !== undefined && exit._tag === "Success") {
          state.controlled(exit.value)
          return done
        }
        const failure = verdict(unit, exit, `the answer to ${kind.toUpperCase()}`, millis)!
        if (exit === undefined || failure.connection === "discard" || connection.condition() === "lost") {
          giveUp(unit, failure)
        }
        return Effect.succeed(failure)
      })
    const send = () => isWatched(unit.host, fiber) ? watchedControl(unit, connection, sql, fiber, exchange) : exchange()
    if (!state.cut && connection.condition() !== "busy") return send()
    return Effect.flatMap(settle(unit, connection), () => {
      if (state.broken !== undefined) return Effect.succeed(unit.discard ?? lost(unit))
      return state.transaction === "none" ? done : send()
    })
  })

const done: Effect.Effect<undefined> = Effect.succeed(undefined)
