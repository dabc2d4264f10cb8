/**
 * W7: how long it takes to get an engine that is there from the map, for the life of a scope. In a thread of its own, where
 * nothing else has run before.
 */
import { Effect } from "effect"
import { EngineMap } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { once } from "node:events"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"

/** Microseconds each, a value for each round. */
interface Found {
  readonly get: ReadonlyArray<number>
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
      const each = (effect: Effect.Effect<unknown, unknown>) =>
        Effect.gen(function*() {
          const count = 20_000
          let done = 0
          const start = performance.now()
          yield* Effect.whileLoop({ while: () => done++ < count, body: () => effect, step: () => {} })
          return (performance.now() - start) / count * 1000
        })
      const get: Array<number> = []
      const scope: Array<number> = []
      const held = Effect.scoped(map.get(url))
      const empty = Effect.scoped(Effect.addFinalizer(() => Effect.void))
      for (let i = 0; i < 5; i++) {
        yield* each(empty)
        yield* each(held)
      }
      for (let round = 0; round < (quick ? 7 : 21); round++) {
        scope.push(yield* each(empty))
        get.push(yield* each(held))
      }
      return { get, scope }
    }))
  )

if (!isMainThread) {
  const { file, quick } = workerData as { file: string; quick: boolean }
  void measure(file, quick).then((found) => parentPort!.postMessage(found))
}
