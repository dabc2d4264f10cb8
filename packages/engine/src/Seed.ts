/**
 * The first rows of a database: read from a file or from code, written once, into a blank database.
 *
 * | the database | `run` |
 * | --- | --- |
 * | has no row in any of the tables | writes everything, in one transaction: `Seeded` |
 * | was seeded before | changes nothing: `AlreadySeeded` |
 * | has rows that no seed wrote | changes nothing, and reads nothing: `NotBlank` |
 *
 * It runs under the lock of migrations, so any number of processes may start at once. `docs/seeding.md` has the whole
 * story.
 *
 * @since 0.1.0
 */
import { Effect, Predicate } from "effect"
import type { Engine } from "./Engine.js"
import { configError } from "./internal/config/read.js"
import { onEngine } from "./internal/engine/onEngine.js"
import type { OnEngine } from "./internal/mutex/model.js"
import { resourceProblems, seedOptions, seedPlanOptions } from "./internal/seed/options.js"
import type { Resource } from "./internal/seed/resource.js"
import * as seeding from "./internal/seed/run.js"
import type { SeedSource } from "./internal/seed/source.js"
import type { AnyTable } from "./internal/table/model.js"
import type { EngineConfigError, MutexFailure, SeedFailure, SqlFailure } from "./SqlFailure.js"

export { fromFile } from "./internal/seed/file.js"
export type { FileOptions } from "./internal/seed/file.js"
export type { Resource } from "./internal/seed/resource.js"
export type { SeedOptions, SeedPlan, SeedResult } from "./internal/seed/run.js"
export { scaled } from "./internal/seed/scaled.js"
export { fromEffect, fromJson, fromValue } from "./internal/seed/source.js"
export type { SeedSource } from "./internal/seed/source.js"
export { fromYaml } from "./internal/seed/yaml.js"
export type { YamlModule } from "./internal/seed/yaml.js"

/**
 * What a seed may have: declared tables, by their names; or resources by the names they have in the source.
 *
 * @since 0.1.0
 * @category models
 */
export type Resources = ReadonlyArray<AnyTable> | Readonly<Record<string, Resource>>

const unusable = "The seed cannot be used"

const on = onEngine(unusable)

const named = (resources: Resources): Readonly<Record<string, Resource>> =>
  Predicate.isIterable(resources)
    ? Object.fromEntries([...resources as ReadonlyArray<AnyTable>].map((table) => [table.name, table]))
    : resources as Readonly<Record<string, Resource>>

/** Works with resources whose parts are all known. */
const withResources = <A, E, R>(
  resources: Resources,
  work: (resources: Readonly<Record<string, Resource>>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | EngineConfigError, R> => {
  const all = named(resources)
  const problems = resourceProblems(all)
  return problems.length === 0 ? work(all) : Effect.fail(configError(unusable, undefined, problems))
}

/**
 * Writes the first rows, all of them or none, in the order of the source.
 *
 * Foreign keys wait until all rows are there, so that rows may refer to later ones and to each other; then every one is
 * looked at, and afterwards they hold as before, whatever happened. Counters of keys go on behind the keys that were given.
 *
 * Fails with `SeedSourceError` (with line and column), `SeedUnknown`, `SeedInvalid` (every value that does not fit, with
 * its place), `SeedFailed` (the row the database refused), `SeedOrphans`; as `Mutex.withLock` does; with `NestedRefused`
 * inside of a session. An interruption rolls back.
 *
 * @example
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Migrations, Seed } from "effect-sql-engine"
 * import { SqliteEngine } from "effect-sql-engine-sqlite"
 *
 * const City = Schema.Struct({ name: Schema.String, latitude: Seed.scaled(7) })
 *
 * const seed = Seed.run(Seed.fromJson(`{ "city": [{ "name": "Kos", "latitude": 36.893055 }] }`), { city: City })
 *
 * const program = Migrations.initialise(
 *   Migrations.fromRecord({ "1_city": "create table city (name text not null, latitude integer not null)" }),
 *   { andThen: seed }
 * ).pipe(
 *   Effect.map((started) => started._tag === "Success" ? started.value : undefined),
 *   Effect.provide(SqliteEngine.layer({ filename: ":memory:" }))
 * )
 *
 * await Effect.runPromise(program) // => { _tag: "Seeded", rows: { city: 1 } }
 * ```
 *
 * @since 0.1.0
 * @category verbs
 */
export const run = <R, Self = Engine>(
  source: SeedSource<R>,
  resources: Resources,
  options: seeding.SeedOptions & OnEngine<Self> = {}
): Effect.Effect<seeding.SeedResult, SeedFailure | MutexFailure | SqlFailure, R | Self> =>
  on(seedOptions, options, (engine) => withResources(resources, (all) => seeding.run(engine, source, all, options)))

/**
 * What {@link run} would come to, without writing anything: the source is read and checked against the Schemas where the
 * database is blank. Whether the database would take the rows is not known before they are written.
 *
 * @since 0.1.0
 * @category verbs
 */
export const plan = <R, Self = Engine>(
  source: SeedSource<R>,
  resources: Resources,
  options: Pick<seeding.SeedOptions, "enabled" | "name" | "table" | "defaults"> & OnEngine<Self> = {}
): Effect.Effect<seeding.SeedPlan, SeedFailure | SqlFailure, R | Self> =>
  on(
    seedPlanOptions,
    options,
    (engine) => withResources(resources, (all) => seeding.plan(engine, source, all, options))
  )
