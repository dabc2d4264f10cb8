/**
 * The way to a real connection, for as long as the engine's is lent: its transactions are real ones.
 */
import type { Stream } from "effect"
import { Effect, Exit } from "effect"
import type { Condition, Control, DriverConnection, Statement, TransactionStatus } from "effect-sql-engine/Driver"
import type { Lease, Pool, Request } from "effect-sql-engine/Pool"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Way } from "./way.js"

/** A real connection. */
export class Direct implements Way, Request {
  readonly session = undefined
  statement: string | undefined = undefined
  lease: Lease | undefined = undefined

  constructor(private readonly pool: Pool, readonly holds: ReadonlyArray<Lease>) {}

  /** Takes the connection; when that fails or is interrupted, there is nothing to let go of. */
  static take(pool: Pool, holds: ReadonlyArray<Lease>): Effect.Effect<Direct, SqlFailure> {
    return Effect.uninterruptibleMask((restore) => {
      const way = new Direct(pool, holds)
      return Effect.as(
        Effect.onExit(
          restore(pool.acquire(way)),
          (exit) => Exit.isSuccess(exit) ? Effect.void : Effect.sync(() => pool.release(way))
        ),
        way
      )
    })
  }

  private get connection(): DriverConnection {
    return this.lease!.connection
  }

  get over(): boolean {
    return this.lease === undefined
  }

  get id(): string {
    return this.connection.id
  }

  execute(statement: Statement): Effect.Effect<ReadonlyArray<any>, SqlFailure> {
    this.statement = statement.sql
    return this.connection.execute(statement)
  }

  stream(statement: Statement): Stream.Stream<any, SqlFailure> {
    this.statement = statement.sql
    return this.connection.stream(statement)
  }

  control(kind: Control, sql: string): Effect.Effect<TransactionStatus, SqlFailure> {
    return this.connection.control(kind, sql)
  }

  transaction(): TransactionStatus {
    return this.lease === undefined ? "none" : this.connection.transaction()
  }

  /** Never clean: what gives it back is `leave`. */
  condition(): Condition {
    if (this.lease === undefined) return "clean"
    const condition = this.connection.condition()
    return condition === "clean" ? "dirty" : condition
  }

  get settle(): Effect.Effect<void, SqlFailure> {
    return Effect.suspend(() => this.lease === undefined ? Effect.void : this.connection.settle)
  }

  /** The pool of real connections makes it as new. */
  readonly leave: Effect.Effect<void> = Effect.sync(() => this.pool.release(this))
}
