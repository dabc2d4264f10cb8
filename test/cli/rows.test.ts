/**
 * `db seed`, `db sql`, `db diagram`: rows in, rows out, and a picture, on PostgreSQL and on SQLite.
 */
import { Effect } from "effect"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { folder, places } from "../support/places.js"
import { root } from "../support/workspace.js"
import { db, tested, write } from "./command.js"

const tables = `create table country (code text primary key, about json);
create table city (id integer primary key, name text not null, country text not null references country (code));
`

describe.each(places)("db on %s", (_, open) => {
  const world = Effect.gen(function*() {
    const place = yield* open
    const dir = yield* folder
    const args = ["--url", place.url]
    yield* db(["sql", ...args], { stdin: tables.replace("json", place.kind === "sqlite" ? "text" : "jsonb") })
    if (place.kind === "sqlite") {
      yield* place.admin("create table country (code text primary key, about text)", tables.split(";")[1]!)
    }
    const run = (line: ReadonlyArray<string>, stdin?: string) =>
      db([...line, ...args], stdin === undefined ? {} : { stdin })
    return { dir, place, run, file: (name: string) => join(dir, name) }
  })

  it(
    "writes the rows of a file into the tables that are there, once, and all of them or none",
    tested(Effect.gen(function*() {
      const { dir, file, place, run } = yield* world
      yield* write(dir, {
        "seed.yaml": `
city:
  - {id: 1, name: Rome, country: it}
country:
  - {code: it, about: [{language: italian}]}
`,
        "town.yaml": "town:\n  - {id: 1}\n",
        "column.json": "{ \"city\": [\n  { \"id\": 1, \"mayor\": 7 } ] }",
        "orphan.json": "{ \"city\": [{ \"id\": 5, \"name\": \"Bonn\", \"country\": \"de\" }] }"
      })
      const town = yield* run(["seed", file("town.yaml"), "--json"])
      expect(town).toMatchObject({ code: 1, json: { error: { tag: "SeedUnknown", unknown: ["town"] } } })
      const column = yield* run(["seed", file("column.json"), "--json"])
      expect(column).toMatchObject({
        code: 1,
        json: { error: { tag: "SeedInvalid", problems: [{ resource: "city", row: 1, path: "mayor", line: 2 }] } }
      })
      expect(yield* run(["seed", file("orphan.json"), "--json"]))
        .toMatchObject({ code: 1, json: { error: { tag: expect.stringMatching(/^Seed(Orphans|Failed)$/) } } })
      const migrations = file("migrations")
      expect((yield* run(["seed", "--dir", migrations, "--dry-run", "--json"])).json)
        .toMatchObject({ ok: true, outcome: "WouldSeed", rows: { city: 1, country: 1 } })
      expect(yield* place.admin("select * from city")).toEqual([])
      expect(yield* run(["seed", "--dir", migrations]))
        .toMatchObject({ code: 0, stdout: "Seeded:\n  city  1 row\n  country  1 row\n" })
      expect((yield* run(["seed", "--dir", migrations, "--json"])).json).toMatchObject({ outcome: "AlreadySeeded" })
      expect((yield* run(["seed", "--dir", migrations, "--dry-run", "--json"])).json.outcome).toBe("AlreadySeeded")
      const [row] = yield* place.admin("select about from country")
      const about: unknown = row?.["about"]
      expect(typeof about === "string" ? JSON.parse(about) : about).toEqual([{ language: "italian" }])
      expect(yield* run(["seed", "--dir", file("elsewhere/migrations")]))
        .toMatchObject({ code: 2, stderr: expect.stringContaining("There is no seed") })
    }))
  )

  it(
    "runs a seed that is code, and leaves a database alone that has rows already",
    tested(Effect.gen(function*() {
      const { dir, file, place, run } = yield* world
      yield* write(dir, {
        "rows.mjs": "export default { country: [{ code: \"it\" }] }\n",
        "code.mjs": `import { SqlClient } from "${join(root, "node_modules/@effect/sql/dist/esm/index.js")}"
import { Effect } from "${join(root, "node_modules/effect/dist/esm/index.js")}"
export default Effect.flatMap(SqlClient.SqlClient, (sql) => sql\`insert into country (code) values ('de')\`)
`
      })
      expect(yield* run(["seed", file("code.mjs"), "--dry-run"])).toMatchObject({ code: 2 })
      expect((yield* run(["seed", file("code.mjs"), "--json"])).json).toMatchObject({ ok: true, outcome: "Ran" })
      const again = yield* run(["seed", file("code.mjs"), "--json"])
      expect(again).toMatchObject({ code: 1, json: { error: { tag: "UniqueViolation" } } })
      expect((yield* run(["seed", file("rows.mjs"), "--json"])).json).toMatchObject({ ok: true, outcome: "NotBlank" })
      expect(yield* place.admin("select code from country")).toEqual([{ code: "de" }])
    }))
  )

  it(
    "prints what a statement answers, as a table and as JSON",
    tested(Effect.gen(function*() {
      const { place, run } = yield* world
      const text = "select 1 as id, 'Ro\nme' as name, null as gone, 2.5 as half"
      expect(yield* run(["sql", text])).toMatchObject({
        code: 0,
        stderr: "",
        stdout: "id | name   | gone | half\n---+--------+------+-----\n 1 | Ro\\nme | null |  2.5\n(1 row)\n"
      })
      const many = yield* run(
        ["sql", "--json"],
        "insert into country (code) values ('it'), ('de');\nselect code from country order by code desc;"
      )
      expect(many.json.results).toEqual([
        { columns: [], rows: [], count: place.kind === "sqlite" ? null : 2 },
        { columns: ["code"], rows: [{ code: "it" }, { code: "de" }], count: 2 }
      ])
      const half = "insert into country (code) values ('fr'); insert into country (code) values ('it')"
      expect(yield* run(["sql", half, "--json"])).toMatchObject({
        code: 1,
        json: { error: { tag: "UniqueViolation" } }
      })
      expect(yield* place.admin("select count(*) as n from country")).toMatchObject([
        { n: expect.toSatisfy((n) => Number(n) === 2) }
      ])
      expect(yield* run(["sql", half, "--no-transaction"])).toMatchObject({ code: 1 })
      expect(yield* place.admin("select code from country where code = 'fr'")).toHaveLength(1)

      const values = place.kind === "sqlite"
        ? "select 9007199254740993 as big, x'00ff' as bytes"
        : "select 9007199254740993 as big, '\\x00ff'::bytea as bytes, date '2024-02-29' as day, true as yes, " +
          "'{\"a\": [1]}'::jsonb as doc, array[1, 2] as list"
      const [answer] = (yield* run(["sql", values, "--json"])).json.results
      expect(answer.rows[0]).toMatchObject({ big: "9007199254740993", bytes: "\\x00ff" })
      if (place.kind === "postgres") {
        expect(answer.rows[0]).toMatchObject({ day: "2024-02-29", yes: true, doc: { a: [1] }, list: "{1,2}" })
      }
      expect(yield* run(["sql"])).toMatchObject({ code: 2, stderr: expect.stringContaining("There is no statement") })
      expect(yield* run(["sql"], " ; -- nothing\n")).toMatchObject({ code: 2 })
      expect(yield* run(["sql", "selct 1", "--json"])).toMatchObject({
        code: 1,
        json: { error: { tag: "SqlSyntaxError" } }
      })
    }))
  )

  it(
    "draws the tables of the live database, without those it keeps for itself",
    tested(Effect.gen(function*() {
      const { dir, run } = yield* world
      yield* write(dir, { "1_more.sql": "create table more (id integer primary key)" })
      yield* run(["migrate", "up", "--dir", dir])
      const { code, stdout } = yield* run(["diagram"])
      expect(code).toBe(0)
      expect(stdout).toMatch(/^erDiagram\n/)
      expect(stdout).toContain("  country ||--o{ city : \"country\"\n")
      expect(stdout).not.toContain("migration_ledger")
      const all = yield* run(["diagram", "--all", "--json"])
      expect(all.json.tables.map((_: { name: string }) => _.name)).toContain("migration_ledger")
    }))
  )
})
