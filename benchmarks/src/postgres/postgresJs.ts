/**
 * postgres.js.
 */
import postgres from "postgres"
import { type Peer, promised } from "../peer.js"
import { account, item, transfer, unit } from "../workload/data.js"

export const postgresJs: Peer = {
  name: "postgres",
  packages: ["postgres"],
  open: async (url, max) => {
    const sql = postgres(url, { max })
    return {
      insert: promised((i) => {
        const { amount, label } = item(i)
        return sql.begin((sql) => sql`insert into item (label, amount) values (${label}, ${amount})`)
      }),
      transfer: promised((i) => {
        const { aid, bid, delta, tid } = transfer(i)
        // Its page on transactions returns an array where one statement does not need another's answer: they are pipelined.
        return sql.begin((sql) => [
          sql`update account set balance = balance + ${delta} where aid = ${aid}`,
          sql`select balance from account where aid = ${aid}`,
          sql`update teller set balance = balance + ${delta} where tid = ${tid}`,
          sql`update branch set balance = balance + ${delta} where bid = ${bid}`,
          sql`insert into history (tid, bid, aid, delta) values (${tid}, ${bid}, ${aid}, ${delta})`
        ])
      }),
      find: promised((i) => sql`select aid, bid, balance from account where aid = ${account(i)}`),
      unit: promised((i) => sql.begin((sql) => sql`insert into item ${sql(unit(i))} returning id`)),
      wide: promised(() => sql`select * from wide`),
      close: () => sql.end()
    }
  }
}
