/**
 * TypeORM on `pg`.
 */
import "reflect-metadata"
import { DataSource } from "typeorm"
import { type Peer, promised } from "../peer.js"
import * as data from "../workload/data.js"
import { account, branch, history, item, teller, wide } from "../workload/typeormSchemas.js"

export const typeorm: Peer = {
  name: "typeorm",
  packages: ["typeorm", "pg"],
  open: async (url, poolSize) => {
    const source = new DataSource({
      type: "postgres",
      url,
      poolSize,
      extra: { idleTimeoutMillis: 0 },
      entities: [item, account, teller, branch, history, wide]
    })
    await source.initialize()
    return {
      insert: promised((i) => source.transaction((manager) => manager.insert(item, data.item(i)))),
      transfer: promised((i) =>
        source.transaction(async (manager) => {
          const { aid, bid, delta, tid } = data.transfer(i)
          await manager.increment(account, { aid }, "balance", delta)
          await manager.findOne(account, { where: { aid }, select: { balance: true } })
          await manager.increment(teller, { tid }, "balance", delta)
          await manager.increment(branch, { bid }, "balance", delta)
          await manager.insert(history, { tid, bid, aid, delta })
        })
      ),
      find: promised((i) => source.manager.findOneBy(account, { aid: data.account(i) })),
      unit: promised((i) => source.transaction((manager) => manager.insert(item, data.unit(i)))),
      wide: promised(() => source.manager.find(wide)),
      close: () => source.destroy()
    }
  }
}
