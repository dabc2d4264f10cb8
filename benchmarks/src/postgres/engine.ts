/**
 * effect-sql-engine.
 */
import { SqlClient } from "@effect/sql"
import * as Model from "@effect/sql/Model"
import { Effect, ManagedRuntime, Schema } from "effect"
import { Session, Table } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { effects } from "../effects.js"
import type { Peer } from "../peer.js"
import { account, item, transfer, unit } from "../workload/data.js"

class Item extends Model.Class<Item>("Item")({
  id: Model.Generated(Schema.Int),
  label: Schema.String,
  amount: Schema.Int
}) {}

const items = Table.make("item", Item)

/** `together`: with what the engine adds to `@effect/sql` for statements that do not need each other. */
const open = (together: boolean): Peer["open"] => async (url, size) => {
  const runtime = ManagedRuntime.make(PgEngine.layer({ url, pool: { size, maxOverflow: 0 } }))
  const sql = await runtime.runPromise(SqlClient.SqlClient)
  return {
    insert: effects(runtime, (i) => {
      const { amount, label } = item(i)
      const insert = sql`INSERT INTO item (label, amount) VALUES (${label}, ${amount})`
      return together ? Session.batch([insert]) : Session.transaction(insert)
    }),
    transfer: effects(runtime, (i) => {
      const { aid, bid, delta, tid } = transfer(i)
      const statements = [
        sql`UPDATE account SET balance = balance + ${delta} WHERE aid = ${aid}`,
        sql`SELECT balance FROM account WHERE aid = ${aid}`,
        sql`UPDATE teller SET balance = balance + ${delta} WHERE tid = ${tid}`,
        sql`UPDATE branch SET balance = balance + ${delta} WHERE bid = ${bid}`,
        sql`INSERT INTO history (tid, bid, aid, delta) VALUES (${tid}, ${bid}, ${aid}, ${delta})`
      ]
      return together
        ? Session.batch(statements)
        : Session.transaction(Effect.gen(function*() {
          for (const statement of statements) yield* statement
        }))
    }),
    find: effects(runtime, (i) => sql`SELECT aid, bid, balance FROM account WHERE aid = ${account(i)}`),
    unit: effects(runtime, (i) =>
      together
        ? Session.transaction(Effect.forEach(unit(i), (row) => Session.enqueue.insert(items, row), { discard: true }))
        : Session.transaction(sql`INSERT INTO item ${sql.insert(unit(i))} RETURNING id`)),
    wide: effects(runtime, () => sql`SELECT * FROM wide`),
    close: () => runtime.dispose()
  }
}

export const engine: Peer = {
  name: "effect-sql-engine",
  packages: ["effect-sql-engine"],
  note: "W1 and W2: `Session.batch`, one trip; W4: `Session.enqueue` of each row",
  open: open(true)
}

export const plain: Peer = {
  name: "effect-sql-engine, plain",
  packages: ["effect-sql-engine"],
  note: "W1 and W2: each statement waits for the one before, COMMIT for the last; W4: `sql.insert` of all rows",
  open: async (url, size) => {
    const { close, insert, transfer, unit } = await open(false)(url, size)
    return { insert: insert!, transfer: transfer!, unit: unit!, close }
  }
}
