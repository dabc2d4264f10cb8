import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { ConfigProvider, Duration, Effect, Layer, Logger, Redacted } from "effect"
import { Engine, EngineUrl } from "effect-sql-engine"
import { scriptedDatabases } from "./support/scriptedDatabases.js"

/** A driver that only says what it was given. */
const noting = <const Name extends string>(name: Name, scheme: string) => {
  const given: Array<Record<string, unknown>> = []
  const scripted = scriptedDatabases()
  const driver: Engine.EngineDriver<Name, { readonly pool?: { readonly size?: number }; readonly label?: string }> = {
    ...scripted.driver,
    name,
    schemes: [scheme],
    make: (options) => {
      given.push(options)
      return scripted.driver.make({ name: name as string, url: "scripted://x" })
    }
  }
  return { driver, given }
}

const refused = (url: string, options: object) =>
  Effect.flip(Effect.scoped(Engine.makeUrl(url, options as { readonly drivers: ReadonlyArray<Engine.EngineDriver> })))

describe("Engine.makeUrl", () => {
  it.scoped("takes the driver that the address asks for, whatever it is called there", () =>
    Effect.gen(function*() {
      const pg = noting("postgresql", "postgresql")
      const sqlite = noting("sqlite", "sqlite")
      const drivers = [pg.driver, sqlite.driver] as const
      for (const url of ["postgres://h/a", "PGSQL://h/a", "postgresql+psycopg://h/a", "host=h dbname=a"]) {
        yield* Engine.makeUrl(url, { drivers })
      }
      for (const url of ["sqlite3:///a.db", "file:a.db", Redacted.make("sqlite:///a.db"), new URL("sqlite:///a.db")]) {
        yield* Engine.makeUrl(url, { drivers })
      }
      expect([pg.given.length, sqlite.given.length]).toEqual([4, 4])
      expect(pg.given[0]!["url"]).toEqual(yield* EngineUrl.parse("postgres://h/a"))
    }))

  it.scoped("leaves an address with a driver's own scheme to that driver", () =>
    Effect.gen(function*() {
      const databases = scriptedDatabases()
      const engine = yield* Engine.makeUrl("scripted://one", { drivers: [databases.driver] })
      yield* engine.transaction(engine.sql`insert into t values (1)`)
      expect(databases.server("scripted://one").rows("t")).toEqual([1])
    }))

  it.scoped("gives a driver what every engine is told, and its own section before that", () =>
    Effect.gen(function*() {
      const pg = noting("postgresql", "postgresql")
      const sqlite = noting("sqlite", "sqlite")
      const url = yield* EngineUrl.parse("postgres://h/a")
      yield* Engine.makeUrl(url, {
        drivers: [pg.driver, sqlite.driver],
        name: "shop",
        pool: { size: 3, acquireTimeout: "1 second" },
        postgresql: { pool: { size: 7 }, label: "x" },
        sqlite: { label: "y" }
      })
      expect(pg.given).toEqual([
        { name: "shop", pool: { size: 7, acquireTimeout: Duration.seconds(1) }, label: "x", url }
      ])
    }))

  it.effect("a driver that is not there is DriverMissing, with the command that installs it", () =>
    Effect.gen(function*() {
      const failures = yield* Effect.all([
        refused("postgres://app:s3cret@h/a", { drivers: [] }),
        refused("sqlite:///a.db", { drivers: [noting("postgresql", "postgresql").driver] })
      ])
      expect(failures).toMatchObject([
        { _tag: "DriverMissing", install: "npm install effect-sql-engine-pg" },
        { _tag: "DriverMissing", install: "npm install effect-sql-engine-sqlite" }
      ])
      expect(failures[0]!.message).toContain("PgEngine.driver")
      expect(failures[0]!.message).not.toContain("s3cret")
    }))

  it.effect("another database is UnsupportedBackend by its name, a text that is no address EngineUrlError", () =>
    Effect.gen(function*() {
      const drivers = [noting("postgresql", "postgresql").driver]
      expect(yield* refused("oracle://h/a", { drivers })).toMatchObject({
        _tag: "UnsupportedBackend",
        backend: "oracle"
      })
      expect(yield* refused("mysql://h/a", { drivers })).toMatchObject({ _tag: "UnsupportedBackend", backend: "mysql" })
      expect(yield* refused("shop", { drivers })).toMatchObject({ _tag: "EngineUrlError" })
      expect(yield* refused("", { drivers })).toMatchObject({ problems: [{ field: "url" }] })
    }))

  it.effect("everything that is wrong is told at once: the address, the options, the sections of all drivers", () =>
    Effect.gen(function*() {
      const drivers = [noting("postgresql", "postgresql").driver, noting("sqlite", "sqlite").driver]
      const failure = yield* refused("postgres://h:port/a", {
        drivers,
        poool: {},
        name: null,
        sqlite: { pool: { size: 0 } },
        postgresql: { lable: "x" }
      })
      expect(failure).toMatchObject({
        _tag: "EngineConfigError",
        problems: [
          { field: "url" },
          { field: "poool", problem: "is no option here (did you mean `pool`?)" },
          { field: "name" },
          { field: "postgresql.lable", problem: "is no option here (did you mean `label`?)" },
          { field: "sqlite.pool.size" }
        ]
      })
    }))

  it.effect("an option that the chosen driver does not have is refused with the database's name", () =>
    Effect.gen(function*() {
      const { driver } = noting("sqlite", "sqlite")
      const { pool: _, ...options } = driver.options
      const failure = yield* refused("sqlite://", {
        drivers: [{ ...driver, options }],
        name: "cache",
        pool: { size: 3 }
      })
      expect(failure.message).toMatch(/^The sqlite engine "cache" cannot be made: `pool` is no option here/)
    }))

  it.scoped("a parameter of the address that nobody knows is a warning with the nearest name", () =>
    Effect.gen(function*() {
      const warnings: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => {
        warnings.push(`${logLevel.label} ${String(message)}`)
      })
      yield* Engine.makeUrl("postgres://app:s3cret@h/a?sslmod=require", {
        drivers: [noting("postgresql", "postgresql").driver]
      }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      expect(warnings).toHaveLength(1)
      expect(warnings[0]).toMatch(/^WARN .*"sslmod".*did you mean sslmode\?/)
      expect(warnings[0]).not.toContain("s3cret")
    }))
})

describe("Engine.fromEnv", () => {
  const variables = (record: Record<string, string>) =>
    Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(record))))

  it.effect("provides the default engine and its client from DATABASE_URL", () =>
    Effect.gen(function*() {
      const databases = scriptedDatabases()
      yield* Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into t values (1)`).pipe(
        Effect.provide(
          Engine.fromEnv({ drivers: [databases.driver], pool: { size: 1 } }).pipe(
            Layer.provide(variables({ DATABASE_URL: "scripted://shop" }))
          )
        )
      )
      expect(databases.server("scripted://shop").rows("t")).toEqual([1])
      expect(databases.made).toMatchObject([{ url: "scripted://shop", options: { pool: { size: 1 } }, closed: true }])
    }))

  it.scoped("an engine for a second database has that one's name, and is another one's tag's", () =>
    Effect.gen(function*() {
      class Reports extends Engine.Tag<Reports>()("test/Reports") {}
      const { driver } = scriptedDatabases()
      const both = Layer.merge(
        Engine.fromEnv({ drivers: [driver] }),
        Reports.layer(Engine.makeEnv({ drivers: [driver], database: "reports" }))
      ).pipe(Layer.provide(variables({ DATABASE_URL: "scripted://a", DATABASE_URL_REPORTS: "scripted://b" })))
      const names = yield* Effect.zip(Engine.Engine, Reports).pipe(
        Effect.map(([one, two]) => [one.name, two.name]),
        Effect.provide(both)
      )
      expect(names).toEqual(["main", "reports"])
    }))

  it.effect("tells what is wrong with the options together with the address that was not found", () =>
    Effect.gen(function*() {
      const failure = yield* Engine.makeEnv({ drivers: [scriptedDatabases().driver], pool: { size: 0 } }).pipe(
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map())),
        Effect.scoped,
        Effect.flip
      )
      expect(failure).toMatchObject({ problems: [{ field: "url" }, { field: "pool.size" }] })
    }))
})
