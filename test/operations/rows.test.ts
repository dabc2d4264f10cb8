/**
 * Rows in and out of a declared table, on every database.
 */
import { describe, expect, it } from "@effect/vitest"
import { Chunk, DateTime, Effect, Option, Schema, Stream, TestClock } from "effect"
import { Repository, Session, Table } from "effect-sql-engine"
import { places as databases } from "../support/places.js"
import { documents, onTables, people, Person, person, persons, places, values } from "./declared.js"

const tagOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => (error as { readonly _tag: string })._tag)

for (const [name, open] of databases) {
  describe(`a repository on ${name}`, () => {
    it.scoped("gives back what it inserted, with what the database and the model have made", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          const before = yield* DateTime.now
          const ada = yield* persons.insert(person("Ada", { age: 36, city: Option.some("London"), tags: ["a", "b"] }))
          expect(ada).toBeInstanceOf(Person)
          expect(ada).toMatchObject({ id: 1, name: "Ada", age: 36, city: Option.some("London"), tags: ["a", "b"] })
          expect(ada.active).toBe(true)
          expect(DateTime.greaterThanOrEqualTo(ada.createdAt, before)).toBe(true)
          expect(yield* persons.findByKey(ada.id)).toEqual(Option.some(ada))
          const bob = yield* persons.insert(person("Bob"))
          expect(bob).toMatchObject({ id: 2, age: null, city: Option.none(), tags: [] })
        })))

    it.scoped("keeps every kind of value", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          const row = {
            id: 1,
            large: 2n ** 62n + 1n,
            number: 0.1 + 0.2,
            bytes: new Uint8Array([0, 1, 255]),
            document: { list: [1, 2.5], text: "é \"q\" \\ 'x'" },
            moment: new Date("2024-02-29T12:34:56.789Z"),
            iso: DateTime.unsafeMake("2001-01-01T00:00:00.001Z"),
            flag: false,
            uuid: "0a0a0a0a-0b0b-4c0c-8d0d-0e0e0e0e0e0e",
            or: null,
            anything: [{ deep: ["list"] }]
          }
          const plain = (found: any) => ({ ...found, bytes: [...found.bytes] })
          const expected = { ...row, bytes: [0, 1, 255] }
          expect(plain(yield* values.insert(row))).toEqual(expected)
          // Many go another way than one.
          const [two, three] = yield* values.insertMany([{ ...row, id: 2 }, { ...row, id: 3, large: -1n, flag: true }])
          expect(plain(two)).toEqual({ ...expected, id: 2 })
          expect(plain(three)).toEqual({ ...expected, id: 3, large: -1n, flag: true })
          const changed = yield* values.update(1, {
            ...row,
            or: "text",
            number: -1.5e300,
            document: { list: [], text: "" }
          })
          expect(plain(changed)).toEqual({
            ...expected,
            or: "text",
            number: -1.5e300,
            document: { list: [], text: "" }
          })
          for (const [field, value] of Object.entries(row)) {
            if (field === "id" || field === "document" || field === "anything" || field === "or") continue
            const where = { id: 3, [field]: { in: [value, row[field as "id"]] } }
            const found = yield* values.findMany({ where: where as never })
            expect([field, found.length]).toEqual([field, field === "large" || field === "flag" ? 0 : 1])
          }
          const streamed = yield* Stream.runCollect(values.stream({ orderBy: { id: "desc" } }))
          expect(Chunk.toReadonlyArray(streamed).map(({ id, large }) => [id, large])).toEqual([
            [3, -1n],
            [2, row.large],
            [1, row.large]
          ])
        })))

    it.scoped("inserts many rows in the order given, all or none", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          const names = Array.from({ length: 400 }, (_, i) => `P${i}`)
          const all = yield* persons.insertMany(names.map((name, i) => person(name, { age: i })))
          expect(all.map(({ name }) => name)).toEqual(names)
          expect(all.map(({ age, id }) => id - age!)).toEqual(names.map(() => 1))
          const again = [...Array.from({ length: 4_000 }, (_, i) => person(`Q${i}`)), person("P7")]
          expect(yield* tagOf(persons.insertMany(again))).toBe("UniqueViolation")
          expect(yield* persons.count()).toBe(400)
          expect(yield* persons.insertMany([])).toEqual([])
        })))

    it.scoped("sets what a change names, and the moment of the change", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          const ada = yield* persons.insert(person("Ada", { age: 36, city: Option.some("London") }))
          yield* TestClock.adjust("1 second")
          const older = yield* persons.update(ada.id, { age: 37, city: Option.none() })
          expect(older).toMatchObject({ id: ada.id, name: "Ada", age: 37, city: Option.none() })
          expect(DateTime.Equivalence(older.createdAt, ada.createdAt)).toBe(true)
          expect(DateTime.greaterThan(older.updatedAt, ada.updatedAt)).toBe(true)
          expect(yield* persons.getByKey(ada.id)).toEqual(older)
          // A row names itself, too.
          expect((yield* persons.update(older, { name: "Ada L." })).name).toBe("Ada L.")
          expect(yield* tagOf(persons.update(99, { age: 1 }))).toBe("RowNotFound")
          expect(yield* tagOf(persons.getByKey(99))).toBe("RowNotFound")
        })))

    it.scoped("deletes by key, and says whether there was anything", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          const ada = yield* persons.insert(person("Ada"))
          expect(yield* persons.delete(ada.id)).toBe(true)
          expect(yield* persons.delete(ada.id)).toBe(false)
          yield* persons.insertMany(["A", "B", "C"].map((name) => person(name)))
          expect(yield* persons.updateMany({ name: { in: ["A", "B"] } }, { active: false })).toBe(2)
          expect(yield* persons.deleteMany({ active: false })).toBe(2)
          expect(yield* persons.deleteMany({})).toBe(1)
        })))

    it.scoped("has keys of several fields", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          yield* places.insertMany([{ row: "A", number: 1, guest: "Ada" }, { row: "A", number: 2 }])
          expect(yield* places.findByKey({ row: "A", number: 2 })).toEqual(Option.some({ row: "A", number: 2 }))
          expect(yield* places.update({ row: "A", number: 2 }, { guest: "Bob" })).toMatchObject({ guest: "Bob" })
          expect(yield* places.update({ row: "A", number: 2 }, { guest: undefined })).toEqual({ row: "A", number: 2 })
          expect(yield* places.delete({ row: "B", number: 2 })).toBe(false)
          expect(yield* places.delete({ row: "A", number: 1 })).toBe(true)
        })))

    it.scoped("counts versions, and refuses to change what was changed meanwhile", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          const id = "0a0a0a0a-0b0b-4c0c-8d0d-0e0e0e0e0e0e"
          const first = yield* documents.insert({ id, title: "one", deletedAt: Option.none() })
          const second = yield* documents.update(first, { title: "two" })
          expect([first.version, second.version]).toEqual([1, 2])
          const stale = yield* Effect.flip(documents.update(first, { title: "lost" }))
          expect(stale).toMatchObject({ _tag: "StaleRow", table: "pages", retryable: true })
          expect(yield* tagOf(documents.delete(first))).toBe("StaleRow")
          expect((yield* documents.getByKey(id)).title).toBe("two")
          expect(yield* documents.updateMany({ title: "two" }, { title: "three" })).toBe(1)
          expect((yield* documents.getByKey(id)).version).toBe(3)
        })))

    it.scopedLive("does the work again that met another version", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          const id = "0a0a0a0a-0b0b-4c0c-8d0d-0e0e0e0e0e0e"
          const first = yield* documents.insert({ id, title: "0", deletedAt: Option.none() })
          let attempts = 0
          const next = yield* Session.transaction(
            Effect.gen(function*() {
              const found = attempts++ === 0 ? first : yield* documents.getByKey(id)
              return yield* documents.update(found, { title: `${Number(found.title) + 1}` })
            }),
            { retry: "conflicts" }
          ).pipe(
            // What was read first is older than what is there.
            (again) => Effect.zipRight(documents.update(first, { title: "10" }), again)
          )
          expect([attempts, next.title, next.version]).toEqual([2, "11", 3])
        })))

    it.scoped("marks rows as deleted, and finds them only when asked for all", () =>
      onTables(open, (place) =>
        Effect.gen(function*() {
          const id = "0a0a0a0a-0b0b-4c0c-8d0d-0e0e0e0e0e0e"
          const first = yield* documents.insert({ id, title: "one", deletedAt: Option.none() })
          expect(yield* documents.delete(first)).toBe(true)
          expect(yield* documents.findByKey(id)).toEqual(Option.none())
          expect([yield* documents.count(), yield* documents.exists({ title: "one" })]).toEqual([0, false])
          expect(yield* tagOf(documents.update({ ...first, version: 2 }, { title: "x" }))).toBe("RowNotFound")
          const gone = yield* documents.unscoped.getByKey(id)
          expect(Option.isSome(gone.deletedAt)).toBe(true)
          const back = yield* documents.unscoped.update(gone, { deletedAt: Option.none() })
          expect(yield* documents.findByKey(id)).toEqual(Option.some(back))
          yield* documents.unscoped.delete(back)
          expect(yield* place.admin("select * from pages")).toEqual([])
        })))

    it.scoped("refuses what the Schema does not take, and never shows the value", () =>
      onTables(open, (place) =>
        Effect.gen(function*() {
          const secret = "s3cret"
          const failure = yield* Effect.flip(persons.insert(person("", { age: 1.5, email: secret })))
          expect(failure).toMatchObject({ _tag: "RowEncodeError", table: "people", sent: "no" })
          expect((failure as any).problems.map(({ field }: any) => field)).toEqual(["name", "age"])
          const where = yield* Effect.flip(persons.findMany({ where: { age: secret as never } }))
          expect(where).toMatchObject({ _tag: "RowEncodeError", problems: [{ field: "age" }] })
          const nobody = yield* Effect.flip(persons.findMany({ where: { email: undefined as never } }))
          expect(nobody._tag).toBe("RowEncodeError")
          yield* persons.insert(person("Ada"))
          yield* place.admin("update people set tags = '{\"no\":\"s3cret\"}'")
          const undecodable = yield* Effect.flip(persons.findMany())
          expect(undecodable).toMatchObject({
            _tag: "RowDecodeError",
            table: "people",
            problems: [{ field: "tags", column: "tags" }]
          })
          expect(JSON.stringify([failure, where, undecodable])).not.toContain(secret)
          expect(String(undecodable)).not.toContain(secret)
        })))

    it.scoped("says with its type what an option cannot do", () =>
      Effect.sync(() => {
        const refused = () => Repository.make(people, { softDelete: "name" })
        expect(refused).toThrow(expect.objectContaining({ _tag: "TableError" }))
      }))

    it.scoped("belongs to a session around it, and is undone with it", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          yield* Effect.ignore(Session.transaction(Effect.zipRight(persons.insert(person("Ada")), Effect.fail("no"))))
          expect(yield* persons.count()).toBe(0)
          const inside = yield* Session.transaction(
            Effect.gen(function*() {
              yield* persons.insert(person("Bob"))
              const failed = yield* Effect.flip(
                Session.transaction(persons.insertMany([person("Eve"), person("Bob")]))
              )
              return [failed._tag, yield* persons.count()]
            })
          )
          expect(inside).toEqual(["UniqueViolation", 1])
        })))

    it.scoped("takes a Schema that waits", () =>
      onTables(open, (_place, engine) =>
        Effect.gen(function*() {
          const Slow = Schema.transformOrFail(Schema.String, Schema.String, {
            decode: (text) => Effect.as(Effect.yieldNow(), text.toUpperCase()),
            encode: (text) => Effect.as(Effect.yieldNow(), text.toLowerCase())
          })
          const table = Table.make(
            "seats",
            Schema.Struct({ row: Slow, number: Schema.Int, guest: Schema.NullOr(Slow) }),
            {
              primaryKey: ["row", "number"]
            }
          )
          const slow = Repository.make(table)
          yield* slow.insertMany([{ row: "A", number: 1, guest: "X" }, { row: "B", number: 1, guest: null }])
          expect(yield* engine.sql`select "row", guest from seats order by 1`).toEqual([
            { row: "a", guest: "x" },
            { row: "b", guest: null }
          ])
          expect(yield* slow.findMany({ where: { row: "A" } })).toEqual([{ row: "A", number: 1, guest: "X" }])
        })))
  })
}
