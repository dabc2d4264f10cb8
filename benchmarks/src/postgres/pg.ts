/**
 * `pg` by hand: the ratios of every table are to this one. Statements are named, so the server parses them once.
 */
import { Pool, type PoolClient } from "pg"
import { type Peer, promised } from "../peer.js"
import { account, item, transfer, unit } from "../workload/data.js"

const open = (named: boolean): Peer["open"] => async (connectionString, max) => {
  const pool = new Pool({ connectionString, max, idleTimeoutMillis: 0 })
  const query = (name: string, text: string, values: Array<unknown>) =>
    named ? { name, text, values } : { text, values }
  const insert = (i: number) => {
    const { amount, label } = item(i)
    return query("insert", "INSERT INTO item (label, amount) VALUES ($1, $2)", [label, amount])
  }
  const inTransaction = async (body: (client: PoolClient) => Promise<void>) => {
    const client = await pool.connect()
    try {
      await client.query("BEGIN")
      await body(client)
      await client.query("COMMIT")
    } catch (error) {
      await client.query("ROLLBACK")
      throw error
    } finally {
      client.release()
    }
  }
  return {
    insert: promised((i) =>
      inTransaction(async (client) => {
        await client.query(insert(i))
      })
    ),
    transfer: promised((i) =>
      inTransaction(async (client) => {
        const { aid, bid, delta, tid } = transfer(i)
        await client.query(query("t1", "UPDATE account SET balance = balance + $1 WHERE aid = $2", [delta, aid]))
        await client.query(query("t2", "SELECT balance FROM account WHERE aid = $1", [aid]))
        await client.query(query("t3", "UPDATE teller SET balance = balance + $1 WHERE tid = $2", [delta, tid]))
        await client.query(query("t4", "UPDATE branch SET balance = balance + $1 WHERE bid = $2", [delta, bid]))
        await client.query(
          query("t5", "INSERT INTO history (tid, bid, aid, delta) VALUES ($1, $2, $3, $4)", [tid, bid, aid, delta])
        )
      })
    ),
    find: promised((i) =>
      pool.query(query("find", "SELECT aid, bid, balance FROM account WHERE aid = $1", [account(i)]))
    ),
    unit: promised((i) =>
      inTransaction(async (client) => {
        for (const { amount, label } of unit(i)) {
          await client.query(
            query("unit", "INSERT INTO item (label, amount) VALUES ($1, $2) RETURNING id", [label, amount])
          )
        }
      })
    ),
    wide: promised(() => pool.query(query("wide", "SELECT * FROM wide", []))),
    close: () => pool.end()
  }
}

export const plain: Peer = { name: "pg", packages: ["pg"], note: "named statements", open: open(true) }

export const unnamed: Peer = { name: "pg, unnamed", packages: ["pg"], open: open(false) }
