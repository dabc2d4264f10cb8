/**
 * The start of a program: wait for the database, migrate or wait for whoever does, then what belongs under the same lock.
 */
import { Clock, Duration, Effect } from "effect"
import type { EngineService } from "../../Engine.js"
import { isMutexFailure } from "../../SqlFailure.js"
import type { MigrationFailure, MutexFailure, MutexTimeout, SqlFailure } from "../../SqlFailure.js"
import { hold } from "../mutex/hold.js"
import type { Allowed } from "./assess.js"
import type { Telling } from "./events.js"
import { tell } from "./events.js"
import { migrationLock } from "./open.js"
import type { LockOptions, Sets } from "./open.js"
import { run } from "./run.js"
import { version } from "./status.js"
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
  /** The pause between two tries to reach the database. Default 10 seconds. */
  readonly reachEvery?: Duration.DurationInput | undefined
  /** The pause between two looks in `wait`. Default 5 seconds. */
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

/** Tries until somebody answers. */
const reach = <R>(engine: EngineService, sets: Sets<R>, options: Telling, limit: number, every: number) =>
  Effect.gen(function*() {
    const began = yield* Clock.currentTimeMillis
    const [first] = Array.isArray(sets) ? sets : [sets]
    if (first === undefined) return
    while (true) {
      const found = yield* version(engine, first)
      if (found._tag !== "Unreachable") return
      const waited = (yield* Clock.currentTimeMillis) - began
      if (waited >= limit) return yield* found.failure
      yield* tell(options, engine.name, { _tag: "Unreachable", failure: found.failure })
      yield* Effect.sleep(Duration.millis(Math.min(every, limit - waited)))
    }
  })

type Failures<E> = MigrationFailure | Exclude<MutexFailure, MutexTimeout> | SqlFailure | E

/** Does what a program's start asks for. */
export const initialise = <R, A, E, R2>(
  engine: EngineService,
  sets: Sets<R>,
  options: InitialiseOptions<A, E, R2>
): Effect.Effect<Initialised<A>, Failures<E>, R | R2> => {
  const attempt = Effect.gen(function*() {
    const limit = Duration.toMillis(options.maxTime ?? "1 minute")
    if (limit === 0) {
      const reason = "maxTime is 0"
      yield* tell(options, engine.name, { _tag: "Skipped", reason })
      return { _tag: "Skipped", reason } as const
    }
    const began = yield* Clock.currentTimeMillis
    yield* reach(engine, sets, options, limit, Duration.toMillis(options.reachEvery ?? "10 seconds"))
    if (options.mode === "wait") {
      const left = Math.max(0, limit - ((yield* Clock.currentTimeMillis) - began))
      yield* wait(engine, sets, { ...options, limit: left, every: options.lookEvery })
      return { _tag: "Success", applied: [], value: undefined } as const
    }
    const { andThen } = options
    if (andThen === undefined) {
      const applied = yield* run(engine, sets, options)
      return { _tag: "Success", applied, value: undefined } as const
    }
    const both = Effect.zip(run(engine, sets, options), andThen)
    const lock = { ...options, limit: options.lockTimeout }
    const [applied, value] = yield* hold(engine, migrationLock, lock, () => both)
    return { _tag: "Success", applied, value } as const
  })
  return Effect.catchAll(
    attempt,
    (error): Effect.Effect<Initialised<A>, Failures<E>> =>
      isMutexFailure(error) && error._tag === "MutexTimeout" && error.mutex === migrationLock
        ? Effect.succeed({ _tag: "LockTimeout", waitedMillis: error.waitedMillis, holder: error.holder })
        : Effect.fail(error as Failures<E>)
  )
}
