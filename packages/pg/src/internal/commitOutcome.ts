/**
 * What became of a transaction whose COMMIT was never answered, by its id, on a fresh connection.
 *
 * Source: https://www.postgresql.org/docs/18/functions-info.html#FUNCTIONS-PG-SNAPSHOT
 */
import { Clock, Duration, Effect } from "effect"
import type { DriverConnection } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"

/** How a transaction ended, as far as the server knows. */
export type CommitOutcome = "committed" | "aborted" | "unknown"

const query = "SELECT pg_catalog.pg_xact_status($1::pg_catalog.xid8)"

/** The backend whose client is gone may hold its transaction open until the network tells it. */
const end = "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity " +
  "WHERE backend_xid = ($1::pg_catalog.xid8)::pg_catalog.xid AND pid <> pg_catalog.pg_backend_pid()"

const patience = Duration.seconds(1)
const limit = Duration.seconds(10)

/** Asks until the transaction has ended. One that stays open for a second has lost its client, and is ended. */
export const commitOutcome = (
  connect: Effect.Effect<DriverConnection, SqlFailure>,
  transactionId: string
): Effect.Effect<CommitOutcome, SqlFailure> =>
  Effect.scoped(Effect.gen(function*() {
    const connection = yield* Effect.acquireRelease(connect, (connection) => connection.close)
    const ask = (sql: string) =>
      connection.execute({ sql, params: [transactionId], shape: "values", prepare: false, prelude: [] })
    const since = yield* Clock.currentTimeMillis
    let ended = false
    let pause = 10
    while (true) {
      const status: unknown = (yield* ask(query))[0]?.[0]
      if (status === "committed" || status === "aborted") return status
      // Null: so long ago that the server has forgotten.
      if (status !== "in progress") return "unknown"
      const waited = (yield* Clock.currentTimeMillis) - since
      if (waited > Duration.toMillis(limit)) return "unknown"
      if (!ended && waited > Duration.toMillis(patience)) {
        ended = true
        yield* ask(end)
      }
      yield* Effect.sleep(pause)
      pause = Math.min(pause * 2, 250)
    }
  })).pipe(
    // "transaction ID … is in the future": after a failover, to a server that has never heard of it.
    Effect.catchTag("DataError", () => Effect.succeed("unknown" as const))
  )
