/**
 * Conditions, orders and pages: each finds what a filter of plain values finds, on every database.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import type { Repository } from "effect-sql-engine"
import { places as databases } from "../support/places.js"
import { onTables, type Person, person, persons } from "./declared.js"

type Where = Repository.Where<typeof Person>

const everybody = [
  person("Ada", { age: 36, city: Option.some("London") }),
  person("adam", { age: 20, active: false }),
  person("Bob", { age: 18, city: Option.some("Oslo") }),
  person("50%_off", { age: null, city: Option.some("Oslo") }),
  person("Zoe*[x]?", { age: 41, email: "ZOE@example.org" })
]

const cases: ReadonlyArray<readonly [Where, ReadonlyArray<string>]> = [
  [{}, everybody.map(({ name }) => name)],
  [{ name: "Ada" }, ["Ada"]],
  [{ name: "Ada", age: { gt: 40 } }, []],
  [{ age: { gt: 18 } }, ["Ada", "adam", "Zoe*[x]?"]],
  [{ age: { gte: 18, lt: 36 } }, ["adam", "Bob"]],
  [{ age: { lte: 18 } }, ["Bob"]],
  [{ age: { between: [20, 36] } }, ["Ada", "adam"]],
  [{ age: { ne: 36 } }, ["adam", "Bob", "Zoe*[x]?"]],
  [{ age: null }, ["50%_off"]],
  [{ age: { ne: null } }, ["Ada", "adam", "Bob", "Zoe*[x]?"]],
  [{ age: { isNull: true } }, ["50%_off"]],
  [{ age: { isNull: false, lt: 30 } }, ["adam", "Bob"]],
  [{ age: { in: [18, 20, 99] } }, ["adam", "Bob"]],
  [{ age: { in: [18, null] } }, ["Bob", "50%_off"]],
  [{ age: { in: [] } }, []],
  [{ age: { in: [null] } }, ["50%_off"]],
  [{ age: { notIn: [] } }, everybody.map(({ name }) => name)],
  [{ age: { notIn: [18, 20] } }, ["Ada", "Zoe*[x]?"]],
  [{ age: { notIn: [18, null] } }, ["Ada", "adam", "Zoe*[x]?"]],
  [{ city: "Oslo" }, ["Bob", "50%_off"]],
  [{ city: Option.some("Oslo") }, ["Bob", "50%_off"]],
  [{ city: Option.none() }, ["adam", "Zoe*[x]?"]],
  [{ city: { in: ["London", Option.none()] } }, ["Ada", "adam", "Zoe*[x]?"]],
  [{ active: false }, ["adam"]],
  [{ name: { like: "A%" } }, ["Ada"]],
  [{ name: { like: "_da" } }, ["Ada"]],
  [{ name: { like: "ad%", anyCase: true } }, ["Ada", "adam"]],
  [{ name: { notLike: "%a%", anyCase: true } }, ["Bob", "50%_off", "Zoe*[x]?"]],
  [{ name: { like: "50\\%\\_off" } }, ["50%_off"]],
  [{ name: { contains: "%_" } }, ["50%_off"]],
  [{ name: { contains: "*[x]?" } }, ["Zoe*[x]?"]],
  [{ name: { startsWith: "A" } }, ["Ada"]],
  [{ name: { endsWith: "OB", anyCase: true } }, ["Bob"]],
  [{ name: { endsWith: "OB" } }, []],
  [{ or: [{ name: "Ada" }, { age: { lt: 20 } }] }, ["Ada", "Bob"]],
  [{ or: [] }, []],
  [{ and: [] }, everybody.map(({ name }) => name)],
  [{ not: { active: true } }, ["adam"]],
  [{ not: { or: [{ name: "Ada" }, { name: "Bob" }] } }, ["adam", "50%_off", "Zoe*[x]?"]],
  [{ active: true, or: [{ age: 36 }, { and: [{ age: 18 }, { city: "Oslo" }] }] }, ["Ada", "Bob"]],
  [(sql) => sql`length(name) = ${3}`, ["Ada", "Bob", "Zoe"].filter((name) => name !== "Zoe")],
  [{ active: true, and: [(sql) => sql`age > ${20} or age < ${19}`] }, ["Ada", "Bob", "Zoe*[x]?"]]
]

for (const [name, open] of databases) {
  describe(`conditions on ${name}`, () => {
    it.scoped("find what they say, and count it", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          yield* persons.insertMany(everybody)
          for (const [where, names] of cases) {
            const found = yield* persons.findMany({ where, orderBy: { id: "asc" } })
            expect([where, found.map(({ name }) => name)]).toEqual([where, names])
            expect([where, yield* persons.count(where)]).toEqual([where, names.length])
            expect([where, yield* persons.exists(where)]).toEqual([where, names.length > 0])
          }
        })))

    it.scoped("take values of every kind of text and bind them", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          const odd = ["'; drop table people; --", "\\", "%", "\"", "é", "\n", "?", "$1"]
          yield* persons.insertMany(odd.map((name, i) => person("x", { name, email: `${i}` })))
          for (const name of odd) {
            expect((yield* persons.findMany({ where: { name } })).length).toBe(1)
            expect((yield* persons.findMany({ where: { name: { contains: name } } })).length).toBe(1)
            expect((yield* persons.findMany({ where: { name: { in: [name] } } })).length).toBe(1)
          }
        })))

    it.scoped("give one, the first, or none", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          yield* persons.insertMany(everybody)
          expect(yield* persons.findOne({ name: "nobody" })).toEqual(Option.none())
          expect(Option.map(yield* persons.findOne({ name: "Bob" }), ({ age }) => age)).toEqual(Option.some(18))
          const several = yield* Effect.flip(persons.findOne({ city: "Oslo" }))
          expect(several).toMatchObject({ _tag: "MultipleRows", table: "people" })
          const oldest = yield* persons.findFirst({ where: { age: { gt: 0 } }, orderBy: { age: "desc" } })
          expect(Option.map(oldest, ({ age }) => age)).toEqual(Option.some(41))
        })))

    it.scoped("order with NULL as the largest, by several fields, and by SQL", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          yield* persons.insertMany(everybody)
          const ages = (orderBy: Repository.OrderBy<typeof Person>) =>
            Effect.map(persons.findMany({ orderBy }), (rows) => rows.map(({ age }) => age))
          expect(yield* ages({ age: "asc" })).toEqual([18, 20, 36, 41, null])
          expect(yield* ages({ age: "desc" })).toEqual([null, 41, 36, 20, 18])
          expect(yield* ages({ active: "desc", age: "asc" })).toEqual([18, 36, 41, null, 20])
          expect(yield* ages([{ active: "asc" }, { age: "desc" }])).toEqual([20, null, 41, 36, 18])
          expect(yield* ages([(sql) => sql`coalesce(age, 0)`, { id: "asc" }])).toEqual([null, 18, 20, 36, 41])
          expect((yield* persons.findMany({ orderBy: { id: "asc" }, limit: 2, offset: 1 })).map(({ id }) => id))
            .toEqual([
              2,
              3
            ])
          expect((yield* persons.findMany({ orderBy: { id: "asc" }, offset: 4 })).map(({ id }) => id)).toEqual([5])
        })))
  })

  describe(`pages on ${name}`, () => {
    it.scoped("have exact totals, also behind the last one and where there is nothing", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          expect(yield* persons.page({ page: 1, size: 2 })).toEqual({ items: [], page: 1, size: 2, total: 0, pages: 0 })
          yield* persons.insertMany(everybody)
          const page = (page: number) =>
            Effect.map(
              persons.page({ page, size: 2, where: { active: true }, orderBy: { age: "desc" } }),
              ({ items, pages, total }) => [items.map(({ age }) => age), total, pages]
            )
          expect(yield* page(1)).toEqual([[null, 41], 4, 2])
          expect(yield* page(2)).toEqual([[36, 18], 4, 2])
          expect(yield* page(3)).toEqual([[], 4, 2])
        })))

    it.scoped("that cannot be are refused, and nothing is sent", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          for (
            const [page, size] of [[0, 2], [-1, 2], [1.5, 2], [1, 0], [Number.NaN, 2], [2, Number.MAX_SAFE_INTEGER]]
          ) {
            const failure = yield* Effect.flip(persons.page({ page: page!, size: size! }))
            expect(failure).toMatchObject({ _tag: "InvalidPage", table: "people", sent: "no" })
          }
          for (const after of ["", "x", "W10", "WyIraWQiLDFd-", "bm9uZQ"]) {
            const failure = yield* Effect.flip(persons.slice({ size: 2, after }))
            expect(failure).toMatchObject({ _tag: "InvalidPage", field: "after" })
          }
          const other = yield* persons.insertMany(everybody).pipe(
            Effect.zipRight(persons.slice({ size: 1, orderBy: { age: "asc" } }))
          )
          const mixed = yield* Effect.flip(persons.slice({ size: 1, after: Option.getOrThrow(other.next) }))
          expect(mixed).toMatchObject({ _tag: "InvalidPage", field: "after" })
        })))

    it.scoped("from a place on show each row once, forwards and backwards, whatever is equal or NULL", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          const ages = [3, null, 1, 2, null, 2, 3, 2]
          yield* persons.insertMany(ages.map((age, i) => person(`P${i}`, { age, active: i % 2 === 0 })))
          for (
            const orderBy of [
              { age: "asc" },
              { age: "desc" },
              { active: "desc", age: "asc" },
              { age: "desc", name: "asc" },
              { createdAt: "desc" }
            ] as const
          ) {
            for (const size of [1, 3, 8]) {
              const whole = (yield* persons.findMany({ orderBy: [orderBy, { id: "asc" }] })).map(({ id }) => id)
              const there: Array<number> = []
              let place = Option.none<string>()
              let last = Option.none<string>()
              do {
                const slice = yield* persons.slice({ size, orderBy, after: Option.getOrUndefined(place) })
                there.push(...slice.items.map(({ id }) => id))
                last = slice.previous
                place = slice.next
              } while (Option.isSome(place))
              expect([orderBy, size, there]).toEqual([orderBy, size, whole])
              const lastSize = whole.length % size === 0 ? size : whole.length % size
              const back = whole.slice(-lastSize)
              while (Option.isSome(last)) {
                const slice = yield* persons.slice({ size, orderBy, before: last.value })
                back.unshift(...slice.items.map(({ id }) => id))
                last = slice.previous
              }
              expect([orderBy, size, back]).toEqual([orderBy, size, whole])
            }
          }
        })))

    it.scoped("from a place on tell moments apart that JavaScript does not", () =>
      onTables(open, (place) =>
        Effect.gen(function*() {
          yield* persons.insertMany([1, 2, 3].map((i) => person(`P${i}`)))
          if (place.kind === "postgres") {
            yield* place.admin(
              "update people set created_at = '2024-01-01 00:00:00.000100Z'::timestamptz + id * interval '1us'"
            )
          }
          const first = yield* persons.slice({ size: 2, orderBy: { createdAt: "asc" } })
          const second = yield* persons.slice({
            size: 2,
            orderBy: { createdAt: "asc" },
            after: Option.getOrThrow(first.next)
          })
          expect([...first.items, ...second.items].map(({ name }) => name)).toEqual(["P1", "P2", "P3"])
        })))
  })
}
