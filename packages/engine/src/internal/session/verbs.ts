/**
 * The verbs of a session, for whichever engine a tag names.
 */
import type { Statement } from "@effect/sql/Statement"
import { Context, Effect, Exit, Layer } from "effect"
import type { Fiber, Scope } from "effect"
import { Hooks } from "../../Interception.js"
import type { Refined, SessionClosed, SqlFailure } from "../../SqlFailure.js"
import { refine, refineError } from "../../SqlFailure.js"
import type { OptionTable } from "../config/option.js"
import { placed } from "../sight/site.js"
import { enqueuing } from "../unitOfWork/enqueue.js"
import type { OpenOptions, Session, SessionHandle, SessionInfo, SessionOptions, Verbs } from "./api.js"
import { end } from "./end.js"
import { flush } from "./flush.js"
import { keyed } from "./keyed.js"
import { asked as asking, openOptions, sessionOptions } from "./options.js"
import { pipeline } from "./pipeline.js"
import { retrying } from "./retry.js"
import { batch, open, refused, transaction, within } from "./run.js"
import type { Host, SessionRef } from "./unit.js"
import { current, enter, enterFrom, leave } from "./unit.js"

/** Where an engine's service keeps what only its sessions may use. */
export const HostId: unique symbol = Symbol.for("effect-sql-engine/Host")

/** Any engine's service. */
export interface HasHost {
  readonly [HostId]: Host
}

/** A finalizer has nothing to restore. */
const still = <A, E, R>(effect: Effect.Effect<A, E, R>) => effect

const same = (failure: SqlFailure) => failure

const refining = { raise: same, pass: refineError }

/** The verb on a service at hand. */
export const transactionOn = <A, E, R>(
  host: Host,
  tagKey: string | undefined,
  body: Effect.Effect<A, E, R>,
  options: SessionOptions
): Effect.Effect<A, Refined<E>, R> => {
  return tried(host, transaction<A, E, R, Refined<E>, SqlFailure>(host, tagKey, body, options, refining), options)
}

/** Tries an attempt at a session again, where that is asked for and the session is the outermost. */
export const tried = <A, E, R>(
  host: Host,
  attempt: Effect.Effect<A, E, R>,
  options: SessionOptions
): Effect.Effect<A, E | SqlFailure, R> =>
  options.retry === undefined
    ? attempt
    : Effect.withFiberRuntime((fiber) => {
      const around = options.nested === "new" ? undefined : current(host, fiber)
      return around === undefined
        ? retrying<A, E, R>(host, options.name ?? "session", attempt, options)
        : Effect.fail(
          around.unit.state.refusal(around.scope) ??
            refused(around, "only the outermost session can be tried again (retry)")
        )
    })

/** The verbs for the engine behind a tag. */
export const verbs = <Self, Service extends HasHost>(tag: Context.Tag<Self, Service>): Verbs<Self> => {
  const tagKey = `${tag.key}/Session`
  const Within = Context.GenericTag<Session<Self>, Host>(tagKey)
  const onEngine = <A, E, R>(f: (host: Host) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Self> =>
    Effect.withFiberRuntime((fiber) => f(Context.unsafeGet(fiber.currentContext, tag)[HostId]))
  /** `onEngine`, when the options fit. */
  const checked = <A, E, R>(
    table: OptionTable,
    options: object,
    f: (host: Host) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | SqlFailure, R | Self> => asking(table, options, () => onEngine(f))
  /** The scope a fiber is in; it may have ended. */
  const inScope = <A, E = never>(f: (ref: SessionRef, fiber: Fiber.RuntimeFiber<any, any>) => Effect.Effect<A, E>) =>
    Effect.withFiberRuntime<A, E, Session<Self>>((fiber) => {
      const host = Context.unsafeGet(fiber.currentContext, Within)
      const ref = current(host, fiber)
      return ref === undefined
        ? Effect.dieMessage(`The session of engine "${host.name}" is over: hooks run after it.`)
        : f(ref, fiber)
    })
  const register = <R>(hook: Effect.Effect<unknown, never, R>, which: "afterCommit" | "afterRollback") =>
    inScope<void, SessionClosed>((ref, fiber) => {
      const { scope, unit } = ref
      if (scope.closedBy !== undefined) return Effect.fail(unit.state.closed(scope.closedBy))
      const context = fiber.currentContext
      const taken = context.unsafeMap.get(Hooks.key) as Context.Tag.Service<Hooks> | undefined
      scope[which] = scope[which].concat((ended) => {
        const run = within(hook, leave(context, ended))
        return taken === undefined ? run : taken({ when: which, session: ended.unit.session, run })
      })
      return Effect.void
    })

  const openHandle = (
    asked: OpenOptions = {}
  ): Effect.Effect<SessionHandle<Self>, SqlFailure, Self | Scope.Scope> => {
    const options = placed(asked, openHandle)
    return checked(
      openOptions,
      asked,
      (host) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.withFiberRuntime((fiber) =>
            Effect.flatMap(open(host, fiber, options, restore), ({ ref }) => {
              let ended = false
              const finish = (exit: Exit.Exit<void, SqlFailure>): Effect.Effect<void, SqlFailure> =>
                Effect.uninterruptibleMask((restore) => {
                  if (ended) return Effect.fail(ref.unit.state.closed(ref.scope.closedBy ?? "scope"))
                  ended = true
                  return end(ref, exit, restore, same)
                })
              const rollback = Effect.suspend(() => {
                ref.scope.rollbackOnly = true
                return finish(Exit.void)
              })
              const handle: SessionHandle<Self> = {
                run: (effect) =>
                  refine(
                    Effect.mapInputContext(effect, (context: Context.Context<any>) => enterFrom(context, ref, tagKey))
                  ),
                commit: finish(Exit.void),
                rollback,
                info: Effect.sync(() => infoOf(ref))
              }
              return Effect.as(Effect.addFinalizer(() => Effect.ignore(rollback)), handle)
            })
          )
        )
    )
  }

  const sessionLayer = (asked: OpenOptions = {}): Layer.Layer<Session<Self>, SqlFailure, Self> => {
    const options = placed(asked, sessionLayer)
    return Layer.scopedContext(
      checked(
        openOptions,
        asked,
        (host) =>
          Effect.uninterruptibleMask((restore) =>
            Effect.withFiberRuntime((fiber) =>
              Effect.flatMap(open(host, fiber, options, restore), ({ ref }) =>
                Effect.as(
                  Effect.addFinalizer((exit) =>
                    Exit.isSuccess(exit)
                      ? Effect.orDie(end(ref, Exit.void, still, same))
                      : Effect.asVoid(Effect.exit(end(ref, exit, still, same)))
                  ),
                  enter(Context.empty(), ref, tagKey, options.priority) as Context.Context<Session<Self>>
                ))
            )
          )
      )
    )
  }

  const transactionVerb = (first?: unknown, second?: SessionOptions) => {
    const asked = (Effect.isEffect(first) ? second : first as SessionOptions | undefined) ?? {}
    const options = placed(asked, transactionVerb)
    const on = (body: Effect.Effect<any, any, any>) =>
      checked(sessionOptions, asked, (host) => transactionOn(host, tagKey, body, options))
    return Effect.isEffect(first) ? on(first as Effect.Effect<any, any, any>) : on
  }

  const batchVerb = (statements: ReadonlyArray<Statement<any>>, asked: SessionOptions = {}) => {
    const options = placed(asked, batchVerb)
    return checked(
      sessionOptions,
      asked,
      (host) => tried(host, batch(host, tagKey, statements, options, refining), options)
    )
  }

  return {
    transaction: transactionVerb as Verbs<Self>["transaction"],
    batch: batchVerb as Verbs<Self>["batch"],
    open: openHandle,
    sessionLayer,
    keyed: (key, options = {}) => onEngine((host) => keyed(host, tagKey, key, options)),
    afterCommit: (effect) => register(effect, "afterCommit") as any,
    afterRollback: (effect) => register(effect, "afterRollback") as any,
    rollbackOnly: inScope((ref) =>
      Effect.sync(() => {
        ref.scope.rollbackOnly = true
      })
    ),
    enqueue: enqueuing(inScope<SessionRef, SqlFailure>((ref) => {
      const refused = ref.unit.state.refusal(ref.scope)
      return refused === undefined ? Effect.succeed(ref) : Effect.fail(refused)
    })),
    pipeline:
      ((statements: ReadonlyArray<Statement<any>>) =>
        Effect.uninterruptibleMask((restore) =>
          inScope((ref, fiber) => pipeline(restore, ref, fiber, statements))
        )) as Verbs<Self>["pipeline"],
    flush: Effect.flatMap(Within, (host) =>
      Effect.withFiberRuntime<void, SqlFailure>((fiber) => {
        const ref = current(host, fiber)
        // After the end there is nothing left to flush.
        return ref === undefined || ref.scope.closedBy !== undefined ? Effect.void : flush(ref)
      })),
    info: inScope((ref) => Effect.sync(() => infoOf(ref))),
    required: (effect) => effect
  }
}

const infoOf = ({ scope, unit }: SessionRef): SessionInfo => ({
  session: unit.session,
  engine: unit.host.name,
  depth: scope.depth,
  readOnly: unit.options.readOnly ?? unit.host.defaults.readOnly ?? false,
  isolation: unit.options.isolation ?? unit.host.defaults.isolation,
  connection: unit.lease?.connection.id,
  state: scope.closedBy !== undefined ? "closed" : unit.state.transaction === "none" ? "idle" : "open"
})
