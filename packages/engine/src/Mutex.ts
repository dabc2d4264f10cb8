/**
 * A lock over a whole database: one holder at a time, in all processes that use it.
 *
 * | | PostgreSQL | SQLite |
 * | --- | --- | --- |
 * | the lock is | a session-level advisory lock on a connection of its own, outside of the pool | a row, kept fresh by its holder |
 * | a holder that crashes | loses it at once | loses it `expiry` (3 seconds) after its last sign of life |
 * | waiting | tries again and again; whoever waits has no snapshot and no transaction open | reads the row again and again |
 *
 * It is advisory: it keeps out who asks for it, nobody else.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import type { Option } from "effect"
import type { Engine } from "./Engine.js"
import { engineOption, onEngine } from "./internal/engine/onEngine.js"
import { hold } from "./internal/mutex/hold.js"
import type { MutexOptions, OnEngine } from "./internal/mutex/model.js"
import { mutexOptions } from "./internal/mutex/options.js"
import { outside } from "./internal/mutex/outside.js"
import { evictRow, rowHolder } from "./internal/mutex/rowLock.js"
import { evictSession, sessionHolder } from "./internal/mutex/sessionLock.js"
import { refine } from "./SqlFailure.js"
import type { MutexFailure, SqlFailure } from "./SqlFailure.js"

export type { MutexOptions, OnEngine } from "./internal/mutex/model.js"

const on = onEngine("The lock cannot be used")

/**
 * Runs an effect while this lock of the database is held; it is given back however the effect ends, and the effect's own
 * failure is never replaced.
 *
 * Fails with `MutexTimeout` when the lock was not free within `limit` (default 20 seconds): the effect did not run. With
 * `MutexLost` when the lock was lost: the effect was interrupted. With `MutexUnsupported` behind PgBouncer in transaction
 * mode, where nobody could say who holds a lock. An interruption ends the wait at once; while the effect runs it is
 * passed on to it.
 *
 * Whoever holds a lock and asks for it again has it already. It does not open a session; inside of one it takes the lock
 * on another connection, which SQLite does not have: take it outside of sessions there.
 *
 * @example
 * ```ts
 * import { SqlClient } from "@effect/sql"
 * import { Effect } from "effect"
 * import { Mutex } from "effect-sql-engine"
 *
 * const report = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into report (day) values (current_date)`)
 *
 * // Every process starts it at midnight, one does it.
 * export const nightly = report.pipe(
 *   Mutex.withLock("nightly report", { limit: 0 }),
 *   Effect.catchTag("MutexTimeout", () => Effect.void)
 * )
 * ```
 *
 * @since 0.1.0
 * @category verbs
 */
export const withLock =
  <Self = Engine>(name: string, options: MutexOptions<Self> = {}) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | MutexFailure | SqlFailure, R | Self> =>
    on(mutexOptions, options, (engine) => hold(engine, name, options, () => effect))

/**
 * Who holds a lock now, in words; nobody, when it is free. A row may stand for a holder that has crashed, until somebody
 * else asks for the lock.
 *
 * @since 0.1.0
 * @category verbs
 */
export const holder = <Self = Engine>(
  name: string,
  options: OnEngine<Self> = {}
): Effect.Effect<Option.Option<string>, SqlFailure, Self> =>
  on(engineOption, options, (engine) => {
    const words = engine.dialect.lock
    if (words === undefined) return Effect.succeedNone
    return refine(
      outside(engine)(words.kind === "session" ? sessionHolder(engine, name, words) : rowHolder(engine, name))
    )
  })

/**
 * Takes a lock away from whoever holds it, for a person who knows that it must be: on PostgreSQL it ends the holder's
 * connection, on SQLite it removes the row. The holder's work ends with `MutexLost`. Succeeds with whether there was one.
 *
 * @since 0.1.0
 * @category verbs
 */
export const evict = <Self = Engine>(
  name: string,
  options: OnEngine<Self> = {}
): Effect.Effect<boolean, SqlFailure, Self> =>
  on(engineOption, options, (engine) => {
    const words = engine.dialect.lock
    if (words === undefined) return Effect.succeed(false)
    return outside(engine)(
      words.kind === "session" ? refine(evictSession(engine, name, words)) : evictRow(engine, name)
    )
  })
