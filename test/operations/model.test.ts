/**
 * A repository against a list of plain values: whatever is done, and whatever is asked, both say the same.
 */
import { describe, it } from "@effect/vitest"
import { Effect, FastCheck as fc, Option } from "effect"
import type { Repository } from "effect-sql-engine"
import assert from "node:assert/strict"
import { places as databases } from "../support/places.js"
import { check, quietly, size } from "../support/proof.js"
import { onTables, type Person, person, persons } from "./declared.js"

interface Known {
  readonly id: number
  readonly name: string
  readonly email: string
  readonly age: number | null
  readonly active: boolean
}

type Filter = Repository.Filter<typeof Person>
/** SQL's answer: neither true nor false where a value is missing. */
type Answer = boolean | null

const not = (a: Answer): Answer => a === null ? null : !a
const every = (all: ReadonlyArray<Answer>): Answer => all.includes(false) ? false : all.includes(null) ? null : true
const some = (all: ReadonlyArray<Answer>): Answer => not(every(all.map(not)))

const holds: Readonly<Record<string, (value: any, asked: any) => Answer>> = {
  eq: (value, asked) => asked === null ? value === null : value === null ? null : value === asked,
  ne: (value, asked) => asked === null ? value !== null : value === null ? null : value !== asked,
  gt: (value, asked) => value === null ? null : value > asked,
  lte: (value, asked) => value === null ? null : value <= asked,
  between: (value, [from, to]) => value === null ? null : value >= from && value <= to,
  in: (value, asked) => some(asked.map((one: any) => holds["eq"]!(value, one))),
  notIn: (value, asked) => not(holds["in"]!(value, asked)),
  isNull: (value, asked) => (value === null) === asked,
  contains: (value, asked) => value.includes(asked),
  startsWith: (value, asked) => value.startsWith(asked)
}

const answer = (row: any, filter: any): Answer =>
  every(
    Object.entries(filter).map(([field, condition]: [string, any]) => {
      if (field === "and") return every(condition.map((one: any) => answer(row, one)))
      if (field === "or") return some(condition.map((one: any) => answer(row, one)))
      if (field === "not") return not(answer(row, condition))
      const asked = typeof condition === "object" && condition !== null ? condition : { eq: condition }
      return every(Object.entries(asked).map(([operator, value]) => holds[operator]!(row[field], value)))
    })
  )

const age = fc.option(fc.integer({ min: 0, max: 4 }), { nil: null })
const name = fc.constantFrom("a", "A", "b%", "_", "\\", "ab")
const ages = fc.uniqueArray(age, { maxLength: 3 })

const condition = fc.oneof(
  fc.record({
    age: fc.oneof(
      age,
      fc.record({ eq: age }),
      fc.record({ ne: age }),
      fc.record({ in: ages }),
      fc.record({ notIn: ages })
    )
  }),
  fc.record({
    age: fc.record({ gt: fc.integer({ min: 0, max: 4 }), lte: fc.integer({ min: 0, max: 4 }) }, {
      requiredKeys: ["gt"]
    })
  }),
  fc.record({ age: fc.record({ isNull: fc.boolean() }) }),
  fc.record({
    name: fc.oneof(
      name,
      fc.record({ contains: name }),
      fc.record({ startsWith: name }),
      fc.record({ in: fc.array(name) })
    )
  }),
  fc.record({ active: fc.boolean() })
)

const filter: fc.Arbitrary<any> = fc.letrec((tie) => ({
  filter: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    condition,
    fc.record({ and: fc.array(tie("filter"), { maxLength: 3 }) }),
    fc.record({ or: fc.array(tie("filter"), { maxLength: 3 }) }),
    fc.record({ not: tie("filter") }),
    fc.tuple(condition, condition).map(([a, b]) => ({ ...a, ...b }))
  )
})).filter

const row = fc.record({ name, age, active: fc.boolean() })
const changes = fc.record({ name, age, active: fc.boolean() }, { requiredKeys: [] })

const step = fc.oneof(
  fc.record({ do: fc.constant("insert" as const), rows: fc.array(row, { minLength: 1, maxLength: 4 }) }),
  fc.record({ do: fc.constant("upsert" as const), row, at: fc.nat(9) }),
  fc.record({ do: fc.constant("update" as const), at: fc.nat(9), changes }),
  fc.record({ do: fc.constant("updateMany" as const), filter, changes }),
  fc.record({ do: fc.constant("delete" as const), at: fc.nat(9) }),
  fc.record({ do: fc.constant("deleteMany" as const), filter }),
  fc.record({
    do: fc.constant("ask" as const),
    filter,
    page: fc.integer({ min: 1, max: 3 }),
    size: fc.integer({ min: 1, max: 3 })
  })
)

type Step = typeof step extends fc.Arbitrary<infer A> ? A : never

const plain = ({ active, age, email, id, name }: Person): Known => ({ id, name, email, age, active })

/** Both do the same, and say the same. */
const both = (steps: ReadonlyArray<Step>) =>
  Effect.gen(function*() {
    let rows: Array<Known> = []
    let emails = 0
    const matching = (filter: Filter) => rows.filter((row) => answer(row, filter) === true)
    for (const one of steps) {
      const at = "at" in one ? rows[one.at % Math.max(1, rows.length)] : undefined
      switch (one.do) {
        case "insert": {
          const given = one.rows.map((row) => ({ ...row, email: `${emails++}` }))
          const made = yield* persons.insertMany(given.map((row) => person(row.name, row)))
          assert.deepEqual(made.map(plain), given.map((row, i) => ({ id: made[i]!.id, ...row })))
          rows.push(...made.map(plain))
          break
        }
        case "upsert": {
          const email = at?.email ?? `${emails++}`
          const made = plain(yield* persons.upsert(person(one.row.name, { ...one.row, email })))
          assert.deepEqual(made, { ...one.row, email, id: at?.id ?? made.id })
          rows = [...rows.filter(({ id }) => id !== made.id), made].sort((a, b) => a.id - b.id)
          break
        }
        case "update": {
          const id = at?.id ?? -1
          const done = yield* Effect.option(persons.update(id, one.changes))
          assert.deepEqual(
            Option.map(done, plain),
            at === undefined ? Option.none() : Option.some({ ...at, ...one.changes })
          )
          rows = rows.map((row) => row === at ? { ...row, ...one.changes } : row)
          break
        }
        case "updateMany": {
          const found = matching(one.filter)
          assert.equal(yield* persons.updateMany(one.filter, one.changes), found.length)
          rows = rows.map((row) => found.includes(row) ? { ...row, ...one.changes } : row)
          break
        }
        case "delete":
          assert.equal(yield* persons.delete(at?.id ?? -1), at !== undefined)
          rows = rows.filter((row) => row !== at)
          break
        case "deleteMany": {
          const found = matching(one.filter)
          assert.equal(yield* persons.deleteMany(one.filter), found.length)
          rows = rows.filter((row) => !found.includes(row))
          break
        }
        case "ask": {
          const found = matching(one.filter)
          const order = { id: "asc" } as const
          assert.deepEqual((yield* persons.findMany({ where: one.filter, orderBy: order })).map(plain), found)
          assert.equal(yield* persons.count(one.filter), found.length)
          assert.equal(yield* persons.exists(one.filter), found.length > 0)
          const page = yield* persons.page({ page: one.page, size: one.size, where: one.filter })
          assert.deepEqual(
            [page.total, page.pages, page.items.map(plain)],
            [
              found.length,
              Math.ceil(found.length / one.size),
              found.slice((one.page - 1) * one.size, one.page * one.size)
            ]
          )
        }
      }
    }
    const left = yield* persons.findMany({ orderBy: { id: "asc" } })
    assert.deepEqual(left.map(plain), rows)
    yield* persons.deleteMany({})
  })

for (const [database, open] of databases) {
  describe(`a repository on ${database}`, () => {
    it.scopedLive("does and says what a list of plain values does and says", () =>
      onTables(open, () =>
        Effect.flatMap(Effect.runtime<any>(), (runtime) => {
          const seed = 20_260_101
          return check(seed, size(60, 1_500), fc.array(step, { maxLength: 12 }), (steps) =>
            quietly(Effect.provide(both(steps), runtime) as Effect.Effect<void>))
        })))
  })
}
