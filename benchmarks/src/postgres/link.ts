/**
 * A longer line to the server: the project's own proxy, in a thread of its own so that it takes no time from the peers.
 */
import { Effect } from "effect"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import type { Proxy } from "../../../test/support/proxy.js"
import { proxy } from "../../../test/support/proxy.js"

export interface Line {
  readonly port: number
  /** Forgets the round trips it has counted; says how many they were. */
  readonly trips: () => Promise<number>
  readonly close: () => Promise<unknown>
}

/** Opens a line on which everything a client says takes so many milliseconds. */
export const line = async (port: number, delayMillis: number): Promise<Line> => {
  const worker = new Worker(new URL(import.meta.url), { workerData: { port, delayMillis } })
  const heard = () => new Promise<number>((resolve) => worker.once("message", resolve))
  const ready = heard()
  return {
    port: await ready,
    trips: () => {
      const answer = heard()
      worker.postMessage("trips")
      return answer
    },
    close: () => worker.terminate()
  }
}

if (!isMainThread) {
  const { delayMillis, port } = workerData as { port: number; delayMillis: number }
  const run = Effect.gen(function*() {
    const made: Proxy = yield* proxy({ host: "127.0.0.1", port })
    made.delayMillis = delayMillis
    parentPort!.on("message", () => {
      parentPort!.postMessage(made.trips())
      made.reset()
    })
    parentPort!.postMessage(made.port)
    return yield* Effect.never
  })
  Effect.runFork(Effect.scoped(run))
}
