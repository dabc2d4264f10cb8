/**
 * The first rows of a database, on a real server and on a real file.
 */
import { Model } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schema } from "effect"
import { Migrations, Seed, Table, Tables } from "effect-sql-engine"
import * as YAML from "yaml"
import { places } from "../support/places.js"
import { contents, empty, enforced, on, prepared, resources, tables, yaml } from "./people.js"

describe.each(places)("a seed on %s", (_, open) => {
  it.scopedLive("writes a cyclic file in its order, once, and foreign keys hold afterwards", () =>
    Effect.gen(function*() {
      const { engine, place } = yield* prepared(open)
      const seed = Seed.run(Seed.fromYaml(YAML, yaml), resources)
      expect(yield* on(engine)(seed)).toEqual({ _tag: "Seeded", rows: { pet: 1, person: 2 } })
      const written = [[{ id: 1, name: "Ada", boss: 2 }, { id: 2, name: "Bob", boss: 1 }], [{ person: 2, name: "Rex" }]]
      expect(yield* contents(place)).toEqual(written)
      yield* enforced(engine)
      expect(yield* on(engine)(seed)).toMatchObject({ _tag: "AlreadySeeded" })
      // Also when everything was deleted since.
      yield* place.admin("delete from animal", "update person set boss = null", "delete from person")
      expect(yield* on(engine)(seed)).toMatchObject({ _tag: "AlreadySeeded" })
      expect(yield* contents(place)).toEqual(empty)
    }))

  it.scopedLive("leaves a database with rows alone, and does not even read its source", () =>
    Effect.gen(function*() {
      const { engine, place } = yield* prepared(open)
      yield* place.admin("insert into person (id, name) values (7, 'here')")
      const source = Seed.fromEffect(Effect.dieMessage("it is not read"))
      expect(yield* on(engine)(Seed.run(source, resources))).toEqual({ _tag: "NotBlank", tables: ["\"person\""] })
      expect(yield* on(engine)(Seed.run(source, resources, { enabled: false }))).toEqual({ _tag: "Disabled" })
      expect((yield* contents(place))[0]).toHaveLength(1)
      expect(yield* place.tables).toEqual(["animal", "person"])
    }))

  it.scopedLive("that fails at its last record has written nothing, and names the record", () =>
    Effect.gen(function*() {
      const { engine, place } = yield* prepared(open)
      const many = Array.from({ length: 250 }, (_, i) => `  - {id: ${i + 1}, name: n${i}}`).join("\n")
      const text = `person:\n${many}\n  - {id: 7, name: twice}\n`
      const failure = yield* Effect.flip(on(engine)(Seed.run(Seed.fromYaml(YAML, text), resources)))
      expect(failure).toMatchObject({
        _tag: "SeedFailed",
        resource: "person",
        row: 251,
        line: 252,
        column: 5,
        failure: { _tag: "UniqueViolation" }
      })
      expect(yield* contents(place)).toEqual(empty)
      expect(yield* place.admin("select 1 as one where 1 = 0")).toEqual([])
      yield* enforced(engine)
      // What is right is still written afterwards.
      expect(yield* on(engine)(Seed.run(Seed.fromYaml(YAML, yaml), resources))).toMatchObject({ _tag: "Seeded" })
    }))

  it.scopedLive("with rows that refer to nothing fails, and foreign keys hold afterwards", () =>
    Effect.gen(function*() {
      const { engine, place } = yield* prepared(open)
      const source = Seed.fromValue({
        pet: [{ person: 1, name: "Rex" }, { person: 5, name: "Tom" }],
        person: [{ id: 1, name: "Ada" }]
      })
      expect(yield* Effect.flip(on(engine)(Seed.run(source, resources)))).toMatchObject({
        _tag: "SeedOrphans",
        orphans: [{ table: "animal" }]
      })
      expect(yield* contents(place)).toEqual(empty)
      yield* enforced(engine)
      expect(yield* on(engine)(Seed.run(Seed.fromYaml(YAML, yaml), resources))).toMatchObject({ _tag: "Seeded" })
    }))

  it.scopedLive("that is interrupted has written nothing, and foreign keys hold afterwards", () =>
    Effect.gen(function*() {
      const { engine, place } = yield* prepared(open)
      const begun = yield* Deferred.make<void>()
      const waiting = Schema.transformOrFail(Schema.Struct({ id: Schema.Int, name: Schema.String }), Schema.Any, {
        decode: (row) =>
          row.id < 250 ? Effect.succeed(row) : Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never),
        encode: Effect.succeed
      })
      const rows = Array.from({ length: 250 }, (_, i) => ({ id: i + 1, name: `n${i}` }))
      const seed = Seed.run(Seed.fromValue({ pet: [{ person: 7, name: "Rex" }], person: rows }), {
        ...resources,
        person: waiting
      })
      const running = yield* Effect.fork(on(engine)(seed))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(running)
      expect(yield* contents(place)).toEqual(empty)
      yield* enforced(engine)
    }))

  it.scopedLive("with values that do not fit names each with its place, never with what it holds", () =>
    Effect.gen(function*() {
      const { engine, place } = yield* prepared(open)
      const text =
        "person:\n  - id: one-secret\n    name: Ada\n  - id: 2\n    name: \"\"\n  - {id: 3, nmae: hidden-secret}\npet: 12\n"
      const failure = yield* Effect.flip(on(engine)(Seed.run(Seed.fromYaml(YAML, text), resources)))
      expect(failure).toMatchObject({
        _tag: "SeedInvalid",
        problems: [
          { resource: "person", row: 1, path: "id", line: 2, column: 9 },
          { resource: "person", row: 2, path: "name", line: 5, column: 11 },
          { resource: "person", row: 3, path: "nmae", line: 6, column: 19, problem: "is not known" },
          { resource: "person", row: 3, path: "name", line: 6, column: 5, problem: "is missing" },
          { resource: "pet", row: 0, path: "", line: 7, column: 6 }
        ]
      })
      expect(JSON.stringify(failure) + failure.message).not.toContain("secret")
      expect(yield* contents(place)).toEqual(empty)
    }))

  it.scopedLive("with resources nobody knows names them, and writes nothing", () =>
    Effect.gen(function*() {
      const { engine, place } = yield* prepared(open)
      const source = Seed.fromValue({ person: [{ id: 1, name: "Ada" }], persons: [], zones: [] })
      expect(yield* Effect.flip(on(engine)(Seed.run(source, resources)))).toMatchObject({
        _tag: "SeedUnknown",
        unknown: ["persons", "zones"],
        known: ["person", "pet"]
      })
      expect(yield* contents(place)).toEqual(empty)
    }))

  it.scopedLive("brings reference data where the source has none of its own", () =>
    Effect.gen(function*() {
      const Zone = Schema.Struct({ code: Schema.String, offset: Schema.Int })
      const zones = Array.from({ length: 56 }, (_, i) => ({ code: `Z${i}`, offset: i * 15 }))
      for (const given of [{}, { zone: [{ code: "UTC", offset: 0 }] }]) {
        const { engine, place } = yield* prepared(open)
        yield* place.admin("create table zone (code text primary key, \"offset\" integer not null)")
        const all = { ...resources, zone: Zone }
        const source = Seed.fromValue({ person: [{ id: 1, name: "Ada" }], ...given })
        const result = yield* on(engine)(Seed.run(source, all, { defaults: { zone: zones } }))
        const count = "zone" in given ? 1 : 56
        expect(result).toEqual({ _tag: "Seeded", rows: { zone: count, person: 1 } })
        expect(yield* place.admin("select code from zone")).toHaveLength(count)
      }
    }))

  it.scopedLive("writes what its Schema decodes to, exactly", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      yield* place.admin("create table spot (lat integer not null, day text not null)")
      const Spot = Schema.Struct({ lat: Seed.scaled(7), day: Schema.Lowercase })
      const source = Seed.fromJson(
        "{ \"spot\": [{ \"lat\": 37.756503, \"day\": \"MON\" }, { \"lat\": -1e-7, \"day\": \"Tue\" }] }"
      )
      yield* on(engine)(Seed.run(source, { spot: Spot }))
      expect(yield* place.admin("select lat, day from spot order by lat")).toEqual([
        { lat: -1, day: "tue" },
        { lat: 377565030, day: "mon" }
      ])
    }))

  it.scopedLive("knows declared tables: their columns, what the database fills, and the moment of an insert", () =>
    Effect.gen(function*() {
      class User extends Model.Class<User>("User")({
        id: Model.Generated(Schema.Int),
        emailAddress: Schema.String,
        active: Schema.Boolean,
        note: Schema.NullOr(Schema.String),
        createdAt: Model.DateTimeInsertFromDate
      }) {}
      const users = Table.make("users", User, { naming: "snake" })
      const place = yield* open
      const engine = yield* place.engine()
      yield* on(engine)(Tables.ensure([users]))
      const source = Seed.fromValue({
        users: [{ id: 5, emailAddress: "a@x", active: true, note: null }, { emailAddress: "b@x", active: false }]
      })
      // On SQLite the next key is behind the highest one; on PostgreSQL the counter has to be told.
      const first = Seed.fromValue({ users: [{ id: 1, emailAddress: "a@x", active: true }] })
      expect(yield* on(engine)(Seed.run(first, [users]))).toEqual({ _tag: "Seeded", rows: { users: 1 } })
      yield* place.admin("delete from users", "delete from seed_ledger")
      expect(yield* on(engine)(Seed.run(source, [users]))).toEqual({ _tag: "Seeded", rows: { users: 2 } })
      yield* place.admin(
        "insert into users (email_address, active, created_at) values ('c@x', " +
          (place.kind === "sqlite" ? "1" : "true") + ", '2024-01-01T00:00:00Z')"
      )
      const rows = yield* place.admin("select id, email_address, created_at from users order by email_address")
      expect(rows.map(({ email_address }) => email_address)).toEqual(["a@x", "b@x", "c@x"])
      expect(new Set(rows.map(({ id }) => id)).size).toBe(3)
      expect(rows[0]!["id"]).toBe(5)
      expect(Math.abs(Date.now() - new Date(rows[0]!["created_at"]).getTime())).toBeLessThan(60_000)
      const wrong = Seed.fromValue({ users: [{ active: true }] })
      yield* place.admin("delete from users", "delete from seed_ledger")
      expect(yield* Effect.flip(on(engine)(Seed.run(wrong, [users])))).toMatchObject({
        _tag: "SeedInvalid",
        problems: [{ path: "emailAddress", problem: "is missing" }]
      })
    }))

  it.scopedLive("is run once by eight that start at once, behind the migrations, under their lock", () =>
    Effect.gen(function*() {
      const place = yield* open
      const set = Migrations.fromRecord({ "1_person": tables[0]!, "2_animal": tables[1]! })
      const started = yield* Effect.forEach(Array.from({ length: 8 }), () =>
        Effect.gen(function*() {
          const engine = yield* place.engine()
          const andThen = Seed.run(Seed.fromYaml(YAML, yaml), resources)
          return yield* on(engine)(Migrations.initialise(set, { andThen, lockTimeout: "60 seconds" }))
        }), { concurrency: "unbounded" })
      const values = started.map((one) => one._tag === "Success" ? one.value?._tag : one._tag)
      expect(values.sort()).toEqual([...Array.from({ length: 7 }, () => "AlreadySeeded"), "Seeded"])
      expect((yield* contents(place)).map((rows) => rows.length)).toEqual([2, 1])
    }))

  it.scopedLive("inside of a session is refused", () =>
    Effect.gen(function*() {
      const { engine } = yield* prepared(open)
      const inside = engine.transaction(on(engine)(Seed.run(Seed.fromValue({}), resources)))
      expect(yield* Effect.flip(inside)).toMatchObject({ _tag: "NestedRefused" })
    }))
})
