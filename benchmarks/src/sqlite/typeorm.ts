/**
 * TypeORM on better-sqlite3.
 */
import "reflect-metadata"
import { DataSource } from "typeorm"
import { type Peer, promised } from "../peer.js"
import * as data from "../workload/data.js"
import { account, item, wideOfSqlite } from "../workload/typeormSchemas.js"

export const typeorm: Peer = {
  name: "typeorm",
  packages: ["typeorm", "better-sqlite3"],
  open: async (database) => {
    const source = new DataSource({
      type: "better-sqlite3",
      database,
      entities: [item, account, wideOfSqlite],
      prepareDatabase: (db) => {
        db.pragma("synchronous = normal")
      }
    })
    await source.initialize()
    return {
      insert: promised((i) => source.transaction((manager) => manager.insert(item, data.item(i)))),
      find: promised((i) => source.manager.findOneBy(account, { aid: data.account(i) })),
      unit: promised((i) => source.transaction((manager) => manager.insert(item, data.unit(i)))),
      wide: promised(() => source.manager.find(wideOfSqlite)),
      close: () => source.destroy()
    }
  }
}
