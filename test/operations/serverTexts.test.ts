/**
 * Columns whose Schema takes a text and whose type is none: what the server writes is what is read, and not what a driver's
 * `Date` has left of it.
 */
import { describe, expect, it } from "@effect/vitest"
import { DateTime, Effect, Option, Schema } from "effect"
import { Repository, Session, Table, Tables } from "effect-sql-engine"
import * as Engine from "effect-sql-engine/Engine"
import { places } from "../support/places.js"
import { inZone } from "../support/zone.js"

const own = (postgresql: string) => ({ type: Table.sql({ postgresql, sqlite: "text" }) })

const [, open] = places[0]!

describe("a text of PostgreSQL's", () => {
  it.scoped("is read as the server writes it, by every operation, in a zone that leaves the hour out", () =>
    Effect.gen(function*() {
      yield* inZone("Europe/Berlin")
      const table = Table.make(
        "texts",
        Schema.Struct({
          id: Schema.Int,
          day: Schema.String,
          local: Schema.String,
          instant: Schema.String,
          utc: Schema.DateTimeUtc,
          localUtc: Schema.DateTimeUtc,
          span: Schema.String,
          point: Schema.String,
          price: Schema.String,
          days: Schema.Array(Schema.String)
        }),
        {
          columns: {
            day: { type: "date" },
            local: own("timestamp"),
            instant: { type: "timestamp" },
            utc: { type: "timestamp" },
            localUtc: own("timestamp(3) without time zone"),
            span: own("interval"),
            point: own("point"),
            price: own("numeric(10, 4)"),
            days: own("date[]")
          }
        }
      )
      const row = (id: number) => ({
        id,
        day: "0044-03-15 BC",
        local: "2024-03-31 02:30:00.000001",
        instant: "2024-03-31T01:30:00.123456Z",
        utc: DateTime.unsafeMake("2024-03-31T01:30:00.123Z"),
        localUtc: DateTime.unsafeMake("2024-03-31T02:30:00.500Z"),
        span: "1 year 2 mons -00:00:01",
        point: "(1,-2.5)",
        price: "10.5000",
        days: ["infinity", "2024-03-31", "0001-01-01 BC"]
      })
      const repository = Repository.make(table)
      const place = yield* open
      const engine = yield* place.engine()
      const work = Effect.gen(function*() {
        yield* Tables.ensure([table])
        expect(yield* repository.insert(row(3))).toEqual(row(3))
        expect(yield* repository.insertMany([row(1), row(2)])).toEqual([row(1), row(2)])
        expect(yield* repository.upsert(row(2))).toEqual(row(2))
        expect(yield* repository.update(2, { price: "10.5000" })).toEqual(row(2))
        yield* Session.transaction(Effect.gen(function*() {
          const { later, row: written } = yield* Session.enqueue.insert(table, row(4))
          yield* Session.enqueue.insert(table, { ...row(5), local: later.local, instant: later.instant })
          expect(yield* written).toEqual(row(4))
        }))
        expect(yield* repository.findMany({ orderBy: { price: "asc", id: "asc" } })).toEqual([1, 2, 3, 4, 5].map(row))
        const found = yield* Effect.forEach([5, 1, 9], (id) => repository.findByKey(id), {
          batching: true,
          concurrency: "unbounded"
        })
        expect(found).toEqual([Option.some(row(5)), Option.some(row(1)), Option.none()])
        expect((yield* repository.page({ page: 2, size: 2 })).items).toEqual([row(3), row(4)])
        expect((yield* repository.slice({ size: 2, orderBy: { local: "asc" } })).items).toEqual([row(1), row(2)])
        // The order is that of the type, and not that of its texts.
        yield* repository.update(1, { price: "9.0000", day: "infinity" })
        yield* repository.update(2, { price: "-100.0000", day: "2024-01-01" })
        const ordered = (field: "price" | "day") =>
          Effect.map(repository.findMany({ orderBy: { [field]: "asc" } }), (rows) => rows.map((row) => row[field]))
        expect((yield* ordered("price")).slice(0, 3)).toEqual(["-100.0000", "9.0000", "10.5000"])
        expect((yield* ordered("day")).slice(3)).toEqual(["2024-01-01", "infinity"])
        const { day, local, span } = row(3)
        expect(yield* repository.count({ day, local, span })).toBe(3)
      })
      yield* Effect.provideService(work, Engine.Engine, engine)
    }))

  it.scoped("is not what an array of numbers, times, bytes or booleans is read as", () =>
    Effect.gen(function*() {
      const table = Table.make(
        "arrays",
        Schema.Struct({
          id: Schema.Int,
          numbers: Schema.Array(Schema.Number),
          large: Schema.NullOr(Schema.Array(Schema.BigIntFromSelf)),
          times: Schema.Array(Schema.NullOr(Schema.DateFromSelf)),
          flags: Schema.Array(Schema.Boolean),
          grid: Schema.Array(Schema.Array(Schema.Number))
        }),
        {
          columns: {
            numbers: own("float8[]"),
            large: own("int8[]"),
            times: own("timestamptz[]"),
            flags: own("bool[]"),
            grid: own("int4[]")
          }
        }
      )
      const row = (id: number) => ({
        id,
        numbers: id === 1 ? [] : [NaN, Infinity, -0, 0.1],
        large: id === 1 ? null : [2n ** 63n - 1n],
        times: [null, new Date(id)],
        flags: [true, false],
        grid: [[1, 2], [3, id]]
      })
      const repository = Repository.make(table)
      const place = yield* open
      const engine = yield* place.engine()
      const work = Effect.gen(function*() {
        yield* Tables.ensure([table])
        expect(yield* repository.insert(row(1))).toEqual(row(1))
        expect(yield* repository.insertMany([row(2), row(3)])).toEqual([row(2), row(3)])
        expect(yield* repository.findMany({ orderBy: { id: "asc" } })).toEqual([1, 2, 3].map(row))
      })
      yield* Effect.provideService(work, Engine.Engine, engine)
    }))

  it.scoped("is not changed by reading it: an address without a mask, blanks behind a char", () =>
    Effect.gen(function*() {
      const table = Table.make(
        "kept",
        Schema.Struct({ id: Schema.Int, address: Schema.String, code: Schema.String }),
        { columns: { address: own("inet"), code: own("char(5)") } }
      )
      const repository = Repository.make(table)
      const place = yield* open
      const engine = yield* place.engine()
      const work = Effect.gen(function*() {
        yield* Tables.ensure([table])
        const row = { id: 1, address: "154.130.249.154", code: "ab   " }
        expect(yield* repository.insert(row)).toEqual(row)
        expect(yield* repository.findMany({ where: { address: row.address } })).toEqual([row])
      })
      yield* Effect.provideService(work, Engine.Engine, engine)
    }))

  it.scoped("that no Date stands for is said in the failure: infinity", () =>
    Effect.gen(function*() {
      const table = Table.make(
        "ends",
        Schema.Struct({ id: Schema.Int, at: Schema.DateFromSelf, price: Schema.BigDecimalFromSelf }),
        { columns: { price: own("numeric") } }
      )
      const repository = Repository.make(table)
      const place = yield* open
      const engine = yield* place.engine()
      const work = Effect.gen(function*() {
        yield* Tables.ensure([table])
        yield* place.admin("insert into ends values (1, '-infinity', 1), (2, now(), 'NaN')")
        const at = yield* Effect.flip(repository.getByKey(1))
        expect(at).toMatchObject({ _tag: "RowDecodeError", problems: [{ field: "at", column: "at" }] })
        expect(at.message).toContain("`-infinity`")
        const price = yield* Effect.flip(repository.getByKey(2))
        expect(price).toMatchObject({ _tag: "RowDecodeError", problems: [{ field: "price", column: "price" }] })
        expect(price.message).toContain("`NaN`")
      })
      yield* Effect.provideService(work, Engine.Engine, engine)
    }))

  it.scoped("that a row returned is what it refers to, in a column of documents, too", () =>
    Effect.gen(function*() {
      const table = Table.make(
        "sources",
        Schema.Struct({ id: Schema.Int, tags: Schema.Array(Schema.String), at: Schema.DateFromSelf })
      )
      for (const [, open] of places) {
        const place = yield* open
        const engine = yield* place.engine()
        const work = Effect.gen(function*() {
          yield* Tables.ensure([table])
          yield* Session.transaction(Effect.gen(function*() {
            const first = yield* Session.enqueue.insert(table, { id: 1, tags: ["a"], at: new Date(1) })
            yield* Session.enqueue.insert(table, { id: 2, tags: first.later.tags, at: first.later.at })
            yield* first.row
            yield* Session.enqueue.insert(table, { id: 3, tags: first.later.tags, at: first.later.at })
          }))
          const rows = yield* Repository.make(table).findMany()
          expect(rows.map(({ at, tags }) => ({ at, tags }))).toEqual(
            [1, 2, 3].map(() => ({ tags: ["a"], at: new Date(1) }))
          )
        })
        yield* Effect.provideService(work, Engine.Engine, engine)
      }
    }))
})
