/**
 * Migrations without a transaction: what they leave when they end half-way, and how they are gone on with.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Engine, Migrations } from "effect-sql-engine"
import { places } from "../support/places.js"

const on = (engine: Engine.EngineService) => Effect.provideService(Engine.Engine, engine)

const half = "-- no-transaction\ncreate table one (k integer);\ninsert into one (k) values (1);\n" +
  "insert into two (k) values (1);\ncreate table three (k integer)"

describe.each(places)("a migration without a transaction on %s", (_, open) => {
  it.scopedLive("may hold what a transaction does not take", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const wrong = Migrations.fromRecord({ "1_t": "create table t (k integer)", "2_vacuum": "vacuum" })
      expect(yield* Effect.flip(on(engine)(Migrations.run(wrong)))).toMatchObject({
        _tag: "MigrationFailed",
        migration: "2_vacuum",
        interrupted: false
      })
      const right = Migrations.fromRecord({
        "1_t": "create table t (k integer)",
        "2_vacuum": "-- no-transaction\nvacuum"
      })
      expect((yield* on(engine)(Migrations.run(right))).map(({ id }) => id)).toEqual(["2"])
      yield* on(engine)(Migrations.verify(right))
    }))

  it.scopedLive("that fails half-way is interrupted, refused, and gone on with", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const set = Migrations.fromRecord({ "1_half": half, "2_next": "create table next (k integer)" })
      expect(yield* Effect.flip(on(engine)(Migrations.run(set)))).toMatchObject({
        _tag: "MigrationFailed",
        migration: "1_half",
        interrupted: true,
        statement: { number: 3, of: 4 }
      })
      expect(yield* place.tables).toEqual(["one"])
      const status = on(engine)(
        Effect.map(Migrations.status(set), ([one]) => one!.migrations.map(({ state }) => state))
      )
      expect(yield* status).toEqual(["interrupted", "pending"])
      for (const verb of [Migrations.run(set), Migrations.verify(set), Migrations.down(set)]) {
        expect(yield* Effect.flip(on(engine)(verb as Effect.Effect<unknown, any, Engine.Engine>))).toMatchObject({
          _tag: "MigrationInterrupted",
          migration: "1_half",
          direction: "up",
          done: 2
        })
      }
      // What was in the way is put right by hand.
      yield* place.admin("create table two (k integer)")
      expect((yield* on(engine)(Migrations.plan(set, { interrupted: "continue" }))).steps[0]!.statements).toHaveLength(
        2
      )
      const done = yield* on(engine)(Migrations.run(set, { interrupted: "continue" }))
      expect(done.map(({ id }) => id)).toEqual(["1", "2"])
      expect(yield* place.tables).toEqual(["next", "one", "three", "two"])
      expect(yield* place.admin("select k from one")).toHaveLength(1)
      expect(yield* status).toEqual(["applied", "applied"])
    }))

  it.scopedLive("may be run again from its beginning, or be marked by hand", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const again = half.replaceAll("create table", "create table if not exists")
      const set = Migrations.fromRecord({ "1_half": again })
      yield* Effect.flip(on(engine)(Migrations.run(set)))
      yield* place.admin("create table two (k integer)")
      yield* on(engine)(Migrations.run(set, { interrupted: "restart" }))
      expect(yield* place.admin("select k from one")).toHaveLength(2)

      const other = Migrations.fromRecord({
        "1_half": again,
        "2_worse": "-- no-transaction\nselect 1;\nselect k from nowhere"
      })
      yield* Effect.flip(on(engine)(Migrations.run(other)))
      yield* on(engine)(Migrations.mark(other, "2", "applied"))
      yield* on(engine)(Migrations.verify(other))
    }))

  it.scopedLive("whose first statement the database does not understand was never begun", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const typo = Migrations.fromRecord({ "1_typo": "-- no-transaction\ncraete table t (k integer)" })
      expect(yield* Effect.flip(on(engine)(Migrations.run(typo)))).toMatchObject({
        _tag: "MigrationFailed",
        interrupted: false
      })
      const fixed = Migrations.fromRecord({ "1_typo": "-- no-transaction\ncreate table t (k integer)" })
      expect(yield* on(engine)(Migrations.run(fixed))).toHaveLength(1)
    }))

  it.scopedLive("may be code, with transactions of its own", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const batches = Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table t (k integer)`
        for (let k = 0; k < 3; k++) yield* engine.transaction(sql`insert into t (k) values (${k})`)
        return yield* Effect.fail("half-way" as const)
      })
      const set = Migrations.fromRecord({ "1_code": { up: batches, transaction: false } })
      expect(yield* Effect.flip(on(engine)(Migrations.run(set)))).toMatchObject({
        _tag: "MigrationFailed",
        interrupted: true,
        cause: "half-way"
      })
      expect(yield* place.admin("select k from t")).toHaveLength(3)
      expect(yield* Effect.flip(on(engine)(Migrations.run(set)))).toMatchObject({ _tag: "MigrationInterrupted" })
    }))

  it.scopedLive("is taken back without one, and a way back that ended half-way is gone on with", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const set = Migrations.fromRecord({
        "1_t": "-- no-transaction\ncreate table t (k integer);\ncreate table u (k integer)\n-- down\ndrop table t;\n" +
          "drop table blocked;\ndrop table u"
      })
      yield* on(engine)(Migrations.run(set))
      expect(yield* Effect.flip(on(engine)(Migrations.down(set)))).toMatchObject({
        _tag: "MigrationFailed",
        direction: "down",
        interrupted: true,
        statement: { number: 2 }
      })
      for (const verb of [Migrations.run(set, { interrupted: "continue" }), Migrations.down(set)]) {
        expect(yield* Effect.flip(on(engine)(verb))).toMatchObject({
          _tag: "MigrationInterrupted",
          direction: "down",
          done: 1
        })
      }
      yield* place.admin("create table blocked (k integer)")
      yield* on(engine)(Migrations.down(set, { interrupted: "continue" }))
      expect(yield* place.tables).toEqual([])
      expect(yield* place.admin("select id from migration_ledger")).toEqual([])
    }))

  it.scopedLive("that has a transaction of its own must not steer one in it", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      for (const word of ["begin", "COMMIT", "rollback", "end"]) {
        const set = Migrations.fromRecord({
          "1_a": "create table a (k integer)",
          "2_b": `select 1;\n${word};\nselect 2`
        })
        expect(yield* Effect.flip(on(engine)(Migrations.run(set)))).toMatchObject({
          _tag: "MigrationSourceError",
          problems: [{ migration: "2_b" }]
        })
        expect(yield* place.tables).toEqual([])
      }
      const free = Migrations.fromRecord({
        "1_a":
          "-- no-transaction\nbegin;\ncreate table a (k integer);\ncommit;\nbegin;\ncreate table b (k integer);\nrollback",
        "2_b": "savepoint s;\ncreate table c (k integer);\nrollback to s"
      })
      yield* on(engine)(Migrations.run(free))
      expect(yield* place.tables).toEqual(["a"])
    }))
})
