import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { SqliteDialect } from "effect-sql-engine-sqlite"
import { connect, failure, run, runAll, value, writer } from "./support.js"

const begin = [SqliteDialect.dialect.begin({})]
const beginReadOnly = [SqliteDialect.dialect.begin({ readOnly: true })]

describe("transaction status", () => {
  it.scoped("is none when SQLite has rolled back by itself, and a rollback then has nothing to do", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* runAll(db, "CREATE TABLE t (a UNIQUE)", "INSERT INTO t VALUES (1)")
      yield* run(db, "INSERT INTO t VALUES (2)", [], { prelude: begin })
      expect(db.transaction()).toBe("open")
      expect(yield* failure(run(db, "INSERT OR ROLLBACK INTO t VALUES (1)"))).toMatchObject({ _tag: "UniqueViolation" })
      expect(db.transaction()).toBe("none")
      expect(yield* failure(db.control("commit", "COMMIT"))).toMatchObject({ _tag: "TransactionAborted" })
      expect(yield* failure(db.control("release", "RELEASE \"a\""))).toMatchObject({ _tag: "TransactionAborted" })
      expect(yield* db.control("rollback", "ROLLBACK")).toBe("none")
      expect(yield* value(db, "SELECT count(*) FROM t")).toBe(1)
      expect(db.condition()).toBe("clean")
    }))

  it.scoped("stays open after a failed statement, which undoes only itself", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* runAll(db, "CREATE TABLE t (a UNIQUE)")
      yield* run(db, "INSERT INTO t VALUES (1)", [], { prelude: begin })
      yield* failure(run(db, "INSERT INTO t VALUES (2), (1)"))
      expect(db.transaction()).toBe("open")
      yield* db.control("commit", "COMMIT")
      expect(yield* run(db, "SELECT a FROM t")).toEqual([{ a: 1 }])
    }))

  it.scoped("survives rolling back to a savepoint", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* runAll(db, "CREATE TABLE t (a)")
      const { rollbackToSavepoint, savepoint } = SqliteDialect.dialect
      yield* run(db, "INSERT INTO t VALUES (1)", [], { prelude: [...begin, savepoint("s")] })
      expect(yield* db.control("rollbackTo", rollbackToSavepoint("s"))).toBe("open")
      yield* run(db, "INSERT INTO t VALUES (2)")
      expect(yield* db.control("commit", "COMMIT")).toBe("none")
      expect(yield* run(db, "SELECT a FROM t")).toEqual([{ a: 2 }])
    }))

  it.scoped("is what SQLite says after the file could not grow, and a rollback ends it", () =>
    Effect.gen(function*() {
      const { db } = yield* writer({ pragmas: { max_page_count: 20 } })
      yield* runAll(db, "CREATE TABLE t (a)")
      const error = yield* failure(run(db, "INSERT INTO t SELECT randomblob(1000000)", [], { prelude: begin }))
      expect(error).toMatchObject({ _tag: "ResourceExhausted", code: "SQLITE_FULL", retryable: false })
      expect(yield* db.control("rollback", "ROLLBACK")).toBe("none")
      expect(yield* value(db, "SELECT count(*) FROM t")).toBe(0)
    }))
})

describe("a read-only transaction", () => {
  it.scoped("refuses writes on the writing connection, and lets it write again afterwards", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* runAll(db, "CREATE TABLE t (a)")
      for (const [kind, sql] of [["commit", "COMMIT"], ["rollback", "ROLLBACK"]] as const) {
        expect(yield* run(db, "SELECT 1 AS one", [], { prelude: beginReadOnly })).toEqual([{ one: 1 }])
        const refused = yield* failure(run(db, "INSERT INTO t VALUES (1)"))
        expect(refused).toMatchObject({ _tag: "ReadOnlyTransaction", code: "SQLITE_READONLY", connection: "keep" })
        expect(refused.message).toContain("session is read-only")
        expect(db.transaction()).toBe("open")
        yield* db.control(kind, sql)
        yield* run(db, "INSERT INTO t VALUES (1)")
      }
      expect(yield* value(db, "SELECT count(*) FROM t")).toBe(2)
      expect(db.condition()).toBe("clean")
    }))

  it.scoped("takes no write lock, and keeps its snapshot", () =>
    Effect.gen(function*() {
      const { db, driver } = yield* writer()
      const reader = yield* connect(driver, "read")
      yield* runAll(db, "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
      expect(yield* value(reader, "SELECT count(*) FROM t")).toBe(1)
      yield* run(reader, "SELECT * FROM t", [], { prelude: beginReadOnly })
      yield* run(db, "INSERT INTO t VALUES (2)")
      expect(yield* value(reader, "SELECT count(*) FROM t")).toBe(1)
      const refused = yield* failure(run(reader, "INSERT INTO t VALUES (3)"))
      expect(refused).toMatchObject({ _tag: "ReadOnlyTransaction" })
      yield* reader.control("commit", "COMMIT")
      expect(yield* value(reader, "SELECT count(*) FROM t")).toBe(2)
      expect(yield* failure(run(reader, "INSERT INTO t VALUES (3)"))).toMatchObject({ _tag: "ReadOnlyTransaction" })
    }))

  it.scoped("that has read an old snapshot and then wants to write is a conflict, at once", () =>
    Effect.gen(function*() {
      const { db, driver } = yield* writer()
      const other = yield* connect(driver)
      yield* runAll(db, "CREATE TABLE t (a)", "BEGIN", "SELECT * FROM t")
      yield* run(other, "INSERT INTO t VALUES (1)")
      const began = performance.now()
      expect(yield* failure(run(db, "INSERT INTO t VALUES (2)")))
        .toMatchObject({
          _tag: "SerializationError",
          code: "SQLITE_BUSY_SNAPSHOT",
          retryable: true,
          connection: "keep"
        })
      expect(performance.now() - began).toBeLessThan(1000)
      yield* db.control("rollback", "ROLLBACK")
      yield* run(db, "INSERT INTO t VALUES (2)")
    }))
})
