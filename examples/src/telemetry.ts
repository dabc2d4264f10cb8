/**
 * What OpenTelemetry gets to see: a session's spans, and the numbers of its engine. Here they are printed; in a program of
 * your own they go to a collector, with the exporters of `@opentelemetry/exporter-trace-otlp-http` and its kin.
 *
 *     npm run build && node examples/dist/telemetry.js
 */
import { NodeRuntime } from "@effect/platform-node"
import { ConsoleMetricExporter, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics"
import { BatchSpanProcessor, ConsoleSpanExporter } from "@opentelemetry/sdk-trace-base"
import { Effect, Layer } from "effect"
import { DatabaseLive, payday } from "./telemetry/Payday.js"
import * as Telemetry from "./telemetry/Telemetry.js"

const TelemetryLive = Telemetry.layer(() => ({
  spanProcessor: new BatchSpanProcessor(new ConsoleSpanExporter()),
  metricReader: new PeriodicExportingMetricReader({ exporter: new ConsoleMetricExporter() })
}))

// Telemetry is the last to end: what the end of the engine has to tell is sent too.
NodeRuntime.runMain(Effect.provide(payday, Layer.provideMerge(DatabaseLive, TelemetryLive)))
