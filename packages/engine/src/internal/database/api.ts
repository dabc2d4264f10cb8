/**
 * What the verbs of `Database` can be told.
 */
import type { Schedule } from "effect"
import type { EngineDriver, UrlOptions } from "../../Engine.js"
import type { EnvOptions } from "../../EngineConfig.js"
import type { SqlFailure } from "../failure/failure.js"
import type { DatabaseMissing } from "../failure/schema.js"
import type { LayerOptions as TablesOptions } from "../table/api.js"
import type { AnyTable } from "../table/model.js"
import type { DatabaseTarget, Understood } from "./target.js"

/**
 * A database: its address, with the `drivers` that might understand it; or what a driver makes of its own options, as
 * `PgEngine.database` and `SqliteEngine.database` do.
 *
 * @since 0.1.0
 * @category models
 */
export type Target = DatabaseTarget

/**
 * What an address needs to be understood, and how a server is used for it.
 *
 * @since 0.1.0
 * @category options
 */
export interface TargetOptions extends Understood {}

/**
 * How a database is made sure of.
 *
 * @since 0.1.0
 * @category options
 */
export interface EnsureOptions extends TargetOptions {
  /** Whether it may be created. Default `false`. */
  readonly allowCreate?: boolean | undefined
  /** When an attempt is made again that met somebody else's. Default: `Tables.schedule`. */
  readonly schedule?: Schedule.Schedule<unknown, SqlFailure> | undefined
}

/**
 * How a database is waited for.
 *
 * @since 0.1.0
 * @category options
 */
export interface WaitOptions extends TargetOptions {
  /** When it is asked again. Default: `Database.waiting`. */
  readonly schedule?: Schedule.Schedule<unknown, SqlFailure | DatabaseMissing> | undefined
  /**
   * `database` (default): until it can be connected to, so that a missing one is waited for, too. `server`: until its
   * server answers; then a missing one is an answer.
   */
  readonly until?: "database" | "server" | undefined
}

/**
 * From an empty server to an engine with its tables, in one layer.
 *
 * @since 0.1.0
 * @category options
 */
export type LayerOptions<Drivers extends ReadonlyArray<EngineDriver>> =
  & EnvOptions
  & UrlOptions<Drivers>
  & Omit<EnsureOptions, "drivers" | "options">
  & {
    /** Whether its server is waited for first, and when it is asked again. Default `false`. */
    readonly wait?: boolean | Schedule.Schedule<unknown, SqlFailure | DatabaseMissing> | undefined
    readonly tables?: ReadonlyArray<AnyTable> | undefined
    /** How the tables are made sure of. */
    readonly ensure?: TablesOptions | undefined
  }
