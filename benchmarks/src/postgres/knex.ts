/**
 * Knex on `pg`.
 */
import makeKnex from "knex"
import { type Peer, promised } from "../peer.js"
import * as data from "../workload/data.js"

export const knex: Peer = {
  name: "knex",
  packages: ["knex", "pg"],
  open: async (connection, max) => {
    const db = makeKnex.knex({ client: "pg", connection, pool: { min: 0, max, idleTimeoutMillis: 600_000 } })
    return {
      insert: promised((i) => db.transaction((tx) => tx("item").insert(data.item(i)))),
      transfer: promised((i) =>
        db.transaction(async (tx) => {
          const { aid, bid, delta, tid } = data.transfer(i)
          await tx("account").where({ aid }).increment("balance", delta)
          await tx("account").where({ aid }).first("balance")
          await tx("teller").where({ tid }).increment("balance", delta)
          await tx("branch").where({ bid }).increment("balance", delta)
          await tx("history").insert({ tid, bid, aid, delta })
        })
      ),
      find: promised((i) => db("account").where({ aid: data.account(i) }).first()),
      unit: promised((i) => db.transaction((tx) => tx("item").insert(data.unit(i)).returning("id"))),
      wide: promised(() => db("wide").select()),
      close: () => db.destroy()
    }
  }
}
