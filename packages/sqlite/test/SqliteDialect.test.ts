import { describe, expect, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { FastCheck } from "effect"
import { SqliteDialect } from "effect-sql-engine-sqlite"
import { statementFailures } from "effect-sql-engine/SqlFailure"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { resultCodes } from "./resultCodes.js"

const { classify, dialect } = SqliteDialect

describe("classify", () => {
  it("gives every result code of SQLite exactly one meaning", () => {
    for (const [, name, tag, retryable, connection] of resultCodes) {
      expect([name, classify(name)]).toEqual([name, { tag, retryable, connection }])
    }
  })

  it("knows every code of the SQLite that is installed", () => {
    const header = readFileSync(createRequire(import.meta.url).resolve("better-sqlite3/deps/sqlite3/sqlite3.h"), "utf8")
    const primary = header.slice(header.indexOf("#define SQLITE_OK "), header.indexOf("end-of-error-codes"))
    const names = [
      ...[...primary.matchAll(/#define (SQLITE_[A-Z]+)\s+\d+/g)].map((match) => match[1]),
      ...[...header.matchAll(/#define (SQLITE_[A-Z_]+)\s+\(SQLITE_[A-Z]+\s*\|\s*\(\d+<<8\)\)/g)].map((match) =>
        match[1]
      )
    ]
    const known = new Set(resultCodes.map(([, name]) => name))
    expect(names.length).toBeGreaterThan(100)
    expect(names.filter((name) => name !== undefined && !known.has(name) && !name.startsWith("SQLITE_OPEN"))).toEqual(
      []
    )
  })

  it("takes a code that comes as a number for what its low byte says", () => {
    for (const [number, name] of resultCodes) {
      const primary = resultCodes.find(([other]) => other === (number & 0xff))!
      expect([name, classify(`UNKNOWN_SQLITE_ERROR_${number}`)]).toEqual([name, classify(primary[1])])
    }
  })

  it("has one answer for any text", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.oneof(
          FastCheck.string(),
          FastCheck.constantFrom("constructor", "SQLITE_toString", "SQLITE_", "SQLITE_BUSY_NEWS", "__proto__"),
          FastCheck.nat().map((number) => `UNKNOWN_SQLITE_ERROR_${number}`)
        ),
        (code) => {
          const meaning = classify(code)
          expect(Object.keys(statementFailures)).toContain(meaning.tag)
          expect(typeof meaning.retryable).toBe("boolean")
          expect(["keep", "discard"]).toContain(meaning.connection)
        }
      ),
      { seed: 20 }
    )
    expect(classify("SQLITE_BUSY_NEWS")).toEqual(classify("SQLITE_BUSY"))
    expect(classify("no code at all")).toEqual({ tag: "UnknownError", retryable: false, connection: "discard" })
  })
})

describe("dialect", () => {
  it("takes the write lock at BEGIN, except for a read-only transaction", () => {
    expect(dialect.begin({})).toBe("BEGIN IMMEDIATE")
    expect(dialect.begin({ readOnly: false })).toBe("BEGIN IMMEDIATE")
    expect(dialect.begin({ readOnly: true })).toBe("BEGIN DEFERRED")
    expect(dialect.isolations).toEqual(["serializable"])
  })

  it("quotes any text into one identifier", () => {
    const db = new Sqlite(":memory:")
    FastCheck.assert(
      FastCheck.property(FastCheck.string({ unit: "grapheme", minLength: 1 }), (name) => {
        const row = db.prepare(`SELECT 1 AS ${dialect.quoteIdentifier(name)}`).get() as object
        expect(Object.keys(row)).toEqual([name.replaceAll("\0", "\uFFFD")])
      }),
      { seed: 21, examples: [["a\"b"], ["a; DROP TABLE t"], ["nul\0nul"], ["\""], ["]"]] }
    )
    db.close()
  })

  it("undoes and removes a savepoint, whatever its name", () => {
    const db = new Sqlite(":memory:")
    const name = "a\"; COMMIT; --"
    db.exec("CREATE TABLE t (a); BEGIN")
    db.exec(dialect.savepoint(name))
    db.exec("INSERT INTO t VALUES (1)")
    db.exec(dialect.rollbackToSavepoint(name))
    expect(db.prepare("SELECT count(*) AS n FROM t").get()).toEqual({ n: 0 })
    expect(() => db.exec(dialect.releaseSavepoint(name))).toThrow(/no such savepoint/)
    expect(db.inTransaction).toBe(true)
    db.close()
  })
})
