/**
 * Engines on SQLite: a file with one writer and several readers, or a database in memory.
 *
 * @since 0.1.0
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import { Config, Effect, Either } from "effect"
import type { ConfigError, Layer, Scope } from "effect"
import type { DatabaseAdmin } from "effect-sql-engine/Database"
import * as Engine from "effect-sql-engine/Engine"
import * as EngineConfig from "effect-sql-engine/EngineConfig"
import * as EngineUrl from "effect-sql-engine/EngineUrl"
import type { PoolOptions } from "effect-sql-engine/Pool"
import { EngineConfigError } from "effect-sql-engine/SqlFailure"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { settingsOf } from "./internal/config.js"
import { databaseOf } from "./internal/database.js"
import { atHome } from "./internal/here.js"
import { address, driverOptions, options as known } from "./internal/options.js"
import type { SqliteConfig } from "./SqliteConfig.js"
import * as SqliteDriver from "./SqliteDriver.js"

/**
 * The options of an SQLite engine: the file, as `filename` or as `url`, and what the engine and the driver can be told.
 * How many connections there are is the driver's business (`readers`), so the pool has no size here.
 *
 * @since 0.1.0
 * @category models
 */
export interface SqliteEngineOptions extends Omit<SqliteConfig, "filename">, Omit<Engine.EngineOptions, "pool"> {
  /** The database file, or `:memory:`. */
  readonly filename?: string | undefined
  /** The database file as a URL: `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite://` for memory. */
  readonly url?: EngineUrl.Input | undefined
  readonly pool?: Omit<PoolOptions, "mode" | "size" | "maxOverflow"> | undefined
}

const refuse = (options: SqliteEngineOptions, problems: EngineConfigError["problems"]) =>
  new EngineConfigError({
    message: `The SQLite engine "${options.name ?? "main"}" cannot be made: ${
      problems.map(({ field, problem }) => `\`${field}\` ${problem}`).join("; ")
    }.`,
    problems
  })

/** The driver's options out of the engine's; what is said as an option goes before what the URL says. */
const configOf = (options: SqliteEngineOptions): Effect.Effect<SqliteConfig, SqlFailure> => {
  const { filename, url, ...rest } = options
  const config = EngineConfig.pick(driverOptions, rest)
  if (filename === undefined && url === undefined) {
    const problem = "is missing: give a path, \":memory:\", or a `url`"
    return Effect.fail(refuse(options, [{ field: "filename", problem }]))
  }
  if (filename !== undefined && url !== undefined) {
    return Effect.fail(refuse(options, [{ field: "filename", problem: "stands beside `url`: give one of the two" }]))
  }
  if (url === undefined) return Effect.succeed({ ...config, filename: filename! })
  return Effect.flatMap(EngineUrl.parse(url), (url) => {
    const problems = problemsOf(url)
    return problems.length > 0
      ? Effect.fail(refuse(options, problems))
      : Effect.succeed<SqliteConfig>({ ...fromUrl(url as EngineUrl.SqliteUrl), ...given(config) })
  })
}

/** Without the fields that are there and say nothing, which would hide what the URL says. */
const given = <A extends object>(fields: A) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof A]?: Exclude<A[K], undefined>
  }

/** What better-sqlite3 cannot be told is refused, so that no parameter is silently without effect. */
const problemsOf = (url: EngineUrl.EngineUrl): EngineConfigError["problems"] =>
  url._tag === "PostgresUrl"
    ? [{
      field: "url",
      problem:
        `is the address of a PostgreSQL database (${url}); the package effect-sql-engine-pg has the engine for it`
    }]
    : (["cache", "vfs", "immutable", "nolock", "psow"] as const)
      .filter((name) => url.parameters[name] !== undefined)
      .map((name) => ({ field: `url.${name}`, problem: "is a parameter this driver cannot honour: leave it out" }))

const fromUrl = ({ filename, memory, parameters }: EngineUrl.SqliteUrl): SqliteConfig => ({
  filename: memory ? ":memory:" : filename,
  ...given({
    mode: parameters.mode === "memory" ? undefined : parameters.mode,
    readers: parameters.readers,
    lockTimeout: parameters.busy_timeout,
    foreignKeys: parameters.foreign_keys
  })
})

/** Everything that is wrong with the options at once, also with those that no type checker has seen. */
const checked = (options: SqliteEngineOptions): Effect.Effect<SqliteConfig, SqlFailure> =>
  Effect.gen(function*() {
    const read = yield* Effect.either(EngineConfig.check("", { ...address, ...known }, options))
    const config = yield* Effect.either(configOf(options))
    if (Either.isRight(read)) return yield* config
    const { problems } = read.left
    if (Either.isRight(config)) return yield* refuse(options, problems)
    const more = config.left._tag === "EngineConfigError"
      ? config.left.problems.filter(({ field }) => problems.every((problem) => problem.field !== field))
      : [{ field: "url", problem: `does not fit. ${config.left.message.replace(/\.$/, "")}` }]
    return yield* refuse(options, [...problems, ...more])
  })

/**
 * Makes an SQLite engine for as long as a scope lasts.
 *
 * Fails with `EngineConfigError`, `EngineUrlError` or `UnsupportedBackend` when the options do not fit, and, where
 * `connect` is `eager`, when the file cannot be opened. Otherwise the first statement meets that failure.
 *
 * @example
 * ```ts
 * import { Engine } from "effect-sql-engine"
 * import { SqliteEngine } from "effect-sql-engine-sqlite"
 *
 * class Reports extends Engine.Tag<Reports>()("app/Reports") {}
 *
 * export const ReportsLive = Reports.layer(SqliteEngine.make({ filename: "reports.db", readers: 2 }))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: SqliteEngineOptions
): Effect.Effect<Engine.EngineService, SqlFailure, Scope.Scope> =>
  Effect.flatMap(
    checked(options),
    (config) =>
      Effect.flatMap(SqliteDriver.make(config), (driver) =>
        atHome(Engine.make(driver, EngineConfig.pick(EngineConfig.engineOptions, options))))
  )

/**
 * Provides an SQLite engine as the default one, and its client.
 *
 * @example
 * ```ts
 * import { SqlClient } from "@effect/sql"
 * import { Effect } from "effect"
 * import { Session } from "effect-sql-engine"
 * import { SqliteEngine } from "effect-sql-engine-sqlite"
 *
 * const program = Session.transaction(Effect.gen(function*() {
 *   const sql = yield* SqlClient.SqlClient
 *   yield* sql`create table city (name text not null)`
 *   yield* sql`insert into city ${sql.insert({ name: "Rome" })}`
 *   return yield* sql`select name from city`
 * }))
 *
 * export const main = program.pipe(Effect.provide(SqliteEngine.layer({ filename: ":memory:" })))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: SqliteEngineOptions): Layer.Layer<Engine.Engine | SqlClient, SqlFailure> =>
  Engine.layer(make(options))

/**
 * `layer` with options read from the configuration.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  config: Config.Config.Wrap<SqliteEngineOptions>
): Layer.Layer<Engine.Engine | SqlClient, SqlFailure | ConfigError.ConfigError> =>
  Engine.layer(Effect.flatMap(Config.unwrap(config), make))

/**
 * The database file seen from outside, for `Database.ensure`, `drop` and `wait`. Fails as `make` does.
 *
 * @example
 * ```ts
 * import { Database } from "effect-sql-engine"
 * import { SqliteEngine } from "effect-sql-engine-sqlite"
 *
 * export const ready = Database.ensure(SqliteEngine.database({ filename: "shop.db" }), { allowCreate: true })
 * ```
 *
 * @since 0.1.0
 * @category databases
 */
export const database = (options: SqliteEngineOptions): Effect.Effect<DatabaseAdmin, SqlFailure> =>
  Effect.map(Effect.flatMap(checked(options), settingsOf), databaseOf)

/**
 * The SQLite driver as a value, for `Engine.layerUrl`, `Engine.fromEnv` and `EngineMap`.
 *
 * @example
 * ```ts
 * import { Engine } from "effect-sql-engine"
 * import { SqliteEngine } from "effect-sql-engine-sqlite"
 *
 * export const DatabaseLive = Engine.layerUrl("sqlite:///shop.db", {
 *   drivers: [SqliteEngine.driver],
 *   sqlite: { readers: 2 }
 * })
 * ```
 *
 * @since 0.1.0
 * @category drivers
 */
export const driver: Engine.EngineDriver<"sqlite", Omit<SqliteEngineOptions, "filename" | "url">> = {
  name: "sqlite",
  schemes: ["sqlite", "sqlite3", "file"],
  options: known,
  make: ({ url, ...options }) => make({ ...options, url }),
  database
}
