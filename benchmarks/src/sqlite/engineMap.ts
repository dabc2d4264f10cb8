/**
 * W7: how long it takes to get an engine that is there from the map, for the life of a scope.
 */
import { Effect } from "effect"
import { EngineMap } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"

/** Microseconds each, a value for each round. */
export const fromMap = (file: string, quick: boolean) =>
  Effect.runPromise(
    Effect.scoped(Effect.gen(function*() {
      const map = yield* EngineMap.make({ drivers: [SqliteEngine.driver] })
      const url = `sqlite://${file}`
      yield* map.get(url)
      const each = (effect: Effect.Effect<unknown, unknown>) =>
        Effect.gen(function*() {
          const count = quick ? 5_000 : 20_000
          let done = 0
          const start = performance.now()
          yield* Effect.whileLoop({ while: () => done++ < count, body: () => effect, step: () => {} })
          return (performance.now() - start) / count * 1000
        })
      const get: Array<number> = []
      const scope: Array<number> = []
      const held = Effect.scoped(map.get(url))
      const empty = Effect.scoped(Effect.addFinalizer(() => Effect.void))
      yield* each(held)
      yield* each(empty)
      for (let round = 0; round < (quick ? 7 : 21); round++) {
        scope.push(yield* each(empty))
        get.push(yield* each(held))
      }
      return { get, scope }
    }))
  )
