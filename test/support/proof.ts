/**
 * How a proof is run: its size, its seed, and how a counterexample is told.
 */
import { Effect, FastCheck, Logger, LogLevel } from "effect"

/** `PROVE=full` runs the sizes of the proof itself; otherwise a size that keeps the whole suite short. */
export const size = (everyDay: number, full: number): number => process.env["PROVE"] === "full" ? full : everyDay

/**
 * Checks a property of effects on so many examples. A failing run prints the seed and the smallest counterexample.
 * Costs nothing beside the effects; what they log is dropped, because interrupted and refused work is what is tested.
 */
export const check = <A>(
  seed: number,
  runs: number,
  examples: FastCheck.Arbitrary<A>,
  holds: (example: A) => Promise<void>
): Effect.Effect<void> =>
  Effect.promise(() =>
    FastCheck.assert(FastCheck.asyncProperty(examples, holds), {
      seed,
      numRuns: runs,
      interruptAfterTimeLimit: 10 * 60_000,
      markInterruptAsFailure: true
    })
  )

/** Runs an effect to its end without a word. */
export const quietly = <A, E>(effect: Effect.Effect<A, E>): Promise<A> =>
  Effect.runPromise(Logger.withMinimumLogLevel(effect, LogLevel.None))

/** Numbers by chance, the same for the same seed (Mulberry32). */
export interface Chance {
  /** At least 0, below 1. */
  readonly next: () => number
  /** A whole number, at least 0 and below `limit`. */
  readonly below: (limit: number) => number
  readonly pick: <A>(from: ReadonlyArray<A>) => A
}

/** A source of chance for one seed. */
export const chance = (seed: number): Chance => {
  const next = () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return { next, below, pick: (from) => from[below(from.length)]! }
}
