/**
 * The run on SQLite: a file for each peer, in a temporary folder.
 */
import Sqlite from "better-sqlite3"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Apart } from "../apart.js"
import { onSqlite } from "../courses.js"
import { chosen, run, type Runner } from "../field.js"
import type { Options } from "../options.js"
import { say } from "../report/console.js"
import type { Check, Race, Results } from "../results.js"
import { fromMap } from "./engineMap.js"
import { peers } from "./peers.js"
import { digest, fill } from "./tables.js"

export type Found = Pick<Results, "races" | "checks" | "absent" | "engineMap">

export const onFiles = async (options: Options): Promise<Found> => {
  const { absent, taking } = chosen(peers, options)
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-"))
  const admins: Array<Sqlite.Database> = []
  try {
    const runners: Array<Runner> = []
    for (const [at, peer] of taking.entries()) {
      const file = path.join(folder, `peer${at}.db`)
      const admin = new Sqlite(file)
      admins.push(admin)
      fill(admin)
      runners.push({
        peer,
        apart: await Apart.open("sqlite", peer.name, file, 1),
        empty: async () => {
          admin.exec("DELETE FROM item")
        },
        digest: async () => digest(admin)
      })
    }
    const races: Array<Race> = []
    const checks: Array<Check> = []
    for (const course of onSqlite.filter(({ work }) => options.wants(work))) {
      for (const concurrency of course.concurrencies) {
        const found = await run("sqlite", course, concurrency, "loopback", runners, options.quick)
        races.push(found.race)
        say(found.race, found.check)
        if (found.check !== undefined) checks.push(found.check)
      }
    }
    for (const { apart } of runners) await apart.close()
    const engineMap = options.wants("W7") ? await fromMap(path.join(folder, "map.db"), options.quick) : undefined
    return { races, checks, absent, engineMap }
  } finally {
    for (const admin of admins) admin.close()
    fs.rmSync(folder, { recursive: true, force: true })
  }
}
