/**
 * Using a session's connection: wait for the turn, take the connection, run one operation, tell the state machine what
 * the wire said. Everything a session sends goes through here or through `control`.
 */
import { Cause, Effect, Exit, Option } from "effect"
import type { Control, DriverConnection } from "../../Driver.js"
import { ConnectionError, NestedRefused, QueryCancelled, UnknownError } from "../../SqlFailure.js"
import type { SqlFailure } from "../../SqlFailure.js"
import type { Scope } from "../sessionState.js"
import { asFirst } from "../sessionState.js"
import { watchedControl } from "../sight/control.js"
import { isWatched, start as watch, within as inSpan } from "../sight/watch.js"
import { priorityIn } from "./priority.js"
import type { Hook, Send, SessionRef, Unit } from "./unit.js"

export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** A driver that throws or dies has broken its contract; its connection cannot be trusted any more. */
export const fromDefect = (engine: string, defect: unknown): UnknownError =>
  new UnknownError({
    message: `The driver of engine "${engine}" failed in a way it should not: ${
      defect instanceof Error ? defect.name : typeof defect
    }. Its connection was closed; please report it.`,
    engine,
    sent: "maybe",
    connection: "discard"
  })

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

/** What is run on a session's connection. */
type Operation<A, E> = (
  connection: DriverConnection,
  prelude: ReadonlyArray<string>,
  onSend: () => void
) => Effect.Effect<A, E>

/**
 * Runs one operation of a scope. `failureOf` finds the typed failure in what the operation failed with; none means
 * that it only ended. What goes on with something that was begun in a scope further out (`begunIn`) sets no savepoints.
 * Writes that wait for a flush go first; without an operation (`undefined`) that is all.
 */
export const operate = <A, E>(
  ref: SessionRef,
  sql: string,
  operation: Operation<A, E> | undefined,
  failureOf: (error: E) => SqlFailure | undefined,
  toError: (failure: SqlFailure) => E,
  begunIn: Scope<Hook> = ref.scope
): Effect.Effect<A, E> =>
  Effect.uninterruptibleMask((restore) => {
    const { scope, unit } = ref
    const { state } = unit
    /** Why it may not be sent now. What leads back to a savepoint is what a failed transaction still takes. */
    const refusal = (): SqlFailure | undefined =>
      state.refusal(scope) ??
        (state.failed === undefined || leadsBack.test(sql) ? undefined : state.stalled()) ??
        (state.transactional && decides.test(sql) ? notYours(unit, sql) : undefined)
    const start = (): Effect.Effect<A, E> => {
      unit.statement = sql
      // The scope may have ended since the turn was granted.
      const refused = refusal()
      if (refused !== undefined) {
        state.leave()
        return Effect.fail(toError(refused))
      }
      if (unit.lease !== undefined || unit.pool.tryAcquire(unit)) return send()
      const acquire = Effect.withFiberRuntime<void, SqlFailure>((fiber) => {
        unit.priority = priorityIn(fiber) ?? unit.priority
        return unit.pool.acquire(unit)
      })
      return Effect.matchCauseEffect(restore(acquire), {
        onFailure: (cause) => {
          stepBack(unit)
          return Effect.failCause(Cause.map(cause, toError))
        },
        onSuccess: () => {
          // The scope may have ended meanwhile: a rollback does not wait as long as the pool may take.
          const refused = state.refusal(scope)
          if (refused === undefined) return send()
          stepBack(unit)
          return Effect.fail(toError(refused))
        }
      })
    }
    const send = (): Effect.Effect<A, E> => {
      const connection = unit.lease!.connection
      if (state.cut || connection.condition() === "busy") return Effect.flatMap(settle(unit, connection), resend)
      if (unit.buffered !== undefined && !written) {
        written = true
        return Effect.matchCauseEffect(writeBuffered(unit, scope, restore), {
          onFailure: (cause) => {
            state.leave()
            return Effect.failCause(Cause.map(cause, toError))
          },
          onSuccess: resend
        })
      }
      if (operation !== undefined) return exchange(unit, begunIn, operation, restore, failureOf, toError, false)
      state.leave()
      return Effect.void as Effect.Effect<any>
    }
    let written = false
    // The answer to an interrupted statement may have shown that the transaction is gone or failed.
    const resend = (): Effect.Effect<A, E> => {
      const refused = refusal()
      if (refused === undefined) return send()
      state.leave()
      return Effect.fail(toError(refused))
    }
    const entered = state.tryEnter(scope)
    if (entered === true) return start()
    if (entered !== false) return Effect.fail(toError(entered))
    if (unit.options.concurrency === "reject") {
      return Effect.fail(toError(state.concurrent(
        `Session ${state.id} of engine "${state.engine}" is in use by another fiber; nothing was sent. Run the work ` +
          "one after the other, or in sessions of its own."
      )))
    }
    return Effect.flatMap(
      Effect.mapError(awaitTurn(unit, scope, false, unit.host.limits.turn, restore), toError),
      start
    )
  })

/** Sends one operation, and tells the state machine what the wire said. The caller holds the turn, and may keep it. */
const exchange = <A, E>(
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
const writeBuffered = (unit: Unit, from: Scope<Hook>, restore: Restore): Effect.Effect<void, SqlFailure> =>
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

/** Sends what was enqueued in this scope, and around it, now. */
export const flush = (ref: SessionRef): Effect.Effect<void, SqlFailure> =>
  Effect.suspend(() =>
    ref.unit.buffered?.pending(ref.scope) === true
      ? operate<void, SqlFailure>(ref, "flush", undefined, itself, itself)
      : Effect.void
  )

/** Sends what is left of it at the end of a scope. The caller holds the turn. */
export const flushRest = ({ scope, unit }: SessionRef, restore: Restore): Effect.Effect<void, SqlFailure> =>
  Effect.suspend(() => {
    const { state } = unit
    // What is lost already, or cannot be committed, needs no more writes.
    if (unit.buffered?.pending(scope) !== true || state.obstacle(scope) !== undefined) return Effect.void
    const write = Effect.suspend(() => {
      const { connection } = unit.lease!
      if (!state.cut && connection.condition() !== "busy") return writeBuffered(unit, scope, restore)
      return Effect.flatMap(
        settle(unit, connection),
        () => state.obstacle(scope) === undefined ? writeBuffered(unit, scope, restore) : Effect.void
      )
    })
    if (unit.lease !== undefined || unit.pool.tryAcquire(unit)) return write
    return Effect.zipRight(restore(Effect.suspend(() => unit.pool.acquire(unit))), write)
  })

/** Leaves the turn with nothing sent. A connection that came too late for the session's end goes back at once. */
const stepBack = (unit: Unit): void => {
  if (unit.over) unit.pool.release(unit)
  unit.state.leave()
}

/** The statement with which a body undoes its own savepoint goes through although the transaction has failed. */
const leadsBack = /^\s*rollback\s+(work\s+|transaction\s+)?to\b/i

/**
 * Statements that begin or end a transaction. Inside of a session they would commit or lose its work behind its back, and
 * whatever it reported then would be a lie. A reserved connection takes them.
 */
const decides =
  /^(?:\s|--[^\n]*(?:\n|$)|\/\*(?:[^*]|\*(?!\/))*\*\/)*(begin|start\s+transaction|commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:work\s+|transaction\s+)?to\b))\b/i

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

const interrupted = (unit: Unit) =>
  new QueryCancelled({
    message: "A statement was interrupted before the database had answered it.",
    engine: unit.host.name,
    sent: "maybe",
    ...(unit.statement === undefined ? undefined : { statement: unit.statement })
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

const distrust = (unit: Unit, failure: SqlFailure | undefined): void => {
  unit.discard ??= failure ?? lost(unit)
  unit.state.disconnected(failure === undefined ? undefined : asFirst(failure))
}

/** Waits, within the release limit, until an interrupted statement is over; else the connection is destroyed. */
const settle = (unit: Unit, connection: DriverConnection): Effect.Effect<void> => {
  const { deadlines, limits } = unit.host
  const quiet = connection.condition() === "busy"
    ? deadlines.bounded(limits.release, Effect.suspend(() => connection.settle))
    : Effect.succeed(Exit.void)
  return Effect.map(quiet, (exit) => {
    const failure = verdict(unit, exit, "an interrupted statement to end", limits.release)
    const condition = connection.condition()
    if (failure !== undefined) giveUp(unit, failure)
    else if (condition === "lost" || condition === "busy") giveUp(unit, lost(unit))
    else unit.state.settled(connection.transaction(), interrupted(unit))
  })
}

/** Of a connection that died without saying why. */
export const lost = (unit: Unit) =>
  new ConnectionError({
    message: `Engine "${unit.host.name}" lost the connection of session ${unit.session}.`,
    engine: unit.host.name,
    sent: "maybe"
  })

/** The typed failure of a bounded step of our own. */
const verdict = (
  unit: Unit,
  exit: Exit.Exit<unknown, SqlFailure> | undefined,
  what: string,
  millis: number
): SqlFailure | undefined => {
  if (exit === undefined) {
    return new ConnectionError({
      message: `Engine "${unit.host.name}" waited ${millis} ms for ${what}, and closed the connection.`,
      engine: unit.host.name,
      sent: "maybe"
    })
  }
  if (exit._tag === "Success") return undefined
  const error = Cause.failureOption(exit.cause)
  return Option.isSome(error) ? error.value : fromDefect(unit.host.name, Cause.squash(exit.cause))
}

/** Destroys the connection under the session: nothing it does from now on can reach the server. */
export const giveUp = (unit: Unit, failure: SqlFailure): void => {
  unit.discard ??= failure
  unit.state.lose(asFirst(failure), "its connection had to be closed")
  if (unit.lease !== undefined) unit.pool.destroy(unit, failure)
  unit.tell({ _tag: "CleanUpFailed", session: unit.session, failure })
}

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
