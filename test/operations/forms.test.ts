/**
 * Values whose form JavaScript, JSON and the database see differently: documents that are no objects, data types of
 * Effect's, keys that JSON cannot tell apart. By every operation, on both databases.
 */
import { describe, expect, it } from "@effect/vitest"
import { BigDecimal, DateTime, Effect, Equal, Option, Schema } from "effect"
import { Repository, Session, Table, Tables } from "effect-sql-engine"
import * as Engine from "effect-sql-engine/Engine"
import type { Place } from "../support/places.js"
import { places } from "../support/places.js"

const own = (postgresql: string, sqlite = "text") => ({ type: Table.sql({ postgresql, sqlite }) })

const on = <A, E>(
  place: Place,
  tables: Parameters<typeof Tables.ensure>[0],
  work: Effect.Effect<A, E, Engine.Engine>
) =>
  Effect.flatMap(
    place.engine(),
    (engine) => Effect.provideService(Effect.zipRight(Tables.ensure(tables), work), Engine.Engine, engine)
  )

const documents = Table.make("documents", Schema.Struct({ id: Schema.Int, document: Schema.Unknown }), {
  columns: { document: { type: "json" } }
})

const anyDocument = Repository.make(documents)

/** Writes a value by every operation, each into a row of its own; the rows as they are read afterwards. */
const byEveryOperation = <A>(
  repository: Repository.Repository<any, any>,
  table: any,
  field: string,
  values: ReadonlyArray<A>
) =>
  Effect.gen(function*() {
    const row = (id: number, value: A) => ({ id, [field]: value })
    let id = 0
    for (const value of values) yield* repository.insert(row(++id, value))
    yield* repository.insertMany(values.map((value) => row(++id, value)))
    for (const value of values) yield* repository.upsert(row(++id, value))
    yield* repository.upsertMany(values.map((value) => row(++id, value)))
    yield* repository.insertMany(values.map(() => row(++id, values[0]!)))
    id -= values.length
    for (const value of values) yield* repository.update(++id, { [field]: value })
    yield* Session.transaction(Effect.forEach(values, (value) => Session.enqueue.insert(table, row(++id, value))))
    return yield* repository.findMany({ orderBy: { id: "asc" } }) as Effect.Effect<ReadonlyArray<any>, never, any>
  })

describe.each(places)("a value on %s", (name, open) => {
  const forms: ReadonlyArray<readonly [name: string, value: unknown, text: string]> = [
    ["an empty list", [], "[]"],
    ["a list", ["a", 1, null, true], "[\"a\", 1, null, true]"],
    ["a list of lists", [[1], [], [[2, 3]]], "[[1], [], [[2, 3]]]"],
    ["a list of objects", [{ a: [] }], "[{\"a\": []}]"],
    ["a string", "text", "\"text\""],
    ["a string that looks like a number", "123", "\"123\""],
    ["a string that looks like a list", "[1]", "\"[1]\""],
    ["a number", 1.5, "1.5"],
    ["a boolean", false, "false"],
    ["an empty object", {}, "{}"]
  ]
  for (const [name, value, text] of forms) {
    it.scoped(`that is ${name} is the same document by every operation`, () =>
      Effect.gen(function*() {
        const place = yield* open
        yield* on(
          place,
          [documents],
          Effect.gen(function*() {
            const rows = yield* byEveryOperation(anyDocument, documents, "document", [value, value])
            expect(rows.length).toBe(12)
            expect(rows.map(({ document }) => document)).toEqual(rows.map(() => value))
            expect(yield* anyDocument.count({ document: value })).toBe(12)
          })
        )
        const found = yield* place.admin(
          "select distinct cast(document as text) as text from documents"
        )
        const compact = (text: string) => text.replaceAll(", ", ",").replaceAll(": ", ":")
        expect(found.map(({ text }) => compact(text))).toEqual([compact(text)])
      }))
  }

  it.scoped("that is no JSON document is refused before anything is sent", () =>
    Effect.gen(function*() {
      const place = yield* open
      yield* on(
        place,
        [documents],
        Effect.gen(function*() {
          for (const document of [{ n: 1n }, [NaN], { at: new Map() }, ["\ud800"]]) {
            const write = byEveryOperation(anyDocument, documents, "document", [document, document])
            expect(yield* Effect.flip(write)).toMatchObject({ _tag: "DataError", sent: "no" })
          }
        })
      )
      expect(yield* place.admin("select * from documents")).toEqual([])
    }))

  it.scoped("of Effect's own is read back equal, and found", () =>
    Effect.gen(function*() {
      const table = Table.make(
        "own",
        Schema.Struct({
          id: Schema.Int,
          utc: Schema.DateTimeUtcFromSelf,
          zoned: Schema.DateTimeZonedFromSelf,
          price: Schema.BigDecimalFromSelf,
          later: Schema.NullOr(Schema.DateTimeUtcFromSelf),
          days: Schema.Struct({ list: Schema.Array(Schema.DateFromSelf), utc: Schema.DateTimeUtcFromSelf })
        }),
        { columns: { price: own("numeric") } }
      )
      const repository = Repository.make(table)
      const row = (id: number) => ({
        id,
        utc: DateTime.unsafeMake("1874-12-07T18:40:00.123Z"),
        zoned: DateTime.unsafeMakeZoned("1874-12-07T18:40:00.123Z", { timeZone: "Africa/Monrovia" }),
        price: BigDecimal.unsafeFromString("-12345678901234567890123456789.012300"),
        later: id % 2 === 0 ? null : DateTime.unsafeMake(id),
        days: { list: [new Date(id), new Date("0044-03-15T00:00:00Z")], utc: DateTime.unsafeMake(id) }
      })
      const place = yield* open
      yield* on(
        place,
        [table],
        Effect.gen(function*() {
          yield* repository.insert(row(1))
          yield* repository.insertMany([row(2), row(3)])
          yield* repository.upsert(row(4))
          yield* repository.upsertMany([row(5), row(6)])
          yield* Session.transaction(Effect.forEach([7, 8], (id) => Session.enqueue.insert(table, row(id))))
          const rows = yield* repository.findMany({ orderBy: { id: "asc" } })
          for (const [at, found] of rows.entries()) {
            const written = row(at + 1)
            expect(DateTime.Equivalence(found.utc, written.utc)).toBe(true)
            expect(Equal.equals(found.zoned, written.zoned)).toBe(true)
            expect(Equal.equals(found.price, written.price)).toBe(true)
            expect(found.later).toEqual(written.later)
            expect(found.days).toEqual(written.days)
          }
          expect(rows.length).toBe(8)
          const { price, utc, zoned } = row(1)
          expect(yield* repository.count({ utc, zoned, price })).toBe(8)
          expect(yield* repository.count({ utc: { in: [utc] }, zoned: { in: [zoned] }, price: { in: [price] } })).toBe(
            8
          )
        })
      )
    }))

  it.scoped("that is a key JSON cannot write is found by itself in a batch", () =>
    Effect.gen(function*() {
      const table = Table.make("limits", Schema.Struct({ key: Schema.Number, name: Schema.String }), {
        primaryKey: ["key"]
      })
      const repository = Repository.make(table)
      const place = yield* open
      yield* on(
        place,
        [table],
        Effect.gen(function*() {
          for (const key of [Infinity, -Infinity, 0, 1.5]) yield* repository.insert({ key, name: `${key}` })
          const keys = [-Infinity, Infinity, 1.5, 2]
          const found = yield* Effect.forEach(keys, (key) => repository.findByKey(key), {
            batching: true,
            concurrency: "unbounded"
          })
          expect(found.map(Option.map(({ name }) => name))).toEqual([
            Option.some("-Infinity"),
            Option.some("Infinity"),
            Option.some("1.5"),
            Option.none()
          ])
        })
      )
    }))
})
