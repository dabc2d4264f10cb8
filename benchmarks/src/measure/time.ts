/**
 * How long a batch takes, by the wall and by the processor.
 */
import type { Loop } from "../peer.js"

export interface Span {
  readonly from: number
  readonly count: number
  readonly concurrency: number
}

/** Milliseconds of an operation. */
export interface Taken {
  readonly wall: number
  /** The process's own work, on all its threads: what else the machine does is not in it. */
  readonly work: number
}

/** How much of a batch is not timed: its beginning meets caches of the processor that another peer has filled. */
const lead = 1 / 8

export const time = async (loop: Loop, { concurrency, count: all, from: first }: Span): Promise<Taken> => {
  const ahead = Math.floor(all * lead)
  if (ahead > 0) await loop({ from: first, count: ahead, concurrency })
  const from = first + ahead
  const count = all - ahead
  const before = process.cpuUsage()
  const start = performance.now()
  const own = await loop({ from, count, concurrency })
  const wall = own ?? performance.now() - start
  const { system, user } = process.cpuUsage(before)
  return { wall: wall / count, work: (user + system) / 1000 / count }
}

export const reason = (error: unknown): string => {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "").join(" ").slice(0, 160)
}
