/**
 * A connection of an engine under a sandbox. It is nothing by itself: when it is used, the fiber that uses it says
 * where it leads.
 */
import { Effect, Stream } from "effect"
import type { Fiber } from "effect"
import type { Condition, Control, DriverConnection, Statement, TransactionStatus } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Way } from "./way.js"

/** Finds the way for a fiber. */
export type FindWay = (
  borrowed: Borrowed,
  fiber: Fiber.RuntimeFiber<any, any>
) => Effect.Effect<Way, SqlFailure>

let made = 0

export class Borrowed implements DriverConnection {
  private readonly own = `sandbox-${++made}`
  private current: Way | undefined

  constructor(private readonly find: FindWay, readonly ping: Effect.Effect<void, SqlFailure>) {}

  /** Where it leads now. */
  get way(): Way | undefined {
    return this.current?.over === true ? undefined : this.current
  }

  get id(): string {
    return this.way?.id ?? this.own
  }

  private take<A>(use: (way: Way) => A): Effect.Effect<A, SqlFailure> {
    return Effect.withFiberRuntime((fiber) => {
      const { way } = this
      if (way !== undefined) return Effect.succeed(use(way))
      return Effect.map(this.find(this, fiber), (found) => use(this.current = found))
    })
  }

  execute(statement: Statement): Effect.Effect<ReadonlyArray<any>, SqlFailure> {
    return Effect.flatten(this.take((way) => way.execute(statement)))
  }

  stream(statement: Statement): Stream.Stream<any, SqlFailure> {
    return Stream.unwrap(this.take((way) => way.stream(statement)))
  }

  control(kind: Control, sql: string): Effect.Effect<TransactionStatus, SqlFailure> {
    return Effect.suspend(() => this.way?.control(kind, sql) ?? Effect.succeed("none" as const))
  }

  transaction(): TransactionStatus {
    return this.way?.transaction() ?? "none"
  }

  condition(): Condition {
    return this.way?.condition() ?? "clean"
  }

  get settle(): Effect.Effect<void, SqlFailure> {
    return Effect.suspend(() => this.way?.settle ?? Effect.void)
  }

  get reset(): Effect.Effect<void, SqlFailure> {
    return Effect.suspend(() => {
      const { way } = this
      this.current = undefined
      return way?.leave ?? Effect.void
    })
  }

  get close(): Effect.Effect<void> {
    return Effect.ignore(this.reset)
  }
}
