/**
 * Kysely on `pg`.
 */
import { type ColumnType, type Generated, Kysely, PostgresDialect } from "kysely"
import { Pool } from "pg"
import { type Peer, promised } from "../peer.js"
import * as data from "../workload/data.js"

interface Tables {
  item: { id: Generated<number>; label: string; amount: number }
  account: { aid: number; bid: number; balance: number }
  teller: { tid: number; bid: number; balance: number }
  branch: { bid: number; balance: number }
  history: {
    id: Generated<number>
    tid: number
    bid: number
    aid: number
    delta: number
    at: ColumnType<Date, never, never>
  }
  wide: { id: number }
}

export const kysely: Peer = {
  name: "kysely",
  packages: ["kysely", "pg"],
  open: async (connectionString, max) => {
    const db = new Kysely<Tables>({
      dialect: new PostgresDialect({ pool: new Pool({ connectionString, max, idleTimeoutMillis: 0 }) })
    })
    return {
      insert: promised((i) => db.transaction().execute((tx) => tx.insertInto("item").values(data.item(i)).execute())),
      transfer: promised((i) =>
        db.transaction().execute(async (tx) => {
          const { aid, bid, delta, tid } = data.transfer(i)
          await tx.updateTable("account").set((_) => ({ balance: _("balance", "+", delta) })).where("aid", "=", aid)
            .execute()
          await tx.selectFrom("account").select("balance").where("aid", "=", aid).executeTakeFirst()
          await tx.updateTable("teller").set((_) => ({ balance: _("balance", "+", delta) })).where("tid", "=", tid)
            .execute()
          await tx.updateTable("branch").set((_) => ({ balance: _("balance", "+", delta) })).where("bid", "=", bid)
            .execute()
          await tx.insertInto("history").values({ tid, bid, aid, delta } as never).execute()
        })
      ),
      find: promised((i) => db.selectFrom("account").selectAll().where("aid", "=", data.account(i)).executeTakeFirst()),
      unit: promised((i) =>
        db.transaction().execute((tx) => tx.insertInto("item").values(data.unit(i)).returning("id").execute())
      ),
      wide: promised(() => db.selectFrom("wide").selectAll().execute()),
      close: () => db.destroy()
    }
  }
}
