/**
 * The metrics: names, units and meaning. Those that begin with `db.client` are OpenTelemetry's, as its semantic
 * conventions for database clients have them; the others are the engine's own.
 *
 * Source: https://opentelemetry.io/docs/specs/semconv/database/database-metrics/
 */
import { Metric, MetricBoundaries, MetricKey, MetricLabel } from "effect"

/** A counter that engines are asked for when it is read. */
export interface Pulled {
  readonly metric: Metric.Metric.Counter<number>
  readonly key: MetricKey.MetricKey.Counter<number>
}

/** A unit is a label: this is where `@effect/opentelemetry` looks for it. */
const unit = (unit: string) => [MetricLabel.make("unit", unit)]

const pulled = (name: string, unitName: string, description: string, incremental: boolean): Pulled => {
  const key = MetricKey.taggedWithLabels(
    MetricKey.counter(name, { description, incremental }) as MetricKey.MetricKey.Counter<number>,
    unit(unitName)
  )
  return { key, metric: Metric.fromMetricKey(key) as Metric.Metric.Counter<number> }
}

/** A number that goes up and down. */
const amount = (name: string, unitName: string, description: string) => pulled(name, unitName, description, false)

/** A number that only goes up. */
const total = (name: string, unitName: string, description: string) => pulled(name, unitName, description, true)

/** What the conventions advise for operations; they advise nothing for connections. */
const seconds = MetricBoundaries.fromIterable([0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10])

/** Durations that are noted as they happen. */
export interface Noted {
  readonly metric: Metric.Metric.Histogram<number>
  readonly key: MetricKey.MetricKey.Histogram
}

const time = (name: string, description: string): Noted => {
  const key = MetricKey.taggedWithLabels(
    MetricKey.histogram(name, seconds, description),
    unit("s")
  ) as MetricKey.MetricKey.Histogram
  return { key, metric: Metric.fromMetricKey(key) as Metric.Metric.Histogram<number> }
}

export const operationDuration = time("db.client.operation.duration", "Duration of database client operations.")

export const connectionCount = amount(
  "db.client.connection.count",
  "{connection}",
  "The number of connections that are currently in the state described by the state attribute."
)
export const connectionIdleMax = amount(
  "db.client.connection.idle.max",
  "{connection}",
  "The maximum number of idle open connections allowed."
)
export const connectionIdleMin = amount(
  "db.client.connection.idle.min",
  "{connection}",
  "The minimum number of idle open connections allowed."
)
export const connectionMax = amount(
  "db.client.connection.max",
  "{connection}",
  "The maximum number of open connections allowed."
)
export const pendingRequests = amount(
  "db.client.connection.pending_requests",
  "{request}",
  "The number of current pending requests for an open connection."
)
export const timeouts = total(
  "db.client.connection.timeouts",
  "{timeout}",
  "The number of connection timeouts that have occurred trying to obtain a connection from the pool."
)
export const createTime = time("db.client.connection.create_time", "The time it took to create a new connection.")
export const waitTime = time(
  "db.client.connection.wait_time",
  "The time it took to obtain an open connection from the pool."
)
export const useTime = time(
  "db.client.connection.use_time",
  "The time between borrowing a connection and returning it to the pool."
)

export const requests = total(
  "effect_sql_engine.pool.requests",
  "{request}",
  "Requests for a connection that are over, by what became of them."
)
export const connectionsCreated = total(
  "effect_sql_engine.pool.connections.created",
  "{connection}",
  "Connections that were opened."
)
export const connectionsDestroyed = total(
  "effect_sql_engine.pool.connections.destroyed",
  "{connection}",
  "Connections that ended, by reason."
)
export const leaks = Metric.taggedWithLabels(
  Metric.counter("effect_sql_engine.pool.leaks", {
    description: "Times a connection was held for longer than leakDetection.",
    incremental: true
  }),
  unit("{connection}")
)
export const sessions = total(
  "effect_sql_engine.sessions",
  "{session}",
  "Sessions that are over, by what became of their work."
)
export const sessionsOpen = amount("effect_sql_engine.sessions.open", "{session}", "Sessions that are open.")
export const sessionRetries = total(
  "effect_sql_engine.session.retries",
  "{retry}",
  "Units of work that were tried again in a new session."
)
export const sessionDuration = time(
  "effect_sql_engine.session.duration",
  "From the opening of a session to its end, by what became of its work."
)
