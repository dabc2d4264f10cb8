/**
 * The command line itself: what is refused with which words, what help shows, and that no password is repeated.
 */
import { Effect } from "effect"
import { Cli } from "effect-sql-engine-cli"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { folder } from "../support/places.js"
import { json } from "../support/workspace.js"
import { db, tested, write } from "./command.js"

const commands = [
  "doctor",
  "wait",
  "create",
  "drop",
  "migrate status",
  "migrate up",
  "migrate down",
  "migrate new",
  "migrate check",
  "migrate baseline",
  "migrate mark",
  "migrate unlock",
  "seed",
  "reset",
  "diagram",
  "sql"
]

describe("db", () => {
  it(
    "tells every command, its version, and the options of each command",
    tested(Effect.gen(function*() {
      const help = yield* db(["--help"])
      expect(help).toMatchObject({ code: 0, stderr: "" })
      expect([...help.stdout.matchAll(/^ {2}db (.*?) {2}/gm)].map(([, name]) => name?.trim())).toEqual(commands)
      expect(yield* db(["--version"])).toMatchObject({ code: 0, stdout: `${Cli.version}\n` })
      expect(Cli.version).toBe(json<{ version: string }>("packages/cli/package.json").version)
      for (const command of commands) {
        const { code, stderr, stdout } = yield* db([...command.split(" "), "--help"])
        expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
        expect(stdout).toContain(`\n$ db ${command} [`)
        expect(stdout).toContain("\n--json\n  Print one JSON object, failures too.")
      }
    }))
  )

  it(
    "exits with 2 and says why when it is told what it does not understand",
    tested(Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [line: string, words: string]> = [
        ["", "There is no command.\n\nUsage: db COMMAND"],
        ["migrate", "There is no command `db migrate`.\n\nUsage: db migrate COMMAND"],
        ["migrate upp", "There is no command `db migrate upp`."],
        ["stauts", "There is no command `db stauts`."],
        ["migrate up --frob", "Received unknown argument: '--frob'"],
        ["migrate up --wait soon", "--wait takes a duration: 500ms, 30s, 2m or 1h"],
        ["migrate up --wait 5q", "--wait takes a duration"],
        ["migrate down --steps 0", "--steps takes a number from 1 on"],
        ["migrate baseline", "Missing argument <id>"],
        ["migrate mark 1 done", "applied"],
        ["drop a b", "Received unknown argument: 'a'"],
        ["migrate status", "No database is named: say --url, or set DATABASE_URL"],
        ["migrate status --url mysql://h/db", "mysql"],
        ["migrate status --url postgres://h:port/db", "port"],
        ["doctor --env-file no-such-file", "The file of variables no-such-file cannot be read: there is none."]
      ]
      for (const [line, words] of wrong) {
        const args = line === "" ? [] : line.split(" ")
        const { code, stderr, stdout } = yield* db(args)
        expect({ line, code, said: (stdout + stderr).includes(words) ? words : stdout + stderr })
          .toEqual({ line, code: 2, said: words })
        const told = yield* db([...args, "--json"])
        if (line.startsWith("doctor")) continue
        expect(told).toMatchObject({ code: 2, json: { ok: false, exitCode: 2 } })
        expect(told.json.error.message).toContain(words)
      }
    }))
  )

  it(
    "takes options before, between and behind the words of a command, with and without an equals sign",
    tested(Effect.gen(function*() {
      const dir = yield* folder
      const url = `sqlite:///${join(dir, "a.db")}`
      yield* write(dir, { "1_city.sql": "create table city (id integer)" })
      const lines = [
        ["--url", url, "migrate", "up", "--dir", dir],
        ["migrate", `--dir=${dir}`, "up", `--url=${url}`],
        ["migrate", "up", "--url", url, "--json", "--dir", dir],
        ["--json", `--url=${url}`, "migrate", "check", "--dir", dir]
      ]
      for (const line of lines) expect(yield* db(line)).toMatchObject({ code: 0 })
      expect(
        (yield* db(["sql", "--json", "--url", url, "--", "-- all of them\nselect count(*) as n from city"])).json
          .results
      )
        .toEqual([{ columns: ["n"], rows: [{ n: 0 }], count: 1 }])
    }))
  )

  it(
    "reads variables of the environment before those of a file, and says which it was",
    tested(Effect.gen(function*() {
      const dir = yield* folder
      const file = join(dir, "some.env")
      const address = (name: string) => `sqlite:///${join(dir, name)}`
      yield* write(dir, {
        "some.env": `# for work\nDATABASE_URL="${address("file.db")}"\n`,
        "secret": `${address("mounted.db")}\n`
      })
      const config = (env: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>) =>
        Effect.map(db(["doctor", "--json", ...args], { env }), (came) => came.json.checks[0])
      expect(yield* config({}, "--env-file", file))
        .toMatchObject({ detail: `${address("file.db")} (DATABASE_URL in ${file})` })
      expect(yield* config({ DATABASE_URL: address("env.db") }, "--env-file", file))
        .toMatchObject({ detail: `${address("env.db")} (DATABASE_URL in the environment)` })
      expect(yield* config({ DIRECT_URL: address("direct.db"), DATABASE_URL: address("pooled.db") }))
        .toMatchObject({ detail: `${address("direct.db")} (DIRECT_URL in the environment)` })
      expect(yield* config({ DATABASE_URL_FILE: join(dir, "secret") }))
        .toMatchObject({ detail: `${address("mounted.db")} (DATABASE_URL in the environment)` })
      expect(yield* config({ PGHOST: "h", PGUSER: "u", PGDATABASE: "d", PGPASSWORD: "s3cret" }))
        .toMatchObject({ detail: "postgresql://u:***@h:5432/d (PGHOST, … in the environment)" })
      expect(yield* config({ DATABASE_URL: address("env.db") }, "--url", address("said.db")))
        .toMatchObject({ detail: `${address("said.db")} (--url)` })
    }))
  )

  it(
    "tells how to install the driver of an address, and what to do about parameters that nobody knows",
    tested(Effect.gen(function*() {
      const url = "postgres://h/db?sslmod=require"
      const missing = yield* db(["create", "--url", url, "--json"], { drivers: [] })
      expect(missing).toMatchObject({ code: 1, json: { error: { tag: "DriverMissing" } } })
      expect(missing.stderr).toBe(
        "There is no driver for postgresql://h:5432/db. Run `npm install effect-sql-engine-pg`.\n"
      )
      const doctor = yield* db(["doctor", "--url", url, "--json"], { drivers: [] })
      expect(doctor.json.checks.slice(0, 3)).toMatchObject([
        { check: "config", status: "pass" },
        { check: "address", status: "warn", detail: expect.stringContaining("did you mean sslmode?") },
        { check: "driver", status: "fail", advice: "npm install effect-sql-engine-pg" }
      ])
      expect(doctor.json.checks.slice(3).map((_: { status: string }) => _.status)).not.toContain("pass")
    }))
  )

  it(
    "never repeats a password, wherever on the command line it stands",
    tested(Effect.gen(function*() {
      const address = "postgres://app:hunter2@127.0.0.1:1/shop"
      const lines: ReadonlyArray<ReadonlyArray<string>> = [
        [address],
        ["migrate", address],
        ["migrate", "up", address],
        ["migrate", "up", "--frob", address],
        ["migrate", "up", `--frob=${address}`],
        ["migrate", "up", "--url", address, "--url", address],
        ["migrate", "baseline", address, "--url", address],
        ["migrate", "up", "--to", address, "--url", address],
        ["migrate", "up", "--url", "postgres://app:hunter2@h:port/shop"],
        ["migrate", "up", "--url", "postgres://app:hunter2/x@h/shop"],
        ["migrate", "up", "--url", "host=127.0.0.1 port=1 user=app password=hunter2 dbname=shop"],
        ["migrate", "up", "--url", "host=h prot=1 password=hunter2 bogus"],
        ["drop", "--url", address],
        ["doctor", "--url", address],
        ["seed", address, "--url", address]
      ]
      for (const line of lines) {
        for (const args of [line, [...line, "--json"]]) {
          const { code, stderr, stdout } = yield* db(args)
          expect({ args, code: code > 0, leaks: `${stdout}${stderr}`.includes("hunter2") })
            .toEqual({ args, code: true, leaks: false })
        }
      }
      const inFile = yield* folder
      yield* write(inFile, { ".env": `DATABASE_URL=${address}\n` })
      const came = yield* db(["wait", "--wait", "0", "--env-file", join(inFile, ".env")])
      expect(came).toMatchObject({ code: 5, stderr: expect.stringContaining("postgresql://app:***@127.0.0.1:1/shop") })
      expect(came.stderr).not.toContain("hunter2")
    }))
  )
})
