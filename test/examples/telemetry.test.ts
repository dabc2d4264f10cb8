/**
 * The OpenTelemetry example, with everything kept in memory: spans lead from the program down to each statement, and the
 * numbers are the engine's.
 */
import { describe, expect, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import { Engine } from "effect-sql-engine"
import { DatabaseLive, payday } from "../../examples/src/telemetry/Payday.js"
import { inMemory } from "../../examples/src/telemetry/Telemetry.js"

describe("the OpenTelemetry example", () => {
  it.effect("has a span for each session and statement, and the numbers of the engine", () =>
    Effect.gen(function*() {
      const telemetry = inMemory()
      const seen = yield* Effect.gen(function*() {
        yield* payday
        return {
          spans: yield* telemetry.spans,
          metrics: yield* telemetry.metrics,
          stats: yield* Engine.Engine.stats
        }
      }).pipe(
        Effect.provide(Layer.provideMerge(DatabaseLive, telemetry.layer)),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map()))
      )

      const byId = new Map(seen.spans.map((span) => [span.spanContext().spanId, span]))
      const pathOf = (span: typeof seen.spans[number]): string => {
        const parent = byId.get(span.parentSpanContext?.spanId ?? "")
        return parent === undefined ? span.name : `${pathOf(parent)} > ${span.name}`
      }
      const paths = seen.spans.map(pathOf)
      const [root] = seen.spans.filter(({ name }) => name === "payday")
      expect(root!.resource.attributes["service.name"]).toBe("payday")
      const wages = seen.spans.filter(({ name }) => name === "wages")
      expect(wages.map(({ attributes }) => attributes["effect_sql_engine.session.outcome"])).toEqual([
        "committed",
        "rolled_back"
      ])
      expect(paths.filter((path) => path === "payday > wages > COMMIT")).toHaveLength(1)
      // Two transfers of two changes each, then one of two and one of one.
      expect(paths.filter((path) => path === "payday > wages > savepoint > UPDATE account")).toHaveLength(7)
      const [insert] = seen.spans.filter(({ name }) => name === "INSERT transfer")
      expect(insert!.attributes).toMatchObject({ "db.system.name": "sqlite", "db.collection.name": "transfer" })
      // Placeholders, never a value.
      expect(insert!.attributes["db.query.text"]).toMatch(/values \(\?, ?\?, ?\?\)/i)

      const { sessions } = seen.stats
      const points = seen.metrics.find(({ descriptor }) => descriptor.name === "effect_sql_engine.sessions")!.dataPoints
      const counted = Object.fromEntries(points.map(({ attributes, value }) => [String(attributes["outcome"]), value]))
      expect(counted).toMatchObject({ committed: sessions.committed, rolled_back: 1 })
      // The accounts and the first wages, besides what the tables took.
      expect(sessions.committed).toBeGreaterThanOrEqual(3)
      const duration = seen.metrics.find(({ descriptor }) => descriptor.name === "db.client.operation.duration")!
      expect(duration.descriptor.unit).toBe("s")
    }))
})
