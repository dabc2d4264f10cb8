/**
 * The database under an exploration: made ready once, set back for each order, and left as it was found.
 */
import type { Effect } from "effect"
import type { DriverConnection } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Actor } from "./actor.js"
import type { InterleavingsError } from "./failure.js"
import type { Furnish } from "./gate.js"
import type { Watch } from "./settle.js"
import type { Rules } from "./transactions.js"

/** A failure of the exploration's own. */
export type Failure = InterleavingsError | SqlFailure

/** What an exploration needs of a kind of database. */
export interface Ground {
  /** Makes each connection ready. */
  readonly furnish: Furnish
  /** Finds the place empty, or makes an empty one. */
  readonly open: Effect.Effect<void, Failure>
  /** Remembers what stands there now, as the state each order begins with. */
  readonly remember: Effect.Effect<Rules, Failure>
  /** Sets the tables back that were changed (absent: any); `false` when they have to be made anew. */
  readonly reset: (changed: ReadonlySet<string> | undefined) => Effect.Effect<boolean, Failure>
  /** Removes everything, so that it can be made anew. */
  readonly clear: Effect.Effect<void, Failure>
  /** Leaves the place as it was found; never fails. */
  readonly close: Effect.Effect<void>
  readonly watch: (actors: ReadonlyArray<Actor>) => Watch
}

/** Runs one text on the connection outside of the exploration. */
export const ask = (
  connection: DriverConnection,
  sql: string,
  params: ReadonlyArray<unknown> = []
): Effect.Effect<ReadonlyArray<any>, SqlFailure> =>
  connection.execute({ sql, params, shape: "rows", prepare: params.length > 0, prelude: [] })
