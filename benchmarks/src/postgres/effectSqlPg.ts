/**
 * The base library's own client.
 */
import { SqlClient } from "@effect/sql"
import { PgClient } from "@effect/sql-pg"
import { Effect, ManagedRuntime, Redacted } from "effect"
import { effects } from "../effects.js"
import type { Peer } from "../peer.js"
import { account, item, transfer, unit } from "../workload/data.js"

export const effectSqlPg: Peer = {
  name: "@effect/sql-pg",
  packages: ["@effect/sql-pg"],
  open: async (url, maxConnections) => {
    const runtime = ManagedRuntime.make(
      PgClient.layer({ url: Redacted.make(url), maxConnections, idleTimeout: "10 minutes" })
    )
    const sql = await runtime.runPromise(SqlClient.SqlClient)
    return {
      insert: effects(runtime, (i) => {
        const { amount, label } = item(i)
        return sql.withTransaction(sql`INSERT INTO item (label, amount) VALUES (${label}, ${amount})`)
      }),
      transfer: effects(runtime, (i) => {
        const { aid, bid, delta, tid } = transfer(i)
        return sql.withTransaction(Effect.gen(function*() {
          yield* sql`UPDATE account SET balance = balance + ${delta} WHERE aid = ${aid}`
          yield* sql`SELECT balance FROM account WHERE aid = ${aid}`
          yield* sql`UPDATE teller SET balance = balance + ${delta} WHERE tid = ${tid}`
          yield* sql`UPDATE branch SET balance = balance + ${delta} WHERE bid = ${bid}`
          yield* sql`INSERT INTO history (tid, bid, aid, delta) VALUES (${tid}, ${bid}, ${aid}, ${delta})`
        }))
      }),
      find: effects(runtime, (i) => sql`SELECT aid, bid, balance FROM account WHERE aid = ${account(i)}`),
      unit: effects(runtime, (i) => sql.withTransaction(sql`INSERT INTO item ${sql.insert(unit(i)).returning("id")}`)),
      wide: effects(runtime, () => sql`SELECT * FROM wide`),
      close: () => runtime.dispose()
    }
  }
}
