/**
 * The laws of `Driver`, on files: nothing dies, nothing stays open, `close` may come at any time.
 */
import { describe, expect, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { Effect, Exit, Fiber, Scope, Stream } from "effect"
import { SqliteDriver } from "effect-sql-engine-sqlite"
import { readdirSync, readlinkSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { connect, failure, file, listener, run, statement, value, writer } from "./support.js"

/** The files of a folder this process has open. Linux tells; elsewhere the folder's -wal and -shm do. */
const openFiles = (filename: string): ReadonlyArray<string> => {
  if (process.platform !== "linux") return readdirSync(dirname(filename)).filter((name) => /-(wal|shm)$/.test(name))
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`)
      return path.startsWith(dirname(filename)) ? [path] : []
    } catch {
      return []
    }
  })
}

describe("a driver", () => {
  it.scoped("keeps no file open once its connections are closed, however they were used", () =>
    Effect.gen(function*() {
      const filename = yield* file
      yield* Effect.scoped(Effect.gen(function*() {
        const { db, driver } = yield* writer({ filename })
        const reader = yield* connect(driver, "read")
        yield* run(db, "CREATE TABLE t (a)")
        expect(openFiles(filename).length).toBeGreaterThan(0)
        const pull = yield* Stream.toPull(reader.stream(statement("SELECT value FROM json_each('[1,2,3]'), t")))
        yield* Effect.exit(pull)
        yield* run(db, "INSERT INTO t VALUES (1)", [], { prelude: ["BEGIN IMMEDIATE"] })
      }))
      expect(openFiles(filename)).toEqual([])
    }))

  it.scoped("closes with its scope what nobody has closed", () =>
    Effect.gen(function*() {
      const filename = yield* file
      const scope = yield* Scope.make()
      const driver = yield* Scope.extend(SqliteDriver.make({ filename }), scope)
      const db = yield* driver.write.connect(listener().context)
      const reader = yield* driver.read!.connect(listener().context)
      yield* run(db, "CREATE TABLE t (a)", [], { prelude: ["BEGIN IMMEDIATE"] })
      yield* Scope.close(scope, Exit.void)
      expect(openFiles(filename)).toEqual([])
      expect([db.condition(), reader.condition(), db.transaction()]).toEqual(["lost", "lost", "none"])
      expect(yield* failure(run(db, "SELECT 1"))).toMatchObject({ _tag: "ConnectionError" })
      expect(yield* failure(driver.write.connect(listener().context))).toMatchObject({
        _tag: "ConnectionError",
        retryable: false
      })
      yield* db.close
      expect(new Sqlite(filename).prepare("SELECT count(*) FROM sqlite_schema").pluck().get()).toBe(0)
    }))

  it.scoped("leaves nothing open when opening fails", () =>
    Effect.gen(function*() {
      const filename = yield* file
      const refused = (config: Partial<SqliteDriver.SqliteConfig>, lane: "write" | "read") =>
        Effect.scoped(Effect.gen(function*() {
          const driver = yield* SqliteDriver.make({ filename, ...config })
          return yield* failure(driver[lane]!.connect(listener().context))
        }))
      for (const lane of ["write", "read"] as const) {
        yield* refused({ extensions: ["/nowhere.so"] }, lane)
        yield* refused({ pragmas: { nonsense: 1 } }, lane)
        expect(openFiles(filename)).toEqual([])
      }
      writeFileSync(filename, "this is no database ".repeat(100))
      yield* refused({}, "write")
      expect(openFiles(filename)).toEqual([])
    }))

  it.scopedLive("leaves nothing open when connecting is interrupted, at any moment", () =>
    Effect.gen(function*() {
      const filename = yield* file
      const other = yield* Effect.acquireRelease(
        Effect.sync(() => new Sqlite(filename, { timeout: 0 }).exec("CREATE TABLE t (a); BEGIN EXCLUSIVE")),
        (db) => Effect.sync(() => db.close())
      )
      for (const lane of ["write", "read"] as const) {
        for (let moment = 0; moment < 25; moment++) {
          const driver = yield* SqliteDriver.make({ filename })
          const fiber = yield* Effect.fork(driver[lane]!.connect(listener().context))
          yield* moment < 10 ? Effect.yieldNow() : Effect.sleep(moment)
          expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
        }
      }
      // SQLite keeps a closed descriptor for as long as another connection of the process has a lock on the file.
      other.close()
      expect(openFiles(filename)).toEqual([])
    }))

  it.scopedLive("fails a statement that waits for a lock when its connection is closed", () =>
    Effect.gen(function*() {
      const { db, filename } = yield* writer()
      yield* run(db, "CREATE TABLE t (a)")
      const other = yield* Effect.acquireRelease(
        Effect.sync(() => new Sqlite(filename, { timeout: 0 }).exec("BEGIN IMMEDIATE")),
        (plain) => Effect.sync(() => plain.close())
      )
      const fiber = yield* Effect.fork(failure(run(db, "INSERT INTO t VALUES (1)")))
      yield* Effect.yieldNow()
      yield* db.close
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "ConnectionError", connection: "discard" })
      other.exec("ROLLBACK")
      expect(db.condition()).toBe("lost")
    }))

  it.scoped("settles at once, as nothing ever runs on in the background", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* db.settle
      expect(yield* value(db, "SELECT 1")).toBe(1)
    }))

  it.scoped("says what it is", () =>
    Effect.gen(function*() {
      const { db, driver, filename } = yield* writer({
        transformQueryNames: (name) => name.toLowerCase(),
        transformResultNames: (name) => name.toUpperCase()
      })
      expect(driver.target).toBe(`sqlite:${filename}`)
      expect(driver.attributes).toMatchObject({ "db.system.name": "sqlite" })
      expect(driver.dialect.name).toBe("sqlite")
      expect(driver.transformRows?.([{ a: 1 }])).toEqual([{ A: 1 }])
      expect(db.id).toBe("write-1")
      expect((yield* connect(driver, "read")).id).toBe("read-2")
    }))
})
