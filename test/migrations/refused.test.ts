/**
 * What people do to migrations that were applied: they edit them, remove them, add them in between, start from another
 * migrator's database.
 */
import { SqlClient } from "@effect/sql"
import * as Migrator from "@effect/sql/Migrator"
import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck } from "effect"
import { Engine, Migrations } from "effect-sql-engine"
import { places } from "../support/places.js"

const on = (engine: Engine.EngineService) => Effect.provideService(Engine.Engine, engine)

const states = (set: Migrations.MigrationSet) =>
  Effect.map(Migrations.status(set), ([status]) => status!.migrations.map(({ id, state }) => `${id} ${state}`))

const table = (name: string) => `create table ${name} (k integer)`

describe.each(places)("migrations on %s", (_, open) => {
  it.scopedLive("that were edited are a MigrationDrift with both checksums, and nothing runs", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const first = Migrations.fromRecord({ "1_a": table("a"), "2_b": table("b") })
      yield* on(engine)(Migrations.run(first))
      const edited = Migrations.fromRecord({ "1_a": `${table("a")} -- edited`, "2_b": table("b"), "3_c": table("c") })
      const [row] = yield* place.admin("select checksum from migration_ledger where id = '1'")
      for (const verb of [Migrations.run, Migrations.verify, Migrations.plan, Migrations.wait]) {
        const failure = yield* Effect.flip(on(engine)(verb(edited) as Effect.Effect<unknown, any, Engine.Engine>))
        expect(failure).toMatchObject({
          _tag: "MigrationDrift",
          id: "1",
          migration: "1_a",
          expected: row!["checksum"],
          drifted: [{ id: "1" }]
        })
        expect(failure.actual).not.toBe(failure.expected)
      }
      expect(yield* on(engine)(states(edited))).toEqual(["1 drifted", "2 applied", "3 pending"])
      expect(yield* place.tables).toEqual(["a", "b"])

      yield* on(engine)(Migrations.mark(edited, "1", "applied"))
      yield* on(engine)(Migrations.run(edited))
      expect(yield* place.tables).toEqual(["a", "b", "c"])
    }))

  it.scopedLive("are the same with other ends of lines, and with another way down", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      yield* on(engine)(Migrations.run(Migrations.fromRecord({ "1_a": `${table("a")};\n-- note\n` })))
      const same = Migrations.fromRecord({ "1_a": `\uFEFF${table("a")};\r\n-- note\r\n\r\n-- down\r\ndrop table a;` })
      yield* on(engine)(Migrations.verify(same))
    }))

  it.scopedLive("that are gone are listed and refused, or allowed", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      yield* on(engine)(
        Migrations.run(Migrations.fromRecord({ "1_a": table("a"), "2_b": table("b"), "5_e": table("e") }))
      )
      const older = Migrations.fromRecord({ "1_a": table("a"), "6_f": table("f") })
      expect(yield* Effect.flip(on(engine)(Migrations.run(older)))).toMatchObject({
        _tag: "MigrationMissing",
        migrations: ["2_b", "5_e"]
      })
      expect(yield* on(engine)(states(older))).toEqual(["1 applied", "2 missing", "5 missing", "6 pending"])
      expect(yield* place.tables).toEqual(["a", "b", "e"])
      yield* on(engine)(Migrations.run(older, { missing: true }))
      expect(yield* place.tables).toEqual(["a", "b", "e", "f"])
    }))

  it.scopedLive("with a lower id that came later are listed and refused, or run when allowed", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      yield* on(engine)(Migrations.run(Migrations.fromRecord({ "1_a": table("a"), "10_j": table("j") })))
      const merged = Migrations.fromRecord({
        "1_a": table("a"),
        "2_b": table("b"),
        "9_i": table("i"),
        "10_j": table("j"),
        "11_k": table("k")
      })
      expect(yield* Effect.flip(on(engine)(Migrations.run(merged)))).toMatchObject({
        _tag: "MigrationOutOfOrder",
        migrations: ["2_b", "9_i"],
        newest: "10_j"
      })
      expect(yield* on(engine)(states(merged)))
        .toEqual(["1 applied", "2 outOfOrder", "9 outOfOrder", "10 applied", "11 pending"])
      expect(yield* place.tables).toEqual(["a", "j"])
      const done = yield* on(engine)(Migrations.run(merged, { outOfOrder: true }))
      expect(done.map(({ id }) => id)).toEqual(["2", "9", "11"])
      yield* on(engine)(Migrations.verify(merged))
    }))

  it.scopedLive("that are pending fail a check, which changes nothing", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const set = Migrations.fromRecord({ "1_a": table("a"), "2_b": table("b") })
      expect(yield* Effect.flip(on(engine)(Migrations.verify(set)))).toMatchObject({
        _tag: "MigrationPending",
        migrations: ["1_a", "2_b"]
      })
      expect(yield* on(engine)(states(set))).toEqual(["1 pending", "2 pending"])
      expect(yield* place.admin("select 1 as one where 1 = 0")).toEqual([])
      expect(yield* on(engine)(Migrations.version(set))).toEqual({ _tag: "None" })
    }))

  it.scopedLive("up to one may be taken for applied, on a database that was made some other way", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      yield* place.admin(table("a"), table("b"))
      const set = Migrations.fromRecord({ "1_a": table("a"), "2_b": table("b"), "3_c": table("c") })
      expect(yield* on(engine)(Migrations.baseline(set, "0002"))).toEqual(["1", "2"])
      expect(yield* on(engine)(Migrations.baseline(set, "2"))).toEqual([])
      expect(yield* Effect.flip(on(engine)(Migrations.baseline(set, "4")))).toMatchObject({ _tag: "MigrationUnknown" })
      expect((yield* on(engine)(Migrations.run(set))).map(({ id }) => id)).toEqual(["3"])
      yield* on(engine)(Migrations.mark(set, "3_c", "pending"))
      expect(yield* on(engine)(states(set))).toEqual(["1 applied", "2 applied", "3 pending"])
    }))

  it.scopedLive("of @effect/sql's own migrator go on where that one stands", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const make = (name: string) =>
        Effect.asVoid(Effect.flatMap(SqlClient.SqlClient, (sql) => sql`create table ${sql(name)} (k integer)`))
      const old = Migrator.fromRecord({ "1_a": make("a"), "2_b": make("b") })
      const migrate = Migrator.make({})({ loader: old })
      yield* Effect.provideService(migrate, SqlClient.SqlClient, engine.sql)

      const loader = Migrator.fromRecord({ "1_a": make("a"), "2_b": make("b"), "3_c": make("c") })
      const set = Migrations.fromLoader(loader)
      expect(yield* on(engine)(states(set))).toEqual(["1 applied", "2 applied", "3 pending"])
      expect(yield* on(engine)(Migrations.version(set))).toMatchObject({ id: "2" })
      expect((yield* on(engine)(Migrations.run(set))).map(({ migration }) => migration)).toEqual(["3_c"])
      expect(yield* place.admin("select id, name, checksum from migration_ledger order by id")).toEqual([
        { id: "1", name: "a", checksum: null },
        { id: "2", name: "b", checksum: null },
        { id: "3", name: "c", checksum: null }
      ])
      const [first] = yield* place.admin("select started_at from migration_ledger where id = '1'")
      expect(Math.abs(Date.now() - Date.parse(first!["started_at"]))).toBeLessThan(10 * 60_000)
      expect(yield* on(engine)(Migrations.run(set))).toEqual([])

      // The same migrations as SQL: what had no checksum gets one, and is checked from then on.
      const asSql = { "1_a": table("a"), "2_b": table("b"), "3_c": table("c") }
      expect(yield* on(engine)(Migrations.run(Migrations.fromRecord(asSql)))).toEqual([])
      const edited = Migrations.fromRecord({ ...asSql, "2_b": table("bb") })
      expect(yield* Effect.flip(on(engine)(Migrations.run(edited)))).toMatchObject({ _tag: "MigrationDrift", id: "2" })
    }))

  it.scopedLive("of a loader may have ids of fourteen digits, with which its own migrator runs nothing", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const make = Effect.asVoid(Effect.flatMap(SqlClient.SqlClient, (sql) => sql`create table a (k integer)`))
      const set = Migrations.fromLoader(Migrator.fromRecord({ "20240101120000_a": make }))
      expect((yield* on(engine)(Migrations.run(set))).map(({ id }) => id)).toEqual(["20240101120000"])
      expect(yield* on(engine)(Migrations.version(set))).toMatchObject({ id: "20240101120000" })
      const lost = Migrations.fromLoader(Effect.succeed([[2 ** 60, "big", Effect.succeed(make)]]))
      expect(yield* Effect.flip(on(engine)(Migrations.run(lost)))).toMatchObject({ _tag: "MigrationSourceError" })
    }))
})

describe("a database that nobody answers for", () => {
  const [, open] = places[0]!

  it.scopedLive("has an unreachable version, and is neither migrated nor waited for without a limit", () =>
    Effect.gen(function*() {
      const { PgEngine } = yield* Effect.promise(() => import("effect-sql-engine-pg"))
      yield* open
      const engine = yield* PgEngine.make({ host: "127.0.0.1", port: 1 })
      const set = Migrations.fromRecord({ "1_a": table("a") })
      expect(yield* on(engine)(Migrations.version(set))).toMatchObject({
        _tag: "Unreachable",
        failure: { _tag: "ConnectionError" }
      })
      expect(yield* Effect.flip(on(engine)(Migrations.run(set)))).toMatchObject({ _tag: "ConnectionError" })
      const wait = Migrations.wait(set, { limit: "200 millis", every: "50 millis" })
      expect(yield* Effect.flip(on(engine)(wait))).toMatchObject({ _tag: "ConnectionError" })
    }))
})

describe("ids", () => {
  it("have one order, whatever is compared with what", async () => {
    const { canonical, idOrder, parseName } = await import("../../packages/engine/src/internal/migrations/id.js")
    expect(["2", "10", "1", "20240101120000", "9007199254740993", "9007199254740992"].sort(idOrder))
      .toEqual(["1", "2", "10", "20240101120000", "9007199254740992", "9007199254740993"])
    expect(["v10", "v2", "2024-01-10", "2024-01-9"].sort(idOrder)).toEqual(["2024-01-9", "2024-01-10", "v2", "v10"])
    expect(parseName("0001_create_users")).toMatchObject({ id: "1", name: "create_users" })
    expect(parseName("7")).toMatchObject({ id: "7", name: "" })
    expect(["create_users", "_1_a", "", "README"].map(parseName)).toEqual([undefined, undefined, undefined, undefined])
    const ids = FastCheck.stringMatching(/^[a-c]?[0-9]{1,3}(?:[a-c.-]?[0-9]{1,2})?$/).map(canonical)
    FastCheck.assert(
      FastCheck.property(ids, ids, ids, (a, b, c) => {
        expect(idOrder(a, b)).toBe(-idOrder(b, a) + 0)
        expect(idOrder(a, b) === 0).toBe(a === b)
        if (idOrder(a, b) < 0 && idOrder(b, c) < 0) expect(idOrder(a, c)).toBe(-1)
      }),
      { seed: 16, numRuns: 5_000 }
    )
  })
})
