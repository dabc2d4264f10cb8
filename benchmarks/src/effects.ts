/**
 * Operations that are effects: run as a program of fibers runs them, not each on its own.
 */
import { Cause, Effect, type ManagedRuntime } from "effect"
import type { Loop } from "./peer.js"

export const effects = <R, E0, E>(
  runtime: ManagedRuntime.ManagedRuntime<R, E0>,
  operation: (i: number) => Effect.Effect<unknown, E, R>
): Loop =>
({ concurrency, count, ended, from }) => {
  const end = from + count
  const start = performance.now()
  let next = from
  const step = (): Effect.Effect<unknown, E, R> => {
    const effect = operation(next++)
    if (ended === undefined) return effect
    return Effect.matchCause(effect, {
      onFailure: (cause) => ended(performance.now() - start, Cause.squash(cause)),
      onSuccess: () => ended(performance.now() - start, undefined)
    })
  }
  const work = Effect.whileLoop({ while: () => next < end, body: step, step: () => {} })
  const fibers = Math.min(concurrency, count)
  return runtime.runPromise(
    fibers === 1 ? work : Effect.forEach(Array.from({ length: fibers }), () => work, {
      concurrency: "unbounded",
      discard: true
    })
  )
}
