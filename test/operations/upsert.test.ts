/**
 * Insert or update: one row of one key, whoever else is at it.
 */
import { describe, expect, it } from "@effect/vitest"
import { DateTime, Effect, Option, TestClock } from "effect"
import { Session } from "effect-sql-engine"
import { places as databases } from "../support/places.js"
import { documents, onTables, person, persons, places } from "./declared.js"

for (const [name, open] of databases) {
  describe(`upsert on ${name}`, () => {
    it.scopedLive("by 50 fibers at once leaves one row, and no violation", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          const letters = "Ada@Example.org"
          const any = (i: number) =>
            [...letters].map((letter, at) => (i >> (at % 6)) & 1 ? letter.toUpperCase() : letter.toLowerCase()).join("")
          const rows = yield* Effect.forEach(
            Array.from({ length: 50 }, (_, i) => i),
            (i) => persons.upsert(person("Ada", { email: any(i), age: i }), { on: "email", anyCase: true }),
            { concurrency: "unbounded" }
          )
          expect(new Set(rows.map(({ id }) => id)).size).toBe(1)
          const [left, ...others] = yield* persons.findMany()
          expect(others).toEqual([])
          expect(left!.email.toLowerCase()).toBe("ada@example.org")
          yield* Effect.forEach(
            Array.from({ length: 50 }, (_, i) => i),
            (i) => Session.transaction(places.upsert({ row: "A", number: 1, guest: `${i}` })),
            { concurrency: "unbounded" }
          )
          expect((yield* places.findMany()).length).toBe(1)
        })))

    it.scoped("sets what may be changed, keeps what may not, and takes the only unique rule", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          const first = yield* persons.upsert(person("Ada", { age: 1 }))
          yield* TestClock.adjust("1 second")
          const second = yield* persons.upsert(person("Ada", { age: 2, name: "Ada L." }))
          expect(second).toMatchObject({ id: first.id, age: 2, name: "Ada L." })
          expect(DateTime.Equivalence(second.createdAt, first.createdAt)).toBe(true)
          expect(DateTime.greaterThan(second.updatedAt, first.updatedAt)).toBe(true)
          const third = yield* persons.upsert(person("Ada", { age: 3, name: "no" }), { update: ["age"] })
          expect(third).toMatchObject({ age: 3, name: "Ada L." })
          expect(yield* persons.upsert(person("Ada", { age: 4 }), { update: [] })).toMatchObject({ age: 3 })
        })))

    it.scoped("of many meets earlier ones of its own", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          yield* places.insert({ row: "A", number: 1, guest: "old" })
          const rows = yield* places.upsertMany([
            { row: "A", number: 1, guest: "new" },
            { row: "A", number: 2 },
            { row: "A", number: 1, guest: "newer" }
          ])
          expect(rows.map(({ guest }) => guest)).toEqual(["new", undefined, "newer"])
          expect((yield* places.findMany({ orderBy: { number: "asc" } })).map(({ guest }) => guest)).toEqual([
            "newer",
            undefined
          ])
        })))

    it.scoped("counts the version on, and brings back what was marked as deleted", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          const row = { id: "0a0a0a0a-0b0b-4c0c-8d0d-0e0e0e0e0e0e", title: "one", deletedAt: Option.none() }
          const first = yield* documents.upsert(row)
          yield* documents.delete(first)
          const again = yield* documents.upsert({ ...row, title: "two" })
          expect(again).toMatchObject({ title: "two", version: 3, deletedAt: Option.none() })
        })))

    it.scoped("without a rule to meet by is refused", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          expect(yield* Effect.flip(persons.upsert(person("Ada"), { on: "name" }))).toMatchObject({
            _tag: expect.stringMatching(/SqlSyntaxError|UnknownError/)
          })
        })))
  })
}
