/**
 * An engine on the scripted driver, with what every test asserts on the way out: nothing lent, nothing waiting, no open
 * transaction, no rule of the protocol broken, and sums that add up.
 */
import { expect } from "@effect/vitest"
import { Effect } from "effect"
import type { Layer, Scope } from "effect"
import * as ScriptedDriver from "effect-sql-engine-testing/ScriptedDriver"
import type { EngineOptions, EngineService, EngineStats } from "effect-sql-engine/Engine"
import * as Engine from "effect-sql-engine/Engine"
import type { PoolStats } from "effect-sql-engine/Pool"

/** The engine under test, and the server behind it. */
export interface Bench {
  readonly engine: EngineService
  readonly server: ScriptedDriver.ScriptedDriver
}

const sum = (record: Readonly<Record<string, number>>) => Object.values(record).reduce((a, b) => a + b, 0)

/** The conservation laws of a pool. */
export const expectPoolAddsUp = (stats: PoolStats) => {
  expect(stats.requests).toBe(
    stats.served + stats.timedOut + stats.shed + stats.interrupted + stats.refused + stats.waiting
  )
  expect(stats.created).toBe(stats.open + sum(stats.destroyed))
  expect(stats.served).toBe(stats.released + stats.inUse)
}

/** The conservation laws of an engine. */
export const expectAddsUp = (stats: EngineStats) => {
  const { committed, open, opened, rolledBack, unknown } = stats.sessions
  expect(opened).toBe(committed + rolledBack + unknown + open)
  expectPoolAddsUp(stats.pool)
  if (stats.readers !== undefined) expectPoolAddsUp(stats.readers)
}

/** Makes an engine for a scope, and checks at its end that everything came back. */
export const bench = (
  driver: ScriptedDriver.Options = {},
  options: EngineOptions = {}
): Effect.Effect<Bench, never, Scope.Scope> =>
  Effect.gen(function*() {
    const server = yield* ScriptedDriver.make(driver)
    const engine = yield* Effect.orDie(Engine.make(server.driver, options))
    yield* Effect.addFinalizer(() =>
      Effect.gen(function*() {
        const stats = yield* engine.stats
        expect(server.breaches).toEqual([])
        expectAddsUp(stats)
        expect(stats).toMatchObject({ pool: { inUse: 0, waiting: 0 }, sessions: { open: 0 } })
        expect(server.counts().openTransactions).toBe(0)
      })
    )
    return { engine, server }
  })

/** The bench's engine as the default one. */
export const layerOf = ({ engine }: Bench) => Engine.layer(Effect.succeed(engine))

/** Runs a test with a bench of its own, its engine being the default one. */
export const withBench = <A, E>(
  test: (bench: Bench) => Effect.Effect<A, E, Layer.Layer.Success<ReturnType<typeof layerOf>> | Scope.Scope>,
  driver?: ScriptedDriver.Options,
  options?: EngineOptions
): Effect.Effect<A, E, Scope.Scope> =>
  Effect.flatMap(bench(driver, options), (made) => Effect.provide(test(made), layerOf(made)))
