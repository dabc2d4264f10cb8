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
import { exchange, writeBuffered } from "./exchange.js"
import type { Operation, Terms } from "./exchange.js"
import { takeConnection } from "./takeConnection.js"
import { settle } from "./trust.js"
import { awaitTurn } from "./turn.js"
import type { Hook, SessionRef, Unit } from "./unit.js"

/**
 * Runs one operation of a scope. What goes on with something that was begun in a scope further out (`begunIn`) sets no
 * savepoints. Writes that wait for a flush go first; without an operation (`undefined`) that is all.
 */
export const operate = <A, E, E2>(
  fiber: Fiber.RuntimeFiber<any, any>,
  ref: SessionRef,
  sql: string,
  operation: Operation<A, E> | undefined,
  terms: Terms<E, E2>,
  begunIn: Scope<Hook> = ref.scope
): Effect.Effect<A, E2> =>
  Effect.uninterruptibleMask((restore) => operateIn(restore, fiber, ref, sql, operation, terms, begunIn))

/**
 * As `operate`, for a caller that cannot be interrupted itself. `concludes`: it is all that its session does, so that COMMIT
 * may go with it.
 */
export const operateIn = <A, E, E2>(
  restore: Restore,
  fiber: Fiber.RuntimeFiber<any, any>,
  ref: SessionRef,
  sql: string,
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
      (state.failed === undefined || leadsBack.test(sql) ? undefined : state.stalled()) ??
      decidesItself(unit, sql)
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
const leadsBack = /^\s*rollback\s+(work\s+|transaction\s+)?to\b/i

/**
 * Statements that begin or end a transaction. Inside of a session they would commit or lose its work behind its back, and
 * whatever it reported then would be a lie. A reserved connection takes them.
 */
const decides =
  /^(?:[\s;]|--[^\n]*(?:\n|$)|\/\*(?:[^*]|\*(?!\/))*\*\/)*(begin|start\s+transaction|commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:work\s+|transaction\s+)?to\b))\b/i

/** The refusal of such a statement. */
export const decidesItself = (unit: Unit, sql: string): NestedRefused | undefined =>
  unit.state.transactional && decides.test(readable(unit, sql)) ? notYours(unit, readable(unit, sql)) : undefined

/** A text whose first words may have comments or empty statements before or between them. */
const veiled = /^\s*(?:[;/-]|(?:start|prepare|rollback)\b)/i

/** Where something may hide what it is, as the database reads it. */
const readable = ({ host: { driver } }: Unit, sql: string): string =>
  driver.significant !== undefined && veiled.test(sql) ? driver.significant(sql) : sql

const notYours = (unit: Unit, sql: string): NestedRefused =>
  new NestedRefused({
    message: `Session ${unit.session} of engine "${unit.host.name}" begins and ends its transaction itself: ` +
      `${
        decides.exec(sql)?.[1]?.toUpperCase()
      } was refused, nothing was sent. It commits when its body succeeds and rolls ` +
      "back when it fails; see Session.rollbackOnly, and Session.open for a commit by hand. `sql.reserve` outside of a " +
      "session lends a connection without a transaction.",
    engine: unit.host.name,
    session: unit.session
  })
