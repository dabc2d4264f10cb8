/**
 * Whether an engine's database answers: one statement on a connection of its own.
 *
 * The connection does not come from the engine's pool, so that a pool in full use neither delays the check nor fails it; it
 * is opened for the check, and closed after it. There is one at a time. A database in memory lives in the one
 * connection its engine has: there the check waits for its turn like everybody, and goes before them.
 */
import { Clock, Duration, Effect } from "effect"
import type { Request } from "../../Pool.js"
import { ConnectionError } from "../../SqlFailure.js"
import type { SqlFailure } from "../../SqlFailure.js"
import type { EngineHealth, EngineStats } from "../engine/model.js"
import { fromDefect } from "../session/trust.js"
import type { Host } from "../session/unit.js"
import { shared } from "./shared.js"

/** The longest a check may take when nothing else is said, in milliseconds. */
export const standardLimit = 2_000

/** What a check has found. */
interface Found {
  readonly serverVersion: string | undefined
  readonly connectMillis: number
  readonly latencyMillis: number
}

const silent = (host: Host, millis: number): ConnectionError =>
  new ConnectionError({
    message: `The database of engine "${host.name}" (${host.driver.target}) did not answer a health check within ` +
      `${millis} ms.`,
    engine: host.name,
    sent: "maybe",
    retryable: true
  })

/** Fails when something takes longer than its limit. */
export const within = (host: Host, millis: number) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.timeoutFail(effect, { duration: Duration.millis(millis), onTimeout: () => silent(host, millis) })

/** Opens, asks, closes. */
const ask = (host: Host): Effect.Effect<Found, SqlFailure> =>
  Effect.suspend(() => {
    const { aside, driver } = host
    const sql = driver.dialect.version
    const request: Request = { session: "health", statement: sql, holds: [], priority: "high", lease: undefined }
    let failure: SqlFailure | undefined
    return Effect.gen(function*() {
      const began = yield* Clock.currentTimeMillis
      yield* aside.acquire(request)
      const connected = yield* Clock.currentTimeMillis
      const { connection } = request.lease!
      const rows: ReadonlyArray<{ readonly version?: unknown }> = sql === undefined
        ? yield* Effect.as(Effect.suspend(() => connection.ping), [])
        : yield* Effect.suspend(() =>
          connection.execute({ sql, params: [], shape: "rows", prepare: false, prelude: [] })
        )
      const version = rows[0]?.version
      return {
        serverVersion: version === undefined ? undefined : String(version),
        connectMillis: connected - began,
        latencyMillis: (yield* Clock.currentTimeMillis) - connected
      }
    }).pipe(
      // A driver that dies is no reason for a probe to die.
      Effect.catchAllDefect((defect) => Effect.fail(fromDefect(host.name, defect))),
      Effect.tapError((error) =>
        Effect.sync(() => {
          failure = error
        })
      ),
      Effect.ensuring(Effect.sync(() => aside.release(request, failure)))
    )
  })

/**
 * What a failure of the check means. A server that is full has answered, and whoever has a connection works on; a database
 * in memory that is busy is busy, not gone.
 */
const verdict = (host: Host, stats: EngineStats, failure: SqlFailure): EngineHealth["status"] => {
  if (failure._tag === "TooManyConnections" && stats.pool.open > 0) return "warn"
  return host.driver.inMemory === true && (failure._tag === "ConnectionError" || failure._tag === "PoolTimeout")
    ? "warn"
    : "fail"
}

/** Checks an engine; never fails. */
export const check = (host: Host, stats: Effect.Effect<EngineStats>, millis: number): Effect.Effect<EngineHealth> =>
  Effect.flatMap(
    Effect.either(within(host, millis)(ask(host))),
    (result) =>
      Effect.map(stats, (stats): EngineHealth => {
        const engine = { engine: host.name, stats }
        if (result._tag === "Right") return { ...engine, status: "pass", failure: undefined, ...result.right }
        const unknown = { serverVersion: undefined, connectMillis: undefined, latencyMillis: undefined }
        return { ...engine, status: verdict(host, stats, result.left), failure: result.left, ...unknown }
      })
  )

/** The check of an engine's service. */
export const health = (host: Host, stats: Effect.Effect<EngineStats>): Effect.Effect<EngineHealth> =>
  shared(host, "engine", check(host, stats, standardLimit))
