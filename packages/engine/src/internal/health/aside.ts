/**
 * Where health checks get their connections: one at a time, outside of an engine's pools.
 */
import { Effect } from "effect"
import type { Scope } from "effect"
import type { Driver } from "../../Driver.js"
import * as Pool from "../../Pool.js"
import type { SqlFailure } from "../../SqlFailure.js"

/**
 * Opens nothing before it is asked, and keeps nothing open. How long is waited is the check's business. A database in
 * memory has no second connection: there it is the pool itself.
 */
export const makeAside = (
  engine: string,
  driver: Driver,
  write: Pool.Pool,
  { connectTimeout, releaseTimeout }: Pool.PoolOptions
): Effect.Effect<Pool.Pool, SqlFailure, Scope.Scope> =>
  driver.inMemory === true
    ? Effect.succeed(write)
    : Pool.make(engine, driver.read ?? driver.write, {
      mode: "none",
      size: 1,
      maxOverflow: 0,
      acquireTimeout: "1 minute",
      connectTimeout,
      releaseTimeout
    })
