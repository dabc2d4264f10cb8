/**
 * What a database does only now and then, on demand: connections that are refused, cut, slow or silent, in front of any
 * real driver, so that an application's own tests can see what it makes of them.
 *
 * Failures are of the types the real ones have, and the database is left as it would be: a refused statement fails the
 * transaction of PostgreSQL and not that of SQLite; a COMMIT that is cut off after it was sent is committed, and reported
 * as `CommitUnknown`.
 *
 * | fault | connect | statement | COMMIT |
 * | --- | --- | --- | --- |
 * | `refuse()` | `ConnectionError` | `SerializationError`, or what is given; nothing is done | the same; rolled back |
 * | `cut` | `ConnectionError` | not sent; the connection is lost | not sent; rolled back by the database |
 * | `cutAfter` | `ConnectionError` | done, not answered; the connection is lost | committed; `CommitUnknown` |
 * | `delay(d)` | later | later | later |
 * | `hang` | never, until interrupted | never; the connection is closed when its time is over | the same; `CommitUnknown` |
 *
 * @since 0.1.0
 */
import { Duration, Effect, Layer } from "effect"
import type { Driver } from "effect-sql-engine/Driver"
import * as EngineConfig from "effect-sql-engine/EngineConfig"
import type { SqlFailure, StatementFailureTag } from "effect-sql-engine/SqlFailure"
import { faultyLane } from "./internal/faults/connection.js"
import type { Fault, InjectOptions, Step } from "./internal/faults/model.js"
import { Plan, Rule } from "./internal/faults/plan.js"
import { building, next } from "./internal/intercept.js"
import { injectOptions } from "./internal/options.js"

export type { Fault, InjectOptions, Step } from "./internal/faults/model.js"

/**
 * The database refuses the step: with this failure, or one of this tag. Default: `ConnectionError` for `connect`,
 * `SerializationError` for everything else.
 *
 * @since 0.1.0
 * @category faults
 */
export const refuse = (failure?: SqlFailure | StatementFailureTag): Fault => ({ _tag: "Refuse", failure })

/**
 * The connection is lost before the step is sent.
 *
 * @since 0.1.0
 * @category faults
 */
export const cut: Fault = { _tag: "Cut", applied: false }

/**
 * The step is done, and the connection is lost before its answer arrives.
 *
 * @since 0.1.0
 * @category faults
 */
export const cutAfter: Fault = { _tag: "Cut", applied: true }

/**
 * The step is done after a time.
 *
 * @since 0.1.0
 * @category faults
 */
export const delay = (duration: Duration.DurationInput): Fault => ({
  _tag: "Delay",
  millis: Duration.toMillis(duration)
})

/**
 * The step is not done and never answered.
 *
 * @since 0.1.0
 * @category faults
 */
export const hang: Fault = { _tag: "Hang" }

/**
 * A fault that was injected.
 *
 * @since 0.1.0
 * @category models
 */
export interface Injected {
  /** How often it has struck. */
  readonly hits: Effect.Effect<number>
  readonly withdraw: Effect.Effect<void>
}

/**
 * The faults of one driver or layer, to be injected while it is in use. With none it changes nothing.
 *
 * @since 0.1.0
 * @category models
 */
export interface Faults {
  readonly inject: (step: Step, fault: Fault, options?: InjectOptions) => Effect.Effect<Injected>
  /** Withdraws all of them. */
  readonly clear: Effect.Effect<void>
  /** How many steps of each kind there were, gone wrong or not. */
  readonly counts: Effect.Effect<Readonly<Record<Step, number>>>
}

const plans = new WeakMap<Faults, Plan>()

/**
 * Makes faults: none at first.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Faults } from "effect-sql-engine-testing"
 * import { SqliteEngine } from "effect-sql-engine-sqlite"
 *
 * export const test = Effect.gen(function*() {
 *   const faults = yield* Faults.make
 *   const DatabaseTest = Faults.layer(SqliteEngine.layer({ filename: "shop-test.db" }), faults)
 *   yield* faults.inject("commit", Faults.cutAfter)
 *   yield* faults.inject("statement", Faults.refuse("DeadlockError"), { matching: /^update/, nth: 2 })
 *   return DatabaseTest
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Faults> = Effect.sync(() => {
  const plan = new Plan()
  const faults: Faults = {
    inject: (step, fault, options = {}) => {
      EngineConfig.insist(
        "The fault cannot be injected",
        injectOptions satisfies EngineConfig.Described<InjectOptions>,
        options
      )
      return Effect.sync(() => {
        const rule = new Rule(step, fault, options)
        plan.rules.push(rule)
        return {
          hits: Effect.sync(() => rule.hits),
          withdraw: Effect.sync(() => {
            rule.withdrawn = true
          })
        }
      })
    },
    clear: Effect.sync(() => plan.clear()),
    counts: Effect.sync(() => ({ ...plan.steps }))
  }
  plans.set(faults, plan)
  return faults
})

/**
 * A driver whose connections meet these faults.
 *
 * @since 0.1.0
 * @category combinators
 */
export const wrap = (driver: Driver, faults: Faults): Driver => {
  const plan = plans.get(faults)!
  const { dialect, read, resolveCommit, write } = driver
  return {
    ...driver,
    write: faultyLane(write, { plan, dialect, lane: "write" }),
    read: read && faultyLane(read, { plan, dialect, lane: "read" }),
    resolveCommit: resolveCommit && ((connection, engine) => resolveCommit(next(connection), engine))
  }
}

/**
 * A layer whose engines meet these faults, whatever else it provides. Around a sandbox, or inside of one.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <A, E, R>(layer: Layer.Layer<A, E, R>, faults: Faults): Layer.Layer<A, E, R> =>
  Layer.scopedContext(building(layer, (driver) => Effect.succeed(wrap(driver, faults))))
