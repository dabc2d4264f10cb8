/**
 * Another program that uses the same file, through the plain client: takes the write lock again and again.
 *
 *     node holder.mjs <file> <rounds> <held ms> <pause ms>
 *
 * Says `held` each time it has the lock, and `done` at the end, one word a line.
 */
import Sqlite from "better-sqlite3"
import { setTimeout as pause } from "node:timers/promises"

const [, , file, rounds, held, between] = process.argv
const db = new Sqlite(file, { timeout: 10_000 })
const insert = db.prepare("INSERT INTO entries (who) VALUES ('holder')")

for (let round = 0; round < Number(rounds); round++) {
  db.exec("BEGIN IMMEDIATE")
  insert.run()
  process.stdout.write("held\n")
  await pause(Number(held))
  db.exec("COMMIT")
  await pause(Number(between))
}
db.close()
process.stdout.write("done\n")
