/**
 * Engines on PostgreSQL.
 *
 * @since 0.1.0
 */
import { PgClient } from "@effect/sql-pg/PgClient"
import { SqlClient } from "@effect/sql/SqlClient"
import * as Statement from "@effect/sql/Statement"
import { Config, Context, Effect, Layer, Option, Stream } from "effect"
import type { ConfigError, Scope } from "effect"
import type { DatabaseAdmin, ServerOptions } from "effect-sql-engine/Database"
import { serverOptions } from "effect-sql-engine/Database"
import type { Driver } from "effect-sql-engine/Driver"
import * as Engine from "effect-sql-engine/Engine"
import * as EngineConfig from "effect-sql-engine/EngineConfig"
import * as EngineUrl from "effect-sql-engine/EngineUrl"
import type { PoolOptions } from "effect-sql-engine/Pool"
import { EngineConfigError, toSqlError } from "effect-sql-engine/SqlFailure"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { databaseOf } from "./internal/database.js"
import { atHome } from "./internal/here.js"
import { refusedNotification } from "./internal/notification.js"
import { address, driverOptions, options as known } from "./internal/options.js"
import type { PgConfig } from "./PgConfig.js"
import { fromUrl } from "./PgConfig.js"
import * as PgDriver from "./PgDriver.js"

/**
 * The options of a PostgreSQL engine: the server, as `url` or in parts, and what the engine and the driver can be told.
 * An option goes before what the URL says.
 *
 * @since 0.1.0
 * @category models
 */
export interface PgEngineOptions extends Omit<PgConfig, "hosts">, Engine.EngineOptions {
  /** A URL or a key=value string, as libpq reads them. */
  readonly url?: EngineUrl.Input | undefined
  /** Where the server is, when there is one; `hosts` names several. Default `localhost`. */
  readonly host?: string | undefined
  /** Default 5432. */
  readonly port?: number | undefined
  readonly hosts?: PgConfig["hosts"]
}

/**
 * A PostgreSQL engine.
 *
 * @since 0.1.0
 * @category models
 */
export interface PgEngineService extends Engine.EngineService {
  /** The engine's client with what `@effect/sql-pg` adds: `json`, `listen`, `notify`. */
  readonly client: PgClient
  /**
   * What is notified on a channel, for as long as the stream is read, on a connection outside of the pool that all
   * channels share. A lost connection is made again, and the stream says so. Fails with `DataError` where the name does not
   * take 1 to 63 bytes in UTF-8.
   */
  readonly listen: (channel: string) => Stream.Stream<PgDriver.ListenEvent, SqlFailure>
}

const given = <A extends object>(fields: A) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof A]?: Exclude<A[K], undefined>
  }

const refuse = (options: PgEngineOptions, field: string, problem: string) =>
  Effect.fail(
    new EngineConfigError({
      message: `The PostgreSQL engine "${options.name ?? "main"}" cannot be made: \`${field}\` ${problem}.`,
      problems: [{ field, problem }]
    })
  )

/** What a URL says about the pool. */
const poolOf = (url: EngineUrl.PostgresUrl): PoolOptions =>
  given({
    size: url.parameters.pool_size,
    maxOverflow: url.parameters.max_overflow,
    acquireTimeout: url.parameters.pool_timeout
  })

/** The driver's and the engine's options; an option that is given goes before what the URL says. */
const resolve = (
  options: PgEngineOptions
): Effect.Effect<readonly [driver: PgConfig, engine: Engine.EngineOptions], SqlFailure> => {
  const { host, port, url, ...rest } = options
  const alone = host === undefined && port === undefined ? undefined : [given({ host, port })]
  if (alone !== undefined && rest.hosts !== undefined) return refuse(options, "host", "stands beside `hosts`: give one")
  const config = EngineConfig.pick(driverOptions, given({ ...rest, hosts: rest.hosts ?? alone }))
  const engine = EngineConfig.pick(EngineConfig.engineOptions, options)
  if (url === undefined) return Effect.succeed([config, engine])
  return Effect.flatMap(EngineUrl.parse(url), (url) => {
    if (url._tag === "SqliteUrl") {
      return refuse(options, "url", `is the address of an SQLite database (${url}): see effect-sql-engine-sqlite`)
    }
    const pool = { ...poolOf(url), ...given(options.pool ?? {}) }
    return Effect.succeed([{ ...fromUrl(url), ...config }, { ...engine, pool }] as const)
  })
}

/** A fragment for a JSON value; the compiler of `@effect/sql-pg` knows it by this name. */
const json = Statement.custom<Statement.Custom<"PgJson", unknown>>("PgJson")

/** The client gains what `@effect/sql-pg`'s has, so that code written for that one runs on it. */
const clientOf = (engine: Engine.EngineService, driver: PgDriver.PgDriver): PgClient => {
  const additions = {
    ["~@effect/sql-pg/PgClient" as const]: "~@effect/sql-pg/PgClient" as const,
    config: {},
    json: (value: unknown) => json(value),
    listen: (channel: string) =>
      driver.listen(channel, engine.name).pipe(
        Stream.filterMap((event) => event._tag === "Notified" ? Option.some(event.payload) : Option.none()),
        Stream.mapError(toSqlError)
      ),
    notify: (channel: string, payload: string) => {
      const refused = refusedNotification(channel, payload, engine.name)
      return refused === undefined
        ? Effect.asVoid(engine.sql`select pg_catalog.pg_notify(${channel}, ${payload})`)
        : Effect.fail(toSqlError(refused))
    }
  }
  Object.assign(engine.sql.withoutTransforms(), additions)
  return Object.assign(engine.sql, additions) as unknown as PgClient
}

/**
 * Makes a PostgreSQL engine for as long as a scope lasts.
 *
 * Fails with `EngineConfigError`, `EngineUrlError` or `UnsupportedBackend` when the options do not fit, and, where
 * `connect` is `eager`, when the server cannot be reached. Otherwise the first statement meets that failure.
 *
 * @example
 * ```ts
 * import { Engine } from "effect-sql-engine"
 * import { PgEngine } from "effect-sql-engine-pg"
 *
 * class Reports extends Engine.Tag<Reports>()("app/Reports") {}
 *
 * export const ReportsLive = Reports.layer(PgEngine.make({ url: "postgres://reports@db.example.org/reports" }))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: PgEngineOptions): Effect.Effect<PgEngineService, SqlFailure, Scope.Scope> =>
  Effect.gen(function*() {
    yield* EngineConfig.check("The PostgreSQL engine cannot be made", { ...address, ...known }, options)
    const [config, engineOptions] = yield* resolve(options)
    const driver = yield* PgDriver.make(config)
    const engine = yield* atHome(Engine.make({ ...driver, resolveCommit: resolveCommit(driver) }, engineOptions))
    return {
      ...engine,
      client: clientOf(engine, driver),
      listen: (channel) => driver.listen(channel, engine.name)
    }
  })

/** Only a connection that remembers its transaction's id (`trackTransactionId`) can be asked about it. */
const resolveCommit = (driver: PgDriver.PgDriver): NonNullable<Driver["resolveCommit"]> => (connection, engine) => {
  const id = (connection as PgDriver.PgConnection).transactionId()
  return id === undefined ? undefined : driver.commitOutcome(id, engine)
}

/**
 * Provides a PostgreSQL engine as the default one, its client, and the same client as `PgClient`.
 *
 * @example
 * ```ts
 * import { SqlClient } from "@effect/sql"
 * import { Effect } from "effect"
 * import { Session } from "effect-sql-engine"
 * import { PgEngine } from "effect-sql-engine-pg"
 *
 * const program = Session.transaction(
 *   Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into city ${sql.insert({ name: "Rome" })}`)
 * )
 *
 * export const main = program.pipe(Effect.provide(PgEngine.layer({ host: "localhost", database: "app" })))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: PgEngineOptions
): Layer.Layer<Engine.Engine | SqlClient | PgClient, SqlFailure> =>
  Layer.scopedContext(
    Effect.map(make(options), (engine) =>
      Context.make(Engine.Engine, engine as Engine.EngineService).pipe(
        Context.add(SqlClient, engine.sql),
        Context.add(PgClient, engine.client)
      ))
  )

/**
 * `layer` with options read from the configuration.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  config: Config.Config.Wrap<PgEngineOptions>
): Layer.Layer<Engine.Engine | SqlClient | PgClient, SqlFailure | ConfigError.ConfigError> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(config), layer))

/**
 * The database seen from outside, for `Database.ensure`, `drop` and `wait`: with the engine's own options, and the
 * databases to connect to instead while it is missing (`maintenance`). Fails as `make` does.
 *
 * @example
 * ```ts
 * import { Database } from "effect-sql-engine"
 * import { PgEngine } from "effect-sql-engine-pg"
 *
 * const shop = PgEngine.database({ host: "db.example.org", database: "shop", maintenance: "admin" })
 *
 * export const ready = Database.ensure(shop, { allowCreate: true })
 * ```
 *
 * @since 0.1.0
 * @category databases
 */
export const database = (
  options: PgEngineOptions & ServerOptions
): Effect.Effect<DatabaseAdmin, SqlFailure, Scope.Scope> =>
  Effect.gen(function*() {
    const table = { ...address, ...known, ...serverOptions }
    yield* EngineConfig.check("The PostgreSQL database cannot be used", table, options)
    const [config] = yield* resolve(options)
    return yield* databaseOf(config, options)
  })

/**
 * The PostgreSQL driver as a value, for `Engine.layerUrl`, `Engine.fromEnv` and `EngineMap`.
 *
 * @example
 * ```ts
 * import { Engine } from "effect-sql-engine"
 * import { PgEngine } from "effect-sql-engine-pg"
 *
 * export const DatabaseLive = Engine.fromEnv({
 *   drivers: [PgEngine.driver],
 *   postgresql: { applicationName: "shop" }
 * })
 * ```
 *
 * @since 0.1.0
 * @category drivers
 */
export const driver: Engine.EngineDriver<"postgresql", Omit<PgEngineOptions, "url" | "host" | "port" | "hosts">> = {
  name: "postgresql",
  schemes: ["postgresql", "postgres", "pgsql"],
  options: known,
  make,
  database
}
