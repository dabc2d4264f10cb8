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
  /** Milliseconds of this process's own work for an operation, on all its threads: what else the machine does is not in it. */
  readonly work: ReadonlyArray<number>
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
  readonly warmUp: number
  /** The number of the first operation. */
  readonly from: number
}

const time = async (loop: Loop, from: number, count: number, concurrency: number) => {
  const before = process.cpuUsage()
  const start = performance.now()
  const own = await loop({ from, count, concurrency })
  const wall = own ?? performance.now() - start
  const { system, user } = process.cpuUsage(before)
  return { wall, work: (user + system) / 1000 }
}

/**
 * How many operations make a batch: found with the first contestant, the same for all. All have warmed up by then, so that
 * no round waits for a compiler or for a connection.
 */
const calibrate = async (
  contestants: ReadonlyArray<Contestant>,
  plan: Plan
): Promise<{ count: number; used: number }> => {
  const { concurrency } = plan
  for (const { loop } of contestants) {
    globalThis.gc?.()
    // What fails here fails again in the first round, and is told there.
    await loop({ from: plan.from, count: plan.warmUp, concurrency }).catch(() => {})
  }
  const { wall } = await time(contestants[0]!.loop, plan.from + plan.warmUp, plan.fewest, concurrency)
  for (const { loop } of contestants.slice(1)) {
    await loop({ from: plan.from + plan.warmUp, count: plan.fewest, concurrency }).catch(() => {})
  }
  const count = Math.round(plan.fewest * plan.batchMillis / Math.max(wall, 0.01))
  return { count: Math.max(plan.fewest, Math.min(plan.most, count)), used: plan.warmUp + plan.fewest }
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
  const work = new Map<string, Array<number>>(contestants.map(({ name }) => [name, []]))
  const failures = new Map<string, string>()
  let from = plan.from + used
  for (let round = 0; round < plan.rounds; round++) {
    for (let at = 0; at < contestants.length; at++) {
      const { loop, name } = contestants[(at + round) % contestants.length]!
      if (failures.has(name)) continue
      try {
        const taken = await time(loop, from, count, plan.concurrency)
        values.get(name)!.push(taken.wall / count)
        work.get(name)!.push(taken.work / count)
      } catch (error) {
        failures.set(name, reason(error))
      }
    }
    from += count
  }
  const timed = contestants.map(({ name }) => ({
    name,
    rounds: values.get(name)!,
    work: work.get(name)!,
    failure: failures.get(name)
  }))
  return { timed, count, operations: from - plan.from }
}
