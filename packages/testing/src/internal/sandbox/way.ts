/**
 * Where a connection of an engine under a sandbox leads: to a connection of its own, or into the transaction of a test.
 */
import type { Effect } from "effect"
import type { DriverConnection } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"

/** The part of a `DriverConnection` that depends on where it leads. */
export interface Way
  extends Pick<DriverConnection, "id" | "execute" | "stream" | "control" | "transaction" | "condition" | "settle">
{
  /** Undoes what was left, and lets go. Afterwards it is not used again. */
  readonly leave: Effect.Effect<void, SqlFailure>
  /** Whether it has let go by itself. */
  readonly over: boolean
}
