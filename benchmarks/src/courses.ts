/**
 * The work: what is raced, how many at once, how long.
 */
import type { Key } from "./apart.js"

export interface Course {
  readonly work: string
  readonly key: Key
  readonly concurrencies: ReadonlyArray<number>
  readonly slow: boolean
  readonly writes: boolean
  readonly most: number
}

const course = (
  work: string,
  key: Course["key"],
  concurrencies: ReadonlyArray<number>,
  { most = 20_000, slow = false, writes = true } = {}
): Course => ({ work, key, concurrencies, most, slow, writes })

export const onPostgres: ReadonlyArray<Course> = [
  course("W1", "insert", [1, 16, 256], { slow: true }),
  course("W2", "transfer", [1, 16, 256], { slow: true }),
  course("W3", "find", [1, 16, 256], { slow: true, writes: false }),
  course("W4", "unit", [1], { most: 20 }),
  course("W5", "wide", [1], { most: 20, writes: false })
]

export const onSqlite: ReadonlyArray<Course> = [
  course("W1", "insert", [1, 16]),
  course("W3", "find", [1, 16], { writes: false }),
  course("W4", "unit", [1], { most: 20 }),
  course("W5", "wide", [1], { most: 20, writes: false })
]

export const titles: Readonly<Record<string, string>> = {
  W1: "a session with one insert",
  W2: "a session with the five statements of TPC-B",
  W3: "a row by its key, without a transaction",
  W4: "a unit of work of 1,000 inserts, keys read back",
  W5: "10,000 rows of 10 columns",
  W6: "5,000 sessions with one insert at once, on 10 connections",
  W7: "an engine from the map"
}

/**
 * How long and how often: many short batches, because what else the machine does comes and goes. The first time that a
 * process does a piece of work it warms up for longer, so that the compiler has done with it.
 */
export const pace = (quick: boolean, slow: boolean, first: boolean) =>
  quick
    ? { rounds: slow ? 5 : 11, batchMillis: slow ? 60 : 30, warmMillis: first ? 1_500 : 500 }
    : { rounds: slow ? 9 : 15, batchMillis: slow ? 150 : 60, warmMillis: first ? 3_000 : 1_000 }
