/**
 * Everything at once: how long each waited, how long the event loop stood still, how much memory it took.
 */
import { monitorEventLoopDelay } from "node:perf_hooks"
import { getHeapStatistics } from "node:v8"
import type { Loop } from "../peer.js"
import { quantile } from "./statistics.js"

export interface Burst {
  readonly totalMillis: number
  readonly p50: number
  readonly p99: number
  readonly longestDelay: number
  readonly heapMegabytes: number
  readonly failed: number
  readonly firstFailure: string | undefined
}

const used = () => getHeapStatistics().used_heap_size

export const burst = async (loop: Loop, from: number, count: number): Promise<Burst> => {
  const before = used()
  let most = before
  const latencies: Array<number> = []
  let failed = 0
  let firstFailure: string | undefined
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  const watch = setInterval(() => most = Math.max(most, used()), 5)
  const start = performance.now()
  try {
    await loop({
      from,
      count,
      concurrency: count,
      ended: (millis, failure) => {
        latencies.push(millis)
        if (failure === undefined) return
        failed++
        firstFailure ??= failure instanceof Error ? failure.name : String(failure)
      }
    })
  } finally {
    clearInterval(watch)
    delays.disable()
  }
  return {
    totalMillis: performance.now() - start,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    longestDelay: delays.max / 1e6,
    heapMegabytes: (most - before) / 1e6,
    failed,
    firstFailure
  }
}
