/**
 * An engine that can be made anew while it is in use.
 */
import type { Effect, Resource, Scope } from "effect"
import type { SqlFailure } from "../../SqlFailure.js"
import { lasting } from "../resource/lasting.js"
import type { ResourceOptions } from "../resource/resource.js"
import { resource as makeResource } from "../resource/resource.js"
import type { EngineService } from "./model.js"
import { nextKey, serviceOf } from "./service.js"

/**
 * An engine that can be made anew while it is in use, inside of effect's `Resource`: `Resource.refresh` makes a new
 * engine, which serves everybody from then on, and lets the old one end when the last of its borrowers is done. What
 * the resource holds is one lasting engine: put it into a layer, or hold on to it, and it follows every refresh.
 *
 * No session fails by a refresh: one that has a connection finishes on it however long it takes, one that has none yet
 * gets a new one. A refresh fails as `make` does, and then changes nothing; it fails with `EngineConfigError` when the
 * new engine is on another kind of database. Interrupting it leaves the old engine.
 *
 * Its numbers count all generations together. The end of the scope drains all that are left, each within its own limit.
 *
 * @example
 * ```ts
 * import { Effect, Schedule } from "effect"
 * import { Engine } from "effect-sql-engine"
 * import { SqliteEngine } from "effect-sql-engine-sqlite"
 *
 * // Reads DATABASE_URL, or the file that DATABASE_URL_FILE names, again every hour.
 * const renewed = Engine.resource(Engine.makeEnv({ drivers: [SqliteEngine.driver] }), {
 *   refresh: Schedule.spaced("1 hour")
 * })
 *
 * export const DatabaseLive = Engine.layer(Effect.flatten(renewed))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const resource = <E, R, R2 = never>(
  make: Effect.Effect<EngineService, E, R>,
  options: ResourceOptions<R2> = {}
): Effect.Effect<
  Resource.Resource<EngineService, E | SqlFailure>,
  E | SqlFailure,
  Exclude<R, Scope.Scope> | R2 | Scope.Scope
> =>
  makeResource(
    make,
    options,
    (first) => lasting<EngineService>(first, nextKey(), ({ host, ...parts }) => serviceOf(host, parts))
  )
