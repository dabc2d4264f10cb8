import { SafeIntegers } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Stream } from "effect"
import { SqliteDialect } from "effect-sql-engine-sqlite"
import { connect, drain, failure, run, runAll, statement, value, writer } from "./support.js"

const count = (rows: number) =>
  `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${rows}) SELECT i, hex(randomblob(500)) AS pad FROM n`

const begin = [SqliteDialect.dialect.begin({})]

describe("stream", () => {
  it.scoped("gives every row once, in order, at every size around a batch", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      for (const size of [0, 1, 127, 128, 129, 256, 1000]) {
        const rows = yield* drain(
          db,
          `SELECT value AS i FROM json_each('[${Array.from({ length: size }, (_, i) => i)}]')`
        )
        expect(rows).toEqual(Array.from({ length: size }, (_, i) => ({ i })))
        expect(db.condition()).toBe("clean")
      }
    }))

  it.scoped("reads 100,000 rows of a kilobyte without holding them", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      let most = 0
      const before = process.memoryUsage()
      const rows = yield* Stream.runFold(db.stream(statement(count(100_000))), 0, (seen) => {
        if (seen % 5000 === 0) {
          const now = process.memoryUsage()
          most = Math.max(most, now.heapUsed + now.external - before.heapUsed - before.external)
        }
        return seen + 1
      })
      expect(rows).toBe(100_000)
      // The rows are 100 MB together; what is seen here is mostly what the garbage collector has not looked at yet.
      expect(most).toBeLessThan(60 * 1024 * 1024)
    }))

  it.scoped("has the shape and the integers of its caller", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      const sql = "SELECT 1 AS a, 'x' AS b"
      expect(yield* drain(db, sql, { shape: "values" })).toEqual([[1, "x"]])
      expect(yield* Effect.provideService(drain(db, sql), SafeIntegers, true)).toEqual([{ a: 1n, b: "x" }])
      expect(yield* drain(db, sql)).toEqual([{ a: 1, b: "x" }])
      yield* run(db, "CREATE TABLE t (a)")
      expect(yield* drain(db, "INSERT INTO t VALUES (1)")).toEqual([])
      expect(yield* drain(db, "INSERT INTO t VALUES (2) RETURNING a")).toEqual([{ a: 2 }])
      expect(yield* value(db, "SELECT count(*) FROM t")).toBe(2)
    }))

  it.scoped("lets its connection read and write while it is open", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* runAll(db, "CREATE TABLE src (a INTEGER PRIMARY KEY)", "CREATE TABLE dst (a)")
      yield* run(
        db,
        "INSERT INTO src SELECT i FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500) SELECT i FROM n)"
      )
      yield* db.stream(statement("SELECT a FROM src", [], { prelude: begin })).pipe(
        Stream.runForEach(({ a }) =>
          Effect.gen(function*() {
            yield* run(db, "INSERT INTO dst VALUES (?)", [a], a % 100 === 0 ? { prelude: ["SAVEPOINT s"] } : {})
            if (a % 100 === 0) {
              expect(yield* db.control("rollbackTo", SqliteDialect.dialect.rollbackToSavepoint("s"))).toBe("open")
            }
            // The same text as the stream's own, while that one is still open.
            if (a === 7) expect(yield* run(db, "SELECT a FROM src")).toHaveLength(500)
          })
        )
      )
      expect(yield* db.control("commit", "COMMIT")).toBe("none")
      expect(yield* value(db, "SELECT count(*) FROM dst")).toBe(495)
      expect(db.condition()).toBe("clean")
    }))

  it.scoped("does not open a way around SQLite's defences while it is read", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* runAll(db, "CREATE TABLE t (a)", "CREATE VIRTUAL TABLE f USING fts5 (x)")
      yield* db.stream(statement(count(200))).pipe(
        Stream.take(1),
        Stream.runForEach(() =>
          Effect.gen(function*() {
            yield* run(db, "PRAGMA writable_schema = 1")
            for (const sql of ["UPDATE sqlite_schema SET sql = sql", "DELETE FROM f_data"]) {
              expect((yield* failure(run(db, sql))).message).toContain("may not be modified")
            }
          })
        )
      )
      const refused = yield* failure(run(db, "UPDATE sqlite_schema SET sql = sql"))
      expect(refused.message).toContain("may not be modified")
    }))

  it.scoped("lets go of its statement however it ends", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* run(db, "CREATE TABLE t (a)")
      const source = db.stream(statement(count(10_000)))
      const ends: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        Stream.runDrain(source),
        Stream.runDrain(Stream.take(source, 3)),
        Stream.runDrain(Stream.mapEffect(source, () => Effect.fail("stop"))),
        Stream.runDrain(Stream.mapEffect(source, () => Effect.die("stop"))),
        Stream.runDrain(Stream.mapEffect(source, () => Effect.interrupt)),
        Effect.scoped(Effect.flatten(Stream.toPull(source))),
        Stream.runDrain(
          db.stream(statement("SELECT json(CASE value WHEN 400 THEN '{' ELSE '1' END) FROM json_each(?)", [
            JSON.stringify(Array.from({ length: 500 }, (_, i) => i))
          ]))
        )
      ]
      for (const end of ends) {
        const exit = yield* Effect.exit(end)
        expect(db.condition()).toBe("clean")
        expect([Exit.isExit(exit), yield* run(db, "INSERT INTO t VALUES (1)")]).toEqual([true, []])
      }
      const fiber = yield* Effect.fork(Stream.runForEach(source, () => Effect.never))
      yield* Effect.repeat(Effect.yieldNow(), { until: () => db.condition() === "dirty" })
      yield* Fiber.interrupt(fiber)
      expect(db.condition()).toBe("clean")
      yield* run(db, "DROP TABLE t")
    }))

  it.scoped("fails in the middle with a typed failure", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      const sql = "SELECT json(CASE value WHEN 3 THEN '{' ELSE '1' END) AS j FROM json_each('[1,2,3,4]')"
      expect(yield* failure(drain(db, sql))).toMatchObject({ _tag: "DataError", statement: sql })
      expect(yield* failure(drain(db, "SELECT nothing"))).toMatchObject({ _tag: "SqlSyntaxError" })
    }))

  it.scoped("is cut off by a rollback that undoes the schema it reads, and by closing its connection", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* run(db, `CREATE TABLE numbers AS ${count(1000)}`)
      const first = yield* Stream.toPull(db.stream(statement("SELECT i FROM numbers")))
      yield* Effect.orDie(first)
      yield* run(db, "CREATE TABLE t (a)", [], { prelude: begin })
      yield* db.control("rollback", "ROLLBACK")
      expect(yield* Effect.flip(first)).toMatchObject({
        value: { _tag: "QueryCancelled", code: "SQLITE_ABORT_ROLLBACK" }
      })
      expect(db.condition()).toBe("clean")
      const second = yield* Stream.toPull(db.stream(statement("SELECT i FROM numbers")))
      yield* Effect.orDie(second)
      yield* db.close
      expect(yield* Effect.flip(second)).toMatchObject({ value: { _tag: "ConnectionError", connection: "discard" } })
    }))

  it.scoped("says that it is in the way of a statement that needs the table to itself", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* runAll(db, "CREATE TABLE t (a)", "INSERT INTO t VALUES (1), (2)")
      const open = yield* Stream.toPull(db.stream(statement(`${count(1000)}, t`)))
      yield* Effect.orDie(open)
      expect(yield* failure(run(db, "DROP TABLE t"))).toMatchObject({
        _tag: "LockTimeoutError",
        code: "SQLITE_LOCKED",
        retryable: false
      })
    }))

  it.scoped("reads on a reader while the writer commits", () =>
    Effect.gen(function*() {
      const { db, driver } = yield* writer()
      const reader = yield* connect(driver, "read")
      yield* runAll(
        db,
        "CREATE TABLE t (a)",
        "INSERT INTO t SELECT value FROM json_each('[" + Array(400).fill(0) + "]')"
      )
      const rows = yield* reader.stream(statement("SELECT a FROM t")).pipe(
        Stream.tap(() => run(db, "INSERT INTO t VALUES (1)")),
        Stream.runCount
      )
      expect(rows).toBe(400)
      expect(yield* value(reader, "SELECT count(*) FROM t")).toBe(800)
    }))
})
