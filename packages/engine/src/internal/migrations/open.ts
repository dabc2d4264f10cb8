/**
 * What every verb begins with: sets that fit each other on a database that can have them, read and compared with their
 * ledgers.
 */
import { type Duration, Effect } from "effect"
import type { EngineService } from "../../Engine.js"
import { UnsupportedBackend } from "../../SqlFailure.js"
import type { MigrationFailure, MigrationSourceError, MutexFailure, SqlFailure } from "../../SqlFailure.js"
import { hold } from "../mutex/hold.js"
import type { Held } from "../mutex/model.js"
import type { Assessment } from "./assess.js"
import { assess } from "./assess.js"
import type { Telling } from "./events.js"
import { tell } from "./events.js"
import { ledgerOf } from "./ledger.js"
import type { LedgerTable } from "./ledger.js"
import type { Migration, MigrationSet } from "./model.js"
import { sourceError } from "./set.js"

/** One set, or several in the order in which they are run. */
export type Sets<R> = MigrationSet<R> | ReadonlyArray<MigrationSet<R>>

/** The lock under which migrations and seeds run. */
export const migrationLock = "effect-sql-engine/migrations"

/**
 * How the lock of all migrations is waited for.
 *
 * @since 0.1.0
 * @category options
 */
export interface LockOptions {
  /** The longest wait for another process that migrates. Default 20 seconds. */
  readonly lockTimeout?: Duration.DurationInput | undefined
  /** The pause between two tries, give or take a half by chance. Default 100 milliseconds. */
  readonly poll?: Duration.DurationInput | undefined
  /** Where a row stands for the lock: see `Mutex`. */
  readonly expiry?: Duration.DurationInput | undefined
}

/** A set whose migrations are known. */
export interface Opened<R> {
  readonly set: MigrationSet<R>
  readonly ledger: LedgerTable
  readonly migrations: ReadonlyArray<Migration<R>>
}

/** Fails where the dialect does not have what migrations need. */
export const supported = (engine: EngineService): Effect.Effect<void, UnsupportedBackend> => {
  const { lock, name, script } = engine.dialect
  if (script !== undefined && lock !== undefined) return Effect.void
  return new UnsupportedBackend({
    engine: engine.name,
    backend: name,
    supported: ["postgresql", "sqlite"],
    message:
      `Migrations cannot run on engine "${engine.name}": its dialect (${name}) has no words for locks and scripts.`
  })
}

/** Reads the migrations of every set. */
export const open = <R>(
  engine: EngineService,
  sets: Sets<R>
): Effect.Effect<ReadonlyArray<Opened<R>>, MigrationSourceError | UnsupportedBackend, R> =>
  Effect.gen(function*() {
    yield* supported(engine)
    const all: ReadonlyArray<MigrationSet<R>> = Array.isArray(sets) ? sets : [sets as MigrationSet<R>]
    for (const  of of["name", "table"] as const) {
      const seen = new Set<string>()
      for (const set of all) {
        const text = of === "name" ? set.name : `${set.schema ?? ""}.${set.table}`
        if (seen.has(text)) {
          return yield* sourceError(set.name, [{ migration: "*", problem: `share their ${of} with another set` }])
        }
        seen.add(text)
      }
    }
    return yield* Effect.forEach(all, (set) =>
      Effect.map(
        set.migrations(engine.dialect.syntax),
        (migrations) => ({ set, ledger: ledgerOf(engine, set), migrations })
      ))
  })

/** Compares a set with its ledger. */
export const look = <R>(
  { ledger, migrations, set }: Opened<R>
): Effect.Effect<Assessment<R> & { readonly made: boolean }, SqlFailure> =>
  // On SQLite a look may meet somebody else's DDL at the very moment.
  Effect.retry(ledger.read, { times: 10, while: ({ _tag }) => _tag === "SerializationError" }).pipe(
    Effect.map(({ entries, made }) => ({ ...assess(set.name, migrations, entries), made }))
  )

/** Runs a body under the lock of all migrations. Inside of a session nothing of it could be. */
export const locked = <A, E, R>(
  engine: EngineService,
  options: LockOptions & Telling,
  body: (held: Held) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | MutexFailure | SqlFailure, R> =>
  engine.transaction(Effect.void, { nested: "refuse", name: "migrations" }).pipe(
    Effect.zipRight(tell(options, engine.name, { _tag: "Waiting", mutex: migrationLock })),
    Effect.zipRight(hold(engine, migrationLock, { ...options, limit: options.lockTimeout }, body))
  )

/** Everything a verb that changes something may fail with. */
export type Failures = MigrationFailure | MutexFailure | SqlFailure
