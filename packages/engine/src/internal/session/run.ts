/**
 * Opening a session: what is asked of it, where it stands among the sessions around it, and its body's context.
 */
import type { Statement } from "@effect/sql/Statement"
import { Cause, Effect, Exit, Fiber, FiberId, FiberRef, Option } from "effect"
import type { Context, Duration } from "effect"
import * as Time from "effect/Duration"
import type { BeginOptions } from "../../Dialect.js"
import type { Priority } from "../../Pool.js"
import type { SqlFailure } from "../../SqlFailure.js"
import {
  EngineConfigError,
  fromSqlError,
  isSqlError,
  isSqlFailure,
  NestedRefused,
  SessionTimeout
} from "../../SqlFailure.js"
import { Ends, flatMap, mapError, onEnd } from "../effects.js"
import type { Restore } from "../effects.js"
import { Entered } from "../fiberContext.js"
import { asFirst } from "../sessionState.js"
import type { Site } from "../sight/site.js"
import { begin, isTraced } from "../sight/tracing.js"
import { end } from "./end.js"
import type { Raise } from "./end.js"
import { flush } from "./flush.js"
import { pipeline } from "./pipeline.js"
import { priorityIn } from "./priority.js"
import { awaitTurn } from "./turn.js"
import type { Host } from "./unit.js"
import { current, enter, innermost, SessionRef, Unit } from "./unit.js"

/** What may be asked of a session; documented where it is public. */
export interface Options extends BeginOptions {
  readonly name?: string | undefined
  readonly timeout?: Duration.DurationInput | undefined
  readonly nested?: "savepoint" | "join" | "new" | "refuse" | undefined
  readonly concurrency?: "serialize" | "reject" | undefined
  readonly priority?: Priority | undefined
  /** Where it was asked for. */
  readonly site?: Site | undefined
}

/** A scope that was opened, and whether it is its own or the one around it. */
class Opened {
  constructor(readonly ref: SessionRef, readonly joined: boolean) {}
}

/** Opens the scope that `options` ask for where the fiber stands. The caller is uninterruptible, and ends it. */
export const open = (
  host: Host,
  fiber: Fiber.RuntimeFiber<any, any>,
  options: Options,
  restore: Restore
): Effect.Effect<Opened, SqlFailure> => {
  const opened = openScope(host, fiber, options, restore)
  return isTraced(fiber) ? Effect.flatMap(opened, (scope) => traced(scope, options)) : opened
}

/** A scope with a span of its own, that ends with it. */
const traced = (opened: Opened, { name }: Options): Effect.Effect<Opened> => {
  const { joined, ref: { outer, scope, unit } } = opened
  if (joined) return Effect.succeed(opened)
  const { driver, name: engine } = unit.host
  return Effect.map(
    begin(name ?? (scope.parent === undefined ? "session" : "savepoint"), {
      attributes: {
        ...driver.attributes,
        "effect_sql_engine.engine": engine,
        "effect_sql_engine.session": unit.session,
        "effect_sql_engine.session.depth": scope.depth
      }
    }),
    (span) => {
      if (scope.parent === undefined) unit.span = span
      return new Opened(new SessionRef(unit, scope, outer, span), joined)
    }
  )
}

const openScope = (
  host: Host,
  fiber: Fiber.RuntimeFiber<any, any>,
  options: Options,
  restore: Restore
): Effect.Effect<Opened, SqlFailure> => {
  const around = current(host, fiber)
  if (around === undefined || options.nested === "new") return openRoot(host, fiber, options, around)
  // Whoever has outlived the session is told that, whatever it asks for.
  const refused = around.unit.state.refusal(around.scope) ?? refusal(around, options)
  if (refused !== undefined) return Effect.fail(refused)
  if (options.nested === "join") return Effect.succeed(new Opened(around, true))
  return openSavepoint(around, innermost(fiber.currentContext.unsafeMap) ?? around, restore)
}

const openRoot = (
  host: Host,
  fiber: Fiber.RuntimeFiber<any, any>,
  options: Options,
  around: SessionRef | undefined
): Effect.Effect<Opened, SqlFailure> => {
  const isolation = options.isolation
  if (isolation !== undefined && !host.driver.dialect.isolations.includes(isolation)) {
    const problem = `${host.driver.dialect.name} has no isolation level "${isolation}"; it has ${
      host.driver.dialect.isolations.join(", ")
    }`
    return Effect.fail(
      new EngineConfigError({
        message: `A session of engine "${host.name}" cannot be opened: ${problem}.`,
        engine: host.name,
        problems: [{ field: "isolation", problem }]
      })
    )
  }
  const unit = new Unit(host, options, around, priorityIn(fiber))
  host.totals.opened++
  host.totals.open++
  const ref = new SessionRef(unit, unit.state.root, innermost(fiber.currentContext.unsafeMap))
  return Effect.succeed(new Opened(ref, false))
}

/** A savepoint waits until no sibling is open in another fiber. */
const openSavepoint = (around: SessionRef, outer: SessionRef, restore: Restore): Effect.Effect<Opened, SqlFailure> => {
  const { scope, unit } = around
  const { state } = unit
  const take = (): Effect.Effect<Opened, SqlFailure> => {
    const child = state.open(scope)
    state.leave()
    return isSqlFailure(child)
      ? Effect.fail(child)
      : Effect.succeed(new Opened(new SessionRef(unit, child, outer), false))
  }
  const entered = state.tryEnter(scope)
  if (entered === true) return take()
  if (entered !== false) return Effect.fail(entered)
  if (unit.options.concurrency === "reject") {
    return Effect.fail(state.concurrent(`Session ${state.id} of engine "${state.engine}" is in use by another fiber.`))
  }
  return Effect.flatMap(awaitTurn(unit, scope, false, unit.host.limits.turn, restore), take)
}

/** The failure of a nested session that cannot be. */
export const refused = ({ unit: { host, session } }: SessionRef, why: string): NestedRefused =>
  new NestedRefused({
    message: `A nested session of ${session} was refused: ${why}; nothing was sent.`,
    engine: host.name,
    session
  })

/** A nested session gets what it asks for, or is refused; nothing it asks for is ignored. */
const refusal = (around: SessionRef, options: Options): NestedRefused | undefined => {
  const { host, options: outer } = around.unit
  if (options.nested === "refuse") return refused(around, "it has to be outermost (nested: \"refuse\")")
  for (const field of ["isolation", "readOnly", "deferrable"] as const) {
    const given = outer[field] ?? host.defaults[field]
    const asked = options[field]
    if (asked !== undefined && asked !== (given ?? (field === "isolation" ? undefined : false))) {
      return refused(
        around,
        `it asks for ${field} ${JSON.stringify(asked)}, which the outermost session decides (there it is ` +
          `${given === undefined ? "the database's default" : JSON.stringify(given)}); use nested: "new" for a ` +
          "session of its own"
      )
    }
  }
  return undefined
}

/** How a session reports its own failures, and its body's. */
export interface Reports<E, E2, X> {
  readonly raise: Raise<X>
  readonly pass: (error: E | X) => E2 | X
}

/** Runs a body in the scope that `options` ask for, and ends it as the body ends. */
export const transaction = <A, E, R, E2, X>(
  host: Host,
  tagKey: string | undefined,
  body: Effect.Effect<A, E, R>,
  options: Options,
  reports: Reports<E, E2, X>
): Effect.Effect<A, E2 | X, R> =>
  session<A, E, R, E2, X>(host, tagKey, options, reports, (restore, ref) => {
    if (options.timeout === undefined) return restore(body)
    // What was enqueued is a part of the body, and of its time.
    const whole = Effect.zipLeft(body, Effect.mapError(flush(ref), reports.raise))
    return restore(limit(ref, whole, Time.toMillis(options.timeout), reports.raise))
  })

/**
 * Runs a session whose statements are all there: where it is the outermost, and its body has no time limit of its own, COMMIT
 * goes with them. They cannot be cut off then, but only be stopped.
 */
export const batch = (
  host: Host,
  tagKey: string | undefined,
  statements: ReadonlyArray<Statement<any>>,
  options: Options,
  reports: Reports<SqlFailure, SqlFailure, SqlFailure>
): Effect.Effect<ReadonlyArray<ReadonlyArray<any>>, SqlFailure> =>
  options.timeout === undefined
    ? session(host, tagKey, options, reports, (restore, ref, fiber, joined) => {
      const concludes = !joined && ref.scope.parent === undefined
      return Effect.suspend(() => pipeline(restore, ref, fiber, statements, concludes))
    })
    : transaction(
      host,
      tagKey,
      Effect.uninterruptibleMask((restore) =>
        Effect.withFiberRuntime<ReadonlyArray<ReadonlyArray<any>>, SqlFailure>((fiber) =>
          pipeline(restore, current(host, fiber)!, fiber, statements)
        )
      ),
      options,
      reports
    )

/** The work of a session's scope; it cannot be interrupted where it is not restored. */
type Body<A, E, R> = (
  restore: Restore,
  ref: SessionRef,
  fiber: Fiber.RuntimeFiber<any, any>,
  joined: boolean
) => Effect.Effect<A, E, R>

const session = <A, E, R, E2, X>(
  host: Host,
  tagKey: string | undefined,
  options: Options,
  { pass, raise }: Reports<E, E2, X>,
  body: Body<A, E | X, R>
): Effect.Effect<A, E2 | X, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiberRuntime<A, E2 | X, R>((fiber) =>
      flatMap(mapError(open(host, fiber, options, restore), raise), ({ joined, ref }) => {
        const after = (exit: Exit.Exit<A, E2 | X>): Effect.Effect<A, E2 | X> => {
          inside.leave()
          return joined ? leaveJoined(ref, exit) : end(ref, exit, restore, raise)
        }
        // Nothing is between here and `after` but the body.
        const inside = new Entered(fiber, enter(fiber.currentContext, ref, tagKey, options.priority))
        return Effect.matchCauseEffect(
          body(restore, ref, fiber, joined),
          new Ends(
            (cause) => after(Exit.failCause(Cause.map(cause, pass))),
            (value) => after(Exit.succeed(value))
          )
        )
      })
    )
  )

/** Runs an effect with this context. */
export const within = <A, E, R>(effect: Effect.Effect<A, E, R>, context: Context.Context<any>): Effect.Effect<A, E> =>
  Effect.locally(effect as Effect.Effect<A, E>, FiberRef.currentContext, context)

/** A body that joined cannot be undone alone: when it fails, the scope it joined cannot commit. */
export const leaveJoined = <A, E>(ref: SessionRef, exit: Exit.Exit<A, E>): Effect.Effect<A, E> => {
  if (Exit.isFailure(exit)) {
    const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
    const failure = isSqlError(error) ? fromSqlError(error) : error
    ref.scope.poison ??= {
      message: "a session that had joined it failed",
      first: isSqlFailure(failure) ? asFirst(failure) : undefined
    }
  }
  return exit
}

/**
 * Interrupts a body that takes longer than its session may. It has a fiber of its own, and is waited for however it ends.
 *
 * A race of Effect's makes its fibers one step before it starts them: interrupted in between, by a fiber that gives way
 * there, it leaves two behind that never run, and that the end of its own fiber waits for.
 */
export const limit = <A, E, R, X>(
  ref: SessionRef,
  body: Effect.Effect<A, E, R>,
  millis: number,
  raise: Raise<X>
): Effect.Effect<A, E | X, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.fork(restore(body)), (fiber) => {
      const { deadlines } = ref.unit.host
      let late = false
      const deadline = deadlines.set(millis, () => {
        // A body that has ended came in time, whoever hears of it first.
        if (fiber.unsafePoll() !== null) return
        late = true
        fiber.unsafeInterruptAsFork(FiberId.none)
      })
      const wait = Effect.onInterrupt(restore(Fiber.await(fiber)), () => Fiber.interrupt(fiber))
      return onEnd(wait, (waited): Effect.Effect<A, E | X> => {
        deadlines.lift(deadline)
        if (Exit.isFailure(waited)) return Effect.failCause(waited.cause)
        if (late) return Effect.fail(raise(tooLate(ref, millis)))
        return Exit.isSuccess(waited.value) ? Effect.zipRight(fiber.inheritAll, waited.value) : waited.value
      })
    })
  )

const tooLate = ({ unit: { host, session } }: SessionRef, millis: number): SessionTimeout =>
  new SessionTimeout({
    message: `Session ${session} of engine "${host.name}" did not end within its timeout of ${millis} ms; it was ` +
      "interrupted and rolled back.",
    engine: host.name,
    session,
    limitMillis: millis
  })
