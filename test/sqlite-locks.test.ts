/**
 * Two programs, one file: while one holds SQLite's write lock, the other waits without stopping its event loop, and
 * each of its writes either arrives or ends in `LockTimeoutError` within its limit.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { SqliteDriver } from "effect-sql-engine-sqlite"
import type { DriverConnection } from "effect-sql-engine/Driver"
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import type { Job, Report } from "./sqlite-locks/waiter.js"

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))

const run = (db: DriverConnection, sql: string, ...params: ReadonlyArray<unknown>) =>
  db.execute({ sql, params, shape: "values", prepare: true, prelude: [] })

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "sqlite-locks-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const database = Effect.gen(function*() {
  const filename = join(yield* folder, "shared.db")
  const driver = yield* SqliteDriver.make({ filename })
  const context = { engine: "test", onLost: () => {}, onServerGone: () => {} }
  const db = yield* driver.write.connect(context)
  yield* run(db, "CREATE TABLE entries (id INTEGER PRIMARY KEY, who TEXT NOT NULL)")
  return { db, filename }
})

const count = (db: DriverConnection, who: string) =>
  Effect.map(run(db, "SELECT count(*) FROM entries WHERE who = ?", who), (rows) => rows[0][0] as number)

/** Starts the other program; it has the lock when this is done. */
const holder = (filename: string, held: number, between: number) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const program = path("../packages/sqlite/test/holder.mjs")
      const child = spawn(process.execPath, [program, filename, `${held}`, `${between}`])
      await once(child.stdout, "data")
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

/** Lets the other program end; how many transactions it has committed. */
const committed = (child: Effect.Effect.Success<ReturnType<typeof holder>>) =>
  Effect.promise(async () => {
    child.stdin.end()
    const [said] = await once(child.stdout, "data")
    return Number(said)
  })

/** Runs the program under test to its end; `asking` hears when it begins to write. */
const waiter = (job: Job, asking: () => void = () => {}) =>
  Effect.promise(async (): Promise<Report> => {
    const loader = path("../packages/sqlite/test/child.mjs")
    const program = [loader, path("sqlite-locks/waiter.ts"), "write", JSON.stringify(job)]
    const running = promisify(execFile)(process.execPath, program)
    running.child.stderr?.once("data", asking)
    return JSON.parse((await running).stdout)
  })

describe("two processes on one SQLite file", () => {
  it.scopedLive("each write arrives, and a 10 ms timer never stands still for 100 ms", () =>
    Effect.gen(function*() {
      const { db, filename } = yield* database
      const other = yield* holder(filename, 250, 25)
      const report = yield* waiter({ filename, writes: 8, lockTimeoutMillis: 10_000 })
      const held = yield* committed(other)
      expect(report.refused).toEqual([])
      expect([yield* count(db, "waiter"), yield* count(db, "holder")]).toEqual([8, held])
      // It had to wait for the other's transactions, more than one.
      expect(report.millis).toBeGreaterThan(300)
      expect(report.ticks).toBeGreaterThan(report.millis / 10 / 5)
      expect(report.largestGapMillis).toBeLessThan(100)
    }))

  it.scopedLive("a write that never gets the lock fails within its limit, and the timer runs on", () =>
    Effect.gen(function*() {
      const { db, filename } = yield* database
      yield* holder(filename, 600_000, 0)
      const report = yield* waiter({ filename, writes: 3, lockTimeoutMillis: 400 })
      expect(report.written).toBe(0)
      expect(report.refused.map(({ tag }) => tag)).toEqual(["LockTimeoutError", "LockTimeoutError", "LockTimeoutError"])
      for (const { millis, starvedMillis } of report.refused) {
        expect(millis).toBeGreaterThanOrEqual(399)
        expect(millis - starvedMillis).toBeLessThan(900)
      }
      expect(report.ticks).toBeGreaterThan(report.millis / 10 / 5)
      expect(report.largestGapMillis).toBeLessThan(100)
      expect(yield* count(db, "waiter")).toBe(0)
    }))

  it.scopedLive("a holder that is killed gives the lock back, and the waiting write arrives", () =>
    Effect.gen(function*() {
      const { db, filename } = yield* database
      const other = yield* holder(filename, 600_000, 0)
      const report = yield* waiter({ filename, writes: 1, lockTimeoutMillis: 10_000 }, () => {
        setTimeout(() => other.kill("SIGKILL"), 200)
      })
      expect(report.millis).toBeGreaterThan(150)
      expect(report.written).toBe(1)
      expect([yield* count(db, "waiter"), yield* count(db, "holder")]).toEqual([1, 0])
    }))
})
