/**
 * MikroORM on `pg`.
 */
import { MikroORM, raw } from "@mikro-orm/postgresql"
import { type Peer, promised } from "../peer.js"
import * as data from "../workload/data.js"
import { Account, Branch, entities, History, Item, Teller, Wide } from "../workload/mikroOrmSchemas.js"

export const mikroOrm: Peer = {
  name: "@mikro-orm/postgresql",
  packages: ["@mikro-orm/postgresql", "pg"],
  open: async (clientUrl, max) => {
    const orm = await MikroORM.init({ clientUrl, pool: { min: 0, max, idleTimeoutMillis: 600_000 }, entities })
    const more = (delta: number) => ({ balance: raw("balance + ?", [delta]) })
    return {
      insert: promised((i) =>
        orm.em.fork().transactional(async (em) => {
          em.create(Item, data.item(i))
        })
      ),
      transfer: promised((i) =>
        orm.em.fork().transactional(async (em) => {
          const { aid, bid, delta, tid } = data.transfer(i)
          await em.nativeUpdate(Account, { aid }, more(delta))
          await em.findOne(Account, { aid })
          await em.nativeUpdate(Teller, { tid }, more(delta))
          await em.nativeUpdate(Branch, { bid }, more(delta))
          await em.insert(History, { tid, bid, aid, delta })
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
