/**
 * The parts of a migration's text, and which comments mark them.
 */
import { describe, expect, it } from "@effect/vitest"
import { dialect as pg } from "effect-sql-engine-pg/PgDialect"
import { dialect as sqlite } from "effect-sql-engine-sqlite/SqliteDialect"
import { readSql } from "../../packages/engine/src/internal/migrations/sections.js"

describe.each([["PostgreSQL", pg.syntax], ["SQLite", sqlite.syntax]])("a migration's text on %s", (_, syntax) => {
  const read = (text: string) => {
    const found = readSql(text, syntax)
    return typeof found === "string"
      ? found
      : { transaction: found.transaction, up: found.up.text.trim(), down: found.down?.text.trim() }
  }
  const checksum = (text: string) => (readSql(text, syntax) as { readonly checksum: string }).checksum

  it("has a way up, a way down, and may have no transaction", () => {
    expect(read("-- note\ncreate table a;\n-- Down \ndrop table a;\n")).toEqual({
      transaction: true,
      up: "-- note\ncreate table a;",
      down: "drop table a;"
    })
    expect(read("-- no-transaction\n-- up\nvacuum")).toEqual({ transaction: false, up: "vacuum", down: undefined })
    expect(read("/* licence; */\n -- Up\ncreate table a")).toMatchObject({ up: "create table a" })
    expect(read("-- down\ndrop table a;\n-- up\ncreate table a")).toMatchObject({
      up: "create table a",
      down: "drop table a;"
    })
  })

  it("may end its last statement before a marker without a semicolon", () => {
    expect(read("create table a (k int)\n-- down\ndrop table a")).toMatchObject({
      up: "create table a (k int)",
      down: "drop table a"
    })
  })

  it("with two ways down, or something before its way up, is refused", () => {
    expect(read("a;\n-- down\nb;\n-- down\nc")).toContain("more than one")
    expect(read("a;\n-- up\nb;")).toContain("before its line")
    expect(read("a;\n-- down\nb;\n-- up\nc;")).toContain("before its line")
  })

  it.each([
    ["a string", "select '\n-- down\n'"],
    ["a name", "select 1 as \"\n-- down\n\""],
    ["a block comment", "/* by hand:\n-- down\ndrop table a;\n*/ create table b (k int)"],
    ["parentheses", "create table a (k int,\n-- down\nb int)"],
    ["a longer comment", "select 1;\n-- downwards\n-- down: see below"],
    ["the end of a line", "select 1; -- down\n"]
  ])("has no marker in %s", (_, text) => {
    expect(read(text)).toEqual({ transaction: true, up: text.trim(), down: undefined })
  })

  it("says that it has no transaction before its first statement, or not at all", () => {
    expect(read("/* a */\n-- no-transaction\nselect 1")).toMatchObject({ transaction: false })
    expect(read("select 1;\n-- no-transaction\nselect 2")).toEqual({
      transaction: true,
      up: "select 1;\n-- no-transaction\nselect 2",
      down: undefined
    })
  })

  it("keeps a carriage return that ends no line of a file, and has one checksum for every end of lines", () => {
    expect(read("select 'a\rb';\r\nselect '\r\n'")).toMatchObject({ up: "select 'a\rb';\nselect '\n'" })
    expect(checksum("select 1;\r\nselect 2")).toBe(checksum("select 1;\nselect 2"))
    expect(checksum("select 1;\rselect 2")).toBe(checksum("select 1;\nselect 2"))
  })

  it("knows the lines of its parts", () => {
    const found = readSql("-- no-transaction\r\n-- up\r\nselect 1;\r\n-- down\r\nselect 2;", syntax)
    expect(found).toMatchObject({ up: { line: 3 }, down: { line: 5 } })
  })

  it("has a checksum of what it does, and of nothing else", () => {
    const plain = checksum("create table a")
    expect(plain).toMatch(/^[0-9a-f]{64}$/)
    expect(checksum("\uFEFFcreate table a\r\n\r\n-- down\r\ndrop table a")).toBe(plain)
    expect(checksum("create table b")).not.toBe(plain)
    expect(checksum("-- no-transaction\ncreate table a")).not.toBe(plain)
  })

  it.each([
    // From the version before the lexer, which took any line for a marker.
    ["create table a", "bd0159ddc6190f6e34d720a215c8d9ea2130707359902e5a57f38e1784076ca4"],
    [
      "-- no-transaction\n-- note\ncreate index concurrently i on a (k);\n-- down\ndrop index i",
      "a28abb2999ebfc2d0c48be0606ddae4ca381096a7d7c644c6dd4a607da43941f"
    ],
    [
      "create table a;\n-- no-transaction\ncreate table b",
      "21615d5d63206cd60c2ae72b092c42a1c7af3fa691da95658a2767e125464a10"
    ]
  ])("keeps the checksum it was applied with: %j", (text, before) => {
    expect(checksum(text)).toBe(before)
  })
})

describe("a line that ends with a carriage return alone", () => {
  it("is one to PostgreSQL, and part of a comment to SQLite", () => {
    const text = "create table a (k int);\r-- down\rdrop table a"
    expect(readSql(text, pg.syntax)).toMatchObject({ down: { text: "drop table a" } })
    expect(readSql(text, sqlite.syntax)).toMatchObject({ down: undefined })
  })
})

describe("a body", () => {
  it("of a routine of PostgreSQL has no markers", () => {
    const routine =
      "create function f() returns int begin atomic select 1;\n-- down\nselect 2; end;\ndo $$\n-- down\nbegin end $$"
    expect(readSql(routine, pg.syntax)).toMatchObject({ up: { text: routine }, down: undefined })
  })

  it("of a trigger of SQLite has no markers", () => {
    const trigger = "create trigger t after insert on a begin\n  delete from b;\n-- down\n  delete from c;\nend;"
    expect(readSql(trigger, sqlite.syntax)).toMatchObject({ up: { text: trigger }, down: undefined })
  })
})
