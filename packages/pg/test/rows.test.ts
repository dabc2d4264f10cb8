/**
 * One row and many rows store the same: the relation of a declared table, and the one of a table that nobody declared,
 * beside parameters that are bound alone.
 */
import { describe, it } from "@effect/vitest"
import { BigDecimal, Effect } from "effect"
import { dialect } from "effect-sql-engine-pg/PgDialect"
import { Json } from "effect-sql-engine/Driver"
import * as assert from "node:assert/strict"
import { admin, connection, connectTo, database, run, statement } from "./support/connect.js"
import { proxy } from "./support/proxy.js"
import { inZone } from "./support/zones.js"

type Row = Readonly<Record<string, unknown>>

const { quoteIdentifier } = dialect
const { among } = dialect.rows!
const columns = dialect.rows!.columns!
const relation = dialect.rows!.relation!

/** INSERT of rows out of arrays; the columns whose names are given are arrays. */
const byColumns = (rows: ReadonlyArray<Row>, lists: ReadonlyArray<string>, table = "v") => {
  const names = Object.keys(rows[0]!)
  const { texts, values } = columns(table, names.map((name) => ({ name, list: lists.includes(name) })), rows)
  const from = texts.map((text, at) => at < values.length ? `${text}$${at + 1}` : text).join("")
  const ids = names.map(quoteIdentifier).join(", ")
  return { sql: `insert into ${table} (${ids}) select ${ids} from ${from} as r`, params: values }
}

const byRecordset = (rows: ReadonlyArray<Row>, table = "v") => {
  const ids = Object.keys(rows[0]!).map(quoteIdentifier).join(", ")
  const { after, before, value } = relation(
    table,
    rows.map((row) => Object.entries(row).map(([column, value]) => ({ column, value })))
  )
  return { sql: `insert into ${table} (${ids}) select ${ids} from ${before}$1${after} as r`, params: [value] }
}

const alone = (row: Row, table = "v") => {
  const ids = Object.keys(row).map(quoteIdentifier)
  return {
    sql: `insert into ${table} (${ids.join(", ")}) values (${ids.map((_, at) => `$${at + 1}`).join(", ")})`,
    params: Object.values(row)
  }
}

const types = [
  "create type mood as enum ('sad', 'a,b', 'NULL', '')",
  "create domain age as int check (value > 0)",
  "create domain doc as jsonb",
  "create domain tags as text[]",
  "create type pair as (a int, b text)"
]

/** A column's type, and values for it. */
const cases: ReadonlyArray<readonly [type: string, values: ReadonlyArray<unknown>, list?: boolean]> = [
  ["text", ["a", "", "NULL", "null", "{}", "\"", "\\", "\\x41", "a,b", " ", "🐘", "'", "(1,2)", null]],
  ["varchar(3)", ["abc", ""]],
  ["char(3)", ["a", "abc"]],
  ["name", ["a"]],
  ["\"char\"", ["a"]],
  ["int4", [0, -0, 5, 2_147_483_647, null]],
  ["int8", [2n ** 63n - 1n, -5n, "7"]],
  ["numeric", [BigDecimal.unsafeFromString("12345678901234567890.123"), "1.50", Number.NaN, 1e21]],
  ["numeric(5,2)", ["1.005", 2.675]],
  ["float8", [0.1, -0, Number.NaN, Infinity, -Infinity, 5e-324]],
  ["bool", [true, false, null]],
  ["bytea", [new Uint8Array([0, 255, 34, 92]), new Uint8Array(), Buffer.from("\\x41"), "\\x00"]],
  ["timestamp", [new Date(2024, 2, 4, 0, 30), "2024-03-04 00:30:00", "infinity", new Date(-1e12)]],
  ["timestamptz", [new Date(2024, 2, 4, 0, 30), new Date("0001-01-01T00:00:00Z"), new Date("-000043-03-15T12:00:00Z")]],
  ["timestamp(0)", ["2024-03-04 00:30:00.6"]],
  ["date", [new Date(2024, 2, 4), "2024-03-04"]],
  ["time", ["12:34:56.789"]],
  ["interval", ["1 day -02:03:04"]],
  ["uuid", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]],
  ["jsonb", [new Json([]), new Json("text"), new Json(null), new Json("123"), new Json({ a: ["\"", "\\"] }), null]],
  ["json", [new Json([1, "a"]), new Json(null), null]],
  ["doc", [new Json([]), new Json(null)]],
  ["mood", ["sad", "a,b", "NULL", ""]],
  ["age", [5]],
  ["pair", ["(1,\"a \"\"b\"\"\")"]],
  ["int4range", ["[1,3)", "empty"]],
  ["point", ["(1,2)"]],
  ["box", ["(1,2),(0,0)", null]],
  ["inet", ["::1"]],
  ["bit(3)", ["101"]],
  ["xml", ["<a>\"</a>"]],
  ["tsvector", ["'a':1 'b':2"]],
  ["money", ["$1.50"]],
  ["text[]", [[], ["a", null, "NULL", "", "\"\\,{}", " "], [["a"], ["b"]], null], true],
  ["int8[]", [[1n, "2", 3, null], []], true],
  ["float8[]", [[Number.NaN, Infinity, -0, null]], true],
  ["bytea[]", [[new Uint8Array([0, 255]), null, new Uint8Array()], []], true],
  ["timestamp[]", [[new Date(2024, 2, 4, 0, 30), null]], true],
  ["timestamptz[]", [[new Date(-3e12)]], true],
  ["jsonb[]", [[new Json([]), new Json(null), null, new Json("a\"\\")], []], true],
  ["mood[]", [["a,b", "NULL", "", null]], true],
  ["bool[]", [[true, null]], true],
  ["tags", [["a", null], []]]
]

describe("one row and many rows", () => {
  for (const zone of ["UTC", "Europe/Berlin", "Africa/Monrovia"]) {
    it.scoped(`store the same in ${zone}, whatever the type of the column`, () =>
      inZone(
        zone,
        Effect.gen(function*() {
          const at = yield* database
          yield* admin(at.url, ...types)
          const c = yield* connectTo(at)
          for (const [n, [type, values, list = false]] of cases.entries()) {
            // Prepared for another type, a parameter would keep that.
            const table = `v${n}`
            yield* admin(at.url, `create table ${table} (n serial, "it's \\ ""it" ${type})`)
            const rows: ReadonlyArray<Row> = values.map((value) => ({ "it's \\ \"it": value }))
            const [name] = Object.keys(rows[0]!)
            const send = ({ params, sql }: { sql: string; params: ReadonlyArray<unknown> }) => run(c, sql, params)
            for (const row of rows) yield* send(alone(row, table))
            yield* send(byColumns(rows, list ? [name!] : [], table))
            for (const row of rows) yield* send(byColumns([row], list ? [name!] : [], table))
            // By itself a JSON null is NULL there.
            const known = rows.filter(({ [name!]: value }) => !(value instanceof Json && value.value === null))
            yield* send(byRecordset(known, table))
            const texts =
              (yield* admin(at.url, `select ${quoteIdentifier(name!)}::text as it from ${table} order by n`))
                .map(({ it }) => it as string | null)
            const one = texts.slice(0, rows.length)
            assert.deepEqual(texts.slice(rows.length, rows.length * 2), one, `${type}, in one statement`)
            assert.deepEqual(texts.slice(rows.length * 2, rows.length * 3), one, `${type}, each alone by columns`)
            assert.deepEqual(
              texts.slice(rows.length * 3),
              one.filter((_, at) => known.includes(rows[at]!)),
              `${type}, by a recordset`
            )
          }
        })
      ))
  }

  it.scoped("are refused alike, and the failure names row and column", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      yield* run(c, "create table v (a text, b jsonb, c varchar(3))")
      const refused = [new Set(), Symbol("a"), new Date(Number.NaN), "\ud800", "\0", () => 1]
      for (const value of refused) {
        for (
          const { params, sql } of [byColumns([{ a: "a" }, { a: value }], []), byRecordset([{ a: "a" }, { a: value }])]
        ) {
          const failure = yield* Effect.flip(run(c, sql, params))
          assert.equal(failure._tag, "DataError")
          assert.equal(failure.sent, "no")
          assert.match(failure.message, /in row 2 a value for the column "a" that/)
        }
      }
      for (
        const { params, sql } of [alone({ c: "abcd" }), byColumns([{ c: "abcd" }], []), byRecordset([{ c: "abcd" }])]
      ) {
        assert.equal((yield* Effect.flip(run(c, sql, params)))._tag, "DataError")
      }
    }))

  it.scoped("are found among a list of values, boxes too", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      const bytes = new Uint8Array([0, 255])
      const lists = [
        ["box", ["(1,1),(0,0)", "(5,5),(0,0)"], "(1,1),(0,0)"],
        ["text", ["(a)", "b"], "(a)"],
        ["bytea", [bytes, new Uint8Array()], bytes],
        ["jsonb", [new Json("a"), new Json([1])], new Json([1])],
        ["timestamptz", [new Date(0), new Date(1)], new Date(1)]
      ] as const
      for (const [type, values, value] of lists) {
        const { after, before, value: list } = among(`$1::${type}`, values)!
        assert.deepEqual(yield* run(c, `select ${before}$2${after} as found`, [value, list]), [{ found: true }], type)
      }
      assert.equal(among("a", [["a"]]), undefined)
    }))

  it.scoped("take one round trip, after the first time on a connection", () =>
    Effect.gen(function*() {
      const at = yield* database
      const between = yield* proxy(at)
      const c = yield* connectTo({ ...at, port: between.port })
      yield* run(c, "create table v (a int, b text[], d jsonb)")
      const rows = (count: number) => Array.from({ length: count }, (_, a) => ({ a, b: ["x", null], d: new Json([a]) }))
      const trips: Array<number> = []
      for (const count of [1, 2, 10_000]) {
        const { params, sql } = byColumns(rows(count), ["b"])
        between.reset()
        yield* c.pipeline!([statement(sql, params), statement("select 1")])
        trips.push(between.trips())
      }
      assert.deepEqual(trips, [2, 1, 1])
      const sql =
        "select count(*)::int as n, sum(a)::int as s, count(distinct b)::int as b, sum((d->>0)::int)::int as d from v"
      assert.deepEqual(yield* run(c, sql), [{ n: 10_003, s: 49_995_001, b: 1, d: 49_995_001 }])
    }))
})
