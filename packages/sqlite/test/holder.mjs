/**
 * Another program that uses the same file, through the plain client: takes the write lock again and again, until its
 * standard input ends.
 *
 *     node holder.mjs <file> <held ms> <pause ms>
 *
 * Says `held` when it has the lock for the first time, and in the end how many transactions it has committed.
 */
import Sqlite from "better-sqlite3"
import { setTimeout as pause } from "node:timers/promises"

const [, , file, held, between] = process.argv
const db = new Sqlite(file, { timeout: 10_000 })
const insert = db.prepare("INSERT INTO entries (who) VALUES ('holder')")

process.stdin.resume()

let committed = 0
while (!process.stdin.readableEnded) {
  db.exec("BEGIN IMMEDIATE")
  insert.run()
  if (committed === 0) process.stdout.write("held\n")
  await pause(Number(held))
  db.exec("COMMIT")
  committed += 1
  await pause(Number(between))
}
db.close()
process.stdout.write(`${committed}\n`)
