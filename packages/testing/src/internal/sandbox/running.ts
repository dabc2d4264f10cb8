/**
 * Running effects in sandboxes.
 */
import { TransactionConnection } from "@effect/sql/SqlClient"
import { Context, Effect, Fiber, FiberRef } from "effect"
import * as Interception from "effect-sql-engine/Interception"
import { NestedRefused } from "effect-sql-engine/SqlFailure"
import { dual } from "effect/Function"
import { currentRun, Run } from "./run.js"

/**
 * How a sandbox keeps tests apart.
 *
 * @since 0.1.0
 * @category models
 */
export type Mode = "rollback" | "clone" | "memory"

/**
 * Says that an engine is under a sandbox: without one, `run` does not compile.
 *
 * @since 0.1.0
 * @category tags
 */
export class Sandbox extends Context.Tag("effect-sql-engine-testing/Sandbox")<Sandbox, { readonly mode: Mode }>() {}

/**
 * Runs an effect in a sandbox of its own, with the result it has anyway: what it did to the database is undone, or its
 * copy dropped, when it ends, however it ends.
 *
 * Fibers that it forks are in the sandbox and end with it; a daemon that outlives it gets `SandboxClosed`. Inside of
 * another sandbox it sees what was done there so far, and only its own part is undone. It opens nothing before the first
 * statement. Inside of a session it would undo nothing, and dies with `NestedRefused`.
 *
 * @since 0.1.0
 * @category sandboxes
 */
export const run: {
  (name?: string): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R | Sandbox>
  <A, E, R>(effect: Effect.Effect<A, E, R>, name?: string): Effect.Effect<A, E, R | Sandbox>
} = dual(
  (args) => Effect.isEffect(args[0]),
  <A, E, R>(effect: Effect.Effect<A, E, R>, name = "a test"): Effect.Effect<A, E, R | Sandbox> =>
    Effect.zipRight(
      Sandbox,
      Effect.uninterruptibleMask((restore) =>
        Effect.withFiberRuntime<A, E, R>((fiber) => {
          const context = fiber.currentContext
          if (context.unsafeMap.has(TransactionConnection.key)) return Effect.die(inSession(name))
          const around = fiber.getFiberRef(currentRun)
          // A fiber that has outlived its test may be in one that is over.
          const sandbox = new Run(name, around?.closed === true ? undefined : around)
          const inside = Effect.locally(effect, currentRun, sandbox)
          return Effect.flatMap(
            Effect.exit(restore(withItsFibers(inside))),
            (exit) => Effect.zipRight(sandbox.close, exit)
          )
        })
      )
    )
)

/** In a fiber of its own, with which those it forks end. */
const withItsFibers = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.fork(effect), (fiber) => Effect.onInterrupt(Fiber.join(fiber), () => Fiber.interrupt(fiber)))

const inSession = (name: string): NestedRefused =>
  new NestedRefused({
    session: name,
    message:
      `A sandbox ("${name}") was opened inside of a session: what is done in it belongs to that session, and would ` +
      "not be undone. Open the sandbox first."
  })

/**
 * Takes the sandbox of this fiber to where it is not handed on by itself: what it succeeds with runs an effect in it. A
 * server that a layer has started answers in fibers of its own, which are in no test's sandbox.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Sandbox } from "effect-sql-engine-testing"
 *
 * export const test = (handle: (within: <A>(answer: Effect.Effect<A>) => Effect.Effect<A>) => Effect.Effect<void>) =>
 *   Sandbox.run(Effect.flatMap(Sandbox.here, (here) => handle(here)))
 * ```
 *
 * @since 0.1.0
 * @category sandboxes
 */
export const here: Effect.Effect<<A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>> = Effect.map(
  FiberRef.get(currentRun),
  (sandbox) => (effect) => Effect.locally(effect, currentRun, sandbox)
)

/**
 * What `afterCommit` and `afterRollback` hooks a body's sessions ran into, as they would have run.
 *
 * @since 0.1.0
 * @category models
 */
export interface CapturedHook extends Interception.DueHook {}

/**
 * Runs an effect and keeps the hooks of its sessions from running: they come with its result, in the order in which they
 * were due, to be looked at, or run.
 *
 * @since 0.1.0
 * @category hooks
 */
export const captureHooks = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<readonly [value: A, hooks: ReadonlyArray<CapturedHook>], E, R> =>
  Effect.suspend(() => {
    const hooks: Array<CapturedHook> = []
    const take = (hook: CapturedHook) =>
      Effect.sync(() => {
        hooks.push(hook)
      })
    return Effect.map(
      Effect.provideService(effect, Interception.Hooks, take) as Effect.Effect<A, E, R>,
      (value) => [value, hooks] as const
    )
  })
