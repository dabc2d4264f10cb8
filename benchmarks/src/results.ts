/**
 * What a run found, as data.
 */
import type { Burst } from "./measure/burst.js"
import type { Machine } from "./measure/machine.js"
import type { Timed } from "./measure/rounds.js"
import type { Found as EngineMap } from "./sqlite/engineMap.js"

export type Database = "postgres" | "sqlite"

/** One race: a piece of work, so many at once, over one kind of line. */
export interface Race {
  readonly database: Database
  readonly work: string
  readonly concurrency: number
  readonly line: "loopback" | "slow"
  /** Operations of a batch. */
  readonly count: number
  /** The reference first. */
  readonly timed: ReadonlyArray<Timed>
}

/** Whether all have written the same rows. */
export interface Check {
  readonly database: Database
  readonly work: string
  readonly concurrency: number
  readonly compared: number
  readonly different: ReadonlyArray<string>
}

export interface Results {
  readonly machine: Machine
  readonly quick: boolean
  readonly server: string
  readonly versions: ReadonlyArray<{ readonly peer: string; readonly versions: string; readonly note: string }>
  readonly races: ReadonlyArray<Race>
  readonly bursts: ReadonlyArray<Burst & { readonly name: string }>
  readonly checks: ReadonlyArray<Check>
  /** The slow line: milliseconds for a round trip of a small query, and round trips of one operation. */
  readonly slow:
    | {
      readonly roundTripMillis: number
      readonly trips: ReadonlyArray<{ readonly name: string; readonly work: string; readonly trips: number }>
    }
    | undefined
  readonly engineMap: EngineMap | undefined
  readonly absent: ReadonlyArray<{ readonly peer: string; readonly why: string }>
}
