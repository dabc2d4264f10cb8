/**
 * The words with which a session steers its transaction: COMMIT, ROLLBACK, RELEASE, ROLLBACK TO.
 */
import { Effect } from "effect"
import type { Control } from "../../Driver.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { watchedControl } from "../sight/control.js"
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
  Effect.suspend(() => {
    const { state } = unit
    if (unit.lease === undefined) return Effect.succeed(undefined)
    const connection = unit.lease.connection
    const sending = Effect.map(
      unit.host.deadlines.bounded(millis, Effect.suspend(() => connection.control(kind, sql))),
      (exit) => {
        if (exit !== undefined && exit._tag === "Success") {
          state.controlled(exit.value)
          return undefined
        }
        const failure = verdict(unit, exit, `the answer to ${kind.toUpperCase()}`, millis)!
        if (exit === undefined || failure.connection === "discard" || connection.condition() === "lost") {
          giveUp(unit, failure)
        }
        return failure
      }
    )
    const send = watchedControl(unit, connection, sql, sending)
    if (!state.cut && connection.condition() !== "busy") return send
    return Effect.flatMap(settle(unit, connection), () => {
      if (state.broken !== undefined) return Effect.succeed(unit.discard ?? lost(unit))
      return state.transaction === "none" ? Effect.succeed(undefined) : send
    })
  })
