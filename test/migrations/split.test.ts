/**
 * A text of several statements is cut where the database would cut it.
 */
import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { dialect as pg } from "effect-sql-engine-pg/PgDialect"
import { dialect as sqlite } from "effect-sql-engine-sqlite/SqliteDialect"
import { split } from "../../packages/engine/src/internal/migrations/split.js"
import { readSql } from "../../packages/engine/src/internal/migrations/sqlText.js"

const onPg = (text: string) => split(text, pg.script!)
const onSqlite = (text: string) => split(text, sqlite.script!)

describe.each([["PostgreSQL", onPg], ["SQLite", onSqlite]])("a text on %s", (_, split) => {
  it.each<readonly [string, string, ReadonlyArray<string>]>([
    ["nothing", "", []],
    ["blanks, comments and semicolons", " ;\n-- only; a comment\n;/* ; */;\t", []],
    ["one, without a semicolon", "select 1", ["select 1"]],
    ["two", "select 1;select 2;", ["select 1", "select 2"]],
    ["a comment before and behind", "-- a\nselect 1 -- b;\n;\n/* c */ select 2 /* d; */", [
      "select 1 -- b;",
      "select 2 /* d; */"
    ]],
    ["a string", "select 'a;''b;', ';' ; select 2", ["select 'a;''b;', ';'", "select 2"]],
    ["a name in quotes", "select 1 as \"a;\"\"b;\"; select 2", ["select 1 as \"a;\"\"b;\"", "select 2"]],
    ["a string that never ends", "select 'a; select 2", ["select 'a; select 2"]],
    ["begin and end outside of a body", "begin; select 1; end", ["begin", "select 1", "end"]]
  ])("is cut right: %s", (_, text, statements) => expect(split(text)).toEqual(statements))

  it("is whole again when it is put together", () => {
    const statement = FastCheck.constantFrom(
      "select 1",
      "select ';'",
      "insert into \"a;b\" values ('x''y')",
      "select 1 /* ; */ + 2"
    )
    const between = FastCheck.constantFrom(";", " ;\n", ";-- c;\n", ";/* ; */ ")
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.tuple(statement, between), { maxLength: 8 }), (parts) => {
        expect(split(parts.flat().join(""))).toEqual(parts.map(([statement]) => statement))
      }),
      { seed: 7, numRuns: 2_000 }
    )
  })
})

describe("a text on PostgreSQL", () => {
  it.each<readonly [string, string, ReadonlyArray<string>]>([
    ["dollar quotes", "do $$ begin; end $$; select $a$ ; $$ ; $a$;select $1", [
      "do $$ begin; end $$",
      "select $a$ ; $$ ; $a$",
      "select $1"
    ]],
    ["a dollar in a name", "select a$b; select c$b", ["select a$b", "select c$b"]],
    ["a comment in a comment", "/* a /* ; */ ; */ select 1; select 2", ["select 1", "select 2"]],
    ["a backslash in E''", "select E'a\\';b'; select 'c\\'; select 3", [
      "select E'a\\';b'",
      "select 'c\\'",
      "select 3"
    ]],
    [
      "a body of SQL",
      "create function f() returns int language sql begin atomic select 1; select case when true then 2 end; end; select 3",
      [
        "create function f() returns int language sql begin atomic select 1; select case when true then 2 end; end",
        "select 3"
      ]
    ],
    ["a column that is called begin", "create table t (begin int); select 2", [
      "create table t (begin int)",
      "select 2"
    ]],
    ["brackets", "select a[1], '];'; select 2", ["select a[1], '];'", "select 2"]]
  ])("is cut right: %s", (_, text, statements) => expect(onPg(text)).toEqual(statements))
})

describe("a text on SQLite", () => {
  const trigger =
    "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET c = CASE WHEN 1 THEN 2 END; DELETE FROM d; END"
  it.each<readonly [string, string, ReadonlyArray<string>]>([
    ["a trigger", `${trigger}; select 2`, [trigger, "select 2"]],
    ["names in brackets and backticks", "select [a;b], `c;d`; select 2", ["select [a;b], `c;d`", "select 2"]],
    ["a comment that only looks nested", "/* a /* ; */ select 1; select 2", ["select 1", "select 2"]],
    ["a parameter with a dollar", "select $a$; select $a$", ["select $a$", "select $a$"]]
  ])("is cut right: %s", (_, text, statements) => expect(onSqlite(text)).toEqual(statements))
})

describe("a migration's text", () => {
  it("has a way up, a way down, and may have no transaction", () => {
    expect(readSql("-- note\ncreate table a;\n-- Down \ndrop table a;\n")).toMatchObject({
      transaction: true,
      up: "-- note\ncreate table a;",
      down: "drop table a;"
    })
    expect(readSql("-- no-transaction\n-- up\nvacuum")).toMatchObject({
      transaction: false,
      up: "vacuum",
      down: undefined
    })
    expect(readSql("select '\n-- downwards\n'")).toMatchObject({ down: undefined })
  })

  it("with two ways down, or something before its way up, is refused", () => {
    expect(readSql("a;\n-- down\nb;\n-- down\nc")).toContain("more than one")
    expect(readSql("a;\n-- up\nb;")).toContain("before its line")
  })

  it("has a checksum of what it does, and of nothing else", () => {
    const checksum = (text: string) => (readSql(text) as { readonly checksum: string }).checksum
    const plain = checksum("create table a")
    expect(plain).toMatch(/^[0-9a-f]{64}$/)
    expect(checksum("\uFEFFcreate table a\r\n\r\n-- down\r\ndrop table a")).toBe(plain)
    expect(checksum("create table b")).not.toBe(plain)
    expect(checksum("-- no-transaction\ncreate table a")).not.toBe(plain)
  })
})
