/**
 * Prisma 7 on `pg`, through its adapter.
 */
import { PrismaPg } from "@prisma/adapter-pg"
import { PrismaClient } from "../generated/client.js"
import { type Peer, promised } from "../peer.js"
import * as data from "../workload/data.js"

export const prisma: Peer = {
  name: "prisma",
  packages: ["prisma", "@prisma/adapter-pg"],
  note: "its client and query compiler; the schema engine cannot be downloaded everywhere, and is not used",
  open: async (connectionString, max) => {
    const db = new PrismaClient({
      adapter: new PrismaPg({ connectionString, max, idleTimeoutMillis: 0 }),
      // As long as it takes: the others wait, too.
      transactionOptions: { maxWait: 120_000, timeout: 120_000 }
    })
    return {
      insert: promised((i) => db.$transaction((tx) => tx.item.create({ data: data.item(i) }))),
      transfer: promised((i) =>
        db.$transaction(async (tx) => {
          const { aid, bid, delta, tid } = data.transfer(i)
          const more = { balance: { increment: delta } }
          await tx.account.updateMany({ where: { aid }, data: more })
          await tx.account.findUnique({ where: { aid }, select: { balance: true } })
          await tx.teller.updateMany({ where: { tid }, data: more })
          await tx.branch.updateMany({ where: { bid }, data: more })
          await tx.history.createMany({ data: { tid, bid, aid, delta } })
        })
      ),
      find: promised((i) => db.account.findUnique({ where: { aid: data.account(i) } })),
      unit: promised((i) =>
        db.$transaction((tx) => tx.item.createManyAndReturn({ data: data.unit(i), select: { id: true } }))
      ),
      wide: promised(() => db.wide.findMany()),
      close: () => db.$disconnect()
    }
  }
}
