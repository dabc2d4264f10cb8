/**
 * W7: how long it takes to get an engine that is there from the map, for the life of a scope. In a thread of its own, where
 * nothing else has run before.
 */
import { Effect, type Scope } from "effect"
import { EngineMap } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { once } from "node:events"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"

/** Microseconds each, a value for each round. */
export interface Found {
  /** In a scope that is there. */
  readonly get: ReadonlyArray<number>
  /** In a scope of its own. */
  readonly scoped: ReadonlyArray<number>
  /** A scope with a finalizer that does nothing. */
  readonly scope: ReadonlyArray<number>
}

export const fromMap = async (file: string, quick: boolean): Promise<Found> => {
  const worker = new Worker(new URL(import.meta.url), { workerData: { file, quick } })
  const [found] = await once(worker, "message")
  await worker.terminate()
  return found
}

const measure = (file: string, quick: boolean): Promise<Found> =>
  Effect.runPromise(
    Effect.scoped(Effect.gen(function*() {
      const map = yield* EngineMap.make({ drivers: [SqliteEngine.driver] })
      const url = `sqlite://${file}`
      yield* map.get(url)
      const each = (count: number, effect: Effect.Effect<unknown, unknown, Scope.Scope>) =>
        Effect.gen(function*() {
          let done = 0
          const start = performance.now()
          yield* Effect.whileLoop({ while: () => done++ < count, body: () => effect, step: () => {} })
          return (performance.now() - start) / count * 1000
        })
      const one = map.get(url)
      const get: Array<number> = []
      const scoped: Array<number> = []
      const scope: Array<number> = []
      const warm = 5
      for (let round = -warm; round < (quick ? 7 : 21); round++) {
        const taken = [
          yield* Effect.scoped(each(2_000, one)),
          yield* each(10_000, Effect.scoped(one)),
          yield* each(10_000, Effect.scoped(Effect.addFinalizer(() => Effect.void)))
        ] as const
        if (round < 0) continue
        get.push(taken[0])
        scoped.push(taken[1])
        scope.push(taken[2])
      }
      return { get, scoped, scope }
    }))
  )

if (!isMainThread) {
  const { file, quick } = workerData as { file: string; quick: boolean }
  void measure(file, quick).then((found) => parentPort!.postMessage(found))
}
