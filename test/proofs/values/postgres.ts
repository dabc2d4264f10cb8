/**
 * The built-in types of PostgreSQL, and some of a database's own.
 */
import { DateTime, FastCheck as fc, Schema } from "effect"
import { Effect } from "effect"
import { Client } from "pg"
import type { TestDatabase } from "../../support/postgres.js"
import * as some from "./arbitraries.js"
import type { Kind } from "./kind.js"
import { kind } from "./kind.js"
import type { Observe } from "./law.js"

/** What the database of the proof needs before its tables. */
export const prepare: ReadonlyArray<string> = [
  "create type mood as enum ('sad', 'ok', 'with ''quotes'' and \"more\"')",
  "create domain percent as int4 check (value between 0 and 100)",
  "create domain label as text",
  "create type pair as (a int4, b text)"
]

const iso = (value: Date) => value.toISOString()

/** A text type, whose values are written as the server writes them. */
const text = (name: string, sql: string, values: fc.Arbitrary<string>, options: Parameters<typeof kind>[4] = {}) =>
  kind(name, sql, Schema.String, values, options)

const octet = fc.integer({ min: 0, max: 255 })
const hex = (bytes: ReadonlyArray<number>) => bytes.map((byte) => byte.toString(16).padStart(2, "0"))
const point = fc.tuple(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: -1000, max: 1000 })).map(([x, y]) =>
  `(${x},${y})`
)
const noEquality = { hasEquality: false, inLists: false }

/** Midnights of this process's calendar, as the driver reads days. */
const midnight = some.date(1, 9999).map((date) => {
  const midnight = new Date(date)
  midnight.setHours(0, 0, 0, 0)
  return midnight
})

const two = (n: number) => String(n).padStart(2, "0")

const day = some.date(1, 9999).map((date) => iso(date).slice(0, 10))

const clock = fc.tuple(fc.nat(23), fc.nat(59), fc.nat(59), fc.constantFrom("", ".5", ".123456", ".000001")).map(
  ([h, m, s, fraction]) => `${two(h)}:${two(m)}:${two(s)}${fraction}`
)

const lists = (
  name: string,
  sql: string,
  element: Schema.Schema<any, any>,
  values: fc.Arbitrary<any>,
  options = {}
): Kind =>
  kind(`${name}_list`, `${sql}[]`, Schema.Array(Schema.NullOr(element)), some.list(values), {
    inLists: false,
    ...options
  })

/** The types whose form has to do with time zones. */
const times: ReadonlyArray<Kind> = [
  kind("timestamptz", "timestamptz", Schema.DateFromSelf, some.date(-4700, 200_000), {
    type: "timestamp",
    inSource: iso,
    zoned: true
  }),
  kind("timestamptz_utc", "timestamptz", Schema.DateTimeUtcFromSelf, some.dateTime, {
    type: "timestamp",
    inSource: DateTime.formatIso,
    zoned: true
  }),
  kind("timestamp", "timestamp", Schema.DateFromSelf, some.date(-4700, 200_000), { inSource: iso, zoned: true }),
  kind("timestamp_utc", "timestamp", Schema.DateTimeUtcFromSelf, some.dateTime, {
    inSource: DateTime.formatIso,
    zoned: true
  }),
  kind("date", "date", Schema.DateFromSelf, midnight, { inSource: iso, zoned: true }),
  text("date_text", "date", some.often(["infinity", "-infinity", "0044-03-15 BC", "10000-01-01"], day), {
    type: "date",
    zoned: true
  }),
  text("timestamp_text", "timestamp", fc.tuple(day, clock).map(([day, time]) => `${day} ${time}`), { zoned: true }),
  text("time", "time", clock),
  text("timetz", "timetz", clock.map((time) => `${time}+05:30`)),
  text(
    "interval",
    "interval",
    fc.constantFrom("00:00:00", "1 day", "-1 days +02:03:00", "1 year 2 mons 3 days 04:05:06.789", "-00:00:00.000001")
  ),
  lists("timestamptz", "timestamptz", Schema.DateFromSelf, some.date(1, 9999), {
    inSource: (v: any) => v.map((d: any) => d && iso(d)),
    zoned: true
  }),
  lists("timestamp", "timestamp", Schema.DateFromSelf, some.date(1, 9999), {
    inSource: (v: any) => v.map((d: any) => d && iso(d)),
    zoned: true
  }),
  lists("date_text", "date", Schema.String, day, { zoned: true })
]

const documents: ReadonlyArray<Kind> = [
  kind("jsonb", "jsonb", Schema.Unknown, some.document, { type: "json", isDocument: true, bound: JSON.stringify }),
  kind("json", "json", Schema.Unknown, some.document, { isDocument: true, bound: JSON.stringify, ...noEquality }),
  kind(
    "jsonb_list",
    "jsonb[]",
    Schema.Array(Schema.Unknown),
    fc.array(some.document.filter((d) => d !== null), { maxLength: 4 }),
    {
      inLists: false,
      inSource: undefined,
      inPlain: false
    }
  )
]

const numbers: ReadonlyArray<Kind> = [
  kind("int2", "int2", Schema.Number, some.integer(-32_768, 32_767)),
  kind("int4", "int4", Schema.Number, some.integer(-(2 ** 31), 2 ** 31 - 1)),
  kind("int8", "int8", Schema.BigIntFromSelf, some.bigint(64n), { type: "bigint", inSource: String }),
  kind("oid", "oid", Schema.Number, some.integer(0, 2 ** 32 - 1)),
  text(
    "numeric",
    "numeric",
    some.often(["NaN", "Infinity", "-Infinity", "0", "1e400"], some.decimal).map((t) =>
      t === "1e400" ? `1${"0".repeat(400)}` : t
    )
  ),
  kind("numeric_own", "numeric", Schema.BigDecimalFromSelf, some.bigDecimal, { inSource: undefined }),
  kind("float8", "float8", Schema.Number, some.number, { type: "number", inSource: undefined }),
  kind("float8_finite", "float8", Schema.Number, some.finite.filter((n) => !Object.is(n, -0)), { type: "number" }),
  kind("float4", "float4", Schema.Number, fc.float({ noNaN: false }), {
    inSource: undefined,
    same: (a: number, b: number) => Object.is(Math.fround(a), Math.fround(b))
  }),
  lists("int4", "int4", Schema.Number, some.integer(-(2 ** 31), 2 ** 31 - 1)),
  lists("int8", "int8", Schema.BigIntFromSelf, some.bigint(64n), {
    inSource: (v: any) => v.map((n: any) => n === null ? null : String(n))
  }),
  lists("float8", "float8", Schema.Number, some.number, { inSource: undefined }),
  lists("numeric", "numeric", Schema.String, some.decimal),
  kind(
    "int4_grid",
    "int4[]",
    Schema.Array(Schema.Array(Schema.Number)),
    fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 })), {
      minLength: 1,
      maxLength: 4
    }),
    { inLists: false }
  )
]

const texts: ReadonlyArray<Kind> = [
  text("text", "text", some.text({ zero: false }), { type: "text" }),
  text("varchar", "varchar(40)", some.text({ zero: false })),
  text("bpchar", "char(5)", fc.stringMatching(/^[a-z]{5}$/)),
  text("name", "name", fc.stringMatching(/^[a-z" {}]{0,20}$/)),
  text("letter", "\"char\"", fc.stringMatching(/^[a-z"'{}]$/)),
  kind("bytea", "bytea", Schema.Uint8ArrayFromSelf, some.bytes, {
    type: "bytes",
    inSource: (v: Uint8Array) => Buffer.from(v).toString("base64")
  }),
  kind("bool", "bool", Schema.Boolean, fc.boolean(), { type: "boolean" }),
  text("uuid", "uuid", fc.uuid(), { type: "uuid" }),
  text("xml", "xml", fc.constantFrom("<a/>", "<a b=\"c\">d &amp; e</a>", "text"), noEquality),
  text("bit", "bit(8)", fc.stringMatching(/^[01]{8}$/)),
  text("varbit", "varbit", fc.stringMatching(/^[01]{0,12}$/)),
  lists("text", "text", Schema.String, some.text({ zero: false })),
  lists("bool", "bool", Schema.Boolean, fc.boolean()),
  lists("bytea", "bytea", Schema.Uint8ArrayFromSelf, some.bytes, {
    inSource: (v: any) => v.map((b: any) => b && Buffer.from(b).toString("base64"))
  }),
  lists("uuid", "uuid", Schema.String, fc.uuid())
]

const others: ReadonlyArray<Kind> = [
  text(
    "inet",
    "inet",
    fc.oneof(
      fc.tuple(octet, octet, octet, octet).map((ip) => ip.join(".")),
      fc.constantFrom("::1", "10.0.0.0/8", "2001:db8::1/64")
    )
  ),
  text("cidr", "cidr", fc.tuple(octet, octet).map(([a, b]) => `${a}.${b}.0.0/16`)),
  text("macaddr", "macaddr", fc.tuple(octet, octet, octet, octet, octet, octet).map((mac) => hex(mac).join(":"))),
  text("macaddr8", "macaddr8", fc.array(octet, { minLength: 8, maxLength: 8 }).map((mac) => hex(mac).join(":"))),
  text(
    "pg_lsn",
    "pg_lsn",
    fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `${a.toString(16).toUpperCase()}/${b.toString(16).toUpperCase()}`)
  ),
  text("tsvector", "tsvector", fc.constantFrom("", "'a' 'b':1", "'it''s'")),
  text("tsquery", "tsquery", fc.constantFrom("'a' & 'b'", "!'a'")),
  text("jsonpath", "jsonpath", fc.constantFrom("$.\"a\"", "$[*]?(@ > 1)"), noEquality),
  text("point", "point", point, noEquality),
  text("line", "line", fc.constantFrom("{1,2,3}", "{0,-1,0.5}"), noEquality),
  text("lseg", "lseg", fc.tuple(point, point).map(([a, b]) => `[${a},${b}]`)),
  // Arrays of boxes have another delimiter, which a list of them is not written with: the server refuses it.
  text("box", "box", fc.constantFrom("(1,1),(0,0)", "(2,3),(-1,-2)"), { inLists: false }),
  text("path", "path", fc.constantFrom("((0,0),(1,1))", "[(0,0),(1,1),(2,0)]"), noEquality),
  text("polygon", "polygon", fc.constantFrom("((0,0),(1,1),(2,0))"), noEquality),
  text("circle", "circle", fc.constantFrom("<(0,0),1>", "<(1,-1),0.5>")),
  text("int4range", "int4range", fc.constantFrom("empty", "[1,5)", "(,3)", "(,)")),
  text("numrange", "numrange", fc.constantFrom("empty", "[1.5,2.5]", "(,3)")),
  text("tstzrange", "tstzrange", fc.constantFrom("empty", "(,)")),
  text("int4multirange", "int4multirange", fc.constantFrom("{}", "{[1,3),[5,9)}")),
  text("mood", "mood", fc.constantFrom("sad", "ok", "with 'quotes' and \"more\"")),
  kind("percent", "percent", Schema.Number, some.integer(0, 100)),
  text("label", "label", some.text({ zero: false })),
  // PostgreSQL compares a composite with a record of no type, which has no input.
  text("pair", "pair", fc.constantFrom("(1,a)", "(,)", "(2,\"with \"\"quotes\"\", and more\")"), noEquality),
  lists("mood", "mood", Schema.String, fc.constantFrom("sad", "ok", "with 'quotes' and \"more\"")),
  lists("label", "label", Schema.String, some.text({ zero: false }))
]

export const kinds: ReadonlyArray<Kind> = [...times, ...documents, ...numbers, ...texts, ...others]

/** How the second client's session shows values, whatever the database says. */
const settings = [
  "set datestyle = 'ISO, MDY'",
  "set intervalstyle = postgres",
  "set extra_float_digits = 1",
  "set bytea_output = hex",
  "set timezone = 'UTC'"
]

/** A plain client of node-postgres. */
export const observer = (database: TestDatabase) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        const client = new Client({ connectionString: database.url })
        await client.connect()
        for (const setting of settings) await client.query(setting)
        return client
      }),
      (client) => Effect.promise(() => client.end())
    ),
    (client): Observe => ({ table }) =>
      Effect.promise(async () => {
        const { rows } = await client.query(`select id, v::text as text from "${table.name}"`)
        return new Map(rows.map((row) => [row.id as number, row.text as string | null]))
      })
  )
