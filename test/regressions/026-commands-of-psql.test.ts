/**
 * The file that pg_dump had written failed as a migration with `syntax error at or near "\"`; with a COPY in it, its rows were
 * read as statements, and the failure named one of them.
 */
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Engine, Migrations } from "effect-sql-engine"
import { refine } from "effect-sql-engine/SqlFailure"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { db } from "../cli/command.js"
import { folder, places } from "../support/places.js"

const [[, onPostgres], [, onSqlite]] = places as [typeof places[number], typeof places[number]]

const on = (engine: Engine.EngineService) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(Effect.provideService(Engine.Engine, engine), Effect.provide(NodeContext.layer))

/** The head of a file that pg_dump 18 writes. */
const head = [
  "--",
  "-- PostgreSQL database dump",
  "--",
  "",
  "-- Dumped from database version 18.1",
  "",
  "SET statement_timeout = 0;",
  "SELECT pg_catalog.set_config('search_path', '', false);",
  "CREATE TABLE public.city (id integer NOT NULL, name text);"
].join("\n")

/** Rows as pg_dump writes them: what a lexer of SQL would make of them is anything. */
const copy = [
  "COPY public.city (id, name) FROM stdin;",
  "1\tL'Aquila; drop table city",
  "2\t/* \\N $$ \"",
  "\\.",
  "",
  "ALTER TABLE ONLY public.city ADD CONSTRAINT city_pkey PRIMARY KEY (id);"
].join("\n")

describe("a migration with what psql does itself", () => {
  it.scopedLive.each<readonly [string, string, number, string]>([
    [
      "\\restrict of a newer pg_dump",
      `\\restrict zUzMlZf0SnB\n\n${head}\n\\unrestrict zUzMlZf0SnB\n`,
      1,
      "\\restrict is a command of psql, not SQL; leave it out, with the \\unrestrict at the end"
    ],
    ["\\connect", `${head}\n\\connect "dbname=shop password=hunter2"\n`, 10, "\\connect is a command of psql"],
    ["\\copy", `${head}\n\\copy city from 'cities.csv' csv\n`, 10, "\\copy is a command of psql"],
    ["\\gexec behind a statement", `${head}\nselect 'drop table x'\n\\gexec\n`, 11, "\\gexec is a command of psql"],
    ["\\i", `${head}\n  \\i other.sql\n`, 10, "put the statements of that file here"],
    ["\\.", `${head}\n\\.\n`, 10, "\\. is a command of psql"],
    ["rows of a COPY", `${head}\n\n${copy}\n`, 11, "COPY … FROM stdin takes its rows from psql; write them as INSERT"],
    ["a COPY to psql", `${head}\ncopy public.city to stdout;\n`, 10, "COPY … TO stdout gives its rows to psql"]
  ])("is refused before anything runs: %s", ([, text, line, problem]) =>
    Effect.gen(function*() {
      const place = yield* onPostgres
      const engine = yield* place.engine()
      const dir = yield* folder
      writeFileSync(join(dir, "1_before.sql"), "create table before (k integer)")
      writeFileSync(join(dir, "2_dump.sql"), text)
      const failure = yield* Effect.flip(on(engine)(Migrations.run(Migrations.fromDirectory(dir))))
      expect(failure).toMatchObject({
        _tag: "MigrationSourceError",
        sent: "no",
        problems: [{
          migration: "2_dump",
          file: join(dir, "2_dump.sql"),
          line,
          problem: expect.stringContaining(problem)
        }]
      })
      expect(failure.message).toContain(`2_dump (${join(dir, "2_dump.sql")}:${line}) cannot run: `)
      expect(failure.message).not.toContain("hunter2")
      expect(yield* place.tables).toEqual([])
      const up = yield* db(["migrate", "up", "--url", place.url, "--dir", dir])
      expect(up.stderr).toContain(problem)
    }))

  it.scopedLive("runs where a backslash stands in a string, a name, a comment or a function", () =>
    Effect.gen(function*() {
      const place = yield* onPostgres
      const engine = yield* place.engine()
      const set = Migrations.fromRecord({
        "1_fine": "-- \\restrict\ncreate table \"a\\b\" (k text default '\\connect'); /* \\. */\n" +
          "create function f() returns text language sql as $$ select E'\\\\copy' $$;\n" +
          "copy \"a\\b\" to '/dev/null'"
      })
      yield* on(engine)(Migrations.run(set))
      expect(yield* place.tables).toEqual(["a\\b"])
    }))
})

describe("psql's commands elsewhere", () => {
  it.scopedLive("are refused by `db sql` before anything runs, with the line", () =>
    Effect.gen(function*() {
      const place = yield* onPostgres
      for (const [text, line] of [[`${head}\n\\unrestrict x`, 10], [`${head}\n${copy}`, 10]] as const) {
        const ran = yield* db(["sql", "--url", place.url], { stdin: text })
        expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining(`line ${line} cannot be: `) })
      }
      expect(yield* place.tables).toEqual([])
    }))

  it.scopedLive("are named by the failure of a statement", () =>
    Effect.gen(function*() {
      const { sql } = yield* (yield* onPostgres).engine()
      const failure = yield* Effect.flip(refine(sql.unsafe("select 1; \\connect shop")))
      expect(failure).toMatchObject({ _tag: "SqlSyntaxError", position: 10 })
      expect(failure.message).toContain("\\connect is a command of psql, not SQL")
    }))
})

describe("a migration with a command of sqlite3", () => {
  it.scopedLive("is refused before anything runs", () =>
    Effect.gen(function*() {
      const place = yield* onSqlite
      const engine = yield* place.engine()
      const set = Migrations.fromRecord({ "1_t": "create table t (k integer);\n.mode csv\n.import rows.csv t\n" })
      const failure = yield* Effect.flip(on(engine)(Migrations.run(set)))
      expect(failure).toMatchObject({
        _tag: "MigrationSourceError",
        problems: [{
          migration: "1_t",
          line: 2,
          problem: expect.stringContaining(".mode is a command of the shell sqlite3")
        }]
      })
      expect(yield* place.tables).toEqual([])
    }))
})
