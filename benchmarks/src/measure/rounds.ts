/**
 * Rounds: every peer does the same batch, one after the other, again and again, in an order of chance each time.
 */
import type { Span, Taken } from "./time.js"

export interface Contestant {
  readonly name: string
  /** Runs batches of so many operations until so many milliseconds have passed. */
  readonly warm: (count: number, concurrency: number, millis: number) => Promise<void>
  readonly time: (span: Span) => Promise<Taken>
  /** Takes back what was written. */
  readonly empty: () => Promise<void>
}

export interface Timed {
  readonly name: string
  /** Milliseconds an operation, a value for each round. */
  readonly rounds: ReadonlyArray<number>
  /** Milliseconds of the peer's own work for an operation. */
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
  /** How long each runs before it is measured, so that no round waits for a compiler or for a connection. */
  readonly warmMillis: number
}

/** In an order of chance: whoever always came after the same other would find what that one leaves behind. */
const shuffled = <A>(all: ReadonlyArray<A>): ReadonlyArray<A> => {
  const order = [...all]
  for (let at = order.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1))
    const moved = order[at]!
    order[at] = order[other]!
    order[other] = moved
  }
  return order
}

const message = (error: unknown): string => error instanceof Error ? error.message : String(error)

/** Runs the rounds. */
export const race = async (
  contestants: ReadonlyArray<Contestant>,
  { batchMillis, concurrency, fewest, most, rounds, warmMillis }: Plan
): Promise<{ readonly timed: ReadonlyArray<Timed>; readonly count: number }> => {
  const taken = new Map<Contestant, Array<Taken>>(contestants.map((contestant) => [contestant, []]))
  const failures = new Map<Contestant, string>()
  const attempt = async (contestant: Contestant, run: () => Promise<void>): Promise<void> => {
    if (failures.has(contestant)) return
    try {
      await run()
    } catch (error) {
      failures.set(contestant, message(error))
    }
  }
  for (const contestant of contestants) {
    await attempt(contestant, () => contestant.warm(fewest, concurrency, warmMillis))
    await contestant.empty()
  }
  // The first finds out how many operations make a batch, the same for all.
  let from = 1
  const { wall } = await contestants[0]!.time({ from, count: fewest, concurrency })
  for (const contestant of contestants.slice(1)) {
    await attempt(contestant, async () => {
      await contestant.time({ from, count: fewest, concurrency })
    })
  }
  from += fewest
  const count = Math.max(fewest, Math.min(most, Math.round(batchMillis / Math.max(wall, 0.000_1))))
  for (let round = 0; round < rounds; round++) {
    for (const contestant of shuffled(contestants)) {
      await attempt(contestant, async () => {
        taken.get(contestant)!.push(await contestant.time({ from, count, concurrency }))
      })
    }
    from += count
  }
  const timed = contestants.map((contestant): Timed => ({
    name: contestant.name,
    rounds: taken.get(contestant)!.map(({ wall }) => wall),
    work: taken.get(contestant)!.map(({ work }) => work),
    failure: failures.get(contestant)
  }))
  return { timed, count }
}
