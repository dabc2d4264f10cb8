/**
 * How things stand, without changing them: no lock is taken and no table is made.
 */
import { Effect } from "effect"
import type { EngineService } from "../../Engine.js"
import { MigrationPending } from "../../SqlFailure.js"
import type { MigrationFailure, MigrationSourceError, SqlFailure, UnsupportedBackend } from "../../SqlFailure.js"
import { assess } from "./assess.js"
import type { Allowed } from "./assess.js"
import { idOrder, printName } from "./id.js"
import { ledgerOf } from "./ledger.js"
import type { MigrationSet } from "./model.js"
import { look, open, supported } from "./open.js"
import type { Sets } from "./open.js"
import { refusals } from "./work.js"

/**
 * A migration and what has become of it.
 *
 * | state | |
 * | --- | --- |
 * | `applied` | and unchanged since, as far as can be seen |
 * | `pending` | not applied |
 * | `outOfOrder` | not applied, and one with a higher id is |
 * | `drifted` | edited since it was applied |
 * | `missing` | applied, and not known here |
 * | `interrupted` | begun without a transaction: it runs now, or its process died |
 *
 * @since 0.1.0
 * @category models
 */
export interface MigrationStatus {
  readonly id: string
  readonly name: string
  readonly state: "applied" | "pending" | "outOfOrder" | "drifted" | "missing" | "interrupted"
  /** When it was begun, in ISO 8601. */
  readonly startedAt: string | undefined
  readonly millis: number | undefined
}

/**
 * A set and what has become of its migrations.
 *
 * @since 0.1.0
 * @category models
 */
export interface SetStatus {
  readonly set: string
  /** The id of the newest that is applied. */
  readonly version: string | undefined
  /** Whether nothing is pending, and nothing in the way. */
  readonly current: boolean
  /** In the order of their ids. */
  readonly migrations: ReadonlyArray<MigrationStatus>
}

/** What a look may fail with. */
export type LookFailure = MigrationSourceError | UnsupportedBackend | SqlFailure

/** What has become of every migration. */
export const status = <R>(
  engine: EngineService,
  sets: Sets<R>
): Effect.Effect<ReadonlyArray<SetStatus>, LookFailure, R> =>
  Effect.flatMap(
    open(engine, sets),
    Effect.forEach((opened) =>
      Effect.map(look(opened), (seen): SetStatus => {
        const { drifted, entries, missing, outOfOrder } = seen
        const ledger = new Map(entries.map((entry) => [entry.id, entry]))
        const edited = new Set(drifted.map(({ migration }) => migration.id))
        const late = new Set(outOfOrder.map(({ id }) => id))
        const gone = new Set(missing.map(({ id }) => id))
        const all = [...opened.migrations, ...missing].sort((a, b) => idOrder(a.id, b.id))
        const migrations = all.map(({ id, name }): MigrationStatus => {
          const entry = ledger.get(id)
          const state = entry === undefined
            ? late.has(id) ? "outOfOrder" : "pending"
            : entry.state !== "applied"
            ? "interrupted"
            : gone.has(id)
            ? "missing"
            : edited.has(id)
            ? "drifted"
            : "applied"
          return { id, name, state, startedAt: entry?.startedAt, millis: entry?.millis }
        })
        return {
          set: seen.set,
          version: seen.newest?.id,
          current: migrations.every(({ state }) => state === "applied"),
          migrations
        }
      })
    )
  )

/** The failure of migrations that are still to be applied. */
export const stillPending = (migrations: ReadonlyArray<string>, waitedMillis: number): MigrationPending =>
  new MigrationPending({
    migrations,
    waitedMillis,
    message:
      `Migrations are not applied${waitedMillis > 0 ? ` after ${waitedMillis} ms` : ""}: ${migrations.join(", ")}. ` +
      "Apply them with `Migrations.run`."
  })

/** Fails unless every migration is applied and unchanged. */
export const verify = <R>(
  engine: EngineService,
  sets: Sets<R>,
  allowed: Allowed
): Effect.Effect<void, MigrationFailure | SqlFailure, R> =>
  Effect.gen(function*() {
    const all = yield* Effect.flatMap(open(engine, sets), Effect.forEach(look))
    yield* refusals(all, allowed)
    const pending = all.flatMap(({ interrupted, pending }) => [...interrupted, ...pending].map(printName))
    if (pending.length > 0) return yield* stillPending(pending, 0)
  })

/** Whether a failure says that nobody answers, now. */
export const isUnreachable = (failure: { readonly _tag: string }): failure is SqlFailure =>
  ["ConnectionError", "ServerShutdown", "TooManyConnections", "PoolTimeout"].includes(failure._tag)

/**
 * The version of a database, which is three different answers.
 *
 * @since 0.1.0
 * @category models
 */
export type Version =
  /** No migration was ever applied. */
  | { readonly _tag: "None" }
  /** The newest that is applied. */
  | { readonly _tag: "Version"; readonly id: string; readonly migration: string }
  /** Nobody answers: nothing is known, and nothing should be done. */
  | { readonly _tag: "Unreachable"; readonly failure: SqlFailure }

/** The newest migration that is applied. */
export const version = (engine: EngineService, set: MigrationSet<any>): Effect.Effect<Version, LookFailure> =>
  Effect.zipRight(supported(engine), ledgerOf(engine, set).read).pipe(
    Effect.map(({ entries }): Version => {
      const { newest } = assess(set.name, [], entries)
      return newest === undefined ? { _tag: "None" } : { _tag: "Version", id: newest.id, migration: printName(newest) }
    }),
    Effect.catchIf(isUnreachable, (failure) => Effect.succeed<Version>({ _tag: "Unreachable", failure }))
  )
