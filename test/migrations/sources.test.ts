/// <reference types="vite/types/importMeta.d.ts" />
/**
 * Where migrations come from: folders, globs, and what is wrong with them.
 */
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Engine, Migrations } from "effect-sql-engine"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { folder, places } from "../support/places.js"

const on = (engine: Engine.EngineService) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(Effect.provideService(Engine.Engine, engine), Effect.provide(NodeContext.layer))

/** Writes files into a folder of its own. */
const files = (contents: Readonly<Record<string, string>>) =>
  Effect.map(folder, (path) => {
    for (const [name, text] of Object.entries(contents)) writeFileSync(join(path, name), text)
    return path
  })

const code = (sql: string) =>
  `import { SqlClient } from "@effect/sql"\nimport { Effect } from "effect"\n` +
  `export default Effect.flatMap(SqlClient.SqlClient, (sql) => sql\`${sql}\`)\n`

describe.each(places)("a folder on %s", (name, open) => {
  it.scopedLive("may hold texts and modules, and what is no migration", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const path = yield* files({
        "README.md": "no migration",
        ".hidden.sql": "nor this",
        "_shared.ts": "nor this",
        "types.d.ts": "nor this",
        "1_text.sql": "create table text_one (k integer);\n-- down\ndrop table text_one;",
        "2_code.ts": code("create table code_one (k integer)"),
        "3_parts.mjs":
          "export const up = \"create table parts_one (k integer)\"\nexport const down = \"drop table parts_one\"\n",
        "4_text.js": "export default \"create table text_two (k integer)\""
      })
      mkdirSync(join(path, "5_folder"))
      const loaded: Array<string> = []
      const load = (url: string) => {
        loaded.push(url.replace(/^.*\//, ""))
        return import(/* @vite-ignore */ url)
      }
      const set = Migrations.fromDirectory(pathToFileURL(`${path}/`), { load })
      yield* on(engine)(Migrations.run(set, { to: "2" }))
      // What is not to run is not loaded.
      expect(loaded).toEqual(["2_code.ts"])
      yield* on(engine)(Migrations.run(set))
      expect(yield* place.tables).toEqual(["code_one", "parts_one", "text_one", "text_two"])
      yield* Effect.flip(on(engine)(Migrations.down(set, { to: "2" })))
      yield* on(engine)(Migrations.mark(set, "4", "pending"))
      yield* on(engine)(Migrations.down(set))
      expect(yield* place.tables).toEqual(["code_one", "text_one", "text_two"])
    }))
})

describe("migrations that cannot be read", () => {
  const [, open] = places[1]!
  const refused = (set: Migrations.MigrationSet<any>, problems: ReadonlyArray<readonly [string, string]>) =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      yield* place.admin("create table nothing_else (k integer)")
      const failure = yield* Effect.flip(on(engine)(Migrations.run(set) as Effect.Effect<unknown, any, Engine.Engine>))
      expect(failure).toMatchObject({ _tag: "MigrationSourceError", set: "main", sent: "no" })
      expect(failure.problems.map(({ migration }: { migration: string }) => migration)).toEqual(
        problems.map(([file]) => file)
      )
      for (const [i, [file, problem]] of problems.entries()) {
        expect(failure.problems[i].problem).toContain(problem)
        expect(failure.message).toContain(file)
      }
      expect(yield* place.tables).toEqual(["nothing_else"])
    })

  it.scopedLive("are all listed: ids that are missing or stand twice, texts that are wrong", () =>
    Effect.gen(function*() {
      const path = yield* files({
        "0001_a.sql": "create table a (k integer)",
        "1_b.sql": "create table b (k integer)",
        "2_c.js": "",
        "2_c.ts": "",
        "3_twice.sql": "select 1;\n-- down\nselect 2;\n-- down\nselect 3",
        "create_users.sql": "create table users (k integer)"
      })
      yield* refused(Migrations.fromDirectory(path), [
        ["1_b.sql", "has the id 1, as 0001_a.sql has"],
        ["2_c.ts", "has the id 2, as 2_c.js has"],
        ["3_twice.sql", "more than one"],
        ["create_users.sql", "has no id"]
      ])
    }))

  it.scopedLive("are refused before the first of them runs: a module without a migration, one that throws", () =>
    Effect.gen(function*() {
      const path = yield* files({
        "1_a.sql": "create table a (k integer)",
        "2_empty.mjs": "export const nothing = 1",
        "3_ok.sql": "select 1"
      })
      yield* refused(Migrations.fromDirectory(path), [["2_empty.mjs", "exports no migration"]])
      const throwing = yield* files({
        "1_a.sql": "create table a (k integer)",
        "2_bad.mjs": "throw new Error(\"broken\")"
      })
      yield* refused(Migrations.fromDirectory(throwing), [["2_bad.mjs", "broken"]])
    }))

  it.scopedLive("are a folder that is not there, and a ledger whose name would be cut", () =>
    Effect.gen(function*() {
      const path = yield* folder
      yield* refused(Migrations.fromDirectory(join(path, "nowhere")), [[join(path, "nowhere"), "cannot be read"]])
      yield* refused(Migrations.fromRecord({ "1_a": "select 1" }, { table: "x".repeat(64) }), [["*", "63 bytes"]])
      yield* refused(Migrations.fromRecord({ users: "select 1" }), [["users", "has no id"]])
    }))
})

describe("a glob", () => {
  const [, open] = places[1]!

  it.scopedLive("brings modules and texts, eager or not", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const path = yield* files({ "2_code.ts": code("create table code_one (k integer)") })
      const set = Migrations.fromGlob({
        "./migrations/1_text.sql": () => Promise.resolve("create table text_one (k integer)"),
        "./migrations/2_code.ts": () => import(/* @vite-ignore */ join(path, "2_code.ts")),
        "./migrations/3_eager.sql": { default: "create table eager_one (k integer)" }
      })
      yield* on(engine)(Migrations.run(set))
      expect(yield* place.tables).toEqual(["code_one", "eager_one", "text_one"])
      const edited = Migrations.fromGlob({
        "./1_text.sql": "create table other (k integer)",
        "./2_code.ts": () => Promise.resolve({ default: "select 1" }),
        "./3_eager.sql": { default: "create table eager_one (k integer)" }
      })
      expect(yield* Effect.flip(on(engine)(Migrations.run(edited)))).toMatchObject({ _tag: "MigrationDrift", id: "1" })
    }))

  it.scopedLive("of Vite is taken as it is", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const texts = import.meta.glob("./files/*.sql", { query: "?raw", import: "default" })
      const modules = import.meta.glob("./files/*.ts")
      const set = Migrations.fromGlob({ ...texts, ...modules })
      expect((yield* on(engine)(Migrations.run(set))).map(({ migration }) => migration)).toEqual([
        "0001_from_vite",
        "0002_code"
      ])
      expect(yield* place.admin("select k from from_vite")).toEqual([{ k: 2 }])
    }))
})

describe("a folder of modules", () => {
  const [, open] = places[1]!

  it.scopedLive("is checked for edited ones when that is asked for", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const before = yield* files({ "1_code.ts": code("create table one (k integer)") })
      const after = yield* files({ "1_code.ts": code("create table two (k integer)") })
      yield* on(engine)(Migrations.run(Migrations.fromDirectory(before)))
      yield* on(engine)(Migrations.verify(Migrations.fromDirectory(after)))
      yield* on(engine)(Migrations.run(Migrations.fromDirectory(before, { checkCode: true })))
      const checked = Migrations.fromDirectory(after, { checkCode: true })
      expect(yield* Effect.flip(on(engine)(Migrations.verify(checked)))).toMatchObject({ _tag: "MigrationDrift" })
    }))
})
