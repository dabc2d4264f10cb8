import { SafeIntegers } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { BigDecimal, DateTime, Effect, Option, Redacted } from "effect"
import { Json } from "effect-sql-engine/Driver"
import { Handle } from "../src/internal/handle.js"
import { connect, failure, run, runAll, value, writer } from "./support.js"

describe("execute", () => {
  it.scoped("gives rows as objects, as arrays, or the client's own result", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* run(db, "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
      expect(yield* run(db, "INSERT INTO users (name) VALUES (?), (?)", ["Ada", "Grace"])).toEqual([])
      expect(yield* run(db, "SELECT id, name FROM users")).toEqual([{ id: 1, name: "Ada" }, { id: 2, name: "Grace" }])
      expect(yield* run(db, "SELECT id, name FROM users", [], { shape: "values" })).toEqual([[1, "Ada"], [2, "Grace"]])
      expect(yield* run(db, "SELECT id, name FROM users")).toEqual([{ id: 1, name: "Ada" }, { id: 2, name: "Grace" }])
      expect(yield* run(db, "DELETE FROM users", [], { shape: "raw" })).toEqual([{ changes: 2, lastInsertRowid: 2 }])
      expect(yield* run(db, "SELECT 1 AS one", [], { shape: "raw" })).toEqual([[{ one: 1 }]])
      expect(yield* run(db, "INSERT INTO users (name) VALUES ('Lin') RETURNING name")).toEqual([{ name: "Lin" }])
    }))

  it.scoped("shows the columns of a table as they are after it was altered", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* runAll(db, "CREATE TABLE t (a)", "INSERT INTO t VALUES (1)")
      expect(yield* run(db, "SELECT * FROM t")).toEqual([{ a: 1 }])
      expect(yield* run(db, "SELECT * FROM t", [], { shape: "values" })).toEqual([[1]])
      yield* run(db, "ALTER TABLE t ADD COLUMN b DEFAULT 2")
      expect(yield* run(db, "SELECT * FROM t", [], { shape: "values" })).toEqual([[1, 2]])
      expect(yield* run(db, "SELECT * FROM t")).toEqual([{ a: 1, b: 2 }])
    }))

  it("keeps at most the configured number of statements, and none that asks not to be kept", () => {
    const reading = { shape: "values", safeIntegers: false, prepare: true } as const
    for (const [size, kept] of [[3, 3], [0, 0], [200, 40]] as const) {
      const handle = new Handle(new Sqlite(":memory:"), false, size)
      for (let round = 0; round < 2; round++) {
        for (let n = 0; n < 40; n++) expect(handle.run(`SELECT ${n}`, [], reading)).toEqual([[n]])
        handle.run(`SELECT 'unprepared ${round}'`, [], { ...reading, prepare: false })
        handle.run("PRAGMA user_version = 1", [], reading)
        handle.run(`SELECT '${"long".repeat(10_000)}'`, [], reading)
      }
      expect(handle.cached).toBe(kept)
      handle.close()
    }
  })

  it.scoped("answers in the integer mode of the caller, also when a prepared statement is shared", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      const big = 9007199254740993n
      const sql = "SELECT CAST(? AS INTEGER) AS n"
      const read = run(db, sql, [big])
      const exactly = Effect.provideService(read, SafeIntegers, true)
      expect(yield* read).toEqual([{ n: Number(big) }])
      expect(yield* exactly).toEqual([{ n: big }])
      expect(yield* read).toEqual([{ n: Number(big) }])
      const both = yield* Effect.all([read, exactly, read, exactly], { concurrency: "unbounded" })
      expect(both).toEqual([[{ n: Number(big) }], [{ n: big }], [{ n: Number(big) }], [{ n: big }]])
      yield* run(db, "CREATE TABLE t (a INTEGER PRIMARY KEY)")
      const insert = run(db, "INSERT INTO t VALUES (NULL)", [], { shape: "raw" })
      expect(yield* Effect.provideService(insert, SafeIntegers, true)).toEqual([{ changes: 1, lastInsertRowid: 1n }])
      expect(yield* insert).toEqual([{ changes: 1, lastInsertRowid: 2 }])
    }))

  it.scoped("binds what JavaScript has a word for", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      const bytes = new Uint8Array([9, 1, 2, 9])
      const forms: ReadonlyArray<readonly [given: unknown, stored: unknown]> = [
        [null, null],
        [undefined, null],
        [true, 1],
        [false, 0],
        [1.5, 1.5],
        [-Infinity, -Infinity],
        [2n, 2],
        ["é\0😀", "é\0😀"],
        [new Date(0), "1970-01-01T00:00:00.000Z"],
        [DateTime.unsafeMake(0), "1970-01-01T00:00:00.000Z"],
        [DateTime.unsafeMakeZoned(0, { timeZone: "Asia/Kolkata" }), "1970-01-01T00:00:00.000Z"],
        [BigDecimal.unsafeFromString("-12345678901234567890.10"), "-12345678901234567890.1"],
        [new Json([]), "[]"],
        [new Json(null), "null"],
        [new Json("123"), "\"123\""],
        [bytes.subarray(1, 3), Buffer.from([1, 2])],
        [bytes.buffer, Buffer.from(bytes)],
        [new DataView(bytes.buffer, 1, 2), Buffer.from([1, 2])]
      ]
      const params = forms.map(([given]) => given)
      const [row] = yield* run(db, `SELECT ${params.map(() => "?").join(", ")}`, params, { shape: "values" })
      expect(row).toEqual(forms.map(([, stored]) => stored))
    }))

  it.scoped("refuses a value SQLite has no place for, without showing it", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* run(db, "CREATE TABLE t (a, b)")
      const secret = "hunter2"
      const circle: Array<unknown> = []
      circle.push(circle)
      const refused: ReadonlyArray<readonly [given: unknown, type: string]> = [
        [[secret], "Array"],
        [{ secret }, "Object"],
        [{ toString: () => secret }, "Object"],
        [{ toJSON: () => secret }, "Object"],
        [Symbol(secret), "symbol"],
        [() => secret, "function"],
        [NaN, "NaN"],
        [new Date(NaN), "invalid Date"],
        [2n ** 63n, "64 bits"],
        [`${secret}\ud800`, "lone surrogate"],
        [new Map([[secret, secret]]), "Map"],
        [new Set([secret]), "Set"],
        [Promise.resolve(secret), "Promise"],
        [new RegExp(secret), "RegExp"],
        [new Error(secret), "Error"],
        [new Blob([secret]), "Blob"],
        [Redacted.make(secret), "Redacted"],
        [Option.some(secret), "Option"],
        [Effect.sync(() => secret), "Effect"],
        [new Json({ secret, at: [NaN] }), "NaN"],
        [new Json({ secret, n: 1n }), "bigint"],
        [new Json([secret, undefined]), "undefined"],
        [new Json({ secret: Redacted.make(secret) }), "Redacted"],
        [new Json({ [`${secret}\udfff`]: 1 }), "lone surrogate"],
        [new Json({ secret: new Uint8Array(1) }), "Uint8Array"],
        [new Json(circle), "refers to itself"],
        [
          new Json({
            toJSON() {
              throw new Error(secret)
            }
          }),
          "cannot be read"
        ]
      ]
      for (const [given, type] of refused) {
        const error = yield* failure(
          run(db, "INSERT INTO t VALUES (?, ?)", [1, given], { prelude: ["BEGIN IMMEDIATE"] })
        )
        expect(error).toMatchObject({
          _tag: "DataError",
          sent: "no",
          connection: "keep",
          statement: "INSERT INTO t VALUES (?, ?)"
        })
        expect(error.message).toContain("Value 2 ")
        expect(error.message).toContain(type)
        expect(JSON.stringify(error) + String(error)).not.toContain(secret)
        expect(db.transaction()).toBe("none")
      }
      expect(yield* value(db, "SELECT count(*) FROM t")).toBe(0)
    }))

  it.scoped("refuses text that is not exactly one statement", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* run(db, "CREATE TABLE t (a)")
      for (
        const sql of [
          "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)",
          "-- nothing",
          "",
          "SELECT 1\0 AND MORE",
          "SELEC 1"
        ]
      ) {
        expect(yield* failure(run(db, sql))).toMatchObject({
          _tag: "SqlSyntaxError",
          retryable: false,
          connection: "keep"
        })
      }
      expect(yield* value(db, "SELECT count(*) FROM t")).toBe(0)
      expect(yield* value(db, "SELECT 1; -- and no more")).toBe(1)
    }))

  it.scoped("refuses a number of values that is not the number of placeholders", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      expect(yield* failure(run(db, "SELECT ?, ?", [1]))).toMatchObject({ _tag: "SqlSyntaxError", sent: "no" })
      expect(yield* failure(run(db, "SELECT ?", [1, 2]))).toMatchObject({ _tag: "SqlSyntaxError", sent: "no" })
      expect(yield* failure(run(db, "SELECT :name"))).toMatchObject({ _tag: "SqlSyntaxError", sent: "no" })
    }))

  it.scoped("runs the prelude first, and not the statement when the prelude is refused", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* run(db, "CREATE TABLE t (a)")
      yield* run(db, "INSERT INTO t VALUES (1)", [], { prelude: ["BEGIN IMMEDIATE", "SAVEPOINT \"one\""] })
      expect(db.transaction()).toBe("open")
      expect(yield* failure(run(db, "INSERT INTO t VALUES (2)", [], { prelude: ["BEGIN IMMEDIATE"] })))
        .toMatchObject({ _tag: "SqlSyntaxError", sent: "no", statement: "BEGIN IMMEDIATE" })
      expect(yield* value(db, "SELECT count(*) FROM t")).toBe(1)
      expect(yield* db.control("commit", "COMMIT")).toBe("none")
    }))

  it.scoped("fails as a lost connection once it is closed", () =>
    Effect.gen(function*() {
      const { db } = yield* writer()
      yield* db.close
      yield* db.close
      expect(db.condition()).toBe("lost")
      expect(db.transaction()).toBe("none")
      expect(yield* failure(run(db, "SELECT 1"))).toMatchObject({
        _tag: "ConnectionError",
        connection: "discard",
        sent: "no"
      })
      expect(yield* failure(db.ping)).toMatchObject({ _tag: "ConnectionError" })
      expect(yield* failure(db.reset)).toMatchObject({ _tag: "ConnectionError" })
      expect(yield* failure(db.control("commit", "COMMIT"))).toMatchObject({ _tag: "ConnectionError" })
    }))

  it.scoped("a reader sees what the writer has committed, and nothing before", () =>
    Effect.gen(function*() {
      const { db, driver } = yield* writer()
      const reader = yield* connect(driver, "read")
      yield* run(db, "CREATE TABLE t (a)")
      yield* run(db, "INSERT INTO t VALUES (1)", [], { prelude: ["BEGIN IMMEDIATE"] })
      expect(yield* value(reader, "SELECT count(*) FROM t")).toBe(0)
      yield* db.control("commit", "COMMIT")
      expect(yield* value(reader, "SELECT count(*) FROM t")).toBe(1)
    }))
})
