/**
 * Where a test kit stands between an engine and its driver, and between a session and its hooks.
 *
 * Both are services an application never provides: without them an engine asks once, when it is made, and a session
 * asks only when it has hooks to run. With them, an engine that is made inside of a layer has another driver under it, and
 * the code above it does not know. `effect-sql-engine-testing` is made on these.
 *
 * @since 0.1.0
 */
import { Context, Effect } from "effect"
import type { Scope } from "effect"
import type { Driver as DriverModel, DriverConnection } from "./Driver.js"
import { holding } from "./internal/session/unit.js"
import type { SqlFailure } from "./SqlFailure.js"

/**
 * Puts something between an engine that is being made and its driver. What it makes lives as long as the engine; the
 * connections it gets from the driver were set up by `onConnect` already.
 *
 * @since 0.1.0
 * @category models
 */
export type DriverInterceptor = (
  driver: DriverModel,
  engine: string
) => Effect.Effect<DriverModel, SqlFailure, Scope.Scope>

/**
 * Every engine that is made where this is provided has the driver it returns.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Interception } from "effect-sql-engine"
 * import { SqliteEngine } from "effect-sql-engine-sqlite"
 *
 * const told = Layer.succeed(
 *   Interception.Driver,
 *   (driver, engine) => Effect.as(Effect.log(`Engine "${engine}" is on ${driver.target}.`), driver)
 * )
 *
 * export const layer = SqliteEngine.layer({ filename: ":memory:" }).pipe(Layer.provide(told))
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export class Driver extends Context.Tag("effect-sql-engine/Interception/Driver")<Driver, DriverInterceptor>() {}

/**
 * A hook whose time has come, and the session it belongs to.
 *
 * @since 0.1.0
 * @category models
 */
export interface DueHook {
  readonly when: "afterCommit" | "afterRollback"
  readonly session: string
  readonly run: Effect.Effect<unknown>
}

/**
 * Takes the hooks of every session that ends where this is provided, instead of running them: what it returns is run in
 * the hook's place.
 *
 * @since 0.1.0
 * @category tags
 */
export class Hooks extends Context.Tag("effect-sql-engine/Interception/Hooks")<
  Hooks,
  (hook: DueHook) => Effect.Effect<unknown>
>() {}

/**
 * The connections that the sessions around a fiber hold, whichever engine's they are: they cannot be given back before
 * what the fiber does now is over.
 *
 * @since 0.1.0
 * @category conversions
 */
export const held: Effect.Effect<ReadonlyArray<DriverConnection>> = Effect.withFiberRuntime((fiber) =>
  Effect.succeed(holding(fiber.currentContext.unsafeMap))
)
