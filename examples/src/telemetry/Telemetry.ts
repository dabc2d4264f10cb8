/**
 * Effect's tracer and metrics, carried out by OpenTelemetry. The engine knows of neither: it speaks to Effect's.
 */
import { NodeSdk } from "@effect/opentelemetry"
import type { MetricReader } from "@opentelemetry/sdk-metrics"
import { InMemoryMetricExporter, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics"
import type { SpanProcessor } from "@opentelemetry/sdk-trace-base"
import { InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import { Effect } from "effect"

/** Where spans and numbers go. */
export interface Destination {
  readonly spanProcessor: SpanProcessor
  readonly metricReader: MetricReader
}

/** The names that a service has in every span and number of it. */
const resource = { serviceName: "payday", serviceVersion: "1.0.0" }

export const layer = (to: () => Destination) => NodeSdk.layer(() => ({ resource, ...to() }))

/** For tests: keeps everything, to be looked at while the layer lasts. */
export const inMemory = () => {
  const spans = new InMemorySpanExporter()
  // 0: numbers since the beginning, not since the last time.
  const metrics = new InMemoryMetricExporter(0)
  const metricReader = new PeriodicExportingMetricReader({ exporter: metrics })
  return {
    layer: layer(() => ({ spanProcessor: new SimpleSpanProcessor(spans), metricReader })),
    /** The spans that have ended. */
    spans: Effect.sync(() => spans.getFinishedSpans()),
    /** The numbers as they are now. */
    metrics: Effect.map(
      Effect.promise(() => metricReader.collect()),
      ({ resourceMetrics }) => resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)
    )
  }
}
