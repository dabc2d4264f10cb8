/**
 * Whoever misspells an option is told so, with the name that was meant, wherever options are taken. A public function that
 * takes options and is not in the list below fails this test.
 */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, FastCheck, Layer, Predicate, Schema, Stream } from "effect"
import type { Scope } from "effect"
import {
  Database,
  Engine,
  EngineConfig,
  EngineHttp,
  EngineLog,
  EngineMap,
  Health,
  Migrations,
  Mutex,
  Pool,
  Repository,
  Seed,
  Session,
  Table,
  Tables
} from "effect-sql-engine"
import { Cli } from "effect-sql-engine-cli"
import { PgDriver, PgEngine } from "effect-sql-engine-pg"
import { SqliteDialect, SqliteDriver, SqliteEngine } from "effect-sql-engine-sqlite"
import {
  Arbitraries,
  Faults,
  Interleavings,
  PgServer,
  Sandbox,
  ScriptedDriver,
  StatefulSuite,
  VirtualClock
} from "effect-sql-engine-testing"
import type { EngineConfigError } from "effect-sql-engine/SqlFailure"
import { takersOfOptions } from "./support/optionParameters.js"
import { packages } from "./support/workspace.js"

const city = Table.make("city", Schema.Struct({ id: Schema.Int, name: Schema.String }))
const cities = Repository.make(city)
const { syntax } = SqliteDialect.dialect
const set = Migrations.fromRecord({})
const source = Seed.fromValue({})
const drivers = [SqliteEngine.driver]
const sqlite = { filename: ":memory:" }

const someEngine = SqliteEngine.make(sqlite)

const withEngine = <A, E>(f: (engine: Engine.EngineService) => Effect.Effect<A, E, any>) =>
  Effect.flatMap(someEngine, f)

/** Each function, called with options in which one name is wrong, and the name that was meant. */
const calls: Readonly<Record<string, readonly [meant: string, call: (wrong: any) => unknown]>> = {
  "Database.status": ["maintenance", (wrong) => Database.status("sqlite://", wrong)],
  "Database.ensure": ["allowCreate", (wrong) => Database.ensure("sqlite://", wrong)],
  "Database.drop": ["force", (wrong) => Database.drop("sqlite://", wrong)],
  "Database.wait": ["until", (wrong) => Database.wait("sqlite://", wrong)],
  "Database.layer": ["slowStatement", (wrong) => Database.layer({ url: "sqlite://", drivers, ...wrong })],
  "Engine.fromEnv": ["session", (wrong) => Engine.fromEnv({ url: "sqlite://", drivers, ...wrong })],
  "Engine.layerUrl": ["session", (wrong) => Engine.layerUrl("sqlite://", { drivers, ...wrong })],
  "Engine.makeEnv": ["session", (wrong) => Engine.makeEnv({ url: "sqlite://", drivers, ...wrong })],
  "Engine.makeUrl": ["session", (wrong) => Engine.makeUrl("sqlite://", { drivers, ...wrong })],
  "Engine.make": ["leakDetection", (wrong) => Engine.make(ScriptedDriver.unsafeMake().driver, wrong)],
  "Engine.EngineService.transaction": [
    "isolation",
    (wrong) => withEngine((engine) => engine.transaction(Effect.void, wrong))
  ],
  "Engine.resource": ["refresh", (wrong) => Engine.resource(someEngine, wrong)],
  "EngineConfig.fromEnv": ["required", (wrong) => EngineConfig.fromEnv(wrong)],
  "EngineConfig.find": ["direct", (wrong) => EngineConfig.find(wrong)],
  "EngineHttp.session": ["streams", (wrong) => EngineHttp.session(wrong)(Effect.never)],
  "EngineHttp.health": ["details", (wrong) => EngineHttp.health(wrong)],
  "EngineLog.attach": ["level", (wrong) => withEngine((engine) => EngineLog.attach(engine, wrong))],
  "EngineLog.layerOf": ["level", (wrong) => EngineLog.layerOf(Engine.Engine, wrong)],
  "EngineMap.make": ["capacity", (wrong) => EngineMap.make({ drivers, ...wrong })],
  "EngineMap.layer": ["onEngine", (wrong) => EngineMap.layer({ drivers, ...wrong })],
  "Health.check": [
    "timeout",
    (wrong) =>
      withEngine((engine) =>
        Health.check(wrong).pipe(
          Effect.flatMap(({ failure }) => failure === undefined ? Effect.void : Effect.fail(failure)),
          Effect.provideService(Engine.Engine, engine)
        )
      )
  ],
  "Migrations.run": ["outOfOrder", (wrong) => Migrations.run(set, wrong)],
  "Migrations.layer": ["lockTimeout", (wrong) => Migrations.layer(set, wrong)],
  "Migrations.initialise": ["maxTime", (wrong) => Migrations.initialise(set, wrong)],
  "Migrations.wait": ["limit", (wrong) => Migrations.wait(set, wrong)],
  "Migrations.verify": ["missing", (wrong) => Migrations.verify(set, wrong)],
  "Migrations.status": ["engine", (wrong) => Migrations.status(set, wrong)],
  "Migrations.version": ["engine", (wrong) => Migrations.version(set, wrong)],
  "Migrations.plan": ["interrupted", (wrong) => Migrations.plan(set, wrong)],
  "Migrations.down": ["steps", (wrong) => Migrations.down(set, wrong)],
  "Migrations.planDown": ["steps", (wrong) => Migrations.planDown(set, wrong)],
  "Migrations.baseline": ["lockTimeout", (wrong) => Migrations.baseline(set, "1", wrong)],
  "Migrations.mark": ["expiry", (wrong) => Migrations.mark(set, "1", "applied", wrong)],
  "Migrations.fromDirectory": [
    "checkCode",
    (wrong) => Migrations.fromDirectory("migrations", wrong).migrations(syntax)
  ],
  "Migrations.fromGlob": ["schema", (wrong) => Migrations.fromGlob({}, wrong).migrations(syntax)],
  "Migrations.fromLoader": ["takeOver", (wrong) => Migrations.fromLoader(Effect.succeed([]), wrong).migrations(syntax)],
  "Migrations.fromRecord": ["table", (wrong) => Migrations.fromRecord({}, wrong).migrations(syntax)],
  "Mutex.withLock": ["expiry", (wrong) => Mutex.withLock("a", wrong)(Effect.void)],
  "Mutex.holder": ["engine", (wrong) => Mutex.holder("a", wrong)],
  "Mutex.evict": ["engine", (wrong) => Mutex.evict("a", wrong)],
  "Pool.make": ["maxOverflow", (wrong) => Pool.make("a", ScriptedDriver.unsafeMake().driver.write, wrong)],
  "Repository.make": ["version", (wrong) => Repository.make(city, wrong)],
  "Repository.execute": ["engine", (wrong) => Repository.execute({} as never, wrong)],
  "Repository.executeAll": ["engine", (wrong) => Repository.executeAll([], wrong)],
  "Repository.Repository.upsert": ["anyCase", (wrong) => cities.upsert({ id: 1, name: "Rome" }, wrong)],
  "Repository.Repository.upsertMany": ["update", (wrong) => cities.upsertMany([], wrong)],
  "Repository.Repository.getByKey": ["lock", (wrong) => cities.getByKey(1, wrong)],
  "Repository.Repository.findOne": ["lock", (wrong) => cities.findOne({}, wrong)],
  "Repository.Repository.findFirst": ["orderBy", (wrong) => cities.findFirst(wrong)],
  "Repository.Repository.findMany": ["where", (wrong) => cities.findMany(wrong)],
  "Repository.Repository.page": ["orderBy", (wrong) => cities.page({ page: 1, size: 1, ...wrong })],
  "Repository.Repository.slice": ["after", (wrong) => cities.slice({ size: 1, ...wrong })],
  "Repository.Repository.stream": ["limit", (wrong) => cities.stream(wrong)],
  "Seed.run": ["enabled", (wrong) => Seed.run(source, [], wrong)],
  "Seed.plan": ["defaults", (wrong) => Seed.plan(source, [], wrong)],
  "Seed.fromFile": ["yaml", (wrong) => Seed.fromFile("seed", wrong).document],
  "Seed.fromEffect": ["name", (wrong) => Seed.fromEffect(Effect.succeed({}), wrong).document],
  "Seed.fromJson": ["name", (wrong) => Seed.fromJson("{}", wrong).document],
  "Seed.fromValue": ["name", (wrong) => Seed.fromValue({}, wrong).document],
  "Seed.fromYaml": ["name", (wrong) => Seed.fromYaml({} as never, "", wrong).document],
  "Session.open": ["readOnly", (wrong) => Session.open(wrong)],
  "Session.layer": ["deferrable", (wrong) => Session.layer(wrong)],
  "Session.Verbs.transaction": ["isolation", (wrong) => Session.transaction(Effect.void, wrong)],
  "Session.Verbs.batch": ["priority", (wrong) => Session.batch([], wrong)],
  "Session.Verbs.open": ["concurrency", (wrong) => Engine.Engine.open(wrong)],
  "Session.Verbs.sessionLayer": ["nested", (wrong) => Engine.Engine.sessionLayer(wrong)],
  "Session.Verbs.keyed": [
    "concurrency",
    (wrong) =>
      withEngine((engine) =>
        Session.keyed(Effect.succeed(1), wrong).pipe(
          Effect.flatMap((keyed) => keyed.transaction(Effect.void)),
          Effect.provideService(Engine.Engine, engine)
        )
      )
  ],
  "Table.makeEither": ["naming", (wrong) => Effect.suspend(() => Table.makeEither("a", city.model, wrong))],
  "Table.make": ["indexes", (wrong) => Table.make("a", city.model, wrong)],
  "Table.as": ["schema", (wrong) => Table.as(city, wrong)],
  "Table.column": [
    "nullable",
    (wrong) => Table.make("a", Schema.Struct({ id: Schema.Int.pipe(Table.column(wrong)) }))
  ],
  "Tables.ensure": ["verify", (wrong) => Tables.ensure([], wrong)],
  "Tables.drop": ["translate", (wrong) => Tables.drop([], wrong)],
  "Tables.introspect": ["schemas", (wrong) => Tables.introspect(wrong)],
  "Tables.statements": ["translate", (wrong) => Tables.statements([], SqliteDialect.dialect, wrong)],
  "Tables.ddl": ["translate", (wrong) => Tables.ddl([], SqliteDialect.dialect, wrong)],
  "Tables.layer": ["logLevel", (wrong) => Layer.provide(Tables.layer([], wrong), SqliteEngine.layer(sqlite))],
  "Tables.layerTag": [
    "when",
    (wrong) => Layer.provide(Tables.layerTag(Engine.Engine, [], wrong), SqliteEngine.layer(sqlite))
  ],
  "PgDriver.make": ["fetchSize", (wrong) => PgDriver.make(wrong)],
  "PgEngine.make": ["applicationName", (wrong) => PgEngine.make(wrong)],
  "PgEngine.layer": ["statementTimeout", (wrong) => PgEngine.layer(wrong)],
  "PgEngine.database": ["maintenance", (wrong) => PgEngine.database(wrong)],
  "SqliteDriver.make": ["journalMode", (wrong) => SqliteDriver.make({ ...sqlite, ...wrong })],
  "SqliteEngine.make": ["readers", (wrong) => SqliteEngine.make({ ...sqlite, ...wrong })],
  "SqliteEngine.layer": ["foreignKeys", (wrong) => SqliteEngine.layer({ ...sqlite, ...wrong })],
  "SqliteEngine.database": ["lockTimeout", (wrong) => SqliteEngine.database({ ...sqlite, ...wrong })],
  "Arbitraries.database": ["filter", (wrong) => Arbitraries.database({ city }, { city: wrong })],
  "Arbitraries.row": ["fields", (wrong) => Arbitraries.row(city, wrong)],
  "Arbitraries.load": [
    "engine",
    (wrong) => Arbitraries.load(FastCheck.sample(Arbitraries.database({ city }), 1)[0]!, wrong)
  ],
  "Faults.Faults.inject": [
    "matching",
    (wrong) => Effect.flatMap(Faults.make, (faults) => faults.inject("commit", Faults.cut, wrong))
  ],
  "Interleavings.serializable": ["results", (wrong) => Interleavings.serializable(Effect.void, wrong)],
  "Interleavings.explore": ["deadlocks", (wrong) => Interleavings.explore([Effect.void], wrong)],
  "Interleavings.check": ["maxOrders", (wrong) => Interleavings.check([Effect.void], wrong)],
  "Interleavings.replay": ["patience", (wrong) => Interleavings.replay([Effect.void], "a", wrong)],
  "Interleavings.levels": ["stepTimeout", (wrong) => Interleavings.levels([Effect.void], wrong)],
  "PgServer.start": ["binaries", (wrong) => PgServer.start(wrong)],
  "PgServer.url": ["settings", (wrong) => PgServer.start(wrong)],
  "Sandbox.rollback": ["connections", (wrong) => Sandbox.rollback(SqliteEngine.layer(sqlite), wrong)],
  "Sandbox.layer": ["template", (wrong) => Sandbox.layer({ drivers, url: "sqlite://", ...wrong })],
  "ScriptedDriver.make": ["readLane", (wrong) => ScriptedDriver.make(wrong)],
  "ScriptedDriver.unsafeMake": ["unique", (wrong) => ScriptedDriver.unsafeMake(wrong)],
  "StatefulSuite.repository": ["volatile", (wrong) => StatefulSuite.repository(city, wrong)],
  "VirtualClock.run": ["limitMillis", (wrong) => VirtualClock.run(Effect.void, wrong)],
  "Cli.run": ["streams", (wrong) => Cli.run([], wrong)]
}

/** These are given options by an engine, or are the tables themselves. */
const notCalledByUsers = new Set([
  "Dialect.Dialect.begin",
  "Engine.EngineDriver.make",
  "Engine.EngineDriver.database",
  "EngineConfig.duration",
  "EngineConfig.pick",
  "EngineConfig.record"
])

/** What a call comes to: thrown, failed, or built and failed. */
const failureOf = (call: () => unknown): Effect.Effect<unknown> =>
  Effect.suspend(() => {
    const made = call()
    return (Effect.isEffect(made)
      ? made
      : Layer.isLayer(made)
      ? Layer.build(made as Layer.Layer<any, any, any>)
      : Predicate.hasProperty(made, Stream.StreamTypeId)
      ? Stream.runDrain(made as Stream.Stream<any, any, any>)
      : Effect.succeed(made)) as Effect.Effect<unknown, unknown, Scope.Scope>
  }).pipe(
    Effect.scoped,
    Effect.exit,
    Effect.map((exit) => Exit.isFailure(exit) ? Cause.squash(exit.cause) : "nothing was wrong")
  )

/** The last two letters have changed places. */
const misspelled = (name: string): string => `${name.slice(0, -2)}${name.at(-1)}${name.at(-2)}`

describe("a misspelled option", () => {
  it.effect.each(Object.entries(calls).map(([name, [meant, call]]) => ({ name, meant, call })))(
    "of $name is refused with the name that was meant",
    ({ call, meant }) =>
      Effect.gen(function*() {
        const wrong = misspelled(meant)
        const failure = yield* failureOf(() => call({ [wrong]: 1 }))
        expect(failure).toHaveProperty("_tag", expect.any(String))
        expect(failure).toHaveProperty("message", expect.stringMatching(`${wrong}\`:? is no option here`))
        expect(failure).toHaveProperty("message", expect.stringContaining(`did you mean \`${meant}\`?`))
      })
  )

  it.effect.each(
    [
      [
        "in a resource of a seed",
        () =>
          withEngine((engine) =>
            Seed.run(source, { city: { table: "city", rows: city.model, shcema: "app" } as never }).pipe(
              Effect.provideService(Engine.Engine, engine)
            )
          ),
        "resources.city.shcema",
        "schema"
      ],
      [
        "in `ssl`",
        () => PgEngine.make({ ssl: { mode: "verify-full", minVerison: "x" } as never }),
        "ssl.minVerison",
        "minVersion"
      ],
      [
        "in `hosts`",
        () => PgEngine.make({ hosts: [{ host: "a" }, { host: "b", prot: 1 } as never] }),
        "hosts[1].prot",
        "port"
      ],
      [
        "in the `ssl` of the driver",
        () => PgDriver.make({ ssl: { mode: "require", cret: "x" } as never }),
        "ssl.cret",
        "cert"
      ],
      [
        "in the `hosts` of the driver",
        () => PgDriver.make({ hosts: [{ hsot: "a" } as never] }),
        "hosts[0].hsot",
        "host"
      ],
      [
        "in `extensions`",
        () => SqliteEngine.make({ ...sqlite, extensions: [{ path: "a", entrypiont: "b" } as never] }),
        "extensions[0].entrypiont",
        "entryPoint"
      ],
      [
        "in `pool` of SQLite",
        () => SqliteEngine.make({ ...sqlite, pool: { recylce: 1 } as never }),
        "pool.recylce",
        "recycle"
      ],
      [
        "in `pool.overload`",
        () => PgEngine.make({ pool: { overload: { tagret: 1 } as never } }),
        "pool.overload.tagret",
        "target"
      ],
      [
        "in `session`",
        () => PgEngine.make({ session: { isolaton: "serializable" } as never }),
        "session.isolaton",
        "isolation"
      ],
      [
        "in a column",
        () => Table.make("a", city.model, { columns: { name: { nulable: true } as never } }),
        "columns.name.nulable",
        "nullable"
      ],
      [
        "in an index",
        () => Table.make("a", city.model, { indexes: [{ columns: ["id"], unqiue: true } as never] }),
        "indexes[0].unqiue",
        "unique"
      ],
      [
        "in a reference",
        () =>
          Table.make("a", city.model, { references: [{ columns: ["id"], table: city, onDelte: "cascade" } as never] }),
        "references[0].onDelte",
        "onDelete"
      ],
      [
        "in a check",
        () => Table.make("a", city.model, { checks: [{ check: "id > 0", nmae: "positive" } as never] }),
        "checks[0].nmae",
        "name"
      ],
      [
        "in the rows of an arbitrary",
        () => Arbitraries.database({ city }, { city: { rows: { mni: 1 } as never } }),
        "city.rows.mni",
        "min"
      ]
    ] as const
  )("%s is refused with the name that was meant", ([, call, field, meant]) =>
    Effect.gen(function*() {
      const failure = yield* failureOf(call)
      expect(failure).toHaveProperty("problems", [
        expect.objectContaining({ field, problem: `is no option here (did you mean \`${meant}\`?)` })
      ])
    }))

  it.effect("in a migration is refused with the name that was meant", () =>
    Effect.gen(function*() {
      const parts = { up: "select 1", dwon: "select 1" }
      const failure = yield* Effect.flip(Migrations.fromRecord({ "1_a": parts }).migrations(syntax))
      expect(failure.problems).toEqual([{
        migration: "1_a",
        problem: "has the part `dwon`, which is no option here (did you mean `down`?)"
      }])
    }))

  it.effect("and a value that does not fit are told together", () =>
    Effect.gen(function*() {
      const failure = yield* failureOf(() =>
        PgDriver.make({ fetchSise: 1, prepare: "yes", ssl: { sni: 1 }, hosts: [{ port: 0 }] } as never)
      )
      expect((failure as EngineConfigError).problems.map(({ field }) => field).sort())
        .toEqual(["fetchSise", "hosts", "prepare", "ssl.mode", "ssl.sni"])
    }))

  it.effect("never shows a secret that was given in the wrong form", () =>
    Effect.gen(function*() {
      const failure = yield* failureOf(() =>
        PgDriver.make({ password: "hunter2", ssl: { mode: "require", passphrase: "hunter2", key: 7 } } as never)
      )
      expect(String((failure as Error).message)).not.toContain("hunter2")
      expect((failure as EngineConfigError).problems.map(({ field }) => field).sort())
        .toEqual(["password", "ssl.key", "ssl.passphrase"])
    }))

  it("is looked for in every public function that takes options", () => {
    const takers = new Set(packages.flatMap(takersOfOptions).filter((name) => !notCalledByUsers.has(name)))
    expect(Object.keys(calls).filter((name) => !name.startsWith("Repository.Repository.")).sort())
      .toEqual([...takers].sort())
  })
})
