/**
 * The demo as a newcomer meets it: a process that prints a report and ends. What its report says is counted here anew,
 * from the files and from the database it leaves.
 */
import { SqlClient } from "@effect/sql"
import { Effect, Either } from "effect"
import { Tables } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { parse, usage } from "../examples/src/demo/Options.js"
import { install, run } from "./support/installed.js"
import type { Ended, Installed } from "./support/installed.js"
import { read } from "./support/workspace.js"

let installed: Installed
let file: string
let first: Ended

beforeAll(async () => {
  installed = install("examples/src")
  file = join(installed.folder, "flights.db")
  first = await demo("--file", file)
})

afterAll(() => installed?.remove())

const demo = (...args: ReadonlyArray<string>): Promise<Ended> => run(join(installed.folder, "demo.js"), args)

const data = (name: string): string =>
  readFileSync(join(dirname(createRequire(import.meta.url).resolve("vega-datasets")), "../data", name), "utf8")

/** What the rules of the demo's tables leave of the files. */
const expected = () => {
  const airports = data("airports.csv").trim().split("\n").slice(1)
  const codes = (lines: ReadonlyArray<string>) => lines.map((line) => line.slice(0, line.indexOf(",")))
  const longCode = codes(airports).filter((code) => code.length !== 3)
  const noCity = codes(airports.filter((line) => line.includes(",NA,")))
  const missing = new Set([...longCode, ...noCity])
  const flights: ReadonlyArray<Record<"date" | "origin" | "destination", string>> = JSON.parse(data("flights-20k.json"))
  const stray = flights.filter(({ destination, origin }) => missing.has(origin) || missing.has(destination))
  const known = flights.filter((flight) => !stray.includes(flight))
  const distinct = new Set(known.map(({ date, destination, origin }) => `${date} ${origin} ${destination}`))
  return {
    airports: airports.length - missing.size,
    flights: distinct.size,
    refused: {
      CheckViolation: longCode.length,
      NotNullViolation: noCity.length,
      ForeignKeyViolation: stray.length,
      UniqueViolation: known.length - distinct.size
    }
  }
}

const inDatabase = () =>
  Effect.flatMap(SqlClient.SqlClient, (sql) =>
    sql<{ airports: number; flights: number }>`
      select (select count(*) from airport) as airports, (select count(*) from flight) as flights`).pipe(
      Effect.provide(SqliteEngine.layer({ filename: file, mode: "ro" })),
      Effect.runPromise
    )

/** The refused rows in a report, by tag. */
const refusedIn = (report: string): Record<string, number> =>
  Object.fromEntries(
    [...report.matchAll(/^ {2}(\w+) +([\d,]+) {3}(?:airport|flight|departure) /gm)].map((
      [, tag = "", n = ""]
    ) => [tag, Number(n.replaceAll(",", ""))])
  )

/** A report without what may differ from run to run: the time it took, and how often a connection went to whom. */
const lasting = (report: string) => report.replace(/, [\d.]+ s$/m, "").replaceAll(/^ {2}(writer|readers) .*$/gm, "")

const grouped = (n: number) => n.toLocaleString("en-US")

describe("the demo", () => {
  it("loads what the rules of its tables allow, names the rest by typed failure, and says the same each time", async () => {
    const { airports, flights, refused } = expected()
    expect(first).toMatchObject({ code: 0, stderr: "" })
    expect(await inDatabase()).toEqual([{ airports, flights }])
    expect(refusedIn(first.stdout)).toEqual(refused)
    const kept = grouped(airports + flights)
    const lost = Object.values(refused).reduce((a, b) => a + b)
    expect(first.stdout).toContain(`\n${kept} rows kept, ${lost} refused, `)

    const second = await demo("--file", file)
    expect(second).toMatchObject({ code: 0, stderr: "" })
    expect(lasting(second.stdout)).toBe(lasting(first.stdout))
    expect(await inDatabase()).toEqual([{ airports, flights }])
  })

  it("starts several engines on nothing at once, and each step is done by one of them", () => {
    const section = /^From nothing to ready: 4 engines start at once\n([^]*?)\n\n/m.exec(first.stdout)?.[1] ?? ""
    expect(section.split("\n").map((line) => line.trim().split(/ {2,}/))).toEqual([
      ["tables", "airport, departure, flight, punctuality", "created by 1 of 4"],
      ["migrations", "1_flight_route, 2_route", "applied by 1 of 4"],
      ["seed", "4 rows of punctuality", "written by 1 of 4"]
    ])
    const lateness = /^How late they were\n([^]*?)\n\n/m.exec(first.stdout)?.[1] ?? ""
    const counted = [...lateness.matchAll(/ ([\d,]+) +flights$/gm)].map(([, n = ""]) => Number(n.replaceAll(",", "")))
    expect(counted).toHaveLength(4)
    expect(counted.reduce((sum, n) => sum + n, 0)).toBe(expected().flights)
  })

  it("leaves tables, an index and a view that are as it says, and nothing twice", async () => {
    const found = await Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const all = (yield* Tables.introspect()).map(({ name }) => name)
      return {
        tables: all.filter((name) => !name.includes("ledger") && !name.includes("mutex")),
        made: yield* sql`select name from sqlite_schema where name in ('flight_route', 'route') order by name`,
        migrations: yield* sql`select id from migration_ledger_demo where state = 'applied' order by id`,
        seeds: yield* sql`select name from demo_seed_ledger`,
        rows: yield* sql`select name from punctuality`
      }
    }).pipe(Effect.provide(SqliteEngine.layer({ filename: file, mode: "ro" })), Effect.runPromise)
    expect(found.tables.sort()).toEqual(["airport", "departure", "flight", "punctuality"])
    expect(found.made).toEqual([{ name: "flight_route" }, { name: "route" }])
    expect(found.migrations).toEqual([{ id: "1" }, { id: "2" }])
    expect([found.seeds.length, found.rows.length]).toEqual([1, 4])
  })

  it("shows that a batch which fails half way leaves the count as it was", () => {
    const { stdout } = first
    const { flights } = expected()
    const counts = [...stdout.matchAll(/^ {2}(before|in its session|from another session|after) +([\d,]+)/gm)]
    expect(counts.map(([, where, n]) => [where, n])).toEqual([
      ["before", grouped(flights)],
      ["in its session", grouped(flights + 500)],
      ["from another session", grouped(flights)],
      ["after", grouped(flights)]
    ])
    expect(stdout).toMatch(/\n {2}ForeignKeyViolation {2}.*SQLITE_CONSTRAINT_FOREIGNKEY/)
  })

  it("prints what the README shows of it", () => {
    const shown = [...read("README.md").matchAll(/```text\n([^]*?)```/g)].map(([, text = ""]) => text)
    expect(shown.length).toBeGreaterThan(0)
    expect(shown.filter((text) => !first.stdout.includes(text))).toEqual([])
  })

  it("reports that nothing is left open or lent", () => {
    expect(first.stdout).toMatch(/ rolled back, 0 open now\n(.*, 0 in use now\n){2}/)
  })

  it("prints plain lines where there is no terminal", () => {
    expect(["\r", "\u001b"].filter((sign) => first.stdout.includes(sign))).toEqual([])
    expect(first.stdout).toContain("\n  flight      100 %  20,000 of 20,000\n")
  })

  it("loads 200,000 departures more with --full", async () => {
    const { airports, flights } = expected()
    const { code, stderr, stdout } = await demo("--full", "--file", file)
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    expect(stdout).toContain(`\n${grouped(airports + flights + 200_000)} rows kept, `)
  })

  it("keeps and refuses the same rows on PostgreSQL, on a server that it starts and stops", async () => {
    const { airports, flights, refused } = expected()
    const { code, stderr, stdout } = await demo("--postgres")
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    expect(refusedIn(stdout)).toEqual(refused)
    expect(stdout).toContain(`\n${grouped(airports + flights)} rows kept, `)
    expect(stdout.match(/ by 1 of 4$/gm)).toHaveLength(3)
    expect(stdout).toMatch(/ rolled back, 0 open now\n.*, 0 in use now\n/)
  })

  it("refuses an argument it does not know, with its usage and exit code 2", async () => {
    const { code, stderr, stdout } = await demo("--fool")
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
    expect(stderr).toBe(`Unknown argument: --fool\n\n${usage}\n`)
  })

  it("takes a path in both spellings, and no value where there is none", () => {
    const defaults = { help: false, full: false, postgres: false, file: undefined }
    expect(parse([])).toEqual(Either.right(defaults))
    expect(parse(["--file", "a.db", "--full"])).toEqual(Either.right({ ...defaults, full: true, file: "a.db" }))
    expect(parse(["--file=a=b.db"])).toEqual(Either.right({ ...defaults, file: "a=b.db" }))
    for (
      const wrong of [
        ["flights.db"],
        ["--file"],
        ["--file="],
        ["--file", "--full"],
        ["--full=yes"],
        ["--postgres", "--file=a.db"],
        ["-h"]
      ]
    ) {
      expect(parse(wrong)).toMatchObject({ _tag: "Left", left: { _tag: "UsageError" } })
    }
  })

  it("says in one line why a file cannot be used, with exit code 1", async () => {
    const missing = join(installed.folder, "no", "such", "flights.db")
    const { code, stderr } = await demo("--file", missing)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^The SQLite database of engine "main" cannot be opened: .*does not exist.*\n$/)
  })
})
