/**
 * One trip to the database: what goes ahead of a statement, and what the answer tells the state machine. The caller holds
 * the turn and a connection.
 */
import type { SqlError } from "@effect/sql/SqlError"
import { Cause, Effect, Exit, Option } from "effect"
import type { DriverConnection } from "../../Driver.js"
import { toSqlError } from "../../SqlFailure.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { Asked, call, Callback, made } from "../callback.js"
import { Ends, flatMap } from "../effects.js"
import type { Restore } from "../effects.js"
import type { Scope } from "../sessionState.js"
import { asFirst } from "../sessionState.js"
import { isWatched, start as watch, within as inSpan } from "../sight/watch.js"
import { giveBackDead, wasDead } from "./deadConnection.js"
import { takeConnection } from "./takeConnection.js"
import { distrust, fromDefect, giveUp, interrupted, verdict } from "./trust.js"
import type { Hook, Send, Unit } from "./unit.js"

/**
 * What is run on a session's connection. For operations that are more than one statement: `onBegun`, the prelude was answered
 * with success, whatever the failure of something behind it says of itself; `ending`, what goes behind the last of them.
 */
export type Operation<A, E> = (
  connection: DriverConnection,
  prelude: ReadonlyArray<string>,
  onSend: () => void,
  onBegun: () => void,
  ending: Ending | undefined
) => Effect.Effect<A, E>

/** COMMIT on the same trip, and who is told that it was carried out. */
export class Ending {
  constructor(readonly commit: string, readonly onCommitted: () => void) {}
}

/** How the failures of an operation are read, and how they are reported. */
export interface Terms<E, E2> {
  /** The typed failure in what an operation failed with; none means that it only ended. */
  readonly failureOf: (error: E) => SqlFailure | undefined
  readonly pass: (error: E) => E2
  readonly raise: (failure: SqlFailure) => E2
}

const itself = (failure: SqlFailure) => failure

/** Typed failures, reported as they are. */
export const typed: Terms<SqlFailure, SqlFailure> = { failureOf: itself, pass: itself, raise: itself }

/** Typed failures, reported as `@effect/sql` does. */
export const asSqlErrors: Terms<SqlFailure, SqlError> = { failureOf: itself, pass: toSqlError, raise: toSqlError }

/** Sends one operation, and tells the state machine what the wire said. The caller holds the turn, and may keep it. */
export const exchange = <A, E, E2>(
  unit: Unit,
  begunIn: Scope<Hook>,
  operation: Operation<A, E>,
  restore: Restore,
  { failureOf, pass, raise }: Terms<E, E2>,
  keepsTurn: boolean,
  concludes = false
): Effect.Effect<A, E2> => {
  const { state } = unit
  const connection = unit.lease!.connection
  const ahead = state.transactional ? state.unset(begunIn) : nothing
  const prelude = preludeOf(unit, ahead)
  // Between here and the sending the fiber may give way, and be interrupted.
  let sent = false
  let begun = false
  const ends = new Ends<A, E, A, E2>(
    (cause) => {
      if (!unit.used && !begun) {
        const error = Cause.failureOption(cause)
        const failure = Option.isSome(error) ? failureOf(error.value) : undefined
        if (failure !== undefined && wasDead(unit.lease!, failure)) {
          giveBackDead(unit.pool, unit, failure)
          unit.commit = undefined
          // Interrupted by now, it gets no other one, and is not sent again.
          return Effect.withFiberRuntime<A, E2>((fiber) =>
            takeConnection(unit, begunIn, fiber, restore, (cause) => {
              if (!keepsTurn) state.leave()
              return Effect.failCause(Cause.map(cause, raise))
            }, () => exchange(unit, begunIn, operation, restore, { failureOf, pass, raise }, keepsTurn, concludes))
          )
        }
      }
      unit.used = true
      const failure = observe(unit, connection, ahead, { sent, begun }, cause, failureOf)
      if (!keepsTurn) state.leave()
      return failure === undefined ? Effect.failCause(Cause.map(cause, pass)) : Effect.fail(raise(failure))
    },
    (value) => {
      unit.used = true
      const began = state.transaction === "none"
      if (unit.commit === "done") state.concluded()
      else {
        unit.commit = undefined
        state.answered(connection.transaction(), ahead, undefined)
      }
      if (began && unit.isHeard && state.transactional) {
        unit.tell({ _tag: "SessionBegan", session: unit.session, connection: connection.id, millis: unit.age })
      }
      if (!keepsTurn) state.leave()
      return Effect.succeed(value)
    }
  )
  if (concludes && connection.batch !== undefined && state.transaction === "none" && !begunIn.rollbackOnly) {
    const ending = new Ending(unit.host.driver.dialect.commit, () => unit.commit = "done")
    const onSend = () => {
      sent = true
      unit.commit = "sent"
    }
    return callToEnd(
      unit,
      () => operation(connection, prelude, onSend, () => begun = true, ending),
      restore,
      ends
    )
  }
  return call(
    () => operation(connection, prelude, () => sent = true, () => begun = true, undefined),
    restore,
    ends
  )
}

/**
 * As `call`, for what decides over the whole session: interrupted, it is asked to stop, and its answer is waited for all the
 * same. Where that says it was not stopped in time, nothing was interrupted.
 */
const callToEnd = <A, E, B, E2>(
  unit: Unit,
  make: () => Effect.Effect<A, E>,
  restore: Restore,
  ends: Ends<A, E, B, E2>
): Effect.Effect<B, E2> => {
  const effect = made(make)
  if (!(effect instanceof Callback)) return Effect.matchCauseEffect(effect, ends)
  const asked = new Asked<A, E>(effect.ask)
  if (asked.answer !== undefined) return Effect.matchCauseEffect(asked.answer, ends)
  const arrived = Effect.async<Effect.Effect<A, E>>((resume) =>
    asked.listen((answer) => resume(Effect.succeed(answer)))
  )
  return Effect.matchCauseEffect(
    restore(arrived),
    new Ends((interruption) => {
      const { deadlines, limits } = unit.host
      asked.giveUp()
      return Effect.flatMap(
        deadlines.bounded(limits.release, () => new Callback<A, E>((answer) => asked.listen(answer))),
        (exit) => {
          if (exit !== undefined && Exit.isSuccess(exit)) return ends.onSuccess(exit.value)
          if (exit === undefined) {
            giveUp(unit, verdict(unit, exit, "an interrupted batch to end", limits.release)!)
          }
          return flatMap(
            Effect.exit(ends.onFailure(exit === undefined ? interruption : exit.cause)),
            () => Effect.failCause(interruption)
          )
        }
      )
    }, (answer) => Effect.matchCauseEffect(answer, ends))
  )
}

/** What has to go ahead of the next statement: BEGIN where nothing has been sent yet, and savepoints. */
const preludeOf = ({ begin, host, state }: Unit, ahead: ReadonlyArray<Scope<Hook>>): ReadonlyArray<string> => {
  const begins = state.transactional && state.transaction === "none"
  if (ahead.length === 0) return begins ? Array.of(begin) : nothing
  const savepoints = ahead.map((scope) => host.driver.dialect.savepoint(scope.savepoint))
  return begins ? [begin, ...savepoints] : savepoints
}

/** Writes what was enqueued before the next statement of a scope. The caller holds the turn, and a connection. */
export const writeBuffered = (unit: Unit, from: Scope<Hook>, restore: Restore): Effect.Effect<void, SqlFailure> =>
  Effect.withFiberRuntime((fiber) => {
    if (unit.buffered === undefined) return Effect.void
    const watched = isWatched(unit.host, fiber)
    const send: Send = (scope, statement) =>
      Effect.suspend(() => {
        const { broken } = unit.state
        // What was written before it may have been the end of the transaction.
        if (broken !== undefined) return Effect.fail(unit.state.aborted(broken))
        const { info, params, sql } = statement
        unit.statement = sql
        const watching = watched ? watch(unit.host, { sql, params, info, session: unit.session }, fiber) : undefined
        const answer = exchange<ReadonlyArray<any>, SqlFailure, SqlFailure>(
          unit,
          scope,
          (connection, prelude, onSend) =>
            connection.execute({
              ...statement,
              prelude,
              onSend: watching === undefined ? onSend : watching.sending(connection, prelude, onSend)
            }),
          restore,
          typed,
          true
        )
        return watching === undefined
          ? answer
          : inSpan(watching, fiber, Effect.onExit(answer, (exit) => watching.ended(exit)))
      })
    return unit.buffered.write(from, send)
  })

/** Tells the state machine how an operation failed. A defect comes back as the failure to report in its place. */
const observe = <E>(
  unit: Unit,
  connection: DriverConnection,
  ahead: ReadonlyArray<Scope<Hook>>,
  { begun, sent }: { readonly sent: boolean; readonly begun: boolean },
  cause: Cause.Cause<E>,
  failureOf: (error: E) => SqlFailure | undefined
): SqlFailure | undefined => {
  const { state } = unit
  const error = Cause.failureOption(cause)
  if (Option.isNone(error)) {
    const defect = Cause.dieOption(cause)
    if (Option.isSome(defect)) {
      const failure = fromDefect(unit.host.name, defect.value)
      distrust(unit, failure)
      return failure
    }
  }
  const failure = Option.isSome(error) ? failureOf(error.value) : interrupted(unit)
  if (unit.commit === "sent" && failure?.sent !== "maybe") unit.commit = undefined
  const condition = connection.condition()
  if (condition === "lost") distrust(unit, failure)
  else if (failure?.connection === "discard") distrust(unit, failure)
  else if (condition === "busy") state.cutOff(ahead)
  else {
    // What was never sent took no savepoints with it.
    const set = begun ? ahead : !sent || failure?.sent === "no" ? nothing : beforeRefused(unit, ahead, failure)
    state.answered(connection.transaction(), set, failure === undefined ? undefined : asFirst(failure))
  }
  return undefined
}

const nothing: ReadonlyArray<never> = []

/** The savepoints that went ahead of what was refused: one that was refused itself is not there to be rolled back to. */
const beforeRefused = (
  unit: Unit,
  ahead: ReadonlyArray<Scope<Hook>>,
  failure: SqlFailure | undefined
): ReadonlyArray<Scope<Hook>> => {
  if (ahead.length === 0 || failure === undefined || !("statement" in failure)) return ahead
  const { dialect } = unit.host.driver
  const refused = ahead.findIndex((scope) => dialect.savepoint(scope.savepoint) === failure.statement)
  return refused < 0 ? ahead : ahead.slice(0, refused)
}
