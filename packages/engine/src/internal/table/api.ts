/**
 * What the verbs of `Tables` can be told.
 */
import type { Context, Duration, Effect, LogLevel, Schedule } from "effect"
import type { Engine, EngineService } from "../../Engine.js"
import type { SqlFailure } from "../failure/failure.js"
import type { TablesEvent } from "./lifecycle.js"
import type { TableName } from "./shape.js"

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
 * Under which names the tables stand.
 *
 * @since 0.1.0
 * @category options
 */
export interface Translated {
  /** Another name or schema for each table; references follow. What it leaves out stays. */
  readonly translate?:
    | ((table: TableName) => { readonly name?: string | undefined; readonly schema?: string | undefined })
    | undefined
}

/**
 * How tables are made sure of.
 *
 * @since 0.1.0
 * @category options
 */
export interface EnsureOptions<Self = Engine> extends OnEngine<Self>, Translated {
  /** When an attempt is made again that met somebody else's. Default: `Tables.schedule`. */
  readonly schedule?: Schedule.Schedule<unknown, SqlFailure> | undefined
  /**
   * What makes a table differ from the declared one. `exact` (default): everything. `contains`: it may have more columns,
   * keys and checks. `none`: nothing is compared.
   */
  readonly verify?: "exact" | "contains" | "none" | undefined
  /** The longest one wait for a lock of the database, before the attempt is made again. Default 10 seconds. */
  readonly lockTimeout?: Duration.DurationInput | undefined
  /** Told of start, retries, success and failure. */
  readonly onEvent?: ((event: TablesEvent) => Effect.Effect<unknown>) | undefined
  /** The level of the log's lines about the same. Default `Debug`, which is silent unless asked for. */
  readonly logLevel?: LogLevel.LogLevel | undefined
}

/**
 * How a layer makes sure of tables.
 *
 * @since 0.1.0
 * @category options
 */
export interface LayerOptions extends Omit<EnsureOptions, "engine"> {
  /**
   * `eager` (default): when the layer is built, which then fails as `Tables.ensure` does. `first use`: when the first
   * statement or session comes, which then fails with `EngineConfigError` where the tables differ; the layer itself fails
   * when tables are declared wrongly.
   */
  readonly when?: "eager" | "first use" | undefined
}
