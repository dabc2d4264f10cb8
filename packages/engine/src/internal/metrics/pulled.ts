/**
 * Counters that are read where the numbers are counted anyway, at the moment somebody reads the metric: nothing is
 * updated meanwhile, and the metric cannot drift from the truth.
 *
 * A counter of the registry keeps a number of its own, and gives it through `get`; here `get` asks those who count.
 * Several engines may stand behind one metric (one name, one after another): their numbers are added. Of an engine that
 * has ended, what it counted stays, and what it held is gone.
 */
import { Metric, MetricState } from "effect"
import type { MetricHook, MetricKey } from "effect"

interface Source {
  /** What engines that have ended had counted. */
  past: number
  readonly readers: Set<() => number>
}

const sources = new WeakMap<MetricHook.MetricHook.Counter<number>, Source>()

/** Lets a metric read a number, until what comes back is called. */
export const pull = (key: MetricKey.MetricKey.Counter<number>, read: () => number): () => void => {
  const hook = Metric.globalMetricRegistry.get(key)
  const { incremental } = key.keyType
  let source = sources.get(hook)
  if (source === undefined) {
    const made: Source = { past: 0, readers: new Set() }
    sources.set(hook, source = made)
    Object.assign(hook, {
      get: () => {
        let count = made.past
        for (const read of made.readers) count += read()
        return MetricState.counter(count)
      }
    })
  }
  const { readers } = source
  const own = source
  readers.add(read)
  return () => {
    if (readers.delete(read) && incremental) own.past += read()
  }
}
