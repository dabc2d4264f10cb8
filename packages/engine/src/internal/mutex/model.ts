/**
 * What every kind of lock offers to the one interpreter (`hold`), and what may be asked of a mutex.
 */
import type { SqlError } from "@effect/sql/SqlError"
import type { Statement } from "@effect/sql/Statement"
import type { Context, Duration, Effect } from "effect"
import type { Engine, EngineService } from "../../Engine.js"
import type { MutexLost, MutexUnsupported, SqlFailure } from "../../SqlFailure.js"

/** Runs a statement somewhere. */
export type Run = <A>(statement: Statement<A>) => Effect.Effect<ReadonlyArray<A>, SqlError>

/** Where the fiber stands. */
export const here: Run = (statement) => statement

/** A lock on its way to be taken, or taken. */
export interface Lock {
  /** Tries once, without waiting for the holder. */
  readonly tryTake: Effect.Effect<boolean, SqlFailure | MutexUnsupported>
  /** To be called instead of `release` when `tryTake` was given up: the last try may have taken it nevertheless. */
  readonly abandon: Effect.Effect<void, SqlFailure>
  /** Whether it is still ours; where a row stands for it, by a statement of whoever asks, so that both hold or neither. */
  readonly confirm: (run: Run) => Effect.Effect<boolean, SqlFailure>
  /** The same outside of every session; where it has to be kept fresh, this does it. */
  readonly beat: Effect.Effect<boolean, SqlFailure>
  /** Gives it back; `false`: it was not ours any more. */
  readonly release: Effect.Effect<boolean, SqlFailure>
  /** Who has it, in words. */
  readonly holder: Effect.Effect<string | undefined, SqlFailure>
  /** Succeeds when it is known to be lost without anybody having asked. */
  readonly gone: Effect.Effect<unknown>
  /** How often, in milliseconds. */
  readonly beatMillis: number
  /**
   * What a beat that failed means. `lost`: nobody knows whether it is ours, so it is not. `unknown`: it is ours
   * until somebody is seen to have it.
   */
  readonly silence: "lost" | "unknown"
}

/**
 * Which engine is meant. Default: the default one.
 *
 * @since 0.1.0
 * @category options
 */
export interface OnEngine<Self> {
  /** The tag of an engine of its own. */
  readonly engine?: Context.Tag<Self, EngineService> | undefined
}

/**
 * How a lock is waited for.
 *
 * @since 0.1.0
 * @category options
 */
export interface MutexOptions<Self = Engine> extends OnEngine<Self> {
  /** The longest wait for the lock. 0: one try. Default 20 seconds. */
  readonly limit?: Duration.DurationInput | undefined
  /** The pause between two tries, give or take a half by chance. Default 100 milliseconds. */
  readonly poll?: Duration.DurationInput | undefined
  /**
   * Where a row stands for the lock (SQLite): how long its holder may show no sign of life before somebody else takes the
   * lock. At least 300 milliseconds. Default 3 seconds. PostgreSQL lets go of a lock when its connection ends.
   */
  readonly expiry?: Duration.DurationInput | undefined
}

/** A lock in the hands of the body that runs under it. */
export interface Held {
  /**
   * Fails when it is not ours any more. Where a row stands for the lock, that is asked in the session of the fiber, or on
   * a connection at hand.
   */
  readonly confirm: (run?: Run) => Effect.Effect<void, MutexLost | SqlFailure>
}
