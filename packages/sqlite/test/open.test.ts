import { describe, expect, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { Effect, Either } from "effect"
import { SqliteDriver } from "effect-sql-engine-sqlite"
import type { SqliteConfig } from "effect-sql-engine-sqlite/SqliteConfig"
import { execFile } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { connect, failure, file, folder, listener, run, runAll, value, writer } from "./support.js"
import type { Outcome } from "./unprivileged.js"

/** Where better-sqlite3 puts the extension it builds for its own tests. */
const built = "build/Release/test_extension.node"

const refusal = (config: SqliteConfig, lane: "write" | "read" = "write") =>
  failure(Effect.scoped(Effect.gen(function*() {
    const driver = yield* SqliteDriver.make(config)
    yield* connect(driver, lane)
  })))

const problem = (field: string, text: string) => ({
  _tag: "EngineConfigError",
  retryable: false,
  problems: [{ field, problem: expect.stringContaining(text) }]
})

describe("options", () => {
  it.scoped("that do not fit are all listed, and nothing is opened", () =>
    Effect.gen(function*() {
      const path = yield* file
      const wrong = {
        filename: ` ${path}`,
        mode: "rx",
        readers: -1,
        statementCacheSize: 1.5,
        lockTimeout: "soon",
        journalMode: "off",
        synchronous: "sometimes",
        pragmas: { busy_timeout: 5, "a;b": 1, cache_size: NaN, threads: null },
        extensions: [""]
      } as unknown as SqliteConfig
      const error = yield* failure(Effect.scoped(SqliteDriver.make(wrong)))
      expect(error._tag === "EngineConfigError" && error.problems.map(({ field }) => field)).toEqual([
        "filename",
        "mode",
        "readers",
        "statementCacheSize",
        "lockTimeout",
        "journalMode",
        "synchronous",
        "pragmas.busy_timeout",
        "pragmas.a;b",
        "pragmas.cache_size",
        "pragmas.threads",
        "extensions[0]"
      ])
      expect(readdirSync(dirname(path))).toEqual([])
    }))

  it.scoped.each([
    { filename: "", text: "is empty" },
    { filename: "a\0b", text: "NUL" },
    { filename: "file:x.db?mode=ro", text: "URI" },
    { filename: "x.db ", text: "blank" }
  ])("refuses the name $filename", ({ filename, text }) =>
    Effect.gen(function*() {
      expect(yield* refusal({ filename })).toMatchObject(problem("filename", text))
    }))

  it.scoped("refuses a read-only database in memory", () =>
    Effect.gen(function*() {
      expect(yield* refusal({ filename: ":memory:", mode: "ro" })).toMatchObject(problem("mode", "in memory"))
    }))

  it.scoped("are set on every connection, with their defaults", () =>
    Effect.gen(function*() {
      const { db, driver } = yield* writer({
        pragmas: { cache_size: -3000, recursive_triggers: true, temp_store: "memory" }
      })
      const reader = yield* connect(driver, "read")
      for (const connection of [db, reader]) {
        expect(yield* value(connection, "PRAGMA cache_size")).toBe(-3000)
        expect(yield* value(connection, "PRAGMA recursive_triggers")).toBe(1)
        expect(yield* value(connection, "PRAGMA temp_store")).toBe(2)
        expect(yield* value(connection, "PRAGMA foreign_keys")).toBe(1)
        expect(yield* value(connection, "PRAGMA journal_mode")).toBe("wal")
        expect(yield* value(connection, "PRAGMA busy_timeout")).toBe(0)
        expect(connection.condition()).toBe("clean")
      }
      expect(yield* value(db, "PRAGMA synchronous")).toBe(1)
      expect(yield* value(reader, "PRAGMA query_only")).toBe(1)
      expect([driver.write.connections, driver.read?.connections]).toEqual([1, 4])
      const plain = yield* writer({ foreignKeys: false, synchronous: "full", journalMode: "delete" })
      expect(yield* value(plain.db, "PRAGMA foreign_keys")).toBe(0)
      expect(yield* value(plain.db, "PRAGMA synchronous")).toBe(2)
      expect(yield* value(plain.db, "PRAGMA journal_mode")).toBe("delete")
      expect(plain.driver.read).toBeUndefined()
      expect((yield* writer({ readers: 0 })).driver.read).toBeUndefined()
      expect((yield* writer({ readers: 2 })).driver.read?.connections).toBe(2)
    }))

  it.scoped("with extensions keep lone reads on the writer", () =>
    Effect.gen(function*() {
      const path = yield* file
      expect((yield* SqliteDriver.make({ filename: path })).isRead?.("SELECT 1")).toBe(true)
      expect((yield* SqliteDriver.make({ filename: path, extensions: ["x"] })).isRead).toBeUndefined()
    }))
})

describe("opening", () => {
  it.scoped("happens with the first connection, also when that is a reader's", () =>
    Effect.gen(function*() {
      const path = yield* file
      const driver = yield* SqliteDriver.make({ filename: path })
      expect(existsSync(path)).toBe(false)
      const reader = yield* connect(driver, "read")
      expect(yield* value(reader, "PRAGMA journal_mode")).toBe("wal")
      expect(yield* value(reader, "SELECT count(*) FROM sqlite_schema")).toBe(0)
    }))

  it.scoped("names what is wrong with the file", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const at = (name: string) => join(path, name)
      for (const lane of ["write", "read"] as const) {
        const refused = (name: string, more: Partial<SqliteConfig> = {}) =>
          refusal({ filename: at(name), ...more }, lane)
        expect(yield* refused("no/such/x.db")).toMatchObject(problem("filename", "create it first"))
        writeFileSync(at("plain"), "not a folder")
        expect(yield* refused("plain/x.db")).toMatchObject(problem("filename", "is a file, not a folder"))
        mkdirSync(at("folder"), { recursive: true })
        expect(yield* refused("folder")).toMatchObject(problem("filename", "is a folder"))
        expect(yield* refused("missing.db", { mode: "rw" })).toMatchObject(
          problem("filename", "does not exist, and mode \"rw\"")
        )
        expect(yield* refused("missing.db", { mode: "ro" })).toMatchObject(
          problem("filename", "does not exist, and mode \"ro\"")
        )
        for (const text of ["short", "long enough to have a header of some sort ".repeat(100)]) {
          writeFileSync(at("text.db"), text)
          for (const mode of ["ro", "rw", "rwc"] as const) {
            expect(yield* refused("text.db", { mode }))
              .toMatchObject({ ...problem("filename", "is not an SQLite database"), code: "SQLITE_NOTADB" })
          }
        }
        expect(yield* refused("e.db", { extensions: [at("nothing")] })).toMatchObject(
          problem("extensions[0]", "cannot open shared object")
        )
        expect(yield* refused("p.db", { pragmas: { nonsense: 1 } })).toMatchObject(
          problem("pragmas.nonsense", "no pragma")
        )
      }
      expect(readdirSync(path).sort()).toEqual(["e.db", "folder", "p.db", "plain", "text.db"])
    }))

  it.scoped("leaves a file that is no database as it is, whatever its length, one byte included", () =>
    Effect.gen(function*() {
      const filename = join(yield* folder, "letter")
      for (const length of [1, 2, 15, 16, 99, 100, 511, 512, 4096]) {
        const text = "S".repeat(length)
        writeFileSync(filename, text)
        for (const lane of ["write", "read"] as const) {
          for (const mode of ["ro", "rw", "rwc"] as const) {
            expect([length, yield* refusal({ filename, mode }, lane)])
              .toMatchObject([length, problem("filename", "is not an SQLite database")])
          }
        }
        expect([length, readFileSync(filename, "utf8")]).toEqual([length, text])
        expect(readdirSync(dirname(filename))).toEqual(["letter"])
      }
    }))

  it.scoped("loads extensions into every connection", () =>
    Effect.gen(function*() {
      // better-sqlite3 builds an extension for its own tests, but only where it is compiled: a prebuilt one has none.
      const library = join(dirname(createRequire(import.meta.url).resolve("better-sqlite3/package.json")), built)
      const { db, driver } = yield* writer({ extensions: existsSync(library) ? [library] : [] })
      const reader = yield* connect(driver, "read")
      for (const connection of [db, reader]) {
        const called = yield* Effect.either(value(connection, "SELECT testExtensionFunction(1, 2)"))
        expect(Either.isRight(called) ? called.right : "no such function").toBe(
          existsSync(library) ? 2 : "no such function"
        )
      }
      if (!existsSync(library)) return
      const named = yield* writer({ extensions: [{ path: library, entryPoint: "sqlite3_extension_init" }] })
      expect(yield* value(named.db, "SELECT testExtensionFunction(1, 2)")).toBe(2)
    }))

  it.scoped("in mode ro refuses writes in either lane, and creates nothing", () =>
    Effect.gen(function*() {
      const path = yield* file
      new Sqlite(path).exec("CREATE TABLE t (a); INSERT INTO t VALUES (1)").close()
      const driver = yield* SqliteDriver.make({ filename: path, mode: "ro" })
      for (const lane of ["write", "read"] as const) {
        const db = yield* connect(driver, lane)
        expect(yield* value(db, "SELECT a FROM t")).toBe(1)
        const error = yield* failure(run(db, "INSERT INTO t VALUES (2)", [], { prelude: ["BEGIN IMMEDIATE"] }))
        expect(error).toMatchObject({ _tag: "ReadOnlyTransaction", connection: "keep" })
        expect(error.message).toContain("mode \"ro\"")
        yield* db.control("rollback", "ROLLBACK")
      }
      expect(readdirSync(dirname(path))).toEqual(["app.db"])
    }))

  it.scoped("tells a protected file from one that can be written", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const at = (name: string) => join(path, name)
      const make = (name: string, mode: number, journal = "delete") => {
        const db = new Sqlite(at(name))
        db.pragma(`journal_mode = ${journal}`)
        db.exec("CREATE TABLE t (a)").close()
        chmodSync(at(name), mode)
      }
      make("protected.db", 0o444)
      make("unreadable.db", 0o000)
      make("locked-in.db", 0o666)
      const closed = at("closed")
      mkdirSync(closed)
      writeFileSync(join(closed, "x.db"), "")
      chmodSync(closed, 0o000)
      chmodSync(path, 0o555)
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          chmodSync(path, 0o755)
          chmodSync(closed, 0o755)
        })
      )
      const read = "SELECT * FROM t"
      const child = fileURLToPath(new URL("child.mjs", import.meta.url))
      const program = fileURLToPath(new URL("unprivileged.ts", import.meta.url))
      const cases = [
        [{ filename: at("protected.db") }, "write", read],
        [{ filename: at("protected.db") }, "read", read],
        [{ filename: at("protected.db"), mode: "ro" }, "write", read],
        [{ filename: at("protected.db"), mode: "ro" }, "write", "INSERT INTO t VALUES (1)"],
        [{ filename: at("unreadable.db"), mode: "ro" }, "write", read],
        [{ filename: at("new.db") }, "write", "SELECT 1"],
        [{ filename: at("locked-in.db") }, "write", read],
        [{ filename: join(closed, "x.db") }, "write", "SELECT 1"]
      ]
      const { stdout } = yield* Effect.promise(() =>
        promisify(execFile)(process.execPath, [child, program, "attempts", JSON.stringify(cases), "nobody"])
      )
      const outcomes = JSON.parse(stdout) as ReadonlyArray<Outcome>
      const config = (text: string) => ({
        tag: "EngineConfigError",
        fields: ["filename"],
        message: expect.stringContaining(text)
      })
      expect(outcomes).toEqual([
        config("write-protected"),
        config("write-protected"),
        { tag: "none", message: "", fields: [] },
        { tag: "ReadOnlyTransaction", fields: [], message: expect.stringContaining("mode \"ro\"") },
        config("may not be read"),
        config("does not let this process create it"),
        config("needs a -wal or -journal file beside it"),
        config("may not be reached")
      ])
    }))
})

describe("ping", () => {
  it.scoped("succeeds on a file that is where it was", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* run(db, "CREATE TABLE t (a)")
      yield* db.ping
      expect(db.condition()).toBe("clean")
    }))

  it.scoped.each(["moved", "replaced", "removed"])(
    "finds out that the file was %s, and says so for every connection",
    (what) =>
      Effect.gen(function*() {
        const path = yield* file
        const { context, gone } = listener()
        const driver = yield* SqliteDriver.make({ filename: path })
        const db = yield* Effect.acquireRelease(driver.write.connect(context), (connection) => connection.close)
        yield* runAll(db, "CREATE TABLE t (a)")
        if (what === "removed") rmSync(path)
        else renameSync(path, `${path}.old`)
        if (what === "replaced") new Sqlite(path).exec("CREATE TABLE t (a)").close()
        const error = yield* failure(db.ping)
        expect(error).toMatchObject({ _tag: "ConnectionError", connection: "discard", retryable: true })
        expect(gone).toEqual([error])
        expect(db.condition()).toBe("lost")
      })
  )
})
