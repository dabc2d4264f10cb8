/**
 * Rounds: every peer does the same batch, one after the other, again and again, the first one moving on each time.
 */
import type { Loop } from "../peer.js"

export interface Contestant {
  readonly name: string
  readonly loop: Loop
}

export interface Timed {
  readonly name: string
  /** Milliseconds an operation, a value for each round. */
  readonly rounds: ReadonlyArray<number>
  /** Why it has no values, or fewer than the others. */
  readonly failure?: string | undefined
}

export interface Plan {
  readonly rounds: number
  readonly concurrency: number
  /** How long the first contestant's batch should take. */
  readonly batchMillis: number
  /** The most and the fewest operations of a batch. */
  readonly most: number
  readonly fewest: number
  /** The number of the first operation. */
  readonly from: number
}

const time = async (loop: Loop, from: number, count: number, concurrency: number): Promise<number> => {
  const start = performance.now()
  const own = await loop({ from, count, concurrency })
  return own ?? performance.now() - start
}

/** How many operations make a batch, found with the first contestant; those are done by all. */
const calibrate = async (contestants: ReadonlyArray<Contestant>, plan: Plan): Promise<{ count: number; used: number }> => {
  let count = Math.max(plan.fewest, Math.min(plan.most, plan.concurrency * 2))
  let used = 0
  for (let attempt = 0; attempt < 4; attempt++) {
    const millis = await time(contestants[0]!.loop, plan.from + used, count, plan.concurrency)
    for (const { loop } of contestants.slice(1)) {
      await loop({ from: plan.from + used, count, concurrency: plan.concurrency }).catch(() => {})
    }
    used += count
    count = Math.max(plan.fewest, Math.min(plan.most, Math.round(count * plan.batchMillis / Math.max(millis, 0.01))))
    if (millis > plan.batchMillis / 2) break
  }
  return { count, used }
}

const reason = (error: unknown): string => {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "").join(" ").slice(0, 160)
}

/** Runs the rounds. Says how many operations each contestant has done. */
export const race = async (
  contestants: ReadonlyArray<Contestant>,
  plan: Plan
): Promise<{ readonly timed: ReadonlyArray<Timed>; readonly count: number; readonly operations: number }> => {
  const { count, used } = await calibrate(contestants, plan)
  const values = new Map<string, Array<number>>(contestants.map(({ name }) => [name, []]))
  const failures = new Map<string, string>()
  let from = plan.from + used
  for (let round = 0; round < plan.rounds; round++) {
    for (let at = 0; at < contestants.length; at++) {
      const { loop, name } = contestants[(at + round) % contestants.length]!
      if (failures.has(name)) continue
      globalThis.gc?.()
      try {
        values.get(name)!.push(await time(loop, from, count, plan.concurrency) / count)
      } catch (error) {
        failures.set(name, reason(error))
      }
    }
    from += count
  }
  const timed = contestants.map(({ name }) => ({ name, rounds: values.get(name)!, failure: failures.get(name) }))
  return { timed, count, operations: from - plan.from }
}
