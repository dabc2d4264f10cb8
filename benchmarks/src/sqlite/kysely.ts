/**
 * Kysely on better-sqlite3.
 */
import Sqlite from "better-sqlite3"
import { type Generated, Kysely, SqliteDialect } from "kysely"
import { type Peer, promised } from "../peer.js"
import * as data from "../workload/data.js"

interface Tables {
  item: { id: Generated<number>; label: string; amount: number }
  account: { aid: number; bid: number; balance: number }
  wide: { id: number }
}

export const kysely: Peer = {
  name: "kysely",
  packages: ["kysely", "better-sqlite3"],
  open: async (file) => {
    const database = new Sqlite(file)
    database.pragma("synchronous = normal")
    const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) })
    return {
      insert: promised((i) => db.transaction().execute((tx) => tx.insertInto("item").values(data.item(i)).execute())),
      find: promised((i) => db.selectFrom("account").selectAll().where("aid", "=", data.account(i)).executeTakeFirst()),
      unit: promised((i) =>
        db.transaction().execute((tx) => tx.insertInto("item").values(data.unit(i)).returning("id").execute())
      ),
      wide: promised(() => db.selectFrom("wide").selectAll().execute()),
      close: () => db.destroy()
    }
  }
}
