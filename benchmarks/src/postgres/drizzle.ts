/**
 * Drizzle on `pg`.
 */
import { eq, sql } from "drizzle-orm"
import { drizzle as make } from "drizzle-orm/node-postgres"
import { boolean, doublePrecision, integer, numeric, pgTable, text, timestamp } from "drizzle-orm/pg-core"
import { Pool } from "pg"
import { type Peer, promised } from "../peer.js"
import * as data from "../workload/data.js"

const item = pgTable("item", {
  id: integer().primaryKey().generatedByDefaultAsIdentity(),
  label: text().notNull(),
  amount: integer().notNull()
})
const account = pgTable("account", {
  aid: integer().primaryKey(),
  bid: integer().notNull(),
  balance: integer().notNull()
})
const teller = pgTable("teller", {
  tid: integer().primaryKey(),
  bid: integer().notNull(),
  balance: integer().notNull()
})
const branch = pgTable("branch", { bid: integer().primaryKey(), balance: integer().notNull() })
const history = pgTable("history", {
  id: integer().primaryKey().generatedByDefaultAsIdentity(),
  tid: integer().notNull(),
  bid: integer().notNull(),
  aid: integer().notNull(),
  delta: integer().notNull()
})
const wide = pgTable("wide", {
  id: integer().primaryKey(),
  small: integer().notNull(),
  large: integer().notNull(),
  title: text().notNull(),
  body: text().notNull(),
  mail: text().notNull(),
  price: numeric({ precision: 12, scale: 2 }).notNull(),
  ratio: doublePrecision().notNull(),
  active: boolean().notNull(),
  at: timestamp({ withTimezone: true }).notNull()
})

export const drizzle: Peer = {
  name: "drizzle-orm",
  packages: ["drizzle-orm", "pg"],
  open: async (connectionString, max) => {
    const pool = new Pool({ connectionString, max, idleTimeoutMillis: 0 })
    const db = make({ client: pool })
    // Its page on performance: what runs again and again is prepared once.
    const find = db.select().from(account).where(eq(account.aid, sql.placeholder("aid"))).prepare("find")
    return {
      insert: promised((i) =>
        db.transaction(async (tx) => {
          await tx.insert(item).values(data.item(i))
        })
      ),
      transfer: promised((i) =>
        db.transaction(async (tx) => {
          const { aid, bid, delta, tid } = data.transfer(i)
          await tx.update(account).set({ balance: sql`${account.balance} + ${delta}` }).where(eq(account.aid, aid))
          await tx.select({ balance: account.balance }).from(account).where(eq(account.aid, aid))
          await tx.update(teller).set({ balance: sql`${teller.balance} + ${delta}` }).where(eq(teller.tid, tid))
          await tx.update(branch).set({ balance: sql`${branch.balance} + ${delta}` }).where(eq(branch.bid, bid))
          await tx.insert(history).values({ tid, bid, aid, delta })
        })
      ),
      find: promised((i) => find.execute({ aid: data.account(i) })),
      unit: promised((i) => db.transaction((tx) => tx.insert(item).values(data.unit(i)).returning({ id: item.id }))),
      wide: promised(() => db.select().from(wide)),
      close: () => pool.end()
    }
  }
}
