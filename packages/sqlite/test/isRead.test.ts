import { describe, expect, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { FastCheck } from "effect"
import { traits } from "../src/internal/traits.js"

const isRead = (sql: string) => traits(sql).reads
const markOf = (sql: string) => traits(sql).mark

const reads = [
  "SELECT 1",
  "  select * from t where a = 'x; delete from t' ",
  "SELECT 1;",
  "SELECT 1 ; ; -- done",
  "-- first\n/* second */ SELECT 1",
  "VALUES (1), (2)",
  "WITH x AS (SELECT 1) SELECT * FROM x",
  "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT replace(i, 1, 2) FROM n",
  "EXPLAIN SELECT 1",
  "EXPLAIN QUERY PLAN SELECT * FROM t",
  "SELECT \"delete\", [insert], `update` FROM t",
  "SELECT 'it''s; fine'"
]

const others = [
  "",
  "-- only a comment",
  "INSERT INTO t VALUES (1)",
  "INSERT INTO t SELECT 1 RETURNING a",
  "UPDATE t SET a = 1",
  "DELETE FROM t",
  "REPLACE INTO t VALUES (1)",
  "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
  "WITH x AS (SELECT 1) DELETE FROM t",
  "WITH x AS (SELECT 1) UPDATE t SET a = 1",
  "WITH x AS (SELECT 1) REPLACE INTO t SELECT * FROM x",
  "SELECT 1; DELETE FROM t",
  "SELECT 1; SELECT 2",
  "SELECT 1\0; DELETE FROM t",
  "PRAGMA user_version",
  "PRAGMA foreign_keys = 0",
  "EXPLAIN PRAGMA foreign_keys = 0",
  "EXPLAIN DELETE FROM t",
  "BEGIN",
  "COMMIT",
  "ATTACH 'x' AS y",
  "VACUUM",
  "CREATE TABLE t (a)",
  "SELECT last_insert_rowid()",
  "SELECT \"LAST_INSERT_ROWID\"()",
  "SELECT changes()",
  "SELECT Total_Changes()",
  "SELECT load_extension('x')",
  "SELECT optimize(t) FROM t",
  "SELECT * FROM temp.t",
  "SELECT * FROM [temp] . t",
  "SELECT * FROM sqlite_temp_schema",
  "SELECT * FROM pragma_query_only",
  "(SELECT 1)"
]

describe("isRead", () => {
  it.each(reads)("runs on a reader: %s", (sql) => {
    expect(isRead(sql)).toBe(true)
  })

  it.each(others)("runs on the writer: %s", (sql) => {
    expect(isRead(sql)).toBe(false)
  })

  it("never calls a statement a read that SQLite calls a write", () => {
    const db = new Sqlite(":memory:")
    db.exec("CREATE TABLE t (a, b)")
    const parts = FastCheck.constantFrom(
      ..."SELECT|VALUES (1)|WITH x AS (SELECT 1)|INSERT INTO t(a)|DELETE FROM t|UPDATE t SET a = 1|a|*|1|FROM t|;|--\n|/* */|'"
        .split("|"),
      ..."'|\"|[|]|`|(|)|,|EXPLAIN|PRAGMA foreign_keys = 1|ATTACH ':memory:' AS z|CREATE TEMP TABLE q (a)|RETURNING a"
        .split("|")
    )
    let compared = 0
    FastCheck.assert(
      FastCheck.property(FastCheck.array(parts, { minLength: 1, maxLength: 6 }), (words) => {
        const sql = words.join(" ")
        if (!isRead(sql)) return
        let statement: Sqlite.Statement
        try {
          statement = db.prepare(sql)
        } catch {
          return
        }
        compared += 1
        expect([sql, statement.readonly, statement.reader]).toEqual([sql, true, true])
      }),
      { seed: 22, numRuns: 20_000, examples: reads.map((sql) => [[sql]]) }
    )
    expect(compared).toBeGreaterThan(100)
    db.close()
  })
})

describe("markOf", () => {
  it.each([
    ["SELECT 1", "nothing"],
    ["PRAGMA user_version = 3", "nothing"],
    ["PRAGMA foreign_keys", "nothing"],
    ["PRAGMA table_info(t)", "nothing"],
    ["PRAGMA foreign_keys = 0", "setting"],
    ["/* x */ pragma main.cache_size(10)", "setting"],
    ["\uFEFFPRAGMA \"foreign_keys\" = off", "setting"],
    ["EXPLAIN PRAGMA foreign_keys = 0", "setting"],
    [";; PRAGMA foreign_keys = 0", "setting"],
    ["EXPLAIN QUERY PLAN PRAGMA foreign_keys = 0", "setting"],
    ["PRAGMA other.cache_size = 10", "something"],
    ["PRAGMA case_sensitive_like = 1", "something"],
    ["PRAGMA locking_mode = exclusive", "something"],
    ["ATTACH ':memory:' AS x", "attached"],
    ["CREATE TEMP TABLE t (a)", "temporary"],
    ["CREATE TABLE t (a)", "temporary"]
  ])("%s leaves %s", (sql, left) => {
    expect(markOf(sql).leaves).toBe(left)
  })
})
