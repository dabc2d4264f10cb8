/**
 * `upsert({ id, name })` set every optional field that it did not mention to NULL. And a table whose unique index is partial
 * (`where deleted_at is null`) could not be upserted into: "no unique or exclusion constraint matching the ON CONFLICT".
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import { Repository, Table, Tables } from "effect-sql-engine"
import * as Engine from "effect-sql-engine/Engine"
import { places } from "../support/places.js"

const accounts = Table.make(
  "accounts",
  Schema.Struct({
    id: Schema.Int,
    name: Schema.String,
    nick: Schema.optional(Schema.String),
    city: Schema.optionalWith(Schema.String, { as: "Option" }).pipe(
      Schema.withConstructorDefault(() => Option.none<string>())
    ),
    visits: Schema.Int.pipe(Schema.propertySignature, Schema.withConstructorDefault(() => 0))
  })
)
const members = Table.make(
  "members",
  Schema.Struct({
    id: Schema.Int,
    email: Schema.String,
    name: Schema.String,
    closedAt: Schema.NullOr(Schema.Int)
  }),
  {
    naming: "snake",
    indexes: [
      { name: "members_open", columns: ["email"], unique: true, where: "closed_at IS NULL" },
      { name: "members_open_name", columns: [Table.sql("lower(name)")], unique: true, where: "closed_at IS NULL" }
    ]
  }
)
const twice = Table.make(
  "twice",
  Schema.Struct({ id: Schema.Int, code: Schema.String, kind: Schema.Int }),
  {
    indexes: [
      { name: "twice_one", columns: ["code"], unique: true, where: "kind = 1" },
      { name: "twice_two", columns: ["code"], unique: true, where: "kind = 2" }
    ]
  }
)

const onAccounts = Repository.make(accounts)
const onMembers = Repository.make(members)

describe.each(places)("upsert, on %s", (_, open) => {
  const withTables = <A, E>(body: Effect.Effect<A, E, Engine.Engine>) =>
    Effect.gen(function*() {
      const engine = yield* (yield* open).engine()
      return yield* Effect.zipRight(Tables.ensure([accounts, members, twice]), body).pipe(
        Effect.provideService(Engine.Engine, engine)
      )
    })
  const full = { id: 1, name: "Ada", nick: "countess", city: Option.some("London"), visits: 7 }

  it.scopedLive("leaves alone what the row does not mention", () =>
    withTables(Effect.gen(function*() {
      yield* onAccounts.insert(full)
      const row = { id: 1, name: "Ada L." }
      expect(yield* onAccounts.upsert(row)).toEqual({ ...full, name: "Ada L." })
    })))

  it.scopedLive("gives a new row what the row does not mention", () =>
    withTables(Effect.gen(function*() {
      const row = { id: 2, name: "Bob" }
      expect(yield* onAccounts.upsert(row)).toEqual({ id: 2, name: "Bob", city: Option.none(), visits: 0 })
    })))

  it.scopedLive("sets to NULL what is said to be none", () =>
    withTables(Effect.gen(function*() {
      yield* onAccounts.insert(full)
      const changed = yield* onAccounts.upsert({ id: 1, name: "Ada", nick: undefined, city: Option.none(), visits: 8 })
      expect(changed).toEqual({ id: 1, name: "Ada", city: Option.none(), visits: 8 })
    })))

  it.scopedLive("of many leaves alone what each of the rows does not mention", () =>
    withTables(Effect.gen(function*() {
      yield* onAccounts.insertMany([1, 2, 3, 4].map((id) => ({ ...full, id })))
      const rows = yield* onAccounts.upsertMany([
        { id: 1, name: "one" },
        { id: 2, name: "two", nick: "second" },
        { id: 3, name: "three", visits: 9 },
        { id: 4, name: "four", visits: 10 },
        { id: 5, name: "five" },
        { id: 1, name: "one again", city: Option.none() }
      ])
      expect(rows).toEqual([
        { ...full, id: 1, name: "one" },
        { ...full, id: 2, name: "two", nick: "second" },
        { ...full, id: 3, name: "three", visits: 9 },
        { ...full, id: 4, name: "four", visits: 10 },
        { id: 5, name: "five", city: Option.none(), visits: 0 },
        { ...full, id: 1, name: "one again", city: Option.none() }
      ])
    })))

  it.scopedLive("sets what `update` names, also where the row does not mention it", () =>
    withTables(Effect.gen(function*() {
      yield* onAccounts.insert(full)
      const row = { id: 1, name: "no" }
      expect(yield* onAccounts.upsert(row, { update: ["nick", "visits"] }))
        .toEqual({ id: 1, name: "Ada", city: full.city, visits: 0 })
    })))

  it.scopedLive("meets a row by a partial unique index", () =>
    withTables(Effect.gen(function*() {
      yield* onMembers.insertMany([
        { id: 1, email: "a@b", name: "closed", closedAt: 1 },
        { id: 2, email: "a@b", name: "open", closedAt: null }
      ])
      const met = yield* onMembers.upsert({ id: 3, email: "a@b", name: "met", closedAt: null }, { on: "email" })
      expect(met).toMatchObject({ id: 2, name: "met" })
      const [again, fresh] = yield* onMembers.upsertMany([
        { id: 4, email: "a@b", name: "again", closedAt: null },
        { id: 5, email: "c@d", name: "fresh", closedAt: null }
      ], { on: "email" })
      expect([again, fresh]).toMatchObject([{ id: 2, name: "again" }, { id: 5, name: "fresh" }])
      // What the index is not over meets nothing.
      yield* onMembers.upsert({ id: 6, email: "a@b", name: "closed too", closedAt: 2 }, { on: "email" })
      expect(yield* onMembers.count({ email: "a@b" })).toBe(3)
    })))

  it.scopedLive("meets a row by a partial unique index over lower(…)", () =>
    withTables(Effect.gen(function*() {
      yield* onMembers.insert({ id: 1, email: "a@b", name: "Ada", closedAt: null })
      const met = yield* onMembers.upsert(
        { id: 2, email: "c@d", name: "ADA", closedAt: null },
        { on: "name", anyCase: true }
      )
      expect(met).toMatchObject({ id: 1, email: "c@d" })
    })))

  it.scopedLive("by columns of two partial unique indexes is refused before anything is sent", () =>
    withTables(Effect.gen(function*() {
      const failure = yield* Effect.flip(Repository.make(twice).upsert({ id: 1, code: "x", kind: 1 }, { on: "code" }))
      expect(failure).toMatchObject({ _tag: "RowEncodeError", problems: [{ field: "on" }] })
    })))
})
