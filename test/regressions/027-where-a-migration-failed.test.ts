/**
 * A migration of 400 lines failed with `relation "nowhere" does not exist` and nothing else: which of its statements, in
 * which line of which file, had to be found by hand.
 */
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Engine, Migrations } from "effect-sql-engine"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { db } from "../cli/command.js"
import { folder, places } from "../support/places.js"

const on = (engine: Engine.EngineService) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(Effect.provideService(Engine.Engine, engine), Effect.provide(NodeContext.layer))

describe.each(places)("a migration that fails on %s", (_, open) => {
  const failing = (text: string) =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const dir = yield* folder
      writeFileSync(join(dir, "1_bad.sql"), text)
      const failure = yield* Effect.flip(on(engine)(Migrations.run(Migrations.fromDirectory(dir))))
      return { dir, failure, place }
    })

  it.scopedLive("shows file, line, statement, and a caret below the mistake", () =>
    Effect.gen(function*() {
      const { dir, failure } = yield* failing(
        "\uFEFF-- users\r\ncreate table users (id integer);\r\n\r\n/* two\r\nlines */ insert into users (id)\r\n" +
          "  select id from nowhere where name = 'hunter2';\r\n"
      )
      expect(failure).toMatchObject({
        _tag: "MigrationFailed",
        migration: "1_bad",
        file: join(dir, "1_bad.sql"),
        line: 6,
        column: 18,
        statement: { number: 2, of: 2 },
        failure: { _tag: "SqlSyntaxError", position: 40 }
      })
      expect(failure.message).toContain(` failed in statement 2 of 2 (${join(dir, "1_bad.sql")}:6:18): `)
      expect(failure.message.split("\n").slice(1)).toEqual([
        "6 |   select id from nowhere where name = '*******';",
        "  |                  ^"
      ])
    }))

  it.scopedLive("counts characters as the file has them, whatever the server counts", () =>
    Effect.gen(function*() {
      const { failure } = yield* failing("select 1;\nselect '😀é' as \"🙂\",\tnowhere from (select 1 as k) as t")
      expect(failure).toMatchObject({ line: 2, column: 23 })
      expect(failure.message.split("\n").slice(1)).toEqual([
        "2 | select '***' as \"🙂\",\tnowhere from (select 1 as k) as t",
        "  |                      \t^"
      ])
    }))

  it.scopedLive("shows the part of a long line that matters", () =>
    Effect.gen(function*() {
      const { failure } = yield* failing(`select ${"1, ".repeat(500)}nowhere, ${"2, ".repeat(500)}3`)
      const [, line, caret] = failure.message.split("\n")
      expect(line!.length).toBeLessThan(120)
      expect(line!.slice(caret!.indexOf("^")).startsWith("nowhere,")).toBe(true)
    }))

  it.scopedLive("names the line where its statement begins, where the database tells no place", () =>
    Effect.gen(function*() {
      const { failure } = yield* failing(
        "create table t (k integer not null);\n\n  insert into t (k)\n  values (null)"
      )
      expect(failure).toMatchObject({ line: 3, column: 3, failure: { _tag: "NotNullViolation" } })
      expect(failure.message).not.toContain("\n")
    }))

  it.scopedLive("on its way down counts over the whole file", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const set = Migrations.fromRecord({
        "1_t": "create table t (k integer);\n-- down\n\ndrop table t;\ndrop tabel u"
      })
      yield* on(engine)(Migrations.run(set))
      const failure = yield* Effect.flip(on(engine)(Migrations.down(set)))
      expect(failure).toMatchObject({ _tag: "MigrationFailed", line: 5, column: 6, statement: { number: 2, of: 2 } })
      expect(failure.message.split("\n").slice(1)).toEqual(["5 | drop tabel u", "  |      ^"])
    }))

  it.scopedLive("says the same in the command `db`", () =>
    Effect.gen(function*() {
      const { dir, place } = yield* failing("create table a (k integer);\ncreate tabel b (k integer);")
      const file = join(dir, "1_bad.sql")
      const up = yield* db(["migrate", "up", "--url", place.url, "--dir", dir])
      expect(up.code).toBe(1)
      expect(up.stderr).toContain(`${file}:2:8`)
      expect(up.stderr).toContain("\n2 | create tabel b (k integer);\n  |        ^\n")
      const json = yield* db(["migrate", "up", "--url", place.url, "--dir", dir, "--json"])
      expect(json.json.error).toMatchObject({ tag: "MigrationFailed", file, line: 2, column: 8 })
    }))
})

describe.each(places)("`db sql` on %s", (_, open) => {
  it.scopedLive("shows line, statement, and a caret below the mistake", () =>
    Effect.gen(function*() {
      const place = yield* open
      yield* place.admin("create table there (k integer)")
      const stdin = "create table a (k integer);\n\nselect k,\n  nowhere from a where 'hunter2' <> '';\n"
      const ran = yield* db(["sql", "--url", place.url], { stdin })
      expect(ran.code).toBe(1)
      expect(ran.stderr).toContain("Statement 2 of 2 failed in line 4, column 3: ")
      expect(ran.stderr).toContain("\n4 |   nowhere from a where '*******' <> '';\n  |   ^\n")
      const json = yield* db(["sql", "--url", place.url, "--json"], { stdin })
      expect(json.json.error).toMatchObject({
        tag: "SqlSyntaxError",
        statement: "select k,\n  nowhere from a where 'hunter2' <> ''",
        line: 4,
        column: 3
      })
      expect(yield* place.tables).toEqual(["there"])
    }))
})
