/**
 * The life of an engine's connections and sessions as a log: connect, acquire, begin, commit, rollback, release, close,
 * dispose, each with the engine, the session, how long it took and what became of it.
 *
 * Without one of these an engine logs nothing while all goes well. Statements have a log of their own, the engine's
 * options `echo` and `slowStatement`.
 *
 * @since 0.1.0
 */
import type { Context } from "effect"
import { Effect, Layer, LogLevel } from "effect"
import type { EngineService } from "./Engine.js"
import { Engine } from "./Engine.js"
import type { Described } from "./internal/config/option.js"
import { given } from "./internal/config/option.js"
import { insist } from "./internal/config/read.js"
import { HostId } from "./internal/session/verbs.js"
import { logLifecycle } from "./internal/sight/lifecycle.js"

/**
 * How an engine's life is logged.
 *
 * @since 0.1.0
 * @category models
 */
export interface LogOptions {
  /** Default `Debug`, which loggers drop unless they are told otherwise. */
  readonly level?: LogLevel.Literal | undefined
}

const logOptions: Described<LogOptions> = {
  level: given(
    (u): u is LogLevel.Literal => LogLevel.allLevels.some(({ _tag }) => _tag === u),
    LogLevel.allLevels.map(({ _tag }) => `"${_tag}"`).join(", ")
  )
}

/**
 * Logs what happens in an engine from now to its end, with the loggers that are in force here.
 *
 * @since 0.1.0
 * @category constructors
 */
export const attach = (engine: EngineService, options: LogOptions = {}): Effect.Effect<void> => {
  insist("The log cannot be attached", logOptions, options)
  return Effect.map(
    Effect.runtime<never>(),
    (runtime) => logLifecycle(engine.name, engine[HostId].sight, options.level ?? "Debug", runtime)
  )
}

/**
 * Logs what happens in the engine of a tag.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerOf = <Self>(
  tag: Context.Tag<Self, EngineService>,
  options?: LogOptions
): Layer.Layer<never, never, Self> => {
  if (options !== undefined) insist("The log cannot be attached", logOptions, options)
  return Layer.effectDiscard(Effect.flatMap(tag, (engine) => attach(engine, options)))
}

/**
 * Logs what happens in the default engine, at level Debug.
 *
 * @example
 * ```ts
 * import { Layer, Logger, LogLevel } from "effect"
 * import { EngineLog } from "effect-sql-engine"
 * import { SqliteEngine } from "effect-sql-engine-sqlite"
 *
 * export const DatabaseLive = EngineLog.layer.pipe(
 *   Layer.provideMerge(SqliteEngine.layer({ filename: "app.db" })),
 *   Layer.provide(Logger.minimumLogLevel(LogLevel.Debug))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<never, never, Engine> = layerOf(Engine)
