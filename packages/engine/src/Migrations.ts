/**
 * Changes of a database's schema: each applied once, in order, whoever starts first.
 *
 * The ledger is a set of rows, one for each migration that was applied, with its checksum. What was edited since, what is
 * missing, what came late with a lower id, and what was begun and never ended is found before anything runs, and refused
 * with its name. Everything that changes something runs under one lock of the database; see `Mutex`.
 *
 * | verb | lock | |
 * | --- | --- | --- |
 * | `run` | if something is pending | applies what is pending, each in a transaction of its own |
 * | `initialise` | the same | the start of a program: waits for the database, runs or waits, then a seed |
 * | `wait` | no | until another process has applied everything |
 * | `verify`, `status`, `version`, `plan` | no | look, and change nothing |
 * | `down`, `baseline`, `mark` | yes | back; and what is only said to the ledger |
 *
 * `docs/migrations.md` has the whole story.
 *
 * @since 0.1.0
 */
import { Layer } from "effect"
import type { Effect } from "effect"
import type { Engine } from "./Engine.js"
import { engineOption, onEngine } from "./internal/engine/onEngine.js"
import type { Allowed } from "./internal/migrations/assess.js"
import * as downward from "./internal/migrations/down.js"
import * as start from "./internal/migrations/initialise.js"
import * as marking from "./internal/migrations/mark.js"
import type { MigrationSet } from "./internal/migrations/model.js"
import type { Failures, LockOptions, Sets } from "./internal/migrations/open.js"
import * as known from "./internal/migrations/options.js"
import * as planning from "./internal/migrations/planned.js"
import * as upward from "./internal/migrations/run.js"
import * as looking from "./internal/migrations/status.js"
import * as waiting from "./internal/migrations/wait.js"
import type { Done } from "./internal/migrations/work.js"
import type { OnEngine } from "./internal/mutex/model.js"
import { withPriority } from "./internal/session/priority.js"
import type { MigrationFailure, MutexFailure, MutexTimeout, SqlFailure } from "./SqlFailure.js"

export type { Allowed } from "./internal/migrations/assess.js"
export type { Input, InputContext, Parts, Work } from "./internal/migrations/content.js"
export { fromDirectory } from "./internal/migrations/directory.js"
export type { DirectoryOptions } from "./internal/migrations/directory.js"
export type { DownOptions } from "./internal/migrations/down.js"
export type { MigrationEvent, Telling } from "./internal/migrations/events.js"
export type { Initialised, InitialiseOptions } from "./internal/migrations/initialise.js"
export type { MigrationSet, SetOptions } from "./internal/migrations/model.js"
export type { Failures, LockOptions } from "./internal/migrations/open.js"
export type { Plan, PlannedStep, PlanOptions } from "./internal/migrations/planned.js"
export type { RunOptions } from "./internal/migrations/run.js"
export { fromGlob, fromLoader, fromRecord } from "./internal/migrations/sources.js"
export type { MigrationStatus, SetStatus, Version } from "./internal/migrations/status.js"
export type { WaitOptions } from "./internal/migrations/wait.js"
export type { Done } from "./internal/migrations/work.js"

const working = onEngine("The migrations cannot be used")

/** A program that waits for its schema must not wait behind work that waits for the same. */
const on: typeof working = (table, options, work) => withPriority(working(table, options, work), "high")

/**
 * Applies what is pending, each migration in a transaction of its own together with its row in the ledger; those that say
 * so without one. Several sets are run in the order in which they are given. Succeeds with what was applied: nothing,
 * without asking for a lock, when the database is current.
 *
 * Before anything runs it fails with `MigrationSourceError`, `MigrationDrift`, `MigrationMissing`, `MigrationOutOfOrder` or
 * `MigrationInterrupted`; with `MigrationFailed`, which names the migration and the statement, when one fails: those before
 * it stay applied; with `MutexTimeout` when another process migrates for longer than `lockTimeout` (default 20 seconds),
 * `MutexLost`, `MutexUnsupported` (behind PgBouncer in transaction mode); with `NestedRefused` inside of a session. An
 * interruption rolls back the migration that runs.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Migrations } from "effect-sql-engine"
 * import { SqliteEngine } from "effect-sql-engine-sqlite"
 *
 * const migrations = Migrations.fromRecord({
 *   "0001_city": "create table city (name text not null)",
 *   "0002_rome": "insert into city (name) values ('Rome')"
 * })
 *
 * const program = Migrations.run(migrations).pipe(
 *   Effect.map((done) => done.map(({ migration }) => migration)),
 *   Effect.provide(SqliteEngine.layer({ filename: ":memory:" }))
 * )
 *
 * await Effect.runPromise(program) // => ["0001_city", "0002_rome"]
 * ```
 *
 * @since 0.1.0
 * @category verbs
 */
export const run = <R, Self = Engine>(
  sets: Sets<R>,
  options: upward.RunOptions & OnEngine<Self> = {}
): Effect.Effect<ReadonlyArray<Done>, Failures, R | Self> =>
  on(known.runOptions, options, (engine) => upward.run(engine, sets, options))

/**
 * `run` as a layer: what stands on it finds the database current.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <R, Self = Engine>(
  sets: Sets<R>,
  options?: upward.RunOptions & OnEngine<Self>
): Layer.Layer<never, Failures, R | Self> => Layer.effectDiscard(run<R, Self>(sets, options))

/**
 * The start of a program, with its policy said in so many words: waits up to `maxTime` (default 1 minute) for a database
 * that does not answer, then runs the migrations, or waits for a process that does, then `andThen` under the same lock.
 *
 * Success, a lock that was not free, and a start that was to do nothing are three results. Everything else is a failure,
 * as of `run` and `wait`; a database that does not answer is a `ConnectionError` when `maxTime` is over.
 *
 * @since 0.1.0
 * @category verbs
 */
export const initialise = <R, A = never, E = never, R2 = never, Self = Engine>(
  sets: Sets<R>,
  options: start.InitialiseOptions<A, E, R2> & OnEngine<Self> = {}
): Effect.Effect<
  start.Initialised<A>,
  MigrationFailure | Exclude<MutexFailure, MutexTimeout> | SqlFailure | E,
  R | R2 | Self
> => on(known.initialiseOptions, options, (engine) => start.initialise(engine, sets, options))

/**
 * Waits until another process has applied everything: looks again every 5 seconds, up to `limit` (default 1 minute), and
 * returns as soon as it is so. Changes nothing. A database that does not answer is waited for, too.
 *
 * Fails with `MigrationPending` when the limit is over; at once when a migration was edited, or is not known here.
 *
 * @since 0.1.0
 * @category verbs
 */
export const wait = <R, Self = Engine>(
  sets: Sets<R>,
  options: waiting.WaitOptions & OnEngine<Self> = {}
): Effect.Effect<void, MigrationFailure | SqlFailure, R | Self> =>
  on(known.waitOptions, options, (engine) => waiting.wait(engine, sets, options))

/**
 * Fails unless every migration is applied and none was edited: `MigrationPending`, `MigrationDrift`, `MigrationMissing`,
 * `MigrationOutOfOrder`, `MigrationInterrupted`. Changes nothing.
 *
 * @since 0.1.0
 * @category verbs
 */
export const verify = <R, Self = Engine>(
  sets: Sets<R>,
  options: Allowed & OnEngine<Self> = {}
): Effect.Effect<void, MigrationFailure | SqlFailure, R | Self> =>
  on(known.allowedOptions, options, (engine) => looking.verify(engine, sets, options))

/**
 * What has become of every migration of every set. Changes nothing.
 *
 * @since 0.1.0
 * @category verbs
 */
export const status = <R, Self = Engine>(
  sets: Sets<R>,
  options: OnEngine<Self> = {}
): Effect.Effect<ReadonlyArray<looking.SetStatus>, MigrationFailure | SqlFailure, R | Self> =>
  on(engineOption, options, (engine) => looking.status(engine, sets))

/**
 * The newest migration that is applied; none; or that nobody answers. The migrations themselves are not read.
 *
 * @since 0.1.0
 * @category verbs
 */
export const version = <Self = Engine>(
  set: MigrationSet<any>,
  options: OnEngine<Self> = {}
): Effect.Effect<looking.Version, MigrationFailure | SqlFailure, Self> =>
  on(engineOption, options, (engine) => looking.version(engine, set))

/**
 * What `run` would do, statement by statement, without doing it; fails as it would before it runs anything. The same
 * migrations on databases that stand alike have the same plan, to the letter.
 *
 * @since 0.1.0
 * @category verbs
 */
export const plan = <R, Self = Engine>(
  sets: Sets<R>,
  options: planning.PlanOptions & OnEngine<Self> = {}
): Effect.Effect<planning.Plan, MigrationFailure | SqlFailure, R | Self> =>
  on(known.planOptions, options, (engine) => planning.plan(engine, sets, options))

/**
 * Takes migrations back, the newest first: one, so many, or all behind another. Each has to say how, which is looked at
 * before the first is taken back; else it is `MigrationIrreversible`. Otherwise fails as `run` does.
 *
 * @since 0.1.0
 * @category verbs
 */
export const down = <R, Self = Engine>(
  set: MigrationSet<R>,
  options: downward.DownOptions & OnEngine<Self> = {}
): Effect.Effect<ReadonlyArray<Done>, Failures, R | Self> =>
  on(known.downOptions, options, (engine) => downward.down(engine, set, options))

/**
 * What `down` would take back, statement by statement, without doing it; fails as it would before it takes anything back.
 *
 * @since 0.1.0
 * @category verbs
 */
export const planDown = <R, Self = Engine>(
  set: MigrationSet<R>,
  options: Pick<downward.DownOptions, "steps" | "to" | "interrupted"> & OnEngine<Self> = {}
): Effect.Effect<planning.Plan, MigrationFailure | SqlFailure, R | Self> =>
  on(known.planDownOptions, options, (engine) => downward.planDown(engine, set, options))

/**
 * Takes every migration up to this one for applied, and runs none: for a database that was made some other way. Succeeds
 * with the ids of those that were not in the ledger. Fails with `MigrationUnknown`.
 *
 * @since 0.1.0
 * @category verbs
 */
export const baseline = <R, Self = Engine>(
  set: MigrationSet<R>,
  upTo: string,
  options: LockOptions & OnEngine<Self> = {}
): Effect.Effect<ReadonlyArray<string>, Failures, R | Self> =>
  on(known.lockOptions, options, (engine) => marking.baseline(engine, set, upTo, options))

/**
 * Says of one migration what has become of it, and runs nothing. `applied`: it is done, in its edition of now (one that was
 * interrupted and finished by hand, an edit that does not matter). `pending`: it is undone, and may run again.
 *
 * @since 0.1.0
 * @category verbs
 */
export const mark = <R, Self = Engine>(
  set: MigrationSet<R>,
  id: string,
  as: "applied" | "pending",
  options: LockOptions & OnEngine<Self> = {}
): Effect.Effect<void, Failures, R | Self> =>
  on(known.lockOptions, options, (engine) => marking.mark(engine, set, id, as, options))

/**
 * The name of the lock under which migrations run, for `Mutex.withLock`, `Mutex.holder` and `Mutex.evict`.
 *
 * @since 0.1.0
 * @category locks
 */
export { migrationLock as lock } from "./internal/migrations/open.js"
