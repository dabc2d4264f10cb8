/**
 * Two programs, one file: while one holds SQLite's write lock, the other waits without stopping its event loop, and
 * each of its writes either arrives or ends in `LockTimeoutError` within its limit.
 */
import { describe, expect, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { Effect } from "effect"
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import type { Job, Report } from "./sqlite-locks/waiter.js"

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))

const database = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = mkdtempSync(join(tmpdir(), "sqlite-locks-"))
    const filename = join(folder, "shared.db")
    const db = new Sqlite(filename)
    db.pragma("journal_mode = WAL")
    db.exec("CREATE TABLE entries (id INTEGER PRIMARY KEY, who TEXT NOT NULL)")
    return { db, filename, folder }
  }),
  ({ db, folder }) =>
    Effect.sync(() => {
      db.close()
      rmSync(folder, { recursive: true, force: true })
    })
)

/** Starts the other program; it has the lock when this is done. */
const holder = (filename: string, rounds: number, held: number, between: number) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(process.execPath, [
        path("sqlite-locks/holder.mjs"),
        filename,
        ...[rounds, held, between].map(String)
      ])
      await once(child.stdout, "data")
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const end = (child: ChildProcess) =>
  Effect.promise(async () => child.exitCode === null ? (await once(child, "exit"))[0] : child.exitCode)

/** Runs the program under test to its end; `asking` hears when it begins to write. */
const waiter = (job: Job, asking: () => void = () => {}) =>
  Effect.promise(async (): Promise<Report> => {
    const loader = path("../packages/sqlite/test/child.mjs")
    const running = promisify(execFile)(process.execPath, [
      loader,
      path("sqlite-locks/waiter.ts"),
      "write",
      JSON.stringify(job)
    ])
    running.child.stderr?.once("data", asking)
    return JSON.parse((await running).stdout)
  })

const count = (db: Sqlite.Database, who: string) =>
  db.prepare("SELECT count(*) FROM entries WHERE who = ?").pluck().get(who)

describe("two processes on one SQLite file", () => {
  it.scopedLive("each write arrives, and a 10 ms timer never stands still for 100 ms", () =>
    Effect.gen(function*() {
      const { db, filename } = yield* database
      const other = yield* holder(filename, 16, 250, 25)
      const report = yield* waiter({ filename, writes: 12, lockTimeoutMillis: 5000 })
      expect(yield* end(other)).toBe(0)
      expect(report.refused).toEqual([])
      expect([count(db, "waiter"), count(db, "holder")]).toEqual([12, 16])
      // It had to wait for several of the other's transactions.
      expect(report.millis).toBeGreaterThan(500)
      expect(report.ticks).toBeGreaterThan(report.millis / 10 / 3)
      expect(report.largestGapMillis).toBeLessThan(100)
    }))

  it.scopedLive("a write that never gets the lock fails within its limit, and the timer runs on", () =>
    Effect.gen(function*() {
      const { db, filename } = yield* database
      yield* holder(filename, 1, 60_000, 0)
      const report = yield* waiter({ filename, writes: 3, lockTimeoutMillis: 400 })
      expect(report.written).toBe(0)
      expect(report.refused.map(({ tag }) => tag)).toEqual(["LockTimeoutError", "LockTimeoutError", "LockTimeoutError"])
      for (const { millis } of report.refused) {
        expect(millis).toBeGreaterThanOrEqual(399)
        expect(millis).toBeLessThan(900)
      }
      expect(report.ticks).toBeGreaterThan(report.millis / 10 / 3)
      expect(report.largestGapMillis).toBeLessThan(100)
      expect(count(db, "waiter")).toBe(0)
    }))

  it.scopedLive("a holder that is killed gives the lock back, and the waiting write arrives", () =>
    Effect.gen(function*() {
      const { db, filename } = yield* database
      const other = yield* holder(filename, 1, 60_000, 0)
      const report = yield* waiter({ filename, writes: 1, lockTimeoutMillis: 10_000 }, () => {
        setTimeout(() => other.kill("SIGKILL"), 200)
      })
      expect(report.millis).toBeGreaterThan(150)
      expect(report.written).toBe(1)
      expect([count(db, "waiter"), count(db, "holder")]).toEqual([1, 0])
    }))
})
