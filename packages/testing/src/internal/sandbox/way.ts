/**
 * Where a connection of an engine under a sandbox leads: to a connection of its own, or into the transaction of a test.
 */
import type { Effect, Stream } from "effect"
import type { Condition, Control, Statement, TransactionStatus } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"

/** The part of a `DriverConnection` that depends on where it leads. */
export interface Way {
  readonly id: string
  readonly execute: (statement: Statement) => Effect.Effect<ReadonlyArray<any>, SqlFailure>
  readonly stream: (statement: Statement) => Stream.Stream<any, SqlFailure>
  readonly control: (kind: Control, sql: string) => Effect.Effect<TransactionStatus, SqlFailure>
  readonly transaction: () => TransactionStatus
  readonly condition: () => Condition
  readonly settle: Effect.Effect<void, SqlFailure>
  /** Undoes what was left, and lets go. Afterwards it is not used again. */
  readonly leave: Effect.Effect<void, SqlFailure>
  /** Whether it has let go by itself. */
  readonly over: boolean
}
