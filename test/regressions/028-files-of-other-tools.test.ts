/**
 * A folder of dbmate's was "applied", and its tables were not there: the way down was taken for a comment, and ran behind the
 * way up. A folder of Prisma's held no migrations at all. Flyway's undo scripts ran as migrations, before the rest.
 */
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Engine, Migrations } from "effect-sql-engine"
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { folder, places } from "../support/places.js"

const on = (engine: Engine.EngineService) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(Effect.provideService(Engine.Engine, engine), Effect.provide(NodeContext.layer))

const [[, onPostgres], [, onSqlite]] = places as [typeof places[number], typeof places[number]]

/** Writes files into a folder of its own. */
const files = (contents: Readonly<Record<string, string>>) =>
  Effect.map(folder, (path) => {
    for (const [name, text] of Object.entries(contents)) {
      mkdirSync(dirname(join(path, name)), { recursive: true })
      writeFileSync(join(path, name), text)
    }
    return path
  })

const up = "create table city (id integer primary key, name text);\ninsert into city (id, name) values (1, '-- x');\n"
const down = "drop table city;\n"

/** The files of a tool: two migrations, the tables `city` and `street`. */
const tools: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  dbmate: {
    "20240101000000_city.sql": `-- migrate:up\n${up}\n-- migrate:down\n${down}`,
    "20240102000000_street.sql":
      "-- migrate:up transaction:false\ncreate table street (id integer);\n\n-- migrate:down\ndrop table street;\n"
  },
  goose: {
    "00001_city.sql": `-- +goose Up\n-- +goose StatementBegin\n${up}-- +goose StatementEnd\n\n-- +goose Down\n${down}`,
    "00002_street.sql":
      "-- +goose NO TRANSACTION\n-- +goose Up\ncreate table street (id integer);\n-- +goose Down\ndrop table street;\n"
  },
  "sql-migrate": {
    "1_city.sql": `-- +migrate Up\n${up}\n-- +migrate Down\n${down}`,
    "2_street.sql":
      "-- +migrate Up notransaction\ncreate table street (id integer);\n-- +migrate Down\ndrop table street;\n"
  },
  "node-pg-migrate": {
    "1700000000000_city.sql": `-- Up Migration\n\n${up}\n-- Down Migration\n\n${down}`,
    "1700000000001_street.sql":
      "-- Up Migration\ncreate table street (id integer);\n-- Down Migration\ndrop table street;\n"
  },
  MyBatis: {
    "20080826104750_city.sql": `-- // city\n${up}\n-- //@UNDO\n${down}`,
    "20080826104751_street.sql": "create table street (id integer);\n\n-- //@UNDO\ndrop table street;\n"
  },
  "golang-migrate and sqlx": {
    "000001_city.up.sql": up,
    "000001_city.down.sql": down,
    "000002_street.up.sql": "create table street (id integer);",
    "000002_street.down.sql": "drop table street;"
  },
  Flyway: {
    "V1__city.sql": up,
    "U1__city.sql": down,
    "V1.1__street.sql": "create table street (id integer);",
    "U1.1__street.sql": "drop table street;"
  },
  Prisma: {
    "migration_lock.toml": "provider = \"postgresql\"",
    "20240101000000_city/migration.sql": `-- CreateTable\n${up}`,
    "20240101000000_city/down.sql": down,
    "20240102000000_street/migration.sql": "-- CreateTable\ncreate table street (id integer);\n",
    "20240102000000_street/down.sql": "drop table street;"
  },
  Diesel: {
    "2024-01-01-000000_city/up.sql": up,
    "2024-01-01-000000_city/down.sql": down,
    "2024-01-02-000000_street/up.sql": "create table street (id integer);",
    "2024-01-02-000000_street/down.sql": "drop table street;"
  }
}

describe.each(places)("on %s", (_, open) => {
  it.scopedLive.each(Object.entries(tools))(
    "a folder of %s goes up and down",
    ([, contents]) =>
      Effect.gen(function*() {
        const place = yield* open
        const engine = yield* place.engine()
        const set = Migrations.fromDirectory(yield* files(contents))
        expect(yield* on(engine)(Migrations.run(set))).toHaveLength(2)
        expect(yield* place.tables).toEqual(["city", "street"])
        expect(yield* place.admin("select name from city")).toEqual([{ name: "-- x" }])
        yield* on(engine)(Migrations.verify(set))
        yield* on(engine)(Migrations.down(set))
        expect(yield* place.tables).toEqual(["city"])
        yield* on(engine)(Migrations.down(set))
        expect(yield* place.tables).toEqual([])
      })
  )
})

describe("a folder of drizzle-kit", () => {
  it.scopedLive("runs, with its breakpoints and its journal", () =>
    Effect.gen(function*() {
      const place = yield* onPostgres
      const engine = yield* place.engine()
      const set = Migrations.fromDirectory(
        yield* files({
          "0000_even_wolf.sql":
            "CREATE TABLE \"city\" (\n\t\"id\" serial PRIMARY KEY NOT NULL\n);\n--> statement-breakpoint\n" +
            "ALTER TABLE \"city\" ADD COLUMN \"name\" text DEFAULT '--> statement-breakpoint' NOT NULL;--> statement-breakpoint\n" +
            "CREATE UNIQUE INDEX \"city_name\" ON \"city\" USING btree (\"name\");",
          "0001_last.sql":
            "DO $$ BEGIN\n CREATE TYPE \"kind\" AS ENUM('a', 'b');\nEXCEPTION\n WHEN duplicate_object THEN null;\nEND $$;\n" +
            "--> statement-breakpoint\nALTER TABLE \"city\" ADD COLUMN \"kind\" \"kind\";",
          "meta/_journal.json": "{}",
          "meta/0000_snapshot.json": "{}"
        })
      )
      const { steps } = yield* on(engine)(Migrations.plan(set))
      expect(steps.map(({ statements }) => statements?.length)).toEqual([3, 2])
      yield* on(engine)(Migrations.run(set))
      expect(yield* place.tables).toEqual(["city"])
    }))
})

describe("a way without a transaction, said in another tool's words,", () => {
  it.scopedLive.each<readonly [string, string]>([
    ["dbmate", "-- migrate:up transaction:false\nvacuum;\n-- migrate:down transaction:false\nvacuum;"],
    ["goose", "-- +goose NO TRANSACTION\n-- +goose Up\nvacuum;\n-- +goose Down\nvacuum;"],
    ["sql-migrate", "-- +migrate Up notransaction\nvacuum;\n-- +migrate Down notransaction\nvacuum;"]
  ])("runs without one: %s", ([, text]) =>
    Effect.gen(function*() {
      const engine = yield* (yield* onSqlite).engine()
      const set = Migrations.fromRecord({ "1_vacuum": text })
      yield* on(engine)(Migrations.run(set))
      yield* on(engine)(Migrations.down(set))
    }))
})

describe("a folder that cannot be told apart", () => {
  const refused = (contents: Readonly<Record<string, string>>) =>
    Effect.gen(function*() {
      const engine = yield* (yield* onSqlite).engine()
      return yield* Effect.flip(on(engine)(Migrations.run(Migrations.fromDirectory(yield* files(contents)))))
    })

  it.scopedLive("is refused: a way down without its way up", () =>
    Effect.gen(function*() {
      expect(yield* refused({ "1_a.up.sql": up, "2_b.down.sql": down, "U3__c.sql": down })).toMatchObject({
        _tag: "MigrationSourceError",
        problems: [
          { migration: "2_b.down.sql", problem: expect.stringContaining("there is no 2_b.up.sql") },
          { migration: "U3__c.sql", problem: expect.stringContaining("there is no V3__") }
        ]
      })
    }))

  it.scopedLive("is refused: a repeatable migration of Flyway's, two ways up, two ways down", () =>
    Effect.gen(function*() {
      expect(yield* refused({ "R__views.sql": "select 1" })).toMatchObject({
        problems: [{ migration: "R__views.sql", problem: expect.stringContaining("has no id") }]
      })
      expect(yield* refused({ "1_a.up.sql": up, "1_a.sql": up })).toMatchObject({
        problems: [{ problem: expect.stringContaining("has the id 1") }]
      })
      expect(yield* refused({ "1_a.sql": `-- migrate:up\n${up}-- migrate:down\n${down}-- migrate:down\n${down}` }))
        .toMatchObject({ problems: [{ problem: "has more than one line \"-- migrate:down\"" }] })
    }))

  it.scopedLive("names the file of the way down that failed", () =>
    Effect.gen(function*() {
      const engine = yield* (yield* onSqlite).engine()
      const dir = yield* files({ "1_a.up.sql": up, "1_a.down.sql": "\ndrop tabel city;" })
      const set = Migrations.fromDirectory(dir)
      yield* on(engine)(Migrations.run(set))
      expect(yield* Effect.flip(on(engine)(Migrations.down(set)))).toMatchObject({
        file: join(dir, "1_a.down.sql"),
        line: 2,
        column: 6
      })
    }))
})
