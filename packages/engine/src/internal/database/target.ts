/**
 * From an address to the driver that can look at the database from outside.
 */
import { Effect } from "effect"
import type { Scope } from "effect"
import type { EngineDriver } from "../../Engine.js"
import type { Input } from "../../EngineUrl.js"
import { choose } from "../config/choose.js"
import { engineOptions } from "../config/engineOptions.js"
import { configError } from "../config/read.js"
import type { SqlFailure } from "../failure/failure.js"
import type { DatabaseAdmin, ServerOptions } from "./admin.js"

/** What stands for a database: its address, or what a driver has made of its options. */
export type DatabaseTarget = Input | Effect.Effect<DatabaseAdmin, SqlFailure, Scope.Scope>

/** What an address needs to be understood. */
export interface Understood extends ServerOptions {
  /** Needed where the database is an address. */
  readonly drivers?: ReadonlyArray<EngineDriver> | undefined
  /** What the engine and its driver are told besides, as in `Engine.layerUrl`: `{ postgresql: { ssl: "require" } }`. */
  readonly options?: Readonly<Record<string, unknown>> | undefined
}

const isAdmin = (target: DatabaseTarget): target is Effect.Effect<DatabaseAdmin, SqlFailure, Scope.Scope> =>
  Effect.isEffect(target)

/** The database behind a target. */
export const adminOf = (
  target: DatabaseTarget,
  { drivers = [], maintenance, options = {}, owner, template }: Understood
): Effect.Effect<DatabaseAdmin, SqlFailure, Scope.Scope> =>
  Effect.suspend(() => {
    const server = Object.fromEntries(
      Object.entries({ maintenance, owner, template }).filter(([, value]) => value !== undefined)
    )
    if (isAdmin(target)) {
      const given = Object.keys(server)
      const problem = "belongs into the options the database was made with"
      return given.length === 0
        ? target
        : Effect.fail(configError("The database cannot be used", undefined, given.map((field) => ({ field, problem }))))
    }
    return Effect.flatMap(choose(target, drivers, options, engineOptions), ({ driver, options, url }) => {
      if (driver.database !== undefined) return driver.database({ ...options, ...server, url })
      const problem = `has no way to look at a database from outside: its driver "${driver.name}" has no \`database\``
      return Effect.fail(configError("The database cannot be used", undefined, [{ field: "drivers", problem }]))
    })
  })
