/**
 * What a value becomes on the server, as another client reads it: as text, in a session whose settings are plain.
 */
import { describe, it } from "@effect/vitest"
import { BigDecimal, DateTime, Effect, FastCheck as fc, Option, Redacted, Stream } from "effect"
import { PgEngine } from "effect-sql-engine-pg"
import { Json } from "effect-sql-engine/Driver"
import * as SqlFailure from "effect-sql-engine/SqlFailure"
import * as assert from "node:assert/strict"
import { admin, connection, connectTo, database, run, statement } from "./support/connect.js"
import { proxy } from "./support/proxy.js"
import { inZone, zones } from "./support/zones.js"

/** Stores values of one column through the driver, and gives their texts as another client reads them. */
const stored = (type: string, values: ReadonlyArray<unknown>) =>
  Effect.gen(function*() {
    const at = yield* database
    yield* admin(at.url, `create table v (id int, it ${type})`)
    const c = yield* connectTo(at)
    for (const [id, value] of values.entries()) yield* run(c, "insert into v values ($1, $2)", [id, value])
    const texts = yield* admin(at.url, "set timezone = 'UTC'", "select it::text as it from v order by id")
    return { texts: texts.map((row) => row["it"] as string | null), c }
  })

/** What is stored and what is read back, for values that are read back as they were. */
const kept = (type: string, values: ReadonlyArray<unknown>) =>
  Effect.gen(function*() {
    const { c, texts } = yield* stored(type, values)
    const rows = yield* run(c, "select it from v order by id")
    assert.deepEqual(rows.map(({ it }) => it), values)
    return texts
  })

describe("a Date", () => {
  const dates = [
    new Date(2024, 2, 4, 0, 30),
    new Date(0),
    new Date(-1),
    new Date(Date.UTC(1900, 0, 1, 12, 0, 0, 7)),
    new Date(Date.UTC(1931, 11, 23, 3, 4, 5, 678)),
    new Date(Date.UTC(12024, 5, 6, 7, 8, 9, 10)),
    new Date("-000043-03-15T12:00:00.000Z"),
    new Date("0001-06-01T00:00:00.000Z"),
    new Date("0099-06-01T00:00:00.000Z")
  ]

  for (const zone of zones) {
    it.scoped(`in ${zone} is the same instant in timestamptz, and the same calendar in timestamp and date`, () =>
      inZone(
        zone,
        Effect.gen(function*() {
          const instants = yield* kept("timestamptz", dates)
          assert.deepEqual(instants.slice(1, 3), ["1970-01-01 00:00:00+00", "1969-12-31 23:59:59.999+00"])
          const here = new Date(2024, 2, 4, 0, 30)
          const [text] = yield* kept("timestamp", [here, ...dates])
          assert.equal(text, "2024-03-04 00:30:00")
          const { c, texts: [day] } = yield* stored("date", [here])
          assert.equal(day, "2024-03-04")
          assert.deepEqual(yield* run(c, "select it from v"), [{ it: new Date(2024, 2, 4) }])
        })
      ))

    it.scoped(`in ${zone} is read back as it was, whichever it is`, () =>
      inZone(
        zone,
        Effect.gen(function*() {
          const c = yield* connection()
          // PostgreSQL begins in 4713 BC; `Date` ends in 275760.
          const millis = fc.integer({ min: Date.UTC(-4700, 0, 1), max: 8_640_000_000_000_000 - 86_400_000 })
          const seed = fc.sample(fc.integer(), 1)[0]!
          for (const time of fc.sample(millis, { numRuns: 200, seed })) {
            const date = new Date(time)
            const [{ instant, epoch }] = yield* run(
              c,
              "select $1::timestamptz as instant, round(extract(epoch from $1::timestamptz) * 1000)::text as epoch",
              [date]
            ) as Effect.Effect<[{ instant: Date; epoch: string }]>
            assert.equal(epoch, `${time}`, `seed ${seed}`)
            assert.equal(instant.getTime(), time, `seed ${seed}`)
          }
        })
      ))
  }

  it.scoped("that is invalid is refused with the parameter's name, and nothing is sent", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      const failure = yield* Effect.flip(run(c, "select $1::int, $2::timestamptz", [1, new Date(Number.NaN)]))
      assert.equal(failure._tag, "DataError")
      assert.equal(failure.sent, "no")
      assert.match(failure.message, /\$2 is an invalid Date/)
    }))
})

describe("Effect's own types", () => {
  it.scoped("a DateTime is bound as the Date of its instant, a BigDecimal with all of its digits", () =>
    Effect.gen(function*() {
      const utc = DateTime.unsafeMake("2024-03-04T00:30:00.123Z")
      const zoned = DateTime.unsafeMakeZoned(utc, { timeZone: "Asia/Kolkata" })
      const bc = DateTime.unsafeMake(Date.UTC(-43, 2, 15, 12))
      const far = DateTime.unsafeMake(Date.UTC(12024, 0, 1))
      const times = yield* inZone("Europe/Berlin", stored("timestamptz", [utc, zoned, bc, far]))
      assert.deepEqual(times.texts, [
        "2024-03-04 00:30:00.123+00",
        "2024-03-04 00:30:00.123+00",
        "0044-03-15 12:00:00+00 BC",
        "12024-01-01 00:00:00+00"
      ])
      const walls = yield* inZone("Europe/Berlin", stored("timestamp", [utc, zoned]))
      assert.deepEqual(walls.texts, ["2024-03-04 01:30:00.123", "2024-03-04 01:30:00.123"])
      const numbers = ["123456789012345678901234567890.123456789", "-0.0000000000000000000001", "1e30", "0", "-7"]
      const { texts } = yield* stored("numeric", numbers.map((text) => BigDecimal.unsafeFromString(text)))
      assert.deepEqual(texts, [numbers[0], numbers[1], `1${"0".repeat(30)}`, "0", "-7"])
    }))
})

describe("numbers", () => {
  it.scoped("keep every digit, the sign of zero, NaN and the infinities", () =>
    Effect.gen(function*() {
      const floats = [0, -0, Number.NaN, Infinity, -Infinity, Number.MAX_VALUE, Number.MIN_VALUE, 0.1 + 0.2]
      const texts = yield* kept("float8", floats)
      assert.deepEqual(texts.slice(0, 5), ["0", "-0", "NaN", "Infinity", "-Infinity"])
      const { texts: big } = yield* stored("int8", [2n ** 63n - 1n, -(2n ** 63n)])
      assert.deepEqual(big, ["9223372036854775807", "-9223372036854775808"])
      assert.deepEqual(yield* kept("bool", [true, false, null]), ["true", "false", null])
    }))
})

describe("bytes", () => {
  it.scoped("of an ArrayBuffer, a DataView and any view are stored as bytes, alone and in an array", () =>
    Effect.gen(function*() {
      const bytes = new Uint8Array([0, 255, 92, 34])
      const all = [
        bytes,
        bytes.buffer,
        new DataView(bytes.buffer),
        Buffer.from(bytes),
        bytes.subarray(0, 4),
        new Uint8Array(new Uint8Array([9, 0, 255, 92, 34]).buffer, 1)
      ]
      const { texts } = yield* stored("bytea", all)
      assert.deepEqual(texts, all.map(() => "\\x00ff5c22"))
      const lists = yield* stored("bytea[]", [[bytes, null, bytes.buffer], [new Uint8Array()]])
      assert.deepEqual(lists.texts, [`{"\\\\x00ff5c22",NULL,"\\\\x00ff5c22"}`, `{"\\\\x"}`])
    }))
})

describe("an array", () => {
  it.scoped("is an array for an array type and a document for jsonb, the empty one too", () =>
    Effect.gen(function*() {
      const at = yield* database
      yield* admin(
        at.url,
        "create domain doc as jsonb",
        "create domain tags as text[]",
        "create table v (a text[], b jsonb, c json, d doc, e tags, f jsonb[])"
      )
      const c = yield* connectTo(at)
      const sql = "insert into v values ($1, $2, $3, $4, $5, $6)"
      for (const list of [[], ["a", null, "b\"\\,{}"]]) yield* run(c, sql, [list, list, list, list, list, list])
      const rows = yield* admin(at.url, "select a::text, b::text, c::text, d::text, e::text, f::text from v")
      assert.deepEqual(rows[0], { a: "{}", b: "[]", c: "[]", d: "[]", e: "{}", f: "{}" })
      const list = `{a,NULL,"b\\"\\\\,{}"}`
      const document = `["a", null, "b\\"\\\\,{}"]`
      assert.deepEqual(rows[1], {
        a: list,
        b: document,
        c: document.replaceAll(", ", ","),
        d: document,
        e: list,
        f: `{"\\"a\\"",NULL,"\\"b\\\\\\"\\\\\\\\,{}\\""}`
      })
      assert.deepEqual(
        (yield* run(c, "select * from v"))[1],
        Object.fromEntries("abcdef".split("").map((k) => [k, ["a", null, "b\"\\,{}"]]))
      )
    }))

  it.scoped("keeps NaN, bigints, dates, documents and arrays in it", () =>
    inZone(
      "Europe/Berlin",
      Effect.gen(function*() {
        assert.deepEqual(yield* kept("float8[]", [[Number.NaN, Infinity, -Infinity, -0, null]]), [
          "{NaN,Infinity,-Infinity,-0,NULL}"
        ])
        assert.deepEqual((yield* stored("int8[]", [[2n ** 63n - 1n]])).texts, ["{9223372036854775807}"])
        assert.deepEqual(yield* kept("timestamp[]", [[new Date(2024, 2, 4, 0, 30)]]), [`{"2024-03-04 00:30:00"}`])
        assert.deepEqual(yield* kept("int4[]", [[[1, 2], [3, 4]], []]), ["{{1,2},{3,4}}", "{}"])
        assert.deepEqual(yield* kept("text[]", [["null", "NULL", "", " a ", "{", "🐘"]]), [
          `{"null","NULL",""," a ","{",🐘}`
        ])
        const documents = [{ a: [1] }, "text", 5, [1, 2], true]
        assert.deepEqual(yield* kept("jsonb[]", [documents]), [
          `{"{\\"a\\": [1]}","\\"text\\"",5,"[1, 2]",true}`
        ])
      })
    ))

  it.scoped("is read from numeric[] and int8[] without losing a digit", () =>
    Effect.gen(function*() {
      yield* kept("numeric[]", [["123456789012345678901234567890.5", "NaN", null]])
      yield* kept("int8[]", [["9223372036854775807", "-1"]])
    }))

  it.scoped("costs a second round trip only the first time its statement is used on a connection", () =>
    Effect.gen(function*() {
      const at = yield* database
      const between = yield* proxy(at)
      const c = yield* connectTo({ ...at, port: between.port })
      yield* run(c, "create table v (a jsonb, b int[])")
      const trips = <A, E>(effect: Effect.Effect<A, E>) =>
        Effect.map(Effect.zipRight(Effect.sync(() => between.reset()), effect), () => between.trips())
      const sql = "insert into v values ($1, $2)"
      const lists = [[1], [2]]
      const parts = [statement(sql, lists), statement(sql, lists), statement(`${sql} returning a`, lists)]
      assert.deepEqual(
        [
          yield* trips(run(c, sql, lists)),
          yield* trips(run(c, sql, lists)),
          yield* trips(run(c, sql, [new Json([1]), "{2}"])),
          yield* trips(run(c, sql, lists, { prepare: false })),
          yield* trips(c.pipeline!(parts)),
          yield* trips(c.pipeline!(parts))
        ],
        [2, 1, 1, 2, 2, 1]
      )
      const rows = yield* run(c, "select * from v")
      assert.deepEqual(rows, Array.from({ length: 10 }, () => ({ a: [1], b: [2] })))
    }))

  it.scoped("is written anew where somebody has changed the type of its column, and nobody sees it", () =>
    Effect.gen(function*() {
      const at = yield* database
      yield* admin(at.url, "create table v (it text[])")
      const c = yield* connectTo(at)
      const insert = statement("insert into v values ($1)", [["a"]])
      const change = (type: string) =>
        admin(at.url, "drop table v", `create table v (it ${type})`, "insert into v values (null)")
      const found = Effect.map(admin(at.url, "select it::text from v where it is not null"), (rows) => rows[0]!["it"])
      yield* c.execute(insert)
      yield* change("jsonb")
      yield* c.execute({ ...insert, prelude: ["BEGIN"] })
      yield* c.control("commit", "COMMIT")
      assert.equal(yield* found, `["a"]`)
      yield* c.execute(insert)
      yield* change("text[]")
      yield* c.pipeline!([{ ...insert, prelude: ["BEGIN"] }, insert])
      yield* c.control("commit", "COMMIT")
      assert.equal(yield* found, "{a}")
      yield* c.execute(insert)
      yield* change("jsonb")
      let committed = 0
      yield* c.batch!([{ ...insert, prelude: ["BEGIN"] }], "COMMIT", () => committed++)
      assert.equal(yield* found, `["a"]`)
      assert.equal(committed, 1)
    }))

  it.scoped("begins its session's transaction, and its failure is the statement's", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      yield* run(c, "create table v (a jsonb)")
      yield* run(c, "insert into v values ($1)", [["a"]], { prelude: ["BEGIN"] })
      assert.equal(c.transaction(), "open")
      const failure = yield* Effect.flip(
        run(c, "insert into nothere values ($1)", [["a"]], { prelude: ["SAVEPOINT a"] })
      )
      assert.equal(failure._tag, "SqlSyntaxError")
      yield* c.control("rollbackTo", "ROLLBACK TO SAVEPOINT a")
      yield* c.control("commit", "COMMIT")
      assert.deepEqual(yield* run(c, "select * from v"), [{ a: ["a"] }])
    }))

  it.scoped("is encoded alike in a pipeline, in a batch and in a stream, also behind the statement that creates its table", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      const insert = { sql: "insert into v values ($1, $2)", shape: "rows", prepare: true } as const
      yield* c.pipeline!([
        { sql: "create table v (a jsonb, b text[])", params: [], shape: "rows", prepare: true, prelude: ["BEGIN"] },
        { ...insert, params: [[1], ["x"]], prelude: [] },
        { ...insert, params: [[], []], prelude: [] }
      ])
      yield* c.control("commit", "COMMIT")
      let committed = 0
      const made = [
        { sql: "create table w (a jsonb)", params: [], shape: "rows", prepare: true, prelude: ["BEGIN"] } as const,
        {
          sql: "insert into w values ($1) returning a",
          params: [[]],
          shape: "rows",
          prepare: true,
          prelude: []
        } as const
      ]
      assert.deepEqual(yield* c.batch!(made, "COMMIT", () => committed++), [[], [{ a: [] }]])
      assert.equal(c.transaction(), "none")
      const last = { ...insert, sql: `${insert.sql} returning 1 as a`, params: [["y"], ["z"]], prelude: ["BEGIN"] }
      assert.deepEqual(yield* c.batch!([last], "COMMIT", () => committed++), [[{ a: 1 }]])
      assert.equal(committed, 2)
      const sql = "select * from v where b = $1 or a = $2"
      const rows = yield* Stream.runCollect(
        c.stream({ sql, params: [["x"], ["y"]], shape: "rows", prepare: true, prelude: [] })
      )
      assert.deepEqual([...rows], [{ a: [1], b: ["x"] }, { a: ["y"], b: ["z"] }])
    }))
})

describe("a document", () => {
  it.scoped("marked as Json is exactly that JSON: a list, a text, null", () =>
    Effect.gen(function*() {
      const values = [[], "text", null, "123", { a: [1] }, true]
      const { texts } = yield* stored("jsonb", values.map((value) => new Json(value)))
      assert.deepEqual(texts, ["[]", `"text"`, "null", `"123"`, `{"a": [1]}`, "true"])
    }))
})

describe("PgClient.json", () => {
  it.scoped("stores exactly that JSON, with its names transformed where that is asked for", () =>
    Effect.gen(function*() {
      const at = yield* database
      yield* admin(at.url, "create table v (id serial, it jsonb)")
      const camel = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
      const { client: sql } = yield* PgEngine.make({ url: at.url, transformQueryNames: camel })
      const values = [[], "text", null, "123", { aB: [{ cD: 1 }, null] }, [[{ aB: 1 }]], 5, true]
      for (const value of values) yield* sql`insert into v (it) values (${sql.json(value)})`
      yield* sql`insert into v ${sql.insert({ it: sql.json({ aB: 1 }) as any })}`
      yield* sql`insert into v (it) values (${sql.json({ aB: 1 })})`.withoutTransform
      const rows = yield* admin(at.url, "select it::text from v order by id")
      assert.deepEqual(rows.map(({ it }) => it), [
        "[]",
        `"text"`,
        "null",
        `"123"`,
        `{"a_b": [{"c_d": 1}, null]}`,
        `[[{"a_b": 1}]]`,
        "5",
        "true",
        `{"a_b": 1}`,
        `{"aB": 1}`
      ])
      const failure = yield* Effect.flip(SqlFailure.refine(sql`insert into v (it) values (${sql.json(new Map())})`))
      assert.equal(failure._tag, "DataError")
      assert.equal(failure.sent, "no")
    }))

  it.scoped("and rows whose names are transformed keep arrays that begin with NULL", () =>
    Effect.gen(function*() {
      const at = yield* database
      const { sql } = yield* PgEngine.make({ url: at.url, transformResultNames: (name) => name.toUpperCase() })
      assert.deepEqual(yield* sql`select '{NULL,a}'::text[] as a, '[{"b": 1}, null]'::jsonb as b`, [
        { A: [null, "a"], B: [{ B: 1 }, null] }
      ])
    }))
})

describe("what has no form", () => {
  const circular: Record<string, unknown> = {}
  circular["self"] = circular
  const list: Array<unknown> = []
  list.push(list)
  const values: Readonly<Record<string, unknown>> = {
    Set: new Set([1]),
    Map: new Map(),
    Promise: Promise.resolve(1),
    RegExp: /a/,
    Error: new Error("secret"),
    Blob: new Blob(["secret"]),
    function: () => "secret",
    symbol: Symbol("secret"),
    "invalid Date": new Date(Number.NaN),
    Redacted: Redacted.make("secret"),
    Option: Option.some("secret"),
    "cyclic object": circular,
    "cyclic array": list,
    "lone surrogate": "secret \ud800",
    "lone surrogate in an array": ["secret \ud800"],
    "lone surrogate in a document": { a: "secret \udc00" },
    "zero byte": "secret \0",
    "zero byte in an array": ["secret \0"],
    "Set in a document": { a: new Set() },
    "Set in an array": [new Set()]
  }
  for (const [name, value] of Object.entries(values)) {
    it.scoped(`a ${name} is refused with the parameter's name, before anything is sent`, () =>
      Effect.gen(function*() {
        const c = yield* connection()
        const failure = yield* Effect.flip(run(c, "select $1::text, $2::text, $3::text", [1, "a", value]))
        assert.equal(failure._tag, "DataError")
        assert.equal(failure.sent, "no")
        assert.match(failure.message, /^The value bound to \$3 /)
        assert.doesNotMatch(failure.message, /secret/)
        assert.deepEqual(yield* run(c, "select 1 as a"), [{ a: 1 }])
      }))
  }
})

describe("toPostgres", () => {
  it.scoped("says the form of a class of your own", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      const money = { toPostgres: (prepare: (value: unknown) => unknown) => prepare(12.5) }
      const wrapped = { toPostgres: () => money }
      assert.deepEqual(yield* run(c, "select $1::numeric as a, $2::numeric[] as b", [wrapped, [money]]), [
        { a: "12.5", b: ["12.5"] }
      ])
      const [{ it }] = yield* run(c, "select '1 day -04:05:06.7'::interval as it") as Effect.Effect<[{ it: unknown }]>
      assert.deepEqual(yield* run(c, "select ($1::interval)::text as it", [it]), [{ it: "1 day -04:05:06.7" }])
    }))
})
