/**
 * A text of several statements is cut where the database would cut it.
 */
import { describe, expect, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { SqlText } from "effect-sql-engine"
import { dialect as pg } from "effect-sql-engine-pg/PgDialect"
import { dialect as sqlite } from "effect-sql-engine-sqlite/SqliteDialect"

const texts = (syntax: SqlText.SqlSyntax) => (text: string) => SqlText.split(text, syntax).map((piece) => piece.text)
const onPg = texts(pg.syntax)
const onSqlite = texts(sqlite.syntax)

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
    ["brackets", "select a[1], '];'; select 2", ["select a[1], '];'", "select 2"]],
    ["a comment that ends with a carriage return", "select 1 as a; -- c\rselect 2 as b;", [
      "select 1 as a",
      "select 2 as b"
    ]],
    [
      "a rule of several statements",
      "create rule r as on insert to t do also (insert into a values (1); insert into b values (2)); select 1",
      ["create rule r as on insert to t do also (insert into a values (1); insert into b values (2))", "select 1"]
    ],
    ["a string in escapes that goes on on the next line", "select E'one'\n'two\\'; three'; select 2", [
      "select E'one'\n'two\\'; three'",
      "select 2"
    ]],
    ["a string that goes on behind a comment", "select E'one' -- ;\n -- ;\n'\\';'; select 2", [
      "select E'one' -- ;\n -- ;\n'\\';'",
      "select 2"
    ]],
    ["a string behind another one on the same line", "select E'one' 'two\\'; select 2", [
      "select E'one' 'two\\'",
      "select 2"
    ]],
    ["dollars behind a number", "select 1$$;$$; select 2", ["select 1$$;$$", "select 2"]],
    ["a name in escapes", "select 1 as U&\"a;\\0061\"; select 2", ["select 1 as U&\"a;\\0061\"", "select 2"]],
    ["blanks of Unicode, which are letters", "select 1 as a\u00A0; select 2 as \uFEFF", [
      "select 1 as a\u00A0",
      "select 2 as \uFEFF"
    ]],
    [
      "a CASE and a column that are called as the end of a body is",
      "create function f() returns int begin atomic select case when atomic then 1 end; select x.end from x; end; select 1",
      [
        "create function f() returns int begin atomic select case when atomic then 1 end; select x.end from x; end",
        "select 1"
      ]
    ],
    ["an empty body", "create procedure p() begin atomic end; select 1", [
      "create procedure p() begin atomic end",
      "select 1"
    ]]
  ])("is cut right: %s", (_, text, statements) => expect(onPg(text)).toEqual(statements))
})

describe("a text on SQLite", () => {
  const trigger =
    "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET c = CASE WHEN 1 THEN 2 END; DELETE FROM d; END"
  it.each<readonly [string, string, ReadonlyArray<string>]>([
    ["a trigger", `${trigger}; select 2`, [trigger, "select 2"]],
    ["names in brackets and backticks", "select [a;b], `c;d`; select 2", ["select [a;b], `c;d`", "select 2"]],
    ["a comment that only looks nested", "/* a /* ; */ select 1; select 2", ["select 1", "select 2"]],
    ["a parameter with a dollar", "select $a$; select $a$", ["select $a$", "select $a$"]],
    ["a parameter of Tcl", "select $a::b(;'), 1; select 2", ["select $a::b(;'), 1", "select 2"]],
    [
      "a trigger that uses a column called end",
      "create trigger t after insert on a begin insert into b values (new.id, new.end); select end, begin from c; end; select 1",
      [
        "create trigger t after insert on a begin insert into b values (new.id, new.end); select end, begin from c; end",
        "select 1"
      ]
    ],
    ["a trigger that is explained", "explain query plan create trigger t delete on a begin select 1; end; select 2", [
      "explain query plan create trigger t delete on a begin select 1; end",
      "select 2"
    ]],
    ["a comment with a carriage return", "select 1 -- c\r; select 2\n; select 3", [
      "select 1 -- c\r; select 2",
      "select 3"
    ]],
    ["a byte order mark", "\uFEFFselect 1;\uFEFFselect 2", ["select 1", "select 2"]]
  ])("is cut right: %s", (_, text, statements) => expect(onSqlite(text)).toEqual(statements))
})

describe("every statement", () => {
  it("knows its place", () => {
    const text = "-- first\n  select 1 ;\n/* second */ select 2 -- c\n;"
    const pieces = SqlText.split(text, pg.syntax)
    expect(pieces.map(({ start }) => start)).toEqual([11, 35])
    for (const { end, start, text: own } of pieces) expect(text.slice(start, end)).toBe(own)
  })
})
