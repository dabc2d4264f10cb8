/**
 * The base library's own client.
 */
import { SqlClient } from "@effect/sql"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { ManagedRuntime } from "effect"
import { effects } from "../effects.js"
import type { Peer } from "../peer.js"
import * as data from "../workload/data.js"

export const effectSqlSqlite: Peer = {
  name: "@effect/sql-sqlite-node",
  packages: ["@effect/sql-sqlite-node", "better-sqlite3"],
  open: async (filename) => {
    const runtime = ManagedRuntime.make(SqliteClient.layer({ filename }))
    const sql = await runtime.runPromise(SqlClient.SqlClient)
    await runtime.runPromise(sql`PRAGMA synchronous = normal`.unprepared)
    return {
      insert: effects(runtime, (i) => {
        const { amount, label } = data.item(i)
        return sql.withTransaction(sql`INSERT INTO item (label, amount) VALUES (${label}, ${amount})`)
      }),
      find: effects(runtime, (i) => sql`SELECT aid, bid, balance FROM account WHERE aid = ${data.account(i)}`),
      unit: effects(
        runtime,
        (i) => sql.withTransaction(sql`INSERT INTO item ${sql.insert(data.unit(i)).returning("id")}`)
      ),
      wide: effects(runtime, () => sql`SELECT * FROM wide`),
      close: () => runtime.dispose()
    }
  }
}
