/**
 * effect-sql-engine.
 */
import { SqlClient } from "@effect/sql"
import * as Model from "@effect/sql/Model"
import { Effect, ManagedRuntime, Schema } from "effect"
import { Session, Table } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { effects } from "../effects.js"
import type { Peer } from "../peer.js"
import * as data from "../workload/data.js"

class Item extends Model.Class<Item>("Item")({
  id: Model.Generated(Schema.Int),
  label: Schema.String,
  amount: Schema.Int
}) {}

const items = Table.make("item", Item)

export const engine: Peer = {
  name: "effect-sql-engine",
  packages: ["effect-sql-engine"],
  open: async (filename) => {
    const runtime = ManagedRuntime.make(SqliteEngine.layer({ filename }))
    const sql = await runtime.runPromise(SqlClient.SqlClient)
    return {
      insert: effects(runtime, (i) => {
        const { amount, label } = data.item(i)
        return Session.transaction(sql`INSERT INTO item (label, amount) VALUES (${label}, ${amount})`)
      }),
      find: effects(runtime, (i) => sql`SELECT aid, bid, balance FROM account WHERE aid = ${data.account(i)}`),
      unit: effects(runtime, (i) =>
        Session.transaction(
          Effect.forEach(data.unit(i), (row) => Session.enqueue.insert(items, row), { discard: true })
        )),
      wide: effects(runtime, () => sql`SELECT * FROM wide`),
      close: () => runtime.dispose()
    }
  }
}
