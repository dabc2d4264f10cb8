/**
 * The metrics of an engine: their names, and whose they are. That they are true is `test/proofs/metrics.test.ts`.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import { Engine, EngineMetrics, Session } from "effect-sql-engine"
import { Outcome, ScriptedDriver, VirtualClock } from "effect-sql-engine-testing"
import { withBench } from "./support/scripted.js"
import { counted, readings } from "./support/sight.js"

let engines = 0

/** No two engines of this file share a name, since metrics of one name are added up. */
const nextName = () => `metered-${++engines}`

describe("the metrics of an engine", () => {
  it.effect("are kept for an engine that has ended, and what it held is gone", () =>
    Effect.gen(function*() {
      const name = nextName()
      const once = withBench(
        ({ engine }) =>
          Effect.gen(function*() {
            yield* EngineMetrics.attach(engine)
            yield* EngineMetrics.attach(engine)
            yield* Session.transaction(Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select k from t`))
            expect(counted("db.client.connection.count", name)).toBe(1)
          }),
        {},
        { name }
      )
      yield* Effect.scoped(once)
      expect(counted("effect_sql_engine.sessions", name)).toBe(1)
      expect(counted("db.client.connection.count", name)).toBe(0)
      yield* Effect.scoped(once)
      expect(counted("effect_sql_engine.sessions", name)).toBe(2)
      expect(counted("effect_sql_engine.pool.connections.created", name)).toBe(2)
      expect(counted("db.client.connection.max", name)).toBe(0)
    }))

  it.effect("have OpenTelemetry's names, labels, units and buckets", () => {
    const name = nextName()
    return Effect.scoped(withBench(
      ({ engine, server }) =>
        Effect.gen(function*() {
          yield* EngineMetrics.attach(engine)
          server.next("connect", Outcome.slow("70 millis"))
          server.next("statement", Outcome.slow("20 millis"), Outcome.fail("23505"))
          const sql = yield* SqlClient.SqlClient
          yield* Session.transaction(Effect.zipRight(sql`select k from t`, Effect.sleep("3 seconds")))
          yield* Effect.ignore(sql`insert into t values (1)`)
          const [select] = readings("db.client.operation.duration", name).filter(({ labels }) =>
            labels["db.operation.name"] === "SELECT"
          )
          expect(select).toEqual({
            labels: {
              unit: "s",
              "db.system.name": "scripted",
              "db.client.connection.pool.name": name,
              "db.operation.name": "SELECT"
            },
            count: 1,
            sum: 0.09
          })
          expect(readings("db.client.operation.duration", name).map(({ labels }) => labels)).toContainEqual({
            unit: "s",
            "db.system.name": "scripted",
            "db.client.connection.pool.name": name,
            "db.operation.name": "INSERT",
            "error.type": "23505",
            "db.response.status_code": "23505"
          })
          const pool = { unit: "s", "db.client.connection.pool.name": name }
          expect(readings("db.client.connection.create_time", name)).toEqual([{ labels: pool, count: 1, sum: 0.07 }])
          expect(readings("db.client.connection.wait_time", name)).toEqual([{ labels: pool, count: 2, sum: 0.07 }])
          expect(readings("db.client.connection.use_time", name)).toEqual([{ labels: pool, count: 2, sum: 3.02 }])
          expect(counted("db.client.connection.max", name)).toBe(15)
          expect(counted("db.client.connection.idle.max", name)).toBe(5)
          expect(counted("db.client.connection.idle.min", name)).toBe(0)
          const histogram = Metric.unsafeSnapshot().find(({ metricKey }) =>
            metricKey.name === "db.client.operation.duration"
          )
          expect((histogram!.metricKey.keyType as any).boundaries.values).toEqual([
            0.001,
            0.005,
            0.01,
            0.05,
            0.1,
            0.5,
            1,
            5,
            10,
            Infinity
          ])
        }),
      {},
      { name }
    )).pipe(VirtualClock.run)
  })

  it.effect("count the read-only pool apart, retries, and what timed out", () => {
    const name = nextName()
    return Effect.scoped(withBench(
      ({ engine, server }) =>
        Effect.gen(function*() {
          yield* EngineMetrics.attach(engine)
          const sql = yield* SqlClient.SqlClient
          yield* sql`select k from t`
          server.next("statement", Outcome.fail("40001"))
          yield* Session.transaction(sql`insert into t values (1)`, { retry: "conflicts" })
          yield* Session.transaction(
            Effect.zipRight(
              sql`insert into t values (2)`,
              Effect.ignore(
                Effect.fork(Session.transaction(sql`insert into t values (3)`, { nested: "new" })).pipe(
                  Effect.tap(Effect.sleep("2 seconds"))
                )
              )
            )
          )
          const pool = (name: string) => ({ "db.client.connection.pool.name": name })
          expect(counted("effect_sql_engine.pool.connections.created", name, pool(`${name} (read)`))).toBe(1)
          expect(counted("effect_sql_engine.pool.connections.created", name, pool(name))).toBe(1)
          expect(counted("effect_sql_engine.session.retries", name)).toBe(1)
          expect(
            counted("db.client.connection.timeouts", name) + counted("effect_sql_engine.pool.requests", name, {
              outcome: "refused"
            })
          ).toBe(1)
        }),
      { readLane: true },
      { name, pool: { mode: "single", acquireTimeout: "1 second" } }
    )).pipe(VirtualClock.run)
  })

  it.effect("are on with a layer, for the default engine and for one with a tag of its own", () => {
    class Reports extends Engine.Tag<Reports>()("test/Reports") {}
    const [main, reports] = [nextName(), nextName()]
    const engine = (name: string) =>
      Effect.flatMap(ScriptedDriver.make(), ({ driver }) => Engine.make(driver, { name }))
    return Session.transaction(Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select k from t`)).pipe(
      Effect.zipRight(Reports.transaction(Effect.flatMap(Reports.sql, (sql) => sql`select k from t`))),
      Effect.tap(() =>
        Effect.sync(() => {
          expect(counted("effect_sql_engine.sessions", main, { outcome: "committed" })).toBe(1)
          expect(counted("effect_sql_engine.sessions", reports, { outcome: "committed" })).toBe(1)
        })
      ),
      Effect.provide(
        Layer.merge(EngineMetrics.layer, EngineMetrics.layerOf(Reports)).pipe(
          Layer.provideMerge(Layer.merge(Engine.layer(engine(main)), Reports.layer(engine(reports))))
        )
      )
    )
  })

  it.scoped("are none before an engine is put behind them", () => {
    const name = nextName()
    return withBench(
      () =>
        Effect.gen(function*() {
          yield* Session.transaction(Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select k from t`))
          expect(Metric.unsafeSnapshot().filter(({ metricKey }) => metricKey.tags.some(({ value }) => value === name)))
            .toEqual([])
        }),
      {},
      { name }
    )
  })
})
