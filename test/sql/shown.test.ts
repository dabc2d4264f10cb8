/**
 * What is shown of a statement's text: nothing that could be a value.
 */
import { assert, describe, expect, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { SqlText } from "effect-sql-engine"
import { dialect as pg } from "effect-sql-engine-pg/PgDialect"
import { dialect as sqlite } from "effect-sql-engine-sqlite/SqliteDialect"

const info = (sql: string, { syntax } = pg) => SqlText.statementInfo(sql, syntax)
const shown = (sql: string, dialect = pg) => info(sql, dialect).shown(false)
const told = (sql: string) => {
  const { collection, operation } = info(sql)
  return [operation, collection]
}

describe("the text of a statement without bound values", () => {
  it("has ? for every literal", () => {
    expect(shown("select 'it''s', E'it\\'s', 1.5, 0xff, -7 from t1")).toBe("select ?, ?, ?, ?, -? from t1")
    expect(shown("alter role app password 'secret'")).toBe("alter role app password ?")
    expect(shown("do $$ begin perform 'x'; end $$")).toBe("do ?")
    expect(shown("select $tag$ a $$ b $tag$, x'1f', b'01', N'x', U&'\\0441'")).toBe("select ?, ?, ?, ?, ?")
    expect(shown("select \"it's\", `it's`, [it's], x'1f' from \"T 1\"", sqlite)).toBe(
      "select \"it's\", `it's`, [it's], ? from \"T 1\""
    )
    expect(shown("select 1 -- 'a'\n, 2 /* 'b' */ from t")).toBe("select ?  \n, ?   from t")
    expect(shown("select 'never closed")).toBe("select ?")
    expect(shown("select $1 from t$1")).toBe("select $1 from t$1")
    expect(shown("select :name, @p, ?2, $n::m(o) from t$1", sqlite)).toBe("select :name, @p, ?2, $n::m(o) from t$1")
    expect(shown("select 'a\\' || 'b'")).toBe("select ? || ?")
  })

  it("is cut where it is very long, and a literal that is cut is none the less one", () => {
    const long = shown(`insert into t values ('${"secret".repeat(10_000)}')`)
    expect(long).toBe("insert into t values (?")
    expect(info(`select ${"a, ".repeat(10_000)} b`).shown(true).length).toBe(4_097)
  })

  it("shows no string, whatever stands in it and around it", () => {
    const weird = fc.array(fc.constantFrom("'", "\\", "$", "$$", "--", "/*", "*/", "\"", "E", " ", "a", "\n", "1", ";"))
    const quotes = fc.constantFrom(
      (text: string) => `'${text.replaceAll("'", "''")}'`,
      (text: string) => `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`,
      (text: string) => `$q$${text}$q$`
    )
    const around = fc.constantFrom(
      "select ",
      "select a, ",
      "-- note\nselect ",
      "/* ' */ select ",
      "select \"'\", ",
      "("
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(around, quotes, weird), { minLength: 1, maxLength: 4 }), (parts) => {
        const sql = parts.map(([before, quote, text]) => before + quote(`${text.join("")}SECRET${text.join("")}`)).join(
          " "
        )
        assert.notInclude(shown(sql), "SECRET", sql)
      }),
      { numRuns: 2_000, seed: 20_000_004 }
    )
  })
})

describe("the operation and the table", () => {
  it("are told where they are plain", () => {
    expect(told("select * from users where id = $1")).toEqual(["SELECT", "users"])
    expect(told("  -- find\n select * from only app.\"Users\" u")).toEqual(["SELECT", "app.\"Users\""])
    expect(told("insert into t (a) values (1)")).toEqual(["INSERT", "t"])
    expect(told("INSERT INTO t (a) VALUES (1) ON CONFLICT DO UPDATE SET a = 2")).toEqual(["INSERT", "t"])
    expect(told("update t set a = 1")).toEqual(["UPDATE", "t"])
    expect(told("delete from t")).toEqual(["DELETE", "t"])
    expect(told("create table if not exists t (a int)")).toEqual(["CREATE", "t"])
    expect(told("drop table if exists t")).toEqual(["DROP", "t"])
    expect(told("COMMIT")).toEqual(["COMMIT", undefined])
    expect(told("(select 1 from t)")).toEqual(["SELECT", "t"])
  })

  it("are left out where there may be several", () => {
    expect(told("select * from a join b on true")[1]).toBeUndefined()
    expect(told("select * from a, b")[1]).toBeUndefined()
    expect(told("select * from a where id in (select id from b)")[1]).toBeUndefined()
    expect(told("insert into a select * from b")[1]).toBeUndefined()
    expect(told("select * from generate_series(1, 3)")[1]).toBeUndefined()
    expect(told("with x as (select 1) select * from x")).toEqual(["WITH", undefined])
    expect(told("select 'from secret'")[1]).toBeUndefined()
    expect(told("")).toEqual(["", undefined])
  })

  it("are left out of a text of several statements, but for the first word", () => {
    expect(told("insert into a values (1); delete from b")).toEqual(["INSERT", undefined])
  })

  it("are remembered for few texts, however many there are", () => {
    const first = info("select 1 from remembered")
    expect(info("select 1 from remembered")).toBe(first)
    for (let n = 0; n < 900; n++) info(`select ${n} from t`)
    expect(info("select 1 from remembered")).toBe(first)
    for (let n = 0; n < 2_100; n++) info(`select ${n} from u`)
    expect(info("select 1 from remembered")).not.toBe(first)
    const bulk = `insert into t values (${"1, ".repeat(10_000)} 1)`
    expect(info(bulk)).not.toBe(info(bulk))
  })
})
