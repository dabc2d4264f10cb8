import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck, Stream } from "effect"
import { SqliteDriver } from "effect-sql-engine-sqlite"
import type { DriverConnection } from "effect-sql-engine/Driver"
import { connect, failure, folder, listener, run, runAll, statement, value, writer } from "./support.js"

/** Everything of a connection that a borrower could have changed. */
const fingerprint = (db: DriverConnection) =>
  Effect.gen(function*() {
    const settings = [
      "foreign_keys",
      "journal_mode",
      "synchronous",
      "cache_size",
      "busy_timeout",
      "query_only",
      "temp_store",
      "threads",
      "recursive_triggers",
      "wal_autocheckpoint",
      "secure_delete",
      "reverse_unordered_selects",
      "cache_spill"
    ]
    return {
      settings: yield* Effect.forEach(settings, (name) => run(db, `PRAGMA ${name}`)),
      databases: yield* run(db, "SELECT name FROM pragma_database_list WHERE name <> 'temp'"),
      temporary: yield* run(db, "SELECT * FROM sqlite_temp_schema"),
      transaction: db.transaction()
    }
  })

describe("condition", () => {
  it.scoped("is clean after ordinary work", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* runAll(
        db,
        "CREATE TABLE t (a)",
        "CREATE INDEX i ON t (a)",
        "INSERT INTO t VALUES (1)",
        "PRAGMA user_version = 3",
        "PRAGMA table_info(t)",
        "PRAGMA foreign_keys",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "VACUUM",
        "ANALYZE"
      )
      expect(db.condition()).toBe("clean")
    }))

  it.scoped.each([
    "BEGIN",
    "SAVEPOINT s",
    "PRAGMA foreign_keys = 0",
    "EXPLAIN PRAGMA foreign_keys = 0",
    "PRAGMA cache_size(10)",
    "PRAGMA case_sensitive_like = 1",
    "ATTACH ':memory:' AS other",
    "CREATE TEMP TABLE x (a)",
    "CREATE TABLE temp.x (a)",
    "CREATE TABLE 'temp'.x (a)",
    "CREATE TEMP VIEW v AS SELECT 1"
  ])("is dirty after %s", (sql) =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* run(db, sql)
      expect(db.condition()).toBe("dirty")
      yield* run(db, "SELECT 1")
      expect(db.condition()).toBe("dirty")
    }))
})

describe("reset", () => {
  it.scoped("makes a connection as new, whatever a borrower did to it", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const { db, driver } = yield* writer()
      yield* runAll(db, "CREATE TABLE t (a)")
      const asNew = yield* Effect.scoped(Effect.flatMap(connect(driver), fingerprint))
      const dirt = [
        "BEGIN",
        "BEGIN IMMEDIATE",
        "SAVEPOINT s",
        "INSERT INTO t VALUES (1)",
        "PRAGMA foreign_keys = 0",
        "PRAGMA cache_size = 7",
        "PRAGMA busy_timeout = 1000",
        "PRAGMA query_only = 1",
        "PRAGMA synchronous = OFF",
        "PRAGMA temp_store = 2",
        "PRAGMA recursive_triggers = 1",
        "PRAGMA threads = 2",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA reverse_unordered_selects(1)",
        "PRAGMA secure_delete = 1",
        "PRAGMA cache_spill = 0",
        "CREATE TEMP TABLE p (a PRIMARY KEY)",
        "CREATE TEMP TABLE c (a REFERENCES p)",
        "INSERT INTO c VALUES (1)",
        "CREATE TEMP TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END",
        "CREATE TEMP VIEW v AS SELECT 1",
        "CREATE VIRTUAL TABLE temp.f USING fts5 (x)",
        "CREATE TABLE temp.\"odd \"\" name\" (a)",
        `ATTACH '${path}/x.db' AS other`,
        "ATTACH ':memory:' AS \"odd \"\" name\"",
        "CREATE TABLE other.t (a)"
      ]
      yield* Effect.promise(() =>
        FastCheck.assert(
          FastCheck.asyncProperty(
            FastCheck.array(FastCheck.constantFrom(...dirt), { minLength: 1, maxLength: 12 }),
            (sqls) =>
              Effect.gen(function*() {
                yield* Effect.forEach(sqls, (sql) => Effect.exit(run(db, sql)), { discard: true })
                if (db.condition() === "dirty") yield* db.reset
                expect([db.condition(), yield* fingerprint(db)]).toEqual(["clean", asNew])
              }).pipe(Effect.runPromise)
          ),
          { seed: 25, numRuns: 300, examples: dirt.map((sql) => [[sql]]) }
        )
      )
    }))

  it.scoped("ends a read-only transaction, and the connection can write", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* run(db, "CREATE TABLE t (a)")
      yield* run(db, "SELECT * FROM t", [], { prelude: ["BEGIN DEFERRED"] })
      yield* run(db, "PRAGMA query_only = 0")
      expect(db.condition()).toBe("dirty")
      yield* db.reset
      expect(db.condition()).toBe("clean")
      yield* run(db, "INSERT INTO t VALUES (1)")
      yield* run(db, "SELECT * FROM t", [], { prelude: ["BEGIN DEFERRED"] })
      yield* db.reset
      yield* run(db, "INSERT INTO t VALUES (1)")
      expect(db.condition()).toBe("clean")
    }))

  it.scoped("fails where it cannot prove it, and the connection is lost", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* run(db, "PRAGMA case_sensitive_like = 1")
      const error = yield* failure(db.reset)
      expect(error).toMatchObject({ _tag: "UnknownError", connection: "discard" })
      expect(error.message).toContain("case_sensitive_like")
      expect(db.condition()).toBe("lost")
    }))

  it.scoped("ends a stream that was left open", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      const sql = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
      const pull = yield* Stream.toPull(db.stream(statement(sql)))
      yield* pull.pipe(Effect.orDie)
      expect(db.condition()).toBe("dirty")
      yield* db.reset
      expect(db.condition()).toBe("clean")
      expect(yield* Effect.flip(pull)).toMatchObject({ value: { _tag: "QueryCancelled", connection: "keep" } })
    }))

  it.scoped("keeps a database in memory through resets and closed connections", () =>
    Effect.gen(function*() {
      const driver = yield* SqliteDriver.make({ filename: ":memory:" })
      expect(driver.read).toBeUndefined()
      expect(driver.isRead).toBeUndefined()
      const first = yield* driver.write.connect(listener().context)
      yield* runAll(first, "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)", "BEGIN", "INSERT INTO t VALUES (2)")
      yield* first.close
      expect(first.condition()).toBe("lost")
      const second = yield* driver.write.connect(listener().context)
      expect(second.condition()).toBe("clean")
      expect(yield* value(second, "SELECT count(*) FROM t")).toBe(1)
      yield* run(second, "PRAGMA case_sensitive_like = 1")
      yield* failure(second.reset)
      yield* second.close
      const third = yield* driver.write.connect(listener().context)
      expect(third.condition()).toBe("clean")
      yield* run(third, "INSERT INTO t VALUES (3)", [], { prelude: ["BEGIN IMMEDIATE"] })
      const fourth = yield* driver.write.connect(listener().context)
      yield* third.close
      expect(fourth.transaction()).toBe("open")
      expect(yield* failure(run(first, "SELECT 1"))).toMatchObject({ _tag: "ConnectionError" })
    }))
})
