/**
 * `better-sqlite3` by hand: the ratios are to this one.
 */
import Sqlite from "better-sqlite3"
import { type Peer, synchronous } from "../peer.js"
import * as data from "../workload/data.js"

export const plain: Peer = {
  name: "better-sqlite3",
  packages: ["better-sqlite3"],
  note: "calls that return: it can do nothing else meanwhile",
  open: async (file) => {
    const db = new Sqlite(file)
    db.pragma("synchronous = normal")
    const insert = db.prepare("INSERT INTO item (label, amount) VALUES (?, ?)")
    const find = db.prepare("SELECT aid, bid, balance FROM account WHERE aid = ?")
    const wide = db.prepare("SELECT * FROM wide")
    const one = db.transaction((i: number) => {
      const { amount, label } = data.item(i)
      insert.run(label, amount)
    })
    const unit = db.transaction((i: number) => {
      for (const { amount, label } of data.unit(i)) insert.run(label, amount)
    })
    return {
      insert: synchronous((i) => one.immediate(i)),
      find: synchronous((i) => find.get(data.account(i))),
      unit: synchronous((i) => unit.immediate(i)),
      wide: synchronous(() => wide.all()),
      close: async () => {
        db.close()
      }
    }
  }
}
