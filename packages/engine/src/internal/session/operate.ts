/**
 * Using a session's connection: wait for the turn, take the connection, run one operation. Everything a session sends
 * goes through here or through `control`.
 */
import { Cause, Effect } from "effect"
import type { Fiber } from "effect"
import { NestedRefused } from "../../SqlFailure.js"
import type { SqlFailure } from "../../SqlFailure.js"
import type { Restore } from "../effects.js"
import type { Scope } from "../sessionState.js"
import type { TransactionControl } from "../sql/control.js"
import type { StatementInfo } from "../sql/info.js"
import { exchange, writeBuffered } from "./exchange.js"
import type { Operation, Terms } from "./exchange.js"
import { takeConnection } from "./takeConnection.js"
import { settle } from "./trust.js"
import { awaitTurn } from "./turn.js"
import type { Hook, SessionRef, Unit } from "./unit.js"

/**
 * Runs one operation of a scope: a statement, or several that are told of as `sql`, the first of which says `info`. What goes on with something that was begun in a scope further out (`begunIn`) sets no
 * savepoints. Writes that wait for a flush go first; without an operation (`undefined`) that is all.
 */
export const operate = <A, E, E2>(
  fiber: Fiber.RuntimeFiber<any, any>,
  ref: SessionRef,
  sql: string,
  info: StatementInfo | undefined,
  operation: Operation<A, E> | undefined,
  terms: Terms<E, E2>,
  begunIn: Scope<Hook> = ref.scope
): Effect.Effect<A, E2> =>
  Effect.uninterruptibleMask((restore) => operateIn(restore, fiber, ref, sql, info, operation, terms, begunIn))

/**
 * As `operate`, for a caller that cannot be interrupted itself. `concludes`: it is all that its session does, so that COMMIT
 * may go with it.
 */
export const operateIn = <A, E, E2>(
  restore: Restore,
  fiber: Fiber.RuntimeFiber<any, any>,
  ref: SessionRef,
  sql: string,
  info: StatementInfo | undefined,
  operation: Operation<A, E> | undefined,
  terms: Terms<E, E2>,
  begunIn: Scope<Hook> = ref.scope,
  concludes = false
): Effect.Effect<A, E2> => {
  const { scope, unit } = ref
  const { state } = unit
  const { raise } = terms
  /** Why it may not be sent now. What leads back to a savepoint is what a failed transaction still takes. */
  const refusal = (): SqlFailure | undefined =>
    state.refusal(scope) ??
      (state.failed === undefined || leadsBack(info) ? undefined : state.stalled()) ??
      decidesItself(unit, info)
  const start = (): Effect.Effect<A, E2> => {
    unit.statement = sql
    // The scope may have ended since the turn was granted.
    const refused = refusal()
    if (refused !== undefined) {
      state.leave()
      return Effect.fail(raise(refused))
    }
    if (unit.lease !== undefined || unit.pool.tryAcquire(unit)) return send()
    return takeConnection(unit, scope, fiber, restore, (cause) => {
      state.leave()
      return Effect.failCause(Cause.map(cause, raise))
    }, send)
  }
  const send = (): Effect.Effect<A, E2> => {
    const connection = unit.lease!.connection
    if (state.cut || connection.condition() === "busy") return Effect.flatMap(settle(unit, connection), resend)
    if (unit.buffered !== undefined && !written) {
      written = true
      return Effect.matchCauseEffect(writeBuffered(unit, scope, restore), {
        onFailure: (cause) => {
          state.leave()
          return Effect.failCause(Cause.map(cause, raise))
        },
        onSuccess: resend
      })
    }
    if (operation !== undefined) return exchange(unit, begunIn, operation, restore, terms, false, concludes)
    state.leave()
    return Effect.void as Effect.Effect<any>
  }
  let written = false
  // The answer to an interrupted statement may have shown that the transaction is gone or failed.
  const resend = (): Effect.Effect<A, E2> => {
    const refused = refusal()
    if (refused === undefined) return send()
    state.leave()
    return Effect.fail(raise(refused))
  }
  const entered = state.tryEnter(scope)
  if (entered === true) return start()
  if (entered !== false) return Effect.fail(raise(entered))
  if (unit.options.concurrency === "reject") {
    return Effect.fail(raise(state.concurrent(
      `Session ${state.id} of engine "${state.engine}" is in use by another fiber; nothing was sent. Run the work ` +
        "one after the other, or in sessions of its own."
    )))
  }
  return Effect.flatMap(
    Effect.mapError(awaitTurn(unit, scope, false, unit.host.limits.turn, restore), raise),
    start
  )
}

/** The statement with which a body undoes its own savepoint goes through although the transaction has failed. */
const leadsBack = (info: StatementInfo | undefined): boolean => info?.controls[0] === "rollbackTo"

const decides: ReadonlySet<TransactionControl | undefined> = new Set<TransactionControl>([
  "begin",
  "commit",
  "rollback",
  "prepare"
])

/**
 * The refusal of a text with a statement that begins or ends a transaction. Inside of a session it would commit or lose its
 * work behind its back, and whatever it reported then would be a lie. A reserved connection takes it.
 */
export const decidesItself = (unit: Unit, info: StatementInfo | undefined): NestedRefused | undefined => {
  if (info === undefined || !unit.state.transactional) return undefined
  const at = info.controls.findIndex((control) => decides.has(control))
  return at === -1 ? undefined : notYours(unit, info, at)
}

const notYours = (unit: Unit, info: StatementInfo, at: number): NestedRefused => {
  const words = info.statements[at]!.slice(0, info.controls[at] === "prepare" || info.controls[at] === "begin" ? 2 : 1)
  return new NestedRefused({
    message: `Session ${unit.session} of engine "${unit.host.name}" begins and ends its transaction itself: ` +
      `${
        words.map(({ text }) => text.toUpperCase()).join(" ")
      } was refused, nothing was sent. It commits when its body ` +
      "succeeds and rolls back when it fails; see Session.rollbackOnly, and Session.open for a commit by hand. " +
      "`sql.reserve` outside of a session lends a connection without a transaction.",
    engine: unit.host.name,
    session: unit.session
  })
}
