/**
 * What loggers and tracers get to see, kept.
 */
import { Array, Cause, Effect, HashMap, Layer, Logger, LogLevel, Metric, MetricState, Option, Tracer } from "effect"
import type { Exit } from "effect"

/** A line of the log. */
export interface Line {
  readonly level: string
  readonly message: string
  readonly cause: string
  readonly facts: Readonly<Record<string, unknown>>
}

/** Everything that is logged, from Trace on. */
export const logged = () => {
  const lines: Array<Line> = []
  const logger = Logger.make<unknown, void>(({ annotations, cause, logLevel, message }) => {
    lines.push({
      level: logLevel.label,
      message: Array.ensure(message).map(String).join(" "),
      cause: Cause.isEmpty(cause) ? "" : Cause.pretty(cause),
      facts: Object.fromEntries(HashMap.toEntries(annotations))
    })
  })
  return {
    lines,
    layer: Layer.merge(Logger.replace(Logger.defaultLogger, logger), Logger.minimumLogLevel(LogLevel.All))
  }
}

/** A span that was made. */
export interface Told {
  readonly name: string
  readonly kind: string
  readonly parent: string | undefined
  readonly spanId: string
  readonly attributes: Record<string, unknown>
  ended: Exit.Exit<unknown, unknown> | undefined
}

/** A tracer that keeps what it is told. */
export const traced = () => {
  const spans: Array<Told> = []
  const tracer = Tracer.make({
    span: (name, parent, context, links, startTime, kind) => {
      const told: Told = {
        name,
        kind,
        parent: Option.getOrUndefined(Option.map(parent, ({ spanId }) => spanId)),
        spanId: `span-${spans.length + 1}`,
        attributes: {},
        ended: undefined
      }
      spans.push(told)
      return {
        _tag: "Span",
        name,
        spanId: told.spanId,
        traceId: "trace",
        parent,
        context,
        status: { _tag: "Started", startTime },
        attributes: new Map(),
        links,
        sampled: true,
        kind,
        attribute: (key, value) => {
          told.attributes[key] = value
        },
        event: () => {},
        addLinks: () => {},
        end: (_, exit) => {
          told.ended = exit
        }
      }
    },
    context: (f) => f()
  })
  return {
    spans,
    tracer,
    named: (name: string) => spans.filter((span) => span.name === name),
    within: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.withTracer(effect, tracer)
  }
}

/** How many spans Effect's own tracer makes while an effect runs. */
export const nativeSpans = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<number, E, R> =>
  Effect.flatMap(Effect.tracer, (tracer) => {
    const native = tracer as { span: Tracer.Tracer["span"] }
    const { span } = native
    let made = 0
    return Effect.acquireUseRelease(
      Effect.sync(() => {
        native.span = (...args) => {
          made++
          return span(...args)
        }
      }),
      () => Effect.map(effect, () => made),
      () =>
        Effect.sync(() => {
          native.span = span
        })
    )
  })

/** What a metric reads for one engine. */
export interface Reading {
  readonly labels: Readonly<Record<string, string>>
  /** Of a counter its count, of a histogram how many were noted. */
  readonly count: number
  /** Of a histogram, all together. */
  readonly sum: number
}

/** Everything the metrics say of the engine of this name, and of its pools, by the name of the metric. */
export const look = (engine: string): ReadonlyMap<string, ReadonlyArray<Reading>> => {
  const found = new Map<string, Array<Reading>>()
  for (const { metricKey, metricState } of Metric.unsafeSnapshot()) {
    const labels = Object.fromEntries(metricKey.tags.map(({ key, value }) => [key, value]))
    const owner = labels["db.client.connection.pool.name"] ?? labels["engine"] ?? ""
    if (owner !== engine && owner !== `${engine} (read)`) continue
    const reading = MetricState.isCounterState(metricState)
      ? { labels, count: Number(metricState.count), sum: 0 }
      : MetricState.isHistogramState(metricState)
      ? { labels, count: metricState.count, sum: metricState.sum }
      : undefined
    if (reading === undefined) continue
    const readings = found.get(metricKey.name) ?? []
    readings.push(reading)
    found.set(metricKey.name, readings)
  }
  return found
}

/** The readings of a metric for an engine. */
export const readings = (metric: string, engine: string): ReadonlyArray<Reading> => look(engine).get(metric) ?? []

/** How much a metric counts for an engine, of readings with these labels. */
export const counted = (
  metric: string,
  engine: string,
  labels: Readonly<Record<string, string>> = {},
  at = look(engine)
): number =>
  (at.get(metric) ?? [])
    .filter((reading) => Object.entries(labels).every(([key, value]) => reading.labels[key] === value))
    .reduce((sum, { count }) => sum + count, 0)
