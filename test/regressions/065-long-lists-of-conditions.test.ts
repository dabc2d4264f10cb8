/**
 * An `or` of 2,000 conditions was "Expression tree is too large" on SQLite; `in` with 130,000 numbers with a fraction, or
 * as many byte strings, was a defect: "Maximum call stack size exceeded".
 */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, FastCheck, Option, Schema } from "effect"
import { Repository, Table, Tables } from "effect-sql-engine"
import * as Engine from "effect-sql-engine/Engine"
import { places } from "../support/places.js"

const table = Table.make(
  "items",
  Schema.Struct({ id: Schema.Int, number: Schema.Number, bytes: Schema.Uint8ArrayFromSelf })
)
const items = Repository.make(table)

const bytesOf = (id: number) => new Uint8Array([id >> 16, id >> 8, id, 255])
const numberOf = (id: number) => id + 1 / 3
const item = (id: number) => ({ id, number: numberOf(id), bytes: bytesOf(id) })
const many = (count: number) => Array.from({ length: count }, (_, at) => at + 1)

describe.each(places)("a long list of conditions, on %s", (_, open) => {
  const withItems = <A, E>(count: number, body: Effect.Effect<A, E, Engine.Engine>) =>
    Effect.gen(function*() {
      const engine = yield* (yield* open).engine()
      return yield* Effect.zipRight(
        Effect.zipRight(Tables.ensure([table]), items.insertMany(many(count).map(item))),
        body
      ).pipe(Effect.provideService(Engine.Engine, engine))
    })
  const idsOf = (where: Repository.Where<typeof table.model>) =>
    Effect.map(items.findMany({ where, orderBy: { id: "asc" } }), (rows) => rows.map(({ id }) => id))

  it.scopedLive("of 2,000 alternatives finds its rows", () =>
    withItems(
      3_000,
      Effect.gen(function*() {
        const or = many(2_000).map((id) => ({ id: { eq: id }, number: { gt: id } }))
        expect(yield* idsOf({ or })).toEqual(many(2_000))
        expect(yield* items.count({ not: { or } })).toBe(1_000)
        expect(yield* items.count({ and: many(2_000).map((id) => ({ id: { gt: id } })) })).toBe(1_000)
      })
    ))

  it.scopedLive("of 130,000 numbers with a fraction finds its rows", () =>
    withItems(
      2_000,
      Effect.gen(function*() {
        expect(yield* idsOf({ number: { in: many(130_000).map(numberOf) } })).toEqual(many(2_000))
        expect(yield* items.count({ number: { notIn: many(10_000).map((id) => id + 0.5) } })).toBe(2_000)
      })
    ))

  it.scopedLive("of 130,000 byte strings finds its rows", () =>
    withItems(
      2_000,
      Effect.gen(function*() {
        expect(yield* idsOf({ bytes: { in: many(130_000).map(bytesOf) } })).toEqual(many(2_000))
        expect(yield* items.count({ bytes: { in: [new Uint8Array()] } })).toBe(0)
      })
    ))

  it.scopedLive("that binds more values than the database takes is a typed failure, or has its rows", () =>
    withItems(
      1,
      Effect.gen(function*() {
        const exit = yield* Effect.exit(items.count({ or: many(70_000).map((id) => ({ id })) }))
        const failure = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
        expect([Exit.isSuccess(exit), failure?._tag]).toEqual([false, "SqlSyntaxError"])
        expect(yield* items.count()).toBe(1)
      })
    ))

  it.scopedLive("that is nested 2,000 deep is a typed failure, or has its rows", () =>
    withItems(
      3,
      Effect.gen(function*() {
        let where: Repository.Where<typeof table.model> = { id: 1 }
        for (let depth = 0; depth < 2_000; depth++) where = { not: { or: [where, { id: 2 }] } }
        const exit = yield* Effect.exit(items.count(where))
        expect(Exit.isSuccess(exit) || Cause.isFailType(exit.cause)).toBe(true)
        expect(yield* items.count()).toBe(3)
      })
    ))

  it.scopedLive("finds every finite number by itself in a list of them", () =>
    Effect.gen(function*() {
      const seed = 20_261_201
      const engine = yield* (yield* open).engine()
      yield* Effect.gen(function*() {
        yield* Tables.ensure([table])
        const numbers = [
          ...new Set([
            ...[0, 0.1, 0.2 + 0.1, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 2 ** 53 + 2, 1e22],
            ...FastCheck.sample(FastCheck.double({ noNaN: true, noDefaultInfinity: true }), { seed, numRuns: 3_000 })
          ].map((number) => number + 0))
        ]
        yield* items.insertMany(numbers.map((number, at) => ({ id: at + 1, number, bytes: new Uint8Array() })))
        expect(yield* items.count({ number: { in: numbers } })).toBe(numbers.length)
        const every = many(numbers.length).filter((id) => id % 7 === 0)
        expect(yield* idsOf({ number: { in: every.map((id) => numbers[id - 1]!) } })).toEqual(every)
      }).pipe(Effect.provideService(Engine.Engine, engine))
    }))
})
