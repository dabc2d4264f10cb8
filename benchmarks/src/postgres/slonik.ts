/**
 * Slonik.
 */
import { createPool, sql } from "slonik"
import { type Peer, promised } from "../peer.js"
import * as data from "../workload/data.js"

export const slonik: Peer = {
  name: "slonik",
  packages: ["slonik", "pg"],
  open: async (url, maximumPoolSize) => {
    const pool = await createPool(url, {
      maximumPoolSize,
      minimumPoolSize: 0,
      idleTimeout: "DISABLE_TIMEOUT",
      connectionTimeout: 120_000,
      queryRetryLimit: 0,
      transactionRetryLimit: 0
    })
    return {
      insert: promised((i) => {
        const { amount, label } = data.item(i)
        return pool.transaction((tx) =>
          tx.query(sql.unsafe`INSERT INTO item (label, amount) VALUES (${label}, ${amount})`)
        )
      }),
      transfer: promised((i) =>
        pool.transaction(async (tx) => {
          const { aid, bid, delta, tid } = data.transfer(i)
          await tx.query(sql.unsafe`UPDATE account SET balance = balance + ${delta} WHERE aid = ${aid}`)
          await tx.one(sql.unsafe`SELECT balance FROM account WHERE aid = ${aid}`)
          await tx.query(sql.unsafe`UPDATE teller SET balance = balance + ${delta} WHERE tid = ${tid}`)
          await tx.query(sql.unsafe`UPDATE branch SET balance = balance + ${delta} WHERE bid = ${bid}`)
          await tx.query(
            sql.unsafe`INSERT INTO history (tid, bid, aid, delta) VALUES (${tid}, ${bid}, ${aid}, ${delta})`
          )
        })
      ),
      find: promised((i) => pool.one(sql.unsafe`SELECT aid, bid, balance FROM account WHERE aid = ${data.account(i)}`)),
      unit: promised((i) =>
        pool.transaction((tx) =>
          tx.many(sql.unsafe`
            INSERT INTO item (label, amount)
            SELECT * FROM ${sql.unnest(data.unit(i).map(({ amount, label }) => [label, amount]), ["text", "int4"])}
            RETURNING id
          `)
        )
      ),
      wide: promised(() => pool.any(sql.unsafe`SELECT * FROM wide`)),
      close: () => pool.end()
    }
  }
}
