/**
 * MikroORM on better-sqlite3.
 */
import { MikroORM } from "@mikro-orm/better-sqlite"
import { type Peer, promised } from "../peer.js"
import * as data from "../workload/data.js"
import { Account, entitiesOfSqlite, Item, Wide } from "../workload/mikroOrmSchemas.js"

export const mikroOrm: Peer = {
  name: "@mikro-orm/better-sqlite",
  packages: ["@mikro-orm/better-sqlite", "better-sqlite3"],
  open: async (dbName) => {
    const orm = await MikroORM.init({ dbName, entities: entitiesOfSqlite })
    await orm.em.getConnection().execute("PRAGMA synchronous = normal")
    return {
      insert: promised((i) =>
        orm.em.fork().transactional(async (em) => {
          em.create(Item, data.item(i))
        })
      ),
      find: promised((i) => orm.em.fork().findOne(Account, { aid: data.account(i) })),
      unit: promised((i) =>
        orm.em.fork().transactional(async (em) => {
          for (const row of data.unit(i)) em.create(Item, row)
        })
      ),
      wide: promised(() => orm.em.fork().find(Wide, {})),
      close: () => orm.close(true)
    }
  }
}
