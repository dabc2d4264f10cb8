/**
 * Metrics of an engine, under OpenTelemetry's names where it has some, as Effect metrics: whatever reads those (an
 * exporter, `Metric.snapshot`) reads these.
 *
 * Off until an engine is put behind them with {@link layer}, {@link layerOf} or {@link attach}, and from then on to the
 * end of that engine. Counts are not kept twice: they are read off the engine when the metric is read, so they cannot
 * drift from `engine.stats`. Only durations are noted as they happen.
 *
 * | metric | kind | labels |
 * | --- | --- | --- |
 * | `db.client.operation.duration` | histogram, s | `db.system.name`, `db.namespace`, `server.*`, `db.operation.name`, `error.type` |
 * | `db.client.connection.count` | up and down | `db.client.connection.pool.name`, `db.client.connection.state`: `idle`, `used`, `returning` |
 * | `db.client.connection.max`, `.idle.max`, `.idle.min`, `.pending_requests` | up and down | pool name |
 * | `db.client.connection.timeouts` | counter | pool name |
 * | `db.client.connection.create_time`, `.wait_time`, `.use_time` | histogram, s | pool name |
 * | `effect_sql_engine.pool.requests` | counter | pool name, `outcome` |
 * | `effect_sql_engine.pool.connections.created`, `.destroyed` | counter | pool name, `reason` |
 * | `effect_sql_engine.pool.leaks` | counter | pool name |
 * | `effect_sql_engine.sessions` | counter | `engine`, `outcome`: `committed`, `rolled_back`, `unknown` |
 * | `effect_sql_engine.sessions.open` | up and down | `engine` |
 * | `effect_sql_engine.session.retries` | counter | `engine` |
 * | `effect_sql_engine.session.duration` | histogram, s | `engine`, `outcome` |
 *
 * Source: https://opentelemetry.io/docs/specs/semconv/database/database-metrics/
 *
 * @since 0.1.0
 */
import type { Context, Metric } from "effect"
import { Effect, Layer } from "effect"
import type { EngineService } from "./Engine.js"
import { Engine } from "./Engine.js"
import * as engines from "./internal/metrics/attach.js"
import * as definitions from "./internal/metrics/definitions.js"
import { HostId } from "./internal/session/verbs.js"

/**
 * Puts an engine behind the metrics for the rest of its life. Doing it again changes nothing. Engines of one name are
 * added up, so give each its own.
 *
 * @since 0.1.0
 * @category constructors
 */
export const attach = (engine: EngineService): Effect.Effect<void> => Effect.sync(() => engines.attach(engine[HostId]))

/**
 * Puts the engine of a tag behind the metrics.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerOf = <Self>(tag: Context.Tag<Self, EngineService>): Layer.Layer<never, never, Self> =>
  Layer.effectDiscard(Effect.flatMap(tag, attach))

/**
 * Puts the default engine behind the metrics.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { EngineMetrics } from "effect-sql-engine"
 * import { SqliteEngine } from "effect-sql-engine-sqlite"
 *
 * export const DatabaseLive = EngineMetrics.layer.pipe(
 *   Layer.provideMerge(SqliteEngine.layer({ filename: "app.db", name: "app" }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<never, never, Engine> = layerOf(Engine)

/**
 * How long statements take, from the call to the answer, with the wait for a connection: `db.client.operation.duration`.
 *
 * @since 0.1.0
 * @category OpenTelemetry
 */
export const operationDuration: Metric.Metric.Histogram<number> = definitions.operationDuration.metric

/**
 * Connections by state: `db.client.connection.count`. `returning` is being cleaned, checked or closed.
 *
 * @since 0.1.0
 * @category OpenTelemetry
 */
export const connectionCount: Metric.Metric.Counter<number> = definitions.connectionCount.metric

/**
 * The most connections a pool may have: `db.client.connection.max`.
 *
 * @since 0.1.0
 * @category OpenTelemetry
 */
export const connectionMax: Metric.Metric.Counter<number> = definitions.connectionMax.metric

/**
 * The connections a pool keeps open when nobody uses them: `db.client.connection.idle.max`.
 *
 * @since 0.1.0
 * @category OpenTelemetry
 */
export const connectionIdleMax: Metric.Metric.Counter<number> = definitions.connectionIdleMax.metric

/**
 * The connections a pool opens before it is asked, which is none: `db.client.connection.idle.min`.
 *
 * @since 0.1.0
 * @category OpenTelemetry
 */
export const connectionIdleMin: Metric.Metric.Counter<number> = definitions.connectionIdleMin.metric

/**
 * Who waits for a connection: `db.client.connection.pending_requests`.
 *
 * @since 0.1.0
 * @category OpenTelemetry
 */
export const pendingRequests: Metric.Metric.Counter<number> = definitions.pendingRequests.metric

/**
 * Who waited for a connection in vain: `db.client.connection.timeouts`.
 *
 * @since 0.1.0
 * @category OpenTelemetry
 */
export const timeouts: Metric.Metric.Counter<number> = definitions.timeouts.metric

/**
 * How long it took to open a connection: `db.client.connection.create_time`.
 *
 * @since 0.1.0
 * @category OpenTelemetry
 */
export const createTime: Metric.Metric.Histogram<number> = definitions.createTime.metric

/**
 * How long a connection was waited for, zero where none was waited for: `db.client.connection.wait_time`.
 *
 * @since 0.1.0
 * @category OpenTelemetry
 */
export const waitTime: Metric.Metric.Histogram<number> = definitions.waitTime.metric

/**
 * How long a connection was held: `db.client.connection.use_time`.
 *
 * @since 0.1.0
 * @category OpenTelemetry
 */
export const useTime: Metric.Metric.Histogram<number> = definitions.useTime.metric

/**
 * Requests for a connection that are over, by what became of them: `served`, `timed_out`, `shed`, `interrupted`,
 * `refused`.
 *
 * @since 0.1.0
 * @category engine
 */
export const requests: Metric.Metric.Counter<number> = definitions.requests.metric

/**
 * Connections that were opened.
 *
 * @since 0.1.0
 * @category engine
 */
export const connectionsCreated: Metric.Metric.Counter<number> = definitions.connectionsCreated.metric

/**
 * Connections that ended, by `Pool.DestroyReason`.
 *
 * @since 0.1.0
 * @category engine
 */
export const connectionsDestroyed: Metric.Metric.Counter<number> = definitions.connectionsDestroyed.metric

/**
 * Times a connection was held for longer than `leakDetection`.
 *
 * @since 0.1.0
 * @category engine
 */
export const leaks: Metric.Metric.Counter<number> = definitions.leaks

/**
 * Sessions that are over, by what became of their work.
 *
 * @since 0.1.0
 * @category engine
 */
export const sessions: Metric.Metric.Counter<number> = definitions.sessions.metric

/**
 * Sessions that are open.
 *
 * @since 0.1.0
 * @category engine
 */
export const sessionsOpen: Metric.Metric.Counter<number> = definitions.sessionsOpen.metric

/**
 * Units of work that were tried again in a new session.
 *
 * @since 0.1.0
 * @category engine
 */
export const sessionRetries: Metric.Metric.Counter<number> = definitions.sessionRetries.metric

/**
 * How long sessions are open, by what became of their work.
 *
 * @since 0.1.0
 * @category engine
 */
export const sessionDuration: Metric.Metric.Histogram<number> = definitions.sessionDuration.metric
