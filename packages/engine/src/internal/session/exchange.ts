/**
 * One trip to the database: what goes ahead of a statement, and what the answer tells the state machine. The caller holds
 * the turn and a connection.
 */
import { Cause, Effect, Option } from "effect"
import type { DriverConnection } from "../../Driver.js"
import type { SqlFailure } from "../../SqlFailure.js"
import type { Scope } from "../sessionState.js"
import { asFirst } from "../sessionState.js"
import { isWatched, start as watch, within as inSpan } from "../sight/watch.js"
import { distrust, fromDefect, interrupted } from "./trust.js"
import type { Restore } from "./turn.js"
import type { Hook, Send, Unit } from "./unit.js"

/** What is run on a session's connection. */
export type Operation<A, E> = (
  connection: DriverConnection,
  prelude: ReadonlyArray<string>,
  onSend: () => void
) => Effect.Effect<A, E>

/** Sends one operation, and tells the state machine what the wire said. The caller holds the turn, and may keep it. */
export const exchange = <A, E>(
  unit: Unit,
  begunIn: Scope<Hook>,
  operation: Operation<A, E>,
  restore: Restore,
  failureOf: (error: E) => SqlFailure | undefined,
  toError: (failure: SqlFailure) => E,
  keepsTurn: boolean
): Effect.Effect<A, E> => {
  const { state } = unit
  const connection = unit.lease!.connection
  const ahead = state.transactional ? state.unset(begunIn) : []
  const prelude = ahead.map((scope) => unit.host.driver.dialect.savepoint(scope.savepoint))
  if (state.transactional && state.transaction === "none") prelude.unshift(unit.begin)
  // Between here and the sending the fiber may give way, and be interrupted.
  let sent = false
  const run = Effect.suspend(() => operation(connection, prelude, () => sent = true))
  return Effect.matchCauseEffect(restore(run), {
    onFailure: (cause) => {
      const failure = observe(unit, connection, ahead, sent, cause, failureOf)
      if (!keepsTurn) state.leave()
      return failure === undefined ? Effect.failCause(cause) : Effect.fail(toError(failure))
    },
    onSuccess: (value) => {
      const began = state.transaction === "none"
      state.answered(connection.transaction(), ahead, undefined)
      if (began && unit.isHeard && state.transactional) {
        unit.tell({ _tag: "SessionBegan", session: unit.session, connection: connection.id, millis: unit.age })
      }
      if (!keepsTurn) state.leave()
      return Effect.succeed(value)
    }
  })
}

const itself = (failure: SqlFailure) => failure

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
        const { params, sql } = statement
        unit.statement = sql
        const watching = watched ? watch(unit.host, { sql, params, session: unit.session }, fiber) : undefined
        const answer = exchange<ReadonlyArray<any>, SqlFailure>(
          unit,
          scope,
          (connection, prelude, onSend) =>
            connection.execute({
              ...statement,
              prelude,
              onSend: watching === undefined ? onSend : watching.sending(connection, prelude, onSend)
            }),
          restore,
          itself,
          itself,
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
  sent: boolean,
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
  const condition = connection.condition()
  if (condition === "lost") distrust(unit, failure)
  else if (failure?.connection === "discard") distrust(unit, failure)
  else if (condition === "busy") state.cutOff(ahead)
  else {
    // What was never sent took no savepoints with it.
    const set = !sent || failure?.sent === "no" ? nothing : beforeRefused(unit, ahead, failure)
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
