/**
 * The start of a program: wait for the database, migrate or wait for whoever does, then what belongs under the same lock.
 */
import { Clock, Duration, Effect, Random } from "effect"
import type { EngineService } from "../../Engine.js"
import { isMigrationFailure, isMutexFailure, isSqlFailure } from "../../SqlFailure.js"
import type { MigrationFailure, MutexFailure, MutexTimeout, SqlFailure } from "../../SqlFailure.js"
import { hold } from "../mutex/hold.js"
import type { Allowed } from "./assess.js"
import type { Telling } from "./events.js"
import { tell } from "./events.js"
import { migrationLock } from "./open.js"
import type { LockOptions, Sets } from "./open.js"
import { run } from "./run.js"
import { isUnreachable } from "./status.js"
import { wait } from "./wait.js"
import type { Done } from "./work.js"

/**
 * What a program does at its start.
 *
 * @since 0.1.0
 * @category options
 */
export interface InitialiseOptions<A = never, E = never, R = never> extends LockOptions, Allowed, Telling {
  /** `migrate` (default), or `wait` until another process has. */
  readonly mode?: "migrate" | "wait" | undefined
  /** The longest wait for a database that does not answer, and in `wait` for the migrations. 0: nothing is done. Default 1 minute. */
  readonly maxTime?: Duration.DurationInput | undefined
  /** The pause between two tries where the database does not answer, or not any more. Default 10 seconds. Not in `wait`. */
  readonly reachEvery?: Duration.DurationInput | undefined
  /** The pause between two looks in `wait`, answered or not. Default 5 seconds. */
  readonly lookEvery?: Duration.DurationInput | undefined
  /** Runs behind the migrations, under their lock: a seed. Not in `wait`. */
  readonly andThen?: Effect.Effect<A, E, R> | undefined
}

/**
 * How a start ended. That another process held the lock for too long, and that nothing was to be done, are no failures:
 * it is for the program to say what it makes of them.
 *
 * @since 0.1.0
 * @category models
 */
export type Initialised<A = never> =
  /** The database is current. */
  | { readonly _tag: "Success"; readonly applied: ReadonlyArray<Done>; readonly value: A | undefined }
  /** Another process had the lock for all of `lockTimeout`. */
  | { readonly _tag: "LockTimeout"; readonly waitedMillis: number; readonly holder: string | undefined }
  /** Nothing was looked at. */
  | { readonly _tag: "Skipped"; readonly reason: string }

type Failures<E> = MigrationFailure | Exclude<MutexFailure, MutexTimeout> | SqlFailure | E

/**
 * Whether a failure only says that nobody answers, now, or not any more. What was done before it is in the ledger, with
 * the COMMIT whose answer was lost, if it was one: a second try begins by reading that. A migration without a
 * transaction that was cut short is not passing: whether it may go on is for people to say.
 */
const isPassing = (error: unknown): error is { readonly _tag: string; readonly message: string } => {
  if (isSqlFailure(error)) return isUnreachable(error)
  if (isMutexFailure(error)) return error._tag === "MutexLost"
  if (!isMigrationFailure(error) || error._tag !== "MigrationFailed" || error.interrupted) return false
  return error.failure !== undefined && (error.failure._tag === "CommitUnknown" || isUnreachable(error.failure))
}

/** A server that is full is so for moments; one that is down is asked less often. */
const pause = (error: { readonly _tag: string }, every: number) =>
  error._tag === "TooManyConnections"
    ? Effect.map(Random.nextIntBetween(100, 500), (millis) => Math.min(millis, every))
    : Effect.succeed(every)

/** Tries until somebody answers, or the limit is over. */
const patiently = <A, E, R>(
  engine: EngineService,
  options: Telling,
  limit: number,
  every: number,
  mayRepeat: () => boolean,
  attempt: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.gen(function*() {
    const began = yield* Clock.currentTimeMillis
    while (true) {
      const tried = yield* Effect.either(attempt)
      if (tried._tag === "Right") return tried.right
      const left = limit - ((yield* Clock.currentTimeMillis) - began)
      if (!isPassing(tried.left) || !mayRepeat() || left <= 0) return yield* Effect.fail(tried.left)
      yield* tell(options, engine.name, { _tag: "Unreachable", failure: tried.left })
      yield* Effect.sleep(Duration.millis(Math.min(yield* pause(tried.left, every), left)))
    }
  })

/** Does what a program's start asks for. */
export const initialise = <R, A, E, R2>(
  engine: EngineService,
  sets: Sets<R>,
  options: InitialiseOptions<A, E, R2>
): Effect.Effect<Initialised<A>, Failures<E>, R | R2> =>
  Effect.suspend(() => {
    const limit = Duration.toMillis(options.maxTime ?? "1 minute")
    const every = Duration.toMillis(options.reachEvery ?? "10 seconds")
    const { andThen } = options
    // What belongs to the program is not begun twice; what an earlier try has applied is part of the answer.
    let begun = false
    const applied: Array<Done> = []
    const migrate = run(engine, sets, options, (done) => applied.push(done))
    const migrated = andThen === undefined
      ? Effect.as(migrate, undefined)
      : hold(engine, migrationLock, { ...options, limit: options.lockTimeout }, () =>
        Effect.zipRight(
          migrate,
          Effect.suspend(() => {
            begun = true
            return andThen
          })
        ))
    const attempt = Effect.gen(function*() {
      if (limit === 0) {
        const reason = "maxTime is 0"
        yield* tell(options, engine.name, { _tag: "Skipped", reason })
        return { _tag: "Skipped", reason } as const
      }
      if (options.mode === "wait") {
        yield* wait(engine, sets, { ...options, limit, every: options.lookEvery })
        return { _tag: "Success", applied: [], value: undefined } as const
      }
      const value = yield* patiently(engine, options, limit, every, () => !begun, migrated)
      return { _tag: "Success", applied, value } as const
    })
    return Effect.catchAll(
      attempt,
      (error): Effect.Effect<Initialised<A>, Failures<E>> =>
        isMutexFailure(error) && error._tag === "MutexTimeout" && error.mutex === migrationLock
          ? Effect.succeed({ _tag: "LockTimeout", waitedMillis: error.waitedMillis, holder: error.holder })
          : Effect.fail(error as Failures<E>)
    )
  })
