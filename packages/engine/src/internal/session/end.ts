/**
 * The end of a session: COMMIT or ROLLBACK, RELEASE or ROLLBACK TO, the connection's return, the hooks.
 *
 * Everything here runs uninterruptible and within limits. The exit of the body is what is reported, except when its
 * success would be a lie.
 */
import { Cause, Effect, Exit, Fiber, Runtime } from "effect"
import { CommitUnknown } from "../../SqlFailure.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { flatMap, onEnd } from "../effects.js"
import type { Restore } from "../effects.js"
import type { Scope } from "../sessionState.js"
import { asFirst } from "../sessionState.js"
import { annotate, failureAttributes, finish } from "../sight/tracing.js"
import { control } from "./control.js"
import { flushRest } from "./flush.js"
import { giveUp, lost } from "./trust.js"
import { awaitTurn } from "./turn.js"
import type { Hook, SessionRef, Unit } from "./unit.js"

/** What became of a scope's work. */
type Outcome =
  | { readonly _tag: "Committed" }
  | { readonly _tag: "RolledBack"; readonly failure?: SqlFailure | undefined }
  | { readonly _tag: "Unknown"; readonly failure: CommitUnknown }
  /** An outer scope ended first, and decided over this one. */
  | { readonly _tag: "Superseded"; readonly failure: SqlFailure }

/** How a failure of the session's own is reported. */
export type Raise<X> = (failure: SqlFailure) => X

/** Ends a scope as its body ended. `restore` lets a commit that waits for a stray statement be interrupted. */
export const end = <A, E, X>(
  ref: SessionRef,
  exit: Exit.Exit<A, E>,
  restore: Restore,
  raise: Raise<X>
): Effect.Effect<A, E | X> => {
  const ended = endScope(ref, exit, restore, raise)
  const { span } = ref
  return span === undefined ? ended : Effect.onExit(ended, (exit) => finish(span, exit))
}

const endScope = <A, E, X>(
  ref: SessionRef,
  exit: Exit.Exit<A, E>,
  restore: Restore,
  raise: Raise<X>
): Effect.Effect<A, E | X> => {
  const { scope, unit } = ref
  const commit = Exit.isSuccess(exit) && !scope.rollbackOnly
  return onEnd(takeTurn(ref, commit, restore), (turn) => {
    if (Exit.isFailure(turn)) {
      // The wait for the turn was interrupted, or took too long: nothing is committed.
      return commit ? endScope(ref, Exit.failCause(Cause.map(turn.cause, raise)), restore, raise) : exit
    }
    if (turn.value !== undefined) {
      const outcome: Outcome = { _tag: "Superseded", failure: turn.value }
      noteOutcome(ref, outcome)
      return report(exit, outcome, raise)
    }
    const conclude = (exit: Exit.Exit<A, E | X>, commit: boolean) =>
      flatMap(
        scope.parent === undefined ? endRoot(ref, commit) : endSavepoint(ref, commit),
        (ended) => {
          noteOutcome(ref, ended.outcome)
          return runHooks(ref, ended.hooks, report(exit, ended.outcome, raise))
        }
      )
    return flatMap(closeStreams(unit, scope), () => {
      if (!commit || unit.buffered === undefined) return conclude(exit, commit)
      // The last of what the body did: as it fails, so does the body.
      return onEnd(
        flushRest(ref, restore),
        (flushed) =>
          Exit.isSuccess(flushed)
            ? conclude(exit, commit)
            : conclude(Exit.failCause(Cause.map(flushed.cause, raise)), false)
      )
    })
  })
}

const outcomes = { Committed: "committed", RolledBack: "rolled_back", Unknown: "unknown", Superseded: "rolled_back" }

/** Says in a scope's span what became of it. */
const noteOutcome = ({ span }: SessionRef, outcome: Outcome): void => {
  if (span === undefined) return
  annotate(span, {
    "effect_sql_engine.session.outcome": outcomes[outcome._tag],
    ...(outcome._tag === "Committed" || outcome.failure === undefined ? undefined : failureAttributes(outcome.failure))
  })
}

const committed: Effect.Effect<Outcome> = Effect.succeed({ _tag: "Committed" })

/** What became of a scope, and the hooks that follow from it. */
interface Ended {
  readonly outcome: Outcome
  readonly hooks: ReadonlyArray<Hook>
}

const report = <A, E, X>(exit: Exit.Exit<A, E>, outcome: Outcome, raise: Raise<X>): Effect.Effect<A, E | X> =>
  (Exit.isSuccess(exit) || outcome._tag === "Unknown") && outcome._tag !== "Committed" && outcome.failure !== undefined
    ? Effect.fail(raise(outcome.failure))
    : exit

/**
 * Takes the turn for the end. To commit, a statement that still runs in another fiber is waited for; to roll back it is
 * given the release limit, and then loses its connection. Succeeds with a failure when an outer scope has ended it.
 */
const takeTurn = (
  ref: SessionRef,
  commit: boolean,
  restore: Restore
): Effect.Effect<SqlFailure | undefined, SqlFailure> => {
  const { scope, unit } = ref
  const { limits } = unit.host
  const entered = unit.state.tryEnterEnd(scope, commit ? "commit" : "rollback")
  if (entered !== false) return Effect.succeed(entered === true ? undefined : entered)
  // A first statement that still waits for a connection has the turn, and is closed with the scope it belongs to: it
  // would be refused when the connection comes.
  if (unit.lease === undefined) unit.stopWaiting?.(unit.state.closed(scope.closedBy!))
  const superseded = (failure: SqlFailure): Effect.Effect<SqlFailure | undefined, SqlFailure> =>
    failure._tag === "SessionClosed" ? Effect.succeed(failure) : Effect.fail(failure)
  if (commit) {
    return Effect.catchAll(Effect.as(awaitTurn(unit, scope, true, limits.turn, restore), undefined), superseded)
  }
  return Effect.catchAll(
    Effect.as(awaitTurn(unit, scope, true, limits.release, (wait) => wait), undefined),
    (failure) => {
      if (failure._tag === "SessionClosed") return Effect.succeed(failure)
      // The statement that holds the turn fails now. A driver that lets it hang all the same cannot hold up the end.
      giveUp(unit, failure)
      return Effect.ignore(awaitTurn(unit, scope, true, limits.release, (wait) => wait)).pipe(Effect.as(undefined))
    }
  )
}

/** Streams of the ending scope are closed while the connection is still the session's. */
const closeStreams = (unit: Unit, scope: Scope<Hook>): Effect.Effect<void> => {
  if (unit.streams === undefined || unit.streams.size === 0) return Effect.void
  const inside = new Set<Scope<Hook>>()
  for (let at: Scope<Hook> | undefined = scope; at !== undefined; at = at.child) inside.add(at)
  return Effect.forEach([...unit.streams].filter((stream) => inside.has(stream.scope)), (stream) => stream.close, {
    discard: true
  })
}

const endSavepoint = (ref: SessionRef, commit: boolean): Effect.Effect<Ended> => {
  const { scope, unit } = ref
  const { state } = unit
  const { dialect } = unit.host.driver
  const { commit: commitLimit, release: releaseLimit } = unit.host.limits

  const undo = (failure: SqlFailure | undefined): Effect.Effect<Outcome> => {
    if (!scope.set || state.broken !== undefined) return Effect.succeed({ _tag: "RolledBack", failure })
    const sql = dialect.rollbackToSavepoint(scope.savepoint)
    return Effect.map(control(unit, "rollbackTo", sql, releaseLimit), (second): Outcome => {
      // Whatever the scope wrote is still there, so nothing of the session may be kept.
      if (second !== undefined) {
        state.lose(asFirst(failure ?? second), "a savepoint could not be rolled back")
        // Where the connection had to be given up for it, that was told already.
        if (unit.discard === undefined) {
          unit.tell({ _tag: "CleanUpFailed", session: unit.session, failure: second })
        }
      }
      return { _tag: "RolledBack", failure: failure ?? second }
    })
  }

  const keep = (): Effect.Effect<Outcome> => {
    const obstacle = state.obstacle(scope)
    if (obstacle !== undefined) return undo(obstacle)
    if (!scope.set) return committed
    return flatMap(
      undoChild(unit, scope),
      (stuck) => {
        if (stuck !== undefined) return undo(stuck)
        return flatMap(
          control(unit, "release", dialect.releaseSavepoint(scope.savepoint), commitLimit),
          // A cut-off statement may only now have shown that the transaction failed of it.
          (failure) => failure === undefined ? committed : undo(state.obstacle(scope) ?? failure)
        )
      }
    )
  }

  return flatMap(commit ? keep() : undo(undefined), (outcome) => {
    const strays = undone(scope)
    if (outcome._tag === "Committed") state.bubble(scope)
    else if (scope.closedBy !== "engine") scope.closedBy = "rollback"
    state.finish(scope)
    state.leave()
    return Effect.succeed({
      outcome,
      hooks: outcome._tag === "Committed" ? strays : [...strays, ...scope.afterRollback]
    })
  })
}

/** A scope that commits while one inside it is still open, in a fiber that will never end it, leaves that one out. */
const undoChild = (unit: Unit, scope: Scope<Hook>): Effect.Effect<SqlFailure | undefined> => {
  const child = scope.child
  if (child === undefined || !child.set || unit.state.broken !== undefined) return Effect.succeed(undefined)
  const { driver, limits } = unit.host
  return control(unit, "rollbackTo", driver.dialect.rollbackToSavepoint(child.savepoint), limits.release)
}

const none: ReadonlyArray<Hook> = []

/** What was to happen should the scopes that are still open inside of an ending one be rolled back, as they are now. */
const undone = (scope: Scope<Hook>): ReadonlyArray<Hook> => {
  if (scope.child === undefined) return none
  const hooks: Array<Hook> = []
  for (let at: Scope<Hook> | undefined = scope.child; at !== undefined; at = at.child) {
    hooks.unshift(...at.afterRollback)
  }
  return hooks
}

const endRoot = (ref: SessionRef, commit: boolean): Effect.Effect<Ended> => {
  const { scope, unit } = ref
  const { state } = unit
  const { dialect } = unit.host.driver
  const { limits } = unit.host

  const undo = (failure: SqlFailure | undefined): Effect.Effect<Outcome> => {
    const rolledBack: Outcome = { _tag: "RolledBack", failure }
    if (state.transaction === "none" || state.broken !== undefined) return Effect.succeed(rolledBack)
    return Effect.map(control(unit, "rollback", dialect.rollback, limits.release), (second): Outcome => {
      if (second !== undefined) giveUp(unit, second)
      return rolledBack
    })
  }

  const keep = (): Effect.Effect<Outcome> => {
    const obstacle = state.obstacle(scope)
    if (obstacle !== undefined) return undo(obstacle)
    if (state.transaction === "none") return committed
    return flatMap(undoChild(unit, scope), (stuck) => {
      // A cut-off statement may only now have shown what became of the transaction.
      const obstacle = stuck ?? state.obstacle(scope)
      if (obstacle !== undefined) return undo(obstacle)
      return flatMap(
        control(unit, "commit", dialect.commit, limits.commit),
        (failure) => failure === undefined ? committed : notCommitted(failure)
      )
    })
  }

  const notCommitted = (failure: SqlFailure): Effect.Effect<Outcome> => {
    // The driver knows neither the session's name nor what failed in it first.
    const obstacle = failure._tag === "TransactionAborted"
      ? state.obstacle(scope) ?? state.aborted({ message: failure.message, first: failure.first })
      : failure
    if (unit.discard !== undefined) {
      // The connection died of it. Only a COMMIT that never left us is certainly undone.
      return failure.sent === "no" ? Effect.succeed<Outcome>({ _tag: "RolledBack", failure }) : resolve(unit, failure)
    }
    return unit.lease!.connection.transaction() === "none"
      ? Effect.succeed<Outcome>({ _tag: "RolledBack", failure: obstacle })
      : undo(obstacle)
  }

  /** COMMIT went with the statements: nothing is left to decide. */
  const decided = (): Effect.Effect<Outcome> =>
    unit.commit === "done"
      ? committed
      : Effect.succeed<Outcome>({ _tag: "Unknown", failure: unknown(unit, unit.discard ?? lost(unit)) })

  const work = unit.options.reserved === true
    ? committed
    : unit.commit === "done" || unit.commit === "sent"
    ? decided()
    : commit
    ? keep()
    : undo(undefined)
  return flatMap(work, (outcome) => {
    const strays = undone(scope)
    state.finish(scope)
    unit.over = true
    scope.closedBy = state.broken !== undefined && scope.closedBy === "engine"
      ? "engine"
      : outcome._tag === "Committed"
      ? "commit"
      : "rollback"
    unit.pool.release(unit, unit.discard)
    state.leave()
    settleTotals(unit, outcome)
    const hooks = outcome._tag === "Committed"
      ? scope.afterCommit
      : outcome._tag === "RolledBack"
      ? scope.afterRollback
      : []
    return Effect.succeed({ outcome, hooks: strays.length === 0 ? hooks : [...strays, ...hooks] })
  })
}

/** The answer to COMMIT was lost: the driver may be able to find out what became of the transaction. */
const resolve = (unit: Unit, failure: SqlFailure): Effect.Effect<Outcome> => {
  const { deadlines, driver, limits, name } = unit.host
  const lost: Outcome = { _tag: "Unknown", failure: unknown(unit, failure) }
  const ask = driver.resolveCommit
  if (ask === undefined) return Effect.succeed(lost)
  // A driver that throws when asked must not get past the end of the session: the connection would stay lent for ever.
  const question = () => ask(unit.lease!.connection, name) ?? Effect.succeed("unknown" as const)
  return Effect.map(deadlines.bounded(limits.commit, question), (exit): Outcome => {
    if (exit === undefined || exit._tag === "Failure" || exit.value === "unknown") return lost
    return exit.value === "committed" ? { _tag: "Committed" } : { _tag: "RolledBack", failure }
  })
}

const unknown = (unit: Unit, failure: SqlFailure): CommitUnknown =>
  new CommitUnknown({
    message:
      `Session ${unit.session} of engine "${unit.host.name}" sent COMMIT and never saw the answer: its work is ` +
      `committed whole or not at all. Look for it before doing it again. ${failure.message}`,
    engine: unit.host.name,
    session: unit.session,
    first: asFirst(failure)
  })

const settleTotals = (unit: Unit, outcome: Outcome): void => {
  if (unit.options.reserved === true) return
  const { age: millis, host: { totals }, isHeard, session } = unit
  totals.open--
  if (outcome._tag === "Committed") {
    totals.committed++
    if (isHeard) unit.tell({ _tag: "SessionCommitted", session, millis })
  } else if (outcome._tag === "Unknown") {
    totals.unknown++
    if (isHeard) unit.tell({ _tag: "SessionUnknown", session, millis, failure: outcome.failure })
  } else {
    totals.rolledBack++
    if (isHeard) unit.tell({ _tag: "SessionRolledBack", session, millis, failure: outcome.failure })
  }
}

/**
 * Hooks run in the order they were registered; what one of them fails with changes nothing, and is logged.
 *
 * A session ends uninterruptible, and maybe because it was interrupted. A hook has a fiber of its own, so that it runs all
 * the same, and so that a limit of its own (`Effect.timeout`) works in it. Fibers it forks are the session's fiber's.
 */
const runHooks = <A, E>(
  ended: SessionRef,
  hooks: ReadonlyArray<Hook>,
  result: Effect.Effect<A, E>
): Effect.Effect<A, E> => {
  if (hooks.length === 0) return result
  const complain = (cause: Cause.Cause<unknown>) =>
    Effect.logWarning(`A hook of session ${ended.unit.session} failed; the session's outcome stands.`, cause)
  const apart = (hook: Effect.Effect<unknown>): Effect.Effect<unknown> =>
    Effect.transplant((graft) =>
      // Started at once, and not when its turn comes: a hook that waits for nothing opens no gap for an interruption.
      Effect.flatMap(
        Effect.runtime<never>(),
        (runtime) => Fiber.join(Runtime.runFork(runtime)(Effect.interruptible(graft(hook))))
      )
    )
  return Effect.zipRight(
    Effect.forEach(hooks, (hook) => Effect.catchAllCause(apart(hook(ended)), complain), { discard: true }),
    result
  )
}
