/**
 * `pgbench`: what the server can do with a client in C that writes down nothing. It says itself how long it took, without
 * the time to connect. Its numbers are random, so its rows are not compared.
 */
import { execFile, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"
import type { Loop, Peer } from "../peer.js"
import { accounts, branches, tellers } from "../workload/data.js"

const insert = "BEGIN;\nINSERT INTO item (label, amount) VALUES ('item', 1);\nCOMMIT;\n"

const transfer = `\\set aid random(1, ${accounts})
\\set tid random(1, ${tellers})
\\set bid random(1, ${branches})
\\set delta random(-500, 500)
BEGIN;
UPDATE account SET balance = balance + :delta WHERE aid = :aid;
SELECT balance FROM account WHERE aid = :aid;
UPDATE teller SET balance = balance + :delta WHERE tid = :tid;
UPDATE branch SET balance = balance + :delta WHERE bid = :bid;
INSERT INTO history (tid, bid, aid, delta) VALUES (:tid, :bid, :aid, :delta);
COMMIT;
`

const find = `\\set aid random(1, ${accounts})\nSELECT aid, bid, balance FROM account WHERE aid = :aid;\n`

export const pgbench: Peer = {
  name: "pgbench",
  packages: [],
  note: "another process; prepared statements, never more clients than the pools have connections",
  missing: () => spawnSync("pgbench", ["--version"]).status === 0 ? undefined : "it is not installed here",
  open: async (url, pool) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pgbench-"))
    const script = (name: string, text: string): Loop => {
      const file = path.join(folder, `${name}.sql`)
      fs.writeFileSync(file, text)
      return async ({ concurrency, count }) => {
        const clients = Math.min(concurrency, pool, count)
        const each = Math.ceil(count / clients)
        const { stdout } = await promisify(execFile)("pgbench", [
          "--no-vacuum",
          "--protocol=prepared",
          `--client=${clients}`,
          `--transactions=${each}`,
          `--file=${file}`,
          url
        ])
        const perSecond = Number(/tps = ([\d.]+) \(without/.exec(stdout)?.[1])
        return count / perSecond * 1000
      }
    }
    return {
      insert: script("insert", insert),
      transfer: script("transfer", transfer),
      find: script("find", find),
      close: async () => fs.rmSync(folder, { recursive: true })
    }
  }
}
