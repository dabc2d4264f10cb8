/**
 * What stands around migrations: engines with tags of their own, layers, logs, interruption.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer, Logger, LogLevel, Schema } from "effect"
import { Engine, Migrations, Mutex, Seed } from "effect-sql-engine"
import { places } from "../support/places.js"

class Reports extends Engine.Tag<Reports>()("test/Reports") {}

class Prefix extends Context.Tag("test/Prefix")<Prefix, string>() {}

const on = (engine: Engine.EngineService) => Effect.provideService(Engine.Engine, engine)

describe.each(places)("on %s", (_, open) => {
  it.scopedLive("an engine with a tag of its own is migrated, seeded and locked by that tag", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const set = Migrations.fromRecord({ "1_a": "create table a (k integer)" })
      const source = Seed.fromEffect(Effect.map(Prefix, (prefix) => ({ a: [{ k: prefix.length }] })))
      const andThen = Seed.run(source, { a: Schema.Struct({ k: Schema.Int }) }, { engine: Reports })
      const program = Effect.gen(function*() {
        const started = yield* Migrations.initialise(set, { engine: Reports, andThen })
        const held = Effect.zipRight(Mutex.holder("mine", { engine: Reports }), Effect.succeed("held"))
        return [started, yield* Mutex.withLock("mine", { engine: Reports })(held)] as const
      })
      const [started, held] = yield* program.pipe(
        Effect.provideService(Reports, engine),
        Effect.provideService(Prefix, "seven..")
      )
      expect(started).toMatchObject({ _tag: "Success", value: { _tag: "Seeded", rows: { a: 1 } } })
      expect(held).toBe("held")
      expect(yield* place.admin("select k from a")).toEqual([{ k: 7 }])
    }))

  it.scopedLive("a layer finds the database current, and code in a migration may need services", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const code = Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table ${sql(yield* Prefix)} (k integer)`
      })
      const other = Migrations.fromRecord({ "1_b": "create table b (k integer)" }, { name: "other" })
      const migrated = Migrations.layer([Migrations.fromRecord({ "1_code": code }), other])
      const tables = Layer.effect(Prefix, Effect.map(place.tables, (tables) => tables.join()))
      const all = tables.pipe(Layer.provide(migrated), Layer.provide(Layer.succeed(Prefix, "named")))
      expect(yield* on(engine)(Effect.provide(Prefix, all))).toBe("b,named")
    }))

  it.scopedLive("what comes behind comes behind the last set, and not where one of them fails", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const first = Migrations.fromRecord({ "1_a": "create table a (k integer)" })
      const last = (text: string) => Migrations.fromRecord({ "1_b": text }, { name: "last" })
      const seed = Seed.run(Seed.fromValue({ b: [{ k: 1 }] }), { b: Schema.Struct({ k: Schema.Int }) })
      const start = (text: string) => on(engine)(Migrations.initialise([first, last(text)], { andThen: seed }))
      expect(yield* Effect.flip(start("create tabel b (k integer)"))).toMatchObject({
        _tag: "MigrationFailed",
        set: "last"
      })
      expect(yield* place.tables).toEqual(["a"])
      expect(yield* start("create table b (k integer)")).toMatchObject({
        _tag: "Success",
        applied: [{ set: "last" }],
        value: { _tag: "Seeded" }
      })
      expect(yield* place.admin("select k from b")).toEqual([{ k: 1 }])
    }))

  it.scopedLive("a run that is interrupted rolls back and gives the lock back", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const begun = yield* Deferred.make<void>()
      const code = Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table half (k integer)`
        yield* Deferred.succeed(begun, undefined)
        return yield* Effect.never
      })
      const set = Migrations.fromRecord({ "1_a": "create table a (k integer)", "2_code": code })
      const run = yield* Effect.fork(on(engine)(Migrations.run(set)))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(run)
      expect(yield* place.tables).toEqual(["a"])
      expect(yield* on(engine)(Mutex.withLock(Migrations.lock, { limit: 0 })(Effect.succeed("free")))).toBe("free")
      expect((yield* engine.stats).pool).toMatchObject({ inUse: 0, waiting: 0 })
    }))

  it.scopedLive("the log is silent unless it is asked for, and then tells each migration with its time", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const lines: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => {
        if (LogLevel.greaterThanEqual(logLevel, LogLevel.Info)) lines.push(String(message))
      })
      const logged = (options: Migrations.RunOptions) =>
        on(engine)(Migrations.run(set, options)).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      const set = Migrations.fromRecord({ "1_a": "create table a (k integer)", "2_b": "create table b (k integer)" })
      yield* logged({ to: "1" })
      expect(lines).toEqual([])
      yield* logged({ logLevel: LogLevel.Info })
      yield* logged({ logLevel: LogLevel.Info })
      yield* on(engine)(Migrations.initialise(set, { maxTime: 0, logLevel: LogLevel.Info })).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      expect(lines.map((line) => line.replace(/in [0-9]+ ms/, "in N ms"))).toEqual([
        `Waiting for the lock "${Migrations.lock}".`,
        "Applying migration 2_b of \"main\" (1 of 1).",
        "Applied migration 2_b of \"main\" in N ms (1 of 1).",
        "The migrations \"main\" are current: 2 are applied, nothing was changed.",
        "Migrations were skipped: maxTime is 0."
      ])
    }))
})
