/**
 * Drizzle on better-sqlite3: its calls return, too.
 */
import Sqlite from "better-sqlite3"
import { eq, sql } from "drizzle-orm"
import { drizzle as make } from "drizzle-orm/better-sqlite3"
import { integer, real, sqliteTable, text } from "drizzle-orm/sqlite-core"
import { type Peer, synchronous } from "../peer.js"
import * as data from "../workload/data.js"

const item = sqliteTable("item", {
  id: integer().primaryKey(),
  label: text().notNull(),
  amount: integer().notNull()
})
const account = sqliteTable("account", {
  aid: integer().primaryKey(),
  bid: integer().notNull(),
  balance: integer().notNull()
})
const wide = sqliteTable("wide", {
  id: integer().primaryKey(),
  small: integer().notNull(),
  large: integer().notNull(),
  title: text().notNull(),
  body: text().notNull(),
  mail: text().notNull(),
  price: text().notNull(),
  ratio: real().notNull(),
  active: integer().notNull(),
  at: text().notNull()
})

export const drizzle: Peer = {
  name: "drizzle-orm",
  packages: ["drizzle-orm", "better-sqlite3"],
  note: "calls that return",
  open: async (file) => {
    const client = new Sqlite(file)
    client.pragma("synchronous = normal")
    const db = make({ client })
    const find = db.select().from(account).where(eq(account.aid, sql.placeholder("aid"))).prepare()
    const immediate = { behavior: "immediate" } as const
    return {
      insert: synchronous((i) => db.transaction((tx) => tx.insert(item).values(data.item(i)).run(), immediate)),
      find: synchronous((i) => find.get({ aid: data.account(i) })),
      unit: synchronous((i) =>
        db.transaction((tx) => tx.insert(item).values(data.unit(i)).returning({ id: item.id }).all(), immediate)
      ),
      wide: synchronous(() => db.select().from(wide).all()),
      close: async () => {
        client.close()
      }
    }
  }
}
