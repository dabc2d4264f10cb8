/**
 * What comes back: values of every kind of type, whatever the settings of the database are.
 */
import { describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as assert from "node:assert/strict"
import { types as nodePostgres } from "pg"
import { admin, connection, connectTo, database, run } from "./support/connect.js"

const moment = new Date(Date.UTC(2024, 2, 4, 5, 6, 7, 890))

const everything = `select
  '2024-03-04 05:06:07.89+00'::timestamptz as instant, date '2024-03-04' as day, '1 year 2 days -03:04:05.6'::interval as span,
  0.1::float8 + 0.2::float8 as float, 3.4028235e38::float4 as single, '\\x00ff5c'::bytea as bytes,
  '{2024-03-04 05:06:07.89+00,NULL}'::timestamptz[] as instants, '{"\\\\x00ff"}'::bytea[] as blobs`

const read = {
  instant: moment,
  day: new Date(2024, 2, 4),
  float: 0.1 + 0.2,
  single: 3.4028235e38,
  bytes: Buffer.from([0, 255, 92]),
  instants: [moment, null],
  blobs: [Buffer.from([0, 255])]
}

const settings = [
  ["DateStyle", "German, DMY"],
  ["DateStyle", "SQL, DMY"],
  ["DateStyle", "Postgres, MDY"],
  ["IntervalStyle", "sql_standard"],
  ["IntervalStyle", "iso_8601"],
  ["IntervalStyle", "postgres_verbose"],
  ["extra_float_digits", "0"],
  ["extra_float_digits", "-15"],
  ["bytea_output", "escape"],
  ["TimeZone", "Asia/Kathmandu"]
] as const

describe("a database of other settings", () => {
  for (const [name, value] of settings) {
    it.scoped(`with ${name} ${value} gives the same values, after a reset too`, () =>
      Effect.gen(function*() {
        const at = yield* database
        yield* admin(at.url, `alter database ${at.database} set ${name} = '${value}'`)
        yield* Effect.addFinalizer(() => admin(at.url, `alter database ${at.database} reset all`))
        const c = yield* connectTo(at)
        for (let turn = 0; turn < 2; turn++) {
          const [{ span, ...others }] = yield* run(c, everything) as Effect.Effect<[typeof read & { span: any }]>
          assert.deepEqual(others, read)
          assert.equal(span.toPostgres(), "-5.6 seconds -4 minutes -3 hours 2 days 1 years")
          yield* run(c, "set timezone = 'UTC'; set extra_float_digits = 0")
          yield* c.reset
        }
      }))
  }

  it.scoped("keeps its order of day and month", () =>
    Effect.gen(function*() {
      const at = yield* database
      for (const style of ["German, DMY", "ISO, DMY"]) {
        yield* admin(at.url, `alter database ${at.database} set DateStyle = '${style}'`)
        const c = yield* connectTo(at)
        assert.deepEqual(
          yield* run(c, "select '04/03/2024'::date::text as day, current_setting('DateStyle') as style"),
          [
            { day: "2024-03-04", style: "ISO, DMY" }
          ]
        )
      }
      yield* admin(at.url, `alter database ${at.database} reset all`)
    }))
})

describe("a session that sets another style by itself", () => {
  const cases = [
    ["DateStyle", "German", "select date '2024-03-04' as it"],
    ["DateStyle", "SQL", "select timestamptz '2024-03-04 00:00:00Z' as it"],
    ["DateStyle", "Postgres", "select array[timestamp '2024-03-04'] as it"],
    ["IntervalStyle", "iso_8601", "select interval '1 day 02:03:04' as it"],
    ["IntervalStyle", "sql_standard", "select interval '1-2' as it"],
    ["IntervalStyle", "postgres_verbose", "select interval '1 day' as it"]
  ] as const
  for (const [name, value, sql] of cases) {
    it.scoped(`${name} ${value}: a typed failure that names column and setting, and never null`, () =>
      Effect.gen(function*() {
        const c = yield* connection()
        yield* run(c, `set ${name} = '${value}'`)
        for (const shape of ["rows", "values", "raw"] as const) {
          const failure = yield* Effect.flip(run(c, sql, [], { shape }))
          assert.equal(failure._tag, "DataError")
          assert.match(failure.message, new RegExp(`"it".*${name} is ${value}`))
          assert.doesNotMatch(failure.message, /2024/)
        }
        yield* c.reset
        assert.deepEqual(yield* run(c, "select date '2024-03-04' as it"), [{ it: new Date(2024, 2, 4) }])
      }))
  }
})

describe("settings that the decoder cannot live with", () => {
  it.scoped("are refused when the engine is made, and others go before its own", () =>
    Effect.gen(function*() {
      const at = yield* database
      for (
        const config of [
          { settings: { datestyle: "German" } },
          { settings: { IntervalStyle: "iso_8601" } },
          { options: "-c geqo=off -c extra_float_digits=0" },
          { options: "--DateStyle=SQL,\\ DMY" }
        ]
      ) {
        const failure = yield* Effect.flip(connectTo(at, config))
        assert.equal(failure._tag, "EngineConfigError")
      }
      const c = yield* connectTo(at, {
        settings: { DateStyle: "ISO, YMD", Bytea_Output: "escape" },
        options: "-c extra_float_digits=3"
      })
      const sql = "select current_setting('DateStyle') as a, current_setting('bytea_output') as b, " +
        "current_setting('extra_float_digits') as c, '\\x00ff'::bytea as d"
      assert.deepEqual(yield* run(c, sql), [{ a: "ISO, YMD", b: "escape", c: "3", d: Buffer.from([0, 255]) }])
    }))
})

describe("infinity and what is beyond a Date", () => {
  it.scoped("is Infinity, and a typed failure that names its column", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      const sql = "select 'infinity'::timestamptz as a, '-infinity'::date as b, 'infinity'::timestamp as c"
      assert.deepEqual(yield* run(c, sql), [{ a: Infinity, b: -Infinity, c: Infinity }])
      const failure = yield* Effect.flip(run(c, "select 1 as a, '290000-01-01'::timestamp as far"))
      assert.equal(failure._tag, "DataError")
      assert.match(failure.message, /"far".*beyond the years/)
      assert.deepEqual(yield* run(c, "select '0044-03-15 12:00:00+00 BC'::timestamptz as a"), [
        { a: new Date("-000043-03-15T12:00:00.000Z") }
      ])
    }))
})

describe("arrays of the database's own types", () => {
  const types = [
    "create type mood as enum ('sad', 'ok', '{a}')",
    "create domain age as int check (value > 0)",
    "create domain ages as int[]",
    "create domain doc as jsonb",
    "create type pair as (a int, b text)",
    "create type floats as range (subtype = float8)",
    "create table v (a mood[], b age[], c ages, d ages[], e doc[], f pair[], g floats[], h name[], i mood, j int4range[], k point[], l inet[])"
  ]
  const insert = `insert into v values ('{sad,NULL,"{a}"}', '{1,2}', '{3}', array['{4}'::ages, '{5,6}'::ages],
    array['{"a": [1]}'::doc], array[row(1, 'x y')::pair], array[floats(0.5, 1)], '{a,b}', '{a}', '{"[1,3)"}', '{"(1,2)"}', '{::1}')`
  const row = {
    a: ["sad", null, "{a}"],
    b: [1, 2],
    c: [3],
    d: [[4], [5, 6]],
    e: [{ a: [1] }],
    f: ["(1,\"x y\")"],
    g: ["[0.5,1)"],
    h: ["a", "b"],
    i: "{a}",
    j: ["[1,3)"],
    k: [{ x: 1, y: 2 }],
    l: ["::1"]
  }
  const own = Effect.gen(function*() {
    const at = yield* database
    yield* admin(at.url, ...types, insert, insert)
    return yield* connectTo(at, { fetchSize: 1 })
  })

  for (const shape of ["rows", "values", "raw"] as const) {
    it.scoped(`are arrays, as ${shape}`, () =>
      Effect.gen(function*() {
        const c = yield* own
        const found = yield* run(c, "select * from v", [], { shape })
        const rows = shape === "raw" ? found[0].rows : found
        const expected = shape === "values" ? Object.values(row) : row
        assert.deepEqual(rows, [expected, expected])
        // Known by now.
        assert.deepEqual(yield* run(c, "select * from v", [], { shape: "values" }), [
          Object.values(row),
          Object.values(row)
        ])
      }))
  }

  it.scoped("are arrays in a script, a stream, a pipeline, and a transaction that ends with its batch", () =>
    Effect.gen(function*() {
      const streamed = yield* Effect.flatMap(
        own,
        (c) =>
          Stream.runCollect(c.stream({ sql: "select * from v", params: [], shape: "rows", prepare: true, prelude: [] }))
      )
      assert.deepEqual([...streamed], [row, row])
      const scripted = yield* Effect.flatMap(own, (c) => run(c, "select * from v; select a from v"))
      assert.deepEqual(scripted, [[row, row], [{ a: row.a }, { a: row.a }]])
      const c = yield* own
      const select = { sql: "select a from v", params: [], shape: "rows", prepare: true, prelude: [] } as const
      const one = [{ a: row.a }, { a: row.a }]
      assert.deepEqual(yield* c.pipeline!([select, select, { ...select, shape: "values" }]), [
        one,
        one,
        [[row.a], [row.a]]
      ])
      const other = yield* own
      assert.deepEqual(yield* other.batch!([{ ...select, prelude: ["BEGIN"] }], "COMMIT", () => {}), [one])
    }))

  it.scoped("are written as arrays", () =>
    Effect.gen(function*() {
      const c = yield* own
      yield* run(c, "delete from v")
      yield* run(c, "insert into v (a, b, c, d, e) values ($1, $2, $3, $4, $5)", [
        row.a,
        row.b,
        row.c,
        [],
        [{ a: [1] }]
      ])
      const [{ a, b, c: ages, d, e }] = yield* run(c, "select * from v") as Effect.Effect<[typeof row]>
      assert.deepEqual({ a, b, ages, d, e }, { a: row.a, b: row.b, ages: [3], d: [], e: [{ a: [1] }] })
    }))

  it.scoped("ask the catalog once for an engine", () =>
    Effect.gen(function*() {
      const c = yield* own
      yield* run(c, "select a from v")
      yield* run(c, "begin")
      yield* Effect.flip(run(c, "select 1 / 0"))
      yield* c.control("rollback", "rollback")
      yield* run(c, "alter table v alter a type text[] using a::text[]")
      assert.deepEqual(yield* run(c, "select a from v", [], { prepare: false }), [{ a: row.a }, { a: row.a }])
    }))
})

describe("the parsers given in types", () => {
  it.scoped("go before ours, for the elements of arrays too; what they leave to node-postgres is ours", () =>
    Effect.gen(function*() {
      const at = yield* database
      const types = {
        getTypeParser: (oid: number, format: any) => oid === 20 ? BigInt : nodePostgres.getTypeParser(oid, format)
      }
      const c = yield* connectTo(at, { types: types as any })
      assert.deepEqual(yield* run(c, "select 1::int8 as a, '{1,2}'::int8[] as b, '{1.50}'::numeric[] as c"), [
        { a: 1n, b: [1n, 2n], c: ["1.50"] }
      ])
      yield* run(c, "set DateStyle = 'German'")
      assert.equal((yield* Effect.flip(run(c, "select date '2024-03-04'")))._tag, "DataError")
    }))
})
