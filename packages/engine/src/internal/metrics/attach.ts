/**
 * An engine behind the metrics: what it counts anyway is read when a metric is read; only durations are noted as they
 * happen.
 */
import { Metric, MetricLabel } from "effect"
import type { MetricKey } from "effect"
import * as Key from "effect/MetricKey"
import type { Pool, PoolEvent, PoolStats } from "../../Pool.js"
import { noneDestroyed } from "../pool/state.js"
import type { Host } from "../session/unit.js"
import type { StatementEvent } from "../sight/events.js"
import * as metrics from "./definitions.js"
import type { Noted, Pulled } from "./definitions.js"
import { pull } from "./pulled.js"

type Labels = ReadonlyArray<MetricLabel.MetricLabel>

const labels = (record: Readonly<Record<string, unknown>>): Labels =>
  Object.entries(record).map(([key, value]) => MetricLabel.make(key, String(value)))

/** Notes milliseconds: the metric is looked up once, and not for each of them. */
const noted = ({ key }: Noted, of: Labels): (millis: number) => void => {
  const hook = Metric.globalMetricRegistry.get(Key.taggedWithLabels(key, of) as MetricKey.MetricKey.Histogram)
  return (millis) => hook.update(millis / 1000)
}

const attached = new WeakSet<Host>()

/** Puts an engine behind the metrics for the rest of its life; doing it again changes nothing. */
export const attach = (host: Host): void => {
  if (attached.has(host)) return
  attached.add(host)
  const ends: Array<() => void> = []
  const read = ({ key }: Pulled, of: Labels, count: () => number): void => {
    ends.push(pull(Key.taggedWithLabels(key, of) as MetricKey.MetricKey.Counter<number>, count))
  }
  attachPool(host.write, host.name, read, ends)
  if (host.read !== undefined) attachPool(host.read, `${host.name} (read)`, read, ends)
  attachSessions(host, read, ends)
  attachStatements(host, ends)
  host.sight.onEnd(() => {
    for (const end of ends) end()
  })
}

type Read = (metric: Pulled, of: Labels, count: () => number) => void

/** The labels of a pool. */
const poolLabels = (name: string): Readonly<Record<string, unknown>> => ({ "db.client.connection.pool.name": name })

const reasons = Object.keys(noneDestroyed) as ReadonlyArray<keyof PoolStats["destroyed"]>

const attachPool = (pool: Pool, name: string, read: Read, ends: Array<() => void>): void => {
  const own = poolLabels(name)
  const plain = labels(own)
  const from = (metric: Pulled, count: (stats: PoolStats) => number, more: Readonly<Record<string, unknown>> = {}) =>
    read(metric, labels({ ...own, ...more }), () => count(pool.stats()))
  const state = (state: string) => ({ "db.client.connection.state": state })
  from(metrics.connectionCount, (stats) => stats.inUse, state("used"))
  from(metrics.connectionCount, (stats) => stats.idle, state("idle"))
  from(metrics.connectionCount, (stats) => stats.returning, state("returning"))
  from(metrics.connectionMax, (stats) => stats.max)
  from(metrics.connectionIdleMax, (stats) => stats.size)
  from(metrics.connectionIdleMin, () => 0)
  from(metrics.pendingRequests, (stats) => stats.waiting)
  from(metrics.timeouts, (stats) => stats.timedOut)
  from(metrics.requests, (stats) => stats.served, { outcome: "served" })
  from(metrics.requests, (stats) => stats.timedOut, { outcome: "timed_out" })
  from(metrics.requests, (stats) => stats.shed, { outcome: "shed" })
  from(metrics.requests, (stats) => stats.interrupted, { outcome: "interrupted" })
  from(metrics.requests, (stats) => stats.refused, { outcome: "refused" })
  from(metrics.connectionsCreated, (stats) => stats.created)
  for (const reason of reasons) {
    from(metrics.connectionsDestroyed, (stats) => stats.destroyed[reason], { reason: snake(reason) })
  }
  const [created, waited, used] = [
    noted(metrics.createTime, plain),
    noted(metrics.waitTime, plain),
    noted(metrics.useTime, plain)
  ]
  const heard = (event: PoolEvent): void => {
    switch (event._tag) {
      case "Connected":
        return created(event.millis)
      case "Acquired":
        return waited(event.waitedMillis)
      case "Released":
        return used(event.heldMillis)
      case "LeakSuspected":
        return metrics.leaks.unsafeUpdate(1, plain)
      default:
    }
  }
  ends.push(pool.listen(heard))
}

const snake = (word: string): string => word.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const attachSessions = ({ name, sight, totals }: Host, read: Read, ends: Array<() => void>): void => {
  const own = { engine: name }
  const ended = (outcome: string) => labels({ ...own, outcome })
  const [committed, rolledBack, unknown] = [ended("committed"), ended("rolled_back"), ended("unknown")]
  read(metrics.sessions, committed, () => totals.committed)
  read(metrics.sessions, rolledBack, () => totals.rolledBack)
  read(metrics.sessions, unknown, () => totals.unknown)
  read(metrics.sessionsOpen, labels(own), () => totals.open)
  read(metrics.sessionRetries, labels(own), () => totals.retried)
  const note = {
    SessionCommitted: noted(metrics.sessionDuration, committed),
    SessionRolledBack: noted(metrics.sessionDuration, rolledBack),
    SessionUnknown: noted(metrics.sessionDuration, unknown)
  }
  ends.push(sight.sessions.listen({
    tell: (event) => {
      if (event._tag in note) note[event._tag as keyof typeof note]((event as { readonly millis: number }).millis)
    }
  }))
}

/** Operations and failures are few; should a program make up ever more of them, they are not all remembered. */
const capacity = 256

const attachStatements = (host: Host, ends: Array<() => void>): void => {
  const known = new Map<string, (millis: number) => void>()
  const noteOf = ({ failure, operation, outcome }: StatementEvent): (millis: number) => void => {
    const error = failure === undefined
      ? outcome === "interrupted" ? "interrupted" : undefined
      : failure.code ?? failure._tag
    const key = error === undefined ? operation : `${operation} ${error}`
    let found = known.get(key)
    if (found === undefined) {
      const own = labels({
        ...host.driver.attributes,
        "db.client.connection.pool.name": host.name,
        ...(operation === "" ? undefined : { "db.operation.name": operation }),
        ...(error === undefined ? undefined : { "error.type": error }),
        ...(failure?.code === undefined ? undefined : { "db.response.status_code": failure.code })
      })
      found = noted(metrics.operationDuration, own)
      if (known.size >= capacity) known.clear()
      known.set(key, found)
    }
    return found
  }
  ends.push(host.sight.statements.listen({
    tell: (event) => noteOf(event)(event.millis)
  }))
}
