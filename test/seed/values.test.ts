/**
 * What a scalar of YAML or JSON means for each type of column: the same rows as the repository would write.
 */
import { describe, expect, it } from "@effect/vitest"
import { BigDecimal, DateTime, Effect, Equal, Schema } from "effect"
import { Repository, Seed, Table, Tables } from "effect-sql-engine"
import * as YAML from "yaml"
import { places } from "../support/places.js"
import { inZone } from "../support/zone.js"
import { on } from "./people.js"

const own = (postgresql: string, sqlite = "text") => ({ type: Table.sql({ postgresql, sqlite }) })

const kinds = Table.make(
  "kinds",
  Schema.Struct({
    id: Schema.Int,
    at: Schema.DateFromSelf,
    utc: Schema.DateTimeUtcFromSelf,
    zoned: Schema.DateTimeZonedFromSelf,
    large: Schema.BigIntFromSelf,
    bytes: Schema.Uint8ArrayFromSelf,
    price: Schema.BigDecimalFromSelf,
    document: Schema.Struct({ list: Schema.Array(Schema.Int), at: Schema.DateFromSelf }),
    tags: Schema.Array(Schema.String),
    anything: Schema.Unknown,
    number: Schema.Number,
    flag: Schema.Boolean,
    maybe: Schema.NullOr(Schema.DateFromSelf)
  }),
  { columns: { price: own("numeric"), anything: { type: "json" } } }
)

const expected = {
  id: 1,
  at: new Date("2024-03-04T00:30:00.5Z"),
  utc: DateTime.unsafeMake("2024-02-29T22:00:00Z"),
  zoned: DateTime.unsafeMakeZoned("2024-03-03T23:30:00Z", { timeZone: "Europe/Berlin" }),
  large: 9007199254740993n,
  bytes: new Uint8Array([0, 255, 16]),
  price: BigDecimal.unsafeFromString("12345678901234567890.10"),
  document: { list: [1, 2], at: new Date("2024-01-01T00:00:00Z") },
  tags: ["a"],
  anything: [],
  number: 1e300,
  flag: true,
  maybe: null
}

const json = `{ "kinds": [{
  "id": 1,
  "at": "2024-03-04T00:30:00.500",
  "utc": "2024-03-01T00:00:00+02:00",
  "zoned": "2024-03-03T23:30:00.000Z[Europe/Berlin]",
  "large": 9007199254740993,
  "bytes": "AP8Q",
  "price": "12345678901234567890.10",
  "document": { "list": [1, 2], "at": "2024-01-01" },
  "tags": ["a"],
  "anything": [],
  "number": 1e300,
  "flag": true,
  "maybe": null
}] }`

const yaml = `
kinds:
  - id: 1
    at: 2024-03-04 00:30:00.5
    utc: 2024-03-01T00:00:00+02:00
    zoned: 2024-03-03T23:30:00.000Z[Europe/Berlin]
    large: 9007199254740993
    bytes: AP8Q
    price: "12345678901234567890.10"
    document: {list: [1, 2], at: 2024-01-01}
    tags: [a]
    anything: []
    number: 1.0e+300
    flag: true
    maybe: ~
`

const code = {
  kinds: [{ ...expected, at: new Date(expected.at), maybe: null }]
}

const sources: ReadonlyArray<readonly [name: string, source: Seed.SeedSource]> = [
  ["JSON", Seed.fromJson(json)],
  ["YAML", Seed.fromYaml(YAML, yaml)],
  ["code", Seed.fromValue(code)]
]

describe.each(places)("a seed on %s", (place, open) => {
  for (const [name, source] of sources) {
    it.scopedLive(
      `takes times, 64-bit integers, bytes, documents and lists from ${name} for a declared table`,
      () =>
        Effect.gen(function*() {
          const place = yield* open
          const engine = yield* place.engine()
          const repository = Repository.make(kinds)
          yield* on(engine)(Tables.ensure([kinds]))
          expect(yield* on(engine)(Seed.run(source, [kinds]))).toEqual({ _tag: "Seeded", rows: { kinds: 1 } })
          const [found] = yield* on(engine)(repository.findMany())
          expect({ ...found, bytes: [...found!.bytes], zoned: 0, price: 0 }).toEqual(
            { ...expected, bytes: [0, 255, 16], zoned: 0, price: 0 }
          )
          expect(Equal.equals(found!.zoned, expected.zoned)).toBe(true)
          expect(Equal.equals(found!.price, expected.price)).toBe(true)
          const columns = Object.keys(expected).map((column) => `cast("${column}" as text) as "${column}"`).join(", ")
          const seeded = yield* place.admin(`select ${columns} from kinds`)
          yield* on(engine)(Effect.zipRight(repository.deleteMany({}), repository.insert(expected)))
          expect(seeded).toEqual(yield* place.admin(`select ${columns} from kinds`))
        })
    )
  }

  it.scopedLive("names the place of a scalar that is none of its column, and not what it is", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      yield* on(engine)(Tables.ensure([kinds]))
      const refused: ReadonlyArray<readonly [field: string, value: string]> = [
        ["at", "\"2024-02-30\""],
        ["at", "\"2024-03-04T00:30:00.123456Z\""],
        ["at", "\"yesterday, secret\""],
        ["at", "1709512200000"],
        ["utc", "\"2024-03-04T25:00\""],
        ["zoned", "\"2024-03-04T00:30:00Z\""],
        ["large", "1.5"],
        ["large", "\"12 secret\""],
        ["bytes", "\"secret!\""],
        ["price", "1.1"],
        ["number", "9007199254740993"],
        ["id", "9007199254740993"],
        ["flag", "1"],
        ["tags", "\"secret\""]
      ]
      for (const [field, value] of refused) {
        const text = json.replace(new RegExp(`("${field}": )(?:\\[[^\\]]*\\]|[^,\\n]+)`), `$1${value}`)
        const failure = yield* Effect.flip(on(engine)(Seed.run(Seed.fromJson(text), [kinds])))
        expect([field, failure]).toMatchObject([field, {
          _tag: "SeedInvalid",
          problems: [{ path: field, line: expect.any(Number) }]
        }])
        expect(JSON.stringify(failure) + failure.message).not.toContain("secret")
      }
      const infinite = yield* Effect.flip(on(engine)(Seed.run(Seed.fromJson("{ \"kinds\": [1e400] }"), [kinds])))
      expect(infinite).toMatchObject({ _tag: "SeedSourceError", line: 1, column: 13 })
    }))

  it.scopedLive("writes a list into a column of documents of a table that is not declared", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const type = place.kind === "postgres" ? "jsonb" : "text"
      yield* place.admin(`create table note (id integer primary key, tags ${type}, more ${type})`)
      const Note = Schema.Struct({ id: Schema.Int, tags: Schema.Unknown, more: Schema.Unknown })
      const values = [["a"], [], {}, { a: [1] }, [[1], null, "x"]]
      const source = Seed.fromJson(JSON.stringify({ note: values.map((tags, id) => ({ id, tags, more: tags })) }))
      yield* on(engine)(Seed.run(source, { note: Note }))
      const rows = yield* place.admin("select tags, more from note order by id")
      const read = (value: any) => typeof value === "string" ? JSON.parse(value) : value
      expect(rows.map(({ tags }) => read(tags))).toEqual(values)
      expect(rows.map(({ more }) => read(more))).toEqual(values)
      if (place.kind === "postgres") {
        yield* place.admin("create table tagged (tags text[], numbers float8[], document jsonb, plain text, flag bool)")
        const Tagged = Schema.Struct({
          tags: Schema.Unknown,
          numbers: Schema.Unknown,
          document: Schema.Unknown,
          plain: Schema.Unknown,
          flag: Schema.Unknown
        })
        const tagged = [
          { tags: [], numbers: [], document: "text", plain: "text", flag: true },
          { tags: ["a", "b,\"c\""], numbers: [1, null, 2.5], document: 1.5, plain: "1.5", flag: null },
          { tags: [["a"], ["b"]], numbers: null, document: "123", plain: "[1]", flag: false }
        ]
        yield* on(engine)(Seed.run(Seed.fromValue({ tagged }), { tagged: Tagged }, { name: "tagged" }))
        expect(yield* place.admin("select * from tagged")).toEqual(tagged)
      }
    }))
})

describe("a seed into a timestamp without time zone", () => {
  const [, open] = places[0]!
  const events = Table.make("events", Schema.Struct({ id: Schema.Int, at: Schema.DateFromSelf }), {
    columns: { at: own("timestamp(3)") }
  })

  for (const zone of ["Europe/Berlin", "America/St_Johns", "UTC"]) {
    it.scopedLive(`stores a text without an offset as it stands there: ${zone}`, () =>
      Effect.gen(function*() {
        yield* inZone(zone)
        const place = yield* open
        const engine = yield* place.engine()
        yield* on(engine)(Tables.ensure([events]))
        const texts = ["2024-03-04T00:30:00", "0044-03-15 12:00", "2024-07-01"]
        yield* on(engine)(Seed.run(Seed.fromValue({ events: texts.map((at, id) => ({ id, at })) }), [events]))
        expect(yield* place.admin("select at::text from events order by id")).toEqual([
          { at: "2024-03-04 00:30:00" },
          { at: "0044-03-15 12:00:00" },
          { at: "2024-07-01 00:00:00" }
        ])
      }))
  }

  it.scopedLive("refuses a time that the zone of the process leaves out", () =>
    Effect.gen(function*() {
      yield* inZone("Europe/Berlin")
      const place = yield* open
      const engine = yield* place.engine()
      yield* on(engine)(Tables.ensure([events]))
      const seed = Seed.run(Seed.fromValue({ events: [{ id: 1, at: "2024-03-31T02:30:00" }] }), [events])
      expect(yield* Effect.flip(on(engine)(seed))).toMatchObject({ _tag: "SeedInvalid", problems: [{ path: "at" }] })
    }))
})
