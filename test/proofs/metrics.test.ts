/**
 * Proof 20(b): the metrics of an engine are the truth. After any workload they equal the driver's own log, at any moment
 * the engine's own numbers, and the laws of conservation hold in the metrics themselves.
 */
import type { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, FastCheck as fc, Fiber, Scope, Stream } from "effect"
import { Outcome } from "effect-sql-engine-testing"
import * as ScriptedDriver from "effect-sql-engine-testing/ScriptedDriver"
import * as VirtualClock from "effect-sql-engine-testing/VirtualClock"
import * as Engine from "effect-sql-engine/Engine"
import * as EngineMetrics from "effect-sql-engine/EngineMetrics"
import * as Session from "effect-sql-engine/Session"
import { counted, look } from "../../packages/engine/test/support/sight.js"
import { evidence } from "../support/evidence.js"
import { check, size } from "../support/proof.js"
import { checkSums } from "../support/quiescence.js"

const seed = 20_000_002

/** What one fiber does. */
type Work =
  | { readonly _tag: "Alone"; readonly statement: string }
  | { readonly _tag: "Stream"; readonly rows: number }
  | {
    readonly _tag: "Session"
    readonly statements: ReadonlyArray<string>
    readonly nested: boolean
    readonly end: "succeed" | "fail" | "interrupt"
  }

const statement = fc.constantFrom(
  "insert into t values (1)",
  "select k from t",
  "delete from t",
  "fail 23505",
  "fail 40001"
)

const work: fc.Arbitrary<Work> = fc.oneof(
  fc.record({ _tag: fc.constant("Alone" as const), statement }),
  fc.record({ _tag: fc.constant("Stream" as const), rows: fc.nat(3) }),
  fc.record({
    _tag: fc.constant("Session" as const),
    statements: fc.array(statement, { minLength: 1, maxLength: 3 }),
    nested: fc.boolean(),
    end: fc.constantFrom("succeed" as const, "succeed" as const, "fail" as const, "interrupt" as const)
  })
)

const outcome = fc.oneof(
  { weight: 8, arbitrary: fc.constant(Outcome.ok) },
  { weight: 4, arbitrary: fc.nat(500).map((millis) => Outcome.slow(millis)) },
  { weight: 1, arbitrary: fc.constantFrom(Outcome.hang, Outcome.lostBefore, Outcome.lostAfter, Outcome.fail("40001")) }
)

const plan = fc.record({
  work: fc.array(fc.tuple(work, fc.nat(200), fc.option(fc.nat(600))), { minLength: 1, maxLength: 20 }),
  statements: fc.array(outcome, { maxLength: 20 }),
  commits: fc.array(outcome, { maxLength: 5 }),
  connects: fc.array(
    fc.oneof({ weight: 5, arbitrary: fc.constant(Outcome.ok) }, {
      weight: 1,
      arbitrary: fc.constant(Outcome.fail("53300"))
    }),
    { maxLength: 4 }
  ),
  size: fc.integer({ min: 1, max: 3 }),
  looks: fc.array(fc.nat(1500), { maxLength: 5 })
})

const run = (sql: SqlClient.SqlClient, doing: Work): Effect.Effect<unknown, unknown, Engine.Engine> => {
  switch (doing._tag) {
    case "Alone":
      return sql.unsafe(doing.statement)
    case "Stream":
      return Stream.runDrain(Stream.take(sql.unsafe("select k from t").stream, doing.rows))
    case "Session": {
      const body = Effect.forEach(doing.statements, (statement) => Effect.ignore(sql.unsafe(statement)))
      return Session.transaction(
        Effect.zipRight(
          doing.nested ? Effect.ignore(Session.transaction(body)) : body,
          doing.end === "succeed" ? Effect.void : doing.end === "fail" ? Effect.fail("no") : Effect.interrupt
        )
      )
    }
  }
}

/** What a metric has counted since. */
type Meter = (metric: string, labels?: Readonly<Record<string, string>>) => number

/** Looks, each time it is asked, at what was counted since it was made. */
const meter = (name: string): () => Meter => {
  const before = look(name)
  return () => {
    const now = look(name)
    return (metric, labels) => counted(metric, name, labels, now) - counted(metric, name, labels, before)
  }
}

/** The metrics against what the engine says, at any moment. */
const compare = (of: Meter, { pool, sessions }: Engine.EngineStats) => {
  const state = (state: string) => of("db.client.connection.count", { "db.client.connection.state": state })
  expect([state("used"), state("idle"), state("returning")]).toEqual([pool.inUse, pool.idle, pool.returning])
  expect(of("db.client.connection.pending_requests")).toBe(pool.waiting)
  expect(of("db.client.connection.timeouts")).toBe(pool.timedOut)
  expect(of("effect_sql_engine.sessions.open")).toBe(sessions.open)
  // Laws of conservation, in the metrics themselves.
  expect(of("effect_sql_engine.pool.requests") + of("db.client.connection.pending_requests")).toBe(pool.requests)
  expect(of("effect_sql_engine.pool.requests", { outcome: "served" })).toBe(
    of("db.client.connection.use_time") + state("used")
  )
  expect(of("effect_sql_engine.pool.connections.created")).toBe(
    state("used") + state("idle") + state("returning") + of("effect_sql_engine.pool.connections.destroyed")
  )
  expect(sessions.opened).toBe(of("effect_sql_engine.sessions") + of("effect_sql_engine.sessions.open"))
}

describe("the metrics of an engine", () => {
  it.effect(
    "equal the log of the driver after any workload, and the engine's own numbers during it",
    () => {
      const count = size(60, 1_000)
      const name = "metered"
      let looked = 0
      let statements = 0
      let connections = 0
      return check(seed, count, plan, (plan) =>
        Effect.gen(function*() {
          // One engine after another under one name: what the ones before have counted stays.
          const since = meter(name)
          /** What the driver was given, and what was given up before, by operation. */
          const given: Record<string, number> = {}
          const unsent: Record<string, number> = {}
          const server = ScriptedDriver.unsafeMake({
            tables: { t: [1, 2, 3] },
            onStep: ({ sql, step }) => {
              const operation = sql?.split(" ")[0]?.toUpperCase()
              if (operation === undefined || step === "begin" || step === "savepoint") return
              given[operation] = (given[operation] ?? 0) + 1
            }
          })
          server.next("statement", ...plan.statements)
          server.next("commit", ...plan.commits)
          server.next("connect", ...plan.connects)
          const scope = yield* Scope.make()
          const engine = yield* Scope.extend(
            Engine.make(server.driver, {
              name,
              pool: { size: plan.size, maxOverflow: 0, acquireTimeout: "400 millis" },
              session: { commitTimeout: "1 second", releaseTimeout: "300 millis" },
              drainTimeout: "1 second"
            }),
            scope
          )
          yield* EngineMetrics.attach(engine)
          let opened = 0
          const listening = yield* Effect.fork(Stream.runForEach(engine.events, (event) =>
            Effect.sync(() => {
              if (event._tag === "StatementEnded" && event.connection === undefined) {
                unsent[event.operation] = (unsent[event.operation] ?? 0) + 1
              }
            })))
          yield* Effect.yieldNow()
          const fibers = yield* Effect.forEach(plan.work, ([doing, after, cut]) =>
            Effect.fork(
              Effect.gen(function*() {
                yield* Effect.sleep(after)
                if (doing._tag === "Session") opened++
                const running = yield* Effect.fork(run(engine.sql, doing))
                if (cut !== null) yield* Effect.sleep(cut).pipe(Effect.zipRight(Fiber.interruptFork(running)))
                yield* Effect.timeout(Fiber.await(running), "20 seconds").pipe(
                  Effect.catchAll(() => Fiber.interrupt(running))
                )
              }).pipe(Effect.provideService(Engine.Engine, engine))
            ))
          for (const look of plan.looks) {
            yield* Effect.sleep(look)
            const stats = yield* engine.stats
            checkSums(stats)
            compare(since(), stats)
          }
          yield* Effect.forEach(fibers, Fiber.await)
          yield* Effect.sleep("10 seconds")
          compare(since(), yield* engine.stats)

          yield* Scope.close(scope, Exit.void)
          yield* Fiber.await(listening)
          const stats = yield* engine.stats
          const of = since()
          // Connections.
          const connected = server.counts().opened
          expect(of("effect_sql_engine.pool.connections.created")).toBe(connected)
          expect(of("effect_sql_engine.pool.connections.destroyed")).toBe(connected)
          expect(of("db.client.connection.create_time")).toBe(connected)
          expect(of("db.client.connection.count")).toBe(0)
          // Sessions.
          const outcomeOf = (outcome: string) => of("effect_sql_engine.sessions", { outcome })
          expect(outcomeOf("committed") + outcomeOf("rolled_back") + outcomeOf("unknown")).toBe(opened)
          expect(of("effect_sql_engine.session.duration")).toBe(opened)
          expect(of("effect_sql_engine.sessions.open")).toBe(0)
          expect(outcomeOf("unknown")).toBe(stats.sessions.unknown)
          // Every statement that the driver was given was noted once, under its own name, and nothing else was.
          const noted = (operation: string) => of("db.client.operation.duration", { "db.operation.name": operation })
          for (const [operation, steps] of Object.entries(given)) {
            expect([operation, noted(operation)]).toEqual([operation, steps + (unsent[operation] ?? 0)])
          }
          const all = Object.values(given).concat(Object.values(unsent)).reduce((sum, count) => sum + count, 0)
          expect(of("db.client.operation.duration")).toBe(all)
          statements += all
          connections += connected
          expect(noted("COMMIT")).toBe(given["COMMIT"] ?? 0)
          looked++
        }).pipe(VirtualClock.run, Effect.runPromise)).pipe(
          Effect.tap(() =>
            Effect.sync(() =>
              evidence({
                proof: "20b",
                size: `${count} workloads on the scripted driver`,
                figures: { "workloads without drift": looked, statements, "connections": connections },
                seed
              })
            )
          )
        )
    },
    600_000
  )
})
