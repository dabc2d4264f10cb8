/**
 * `db wait`, `create`, `drop`, `reset`, `doctor`: the database as a whole, on PostgreSQL and on SQLite.
 */
import { Effect, Fiber, type Scope } from "effect"
import { existsSync } from "node:fs"
import * as net from "node:net"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { folder, places } from "../support/places.js"
import * as postgres from "../support/postgres.js"
import { db, tested, write } from "./command.js"

interface Absent {
  readonly kind: "postgres" | "sqlite"
  readonly url: string
  readonly exists: Effect.Effect<boolean>
}

let made = 0

/** The address of a database that is not there, on the server of this run. */
const onPostgres: Effect.Effect<Absent, never, Scope.Scope> = Effect.acquireRelease(
  Effect.map(Effect.orDie(postgres.server), (server) => {
    const name = `cli ${process.pid} "${++made}"`
    const url = new URL(server.url)
    url.pathname = `/${encodeURIComponent(name)}`
    const found = postgres.admin(server.url, `select 1 from pg_database where datname = '${name}'`)
    return {
      kind: "postgres" as const,
      url: url.href,
      exists: Effect.map(found, (rows) => rows.length > 0),
      drop: postgres.admin(server.url, `drop database if exists "${name.replaceAll("\"", "\"\"")}" with (force)`)
    }
  }),
  ({ drop }) => drop
)

const onSqlite: Effect.Effect<Absent, never, Scope.Scope> = Effect.map(folder, (dir) => {
  const file = join(dir, "shop.db")
  return { kind: "sqlite" as const, url: `sqlite:///${file}`, exists: Effect.sync(() => existsSync(file)) }
})

describe.each([["PostgreSQL", onPostgres], ["SQLite", onSqlite]] as const)("db on %s", (_, absent) => {
  it(
    "creates a database that is missing, and drops it again, when that was said",
    tested(Effect.gen(function*() {
      const { exists, url } = yield* absent
      const run = (...args: ReadonlyArray<string>) => db([...args, "--url", url])
      const dir = yield* folder
      const migrate = (word: string) => ["migrate", word, "--dir", dir]
      for (const line of [migrate("status"), migrate("check"), migrate("down"), ["sql", "select 1"], ["diagram"]]) {
        expect(yield* run(...line)).toMatchObject({ code: 5, stderr: expect.stringContaining("`db create`") })
      }
      expect(yield* exists).toBe(false)
      expect((yield* run("create", "--dry-run", "--json")).json).toMatchObject({ ok: true, outcome: "WouldCreate" })
      expect(yield* run("drop", "--dry-run")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Not there: /) })
      expect(yield* exists).toBe(false)
      expect((yield* run("create", "--json")).json).toMatchObject({ ok: true, outcome: "Created" })
      expect(yield* run("create")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^There already: /) })
      expect(yield* run("wait", "--wait", "0")).toMatchObject({ code: 0 })

      expect((yield* run("drop", "--dry-run", "--json")).json).toMatchObject({ outcome: "WouldDrop" })
      expect(yield* run("drop")).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("say --yes") })
      expect(yield* run("drop", "--json")).toMatchObject({ code: 2, json: { error: { tag: "UsageError" } } })
      expect(yield* db(["drop", "--url", url], { keys: "n" })).toMatchObject({ code: 1 })
      expect(yield* db(["drop", "--url", url, "--json"], { keys: "y" })).toMatchObject({ code: 2 })
      expect(yield* exists).toBe(true)
      expect((yield* run("drop", "--yes", "--json")).json).toMatchObject({ ok: true, outcome: "Dropped" })
      expect(yield* exists).toBe(false)
      expect((yield* run("drop", "--yes", "--json")).json).toMatchObject({ outcome: "Missing" })
    }))
  )

  it(
    "makes a database anew: dropped, created, migrated, seeded",
    tested(Effect.gen(function*() {
      const { exists, url } = yield* absent
      const dir = yield* folder
      yield* write(dir, {
        "1_city.sql": "create table city (id integer primary key, name text not null)",
        "rows.yaml": "city:\n  - {id: 1, name: Rome}\n  - {id: 2, name: Oslo}\n"
      })
      const args = ["--url", url, "--dir", dir]
      const reset = (...more: ReadonlyArray<string>) =>
        db(["reset", ...args, "--seed", join(dir, "rows.yaml"), ...more])
      expect(yield* reset()).toMatchObject({ code: 2, stderr: expect.stringContaining("say --yes") })
      expect((yield* reset("--dry-run", "--json")).json.steps).toHaveLength(4)
      expect(yield* exists).toBe(false)
      for (let i = 0; i < 2; i++) {
        const came = yield* reset("--force", "--json")
        expect(came.json).toMatchObject({
          ok: true,
          applied: [{ migration: "1_city" }],
          seed: { outcome: "Seeded", rows: { city: 2 } }
        })
        yield* db(["sql", "delete from city where id = 1", "--url", url])
      }
      // What cannot be migrated is not dropped.
      yield* write(dir, { "one.sql": "select 1" })
      expect(yield* reset("--force")).toMatchObject({ code: 1, stderr: expect.stringContaining("has no id") })
      expect((yield* db(["sql", "select id from city", "--url", url, "--json"])).json.results[0].rows).toEqual([{
        id: 2
      }])
    }))
  )
})

describe.each(places)("db doctor on %s", (_, open) => {
  it(
    "passes every step of a database that is well, and tells what to do about each that is not",
    tested(Effect.gen(function*() {
      const place = yield* open
      const dir = yield* folder
      yield* write(dir, { "1_city.sql": "create table city (id integer)" })
      const args = ["doctor", "--url", place.url, "--dir", dir]
      const wanted = place.kind === "sqlite"
        ? ["config", "driver", "database", "version", "privileges", "schema"]
        : ["config", "driver", "dns", "connect", "auth", "database", "version", "privileges", "lock", "schema"]
      yield* place.admin("create table other (id integer)")

      const behind = yield* db([...args, "--json"])
      expect(behind).toMatchObject({ code: 3, json: { ok: false, exitCode: 3 } })
      expect(behind.json.checks.map((_: { check: string }) => _.check)).toEqual(wanted)
      expect(behind.json.checks.at(-1)).toMatchObject({ status: "fail", advice: "Run `db migrate up`." })

      yield* db(["migrate", "up", "--url", place.url, "--dir", dir])
      const well = yield* db(args)
      expect(well).toMatchObject({ code: 0, stderr: "" })
      expect(well.stdout).toMatch(/^ok {4}config {6}\S+ \(--url\)\n/)
      expect(well.stdout).not.toMatch(/^FAIL/m)
      expect(well.stdout).toMatch(/^ok {4}schema {6}all 1 migration of .* is applied\n$/m)

      yield* write(dir, { "1_city.sql": "create table city (id text)" })
      const edited = yield* db([...args, "--json"])
      expect(edited).toMatchObject({ code: 4 })
      expect(edited.json.checks.at(-1)).toMatchObject({ status: "fail", detail: "edited since: 1_city" })
    }))
  )
})

describe("db where nobody answers", () => {
  const nobody = "postgres://app:hunter2@127.0.0.1:1/shop"

  it(
    "exits with 5 whatever it was to do, and doctor tells at which step",
    tested(Effect.gen(function*() {
      const dir = yield* folder
      yield* write(dir, { "1_city.sql": "select 1" })
      for (const line of ["create", "drop --yes", "migrate up", "migrate check", "diagram", "wait --wait 300ms"]) {
        const came = yield* db(
          [...line.split(" "), "--dir", dir, "--url", nobody, "--json"].filter((arg, i, all) =>
            line.startsWith("migrate") || line.startsWith("wait") || (arg !== "--dir" && all[i - 1] !== "--dir")
          )
        )
        expect(came).toMatchObject({ code: 5, json: { error: { tag: "ConnectionError", code: "ECONNREFUSED" } } })
      }
      const doctor = yield* db(["doctor", "--url", nobody, "--json"])
      expect(doctor.code).toBe(5)
      const checks = Object.fromEntries(
        doctor.json.checks.map((_: { check: string; status: string }) => [_.check, _.status])
      )
      expect(checks).toMatchObject({ config: "pass", driver: "pass", dns: "skip", connect: "fail", auth: "skip" })
      const unknown = yield* db(["doctor", "--url", "postgres://u@no-such-host.invalid/shop"])
      expect(unknown).toMatchObject({ code: 5, stdout: expect.stringMatching(/^FAIL {2}dns .*no-such-host\.invalid/m) })
    }))
  )

  it(
    "waits until somebody answers",
    tested(Effect.gen(function*() {
      const { url } = yield* Effect.orDie(postgres.database)
      // A port where nobody listens, until there is a door to the server.
      const [, host = "", server = ""] = /@([^:/]+):(\d+)\//.exec(url) ?? /\/\/([^:/]+):(\d+)\//.exec(url) ?? []
      const door = net.createServer((socket) => {
        const behind = net.connect(Number(server), host)
        socket.pipe(behind).pipe(socket)
        socket.on("error", () => behind.destroy())
        behind.on("error", () => socket.destroy())
      })
      const listen = (port: number) =>
        Effect.async<number>((resume) => {
          door.listen(port, "127.0.0.1", () => resume(Effect.succeed((door.address() as net.AddressInfo).port)))
        })
      const port = yield* listen(0)
      yield* Effect.promise(() => new Promise((resolve) => door.close(resolve)))
      yield* Effect.addFinalizer(() => Effect.sync(() => door.close()))
      const late = new URL(url)
      late.hostname = "127.0.0.1"
      late.port = String(port)
      const waiting = yield* Effect.fork(db(["wait", "--wait", "20s", "--url", late.href]))
      const refused = yield* db(["wait", "--wait", "0", "--url", late.href])
      expect(refused.code).toBe(5)
      yield* listen(port)
      expect(yield* Fiber.join(waiting)).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^The database is ready/)
      })
    }))
  )

  it(
    "exits with 5 when the password is wrong, and says that it was not let in",
    tested(Effect.gen(function*() {
      const { url } = yield* Effect.orDie(postgres.database)
      const wrong = new URL(url)
      wrong.username = "nobody_of_this_name"
      wrong.password = "hunter2"
      const doctor = yield* db(["doctor", "--url", wrong.href, "--json"])
      expect(doctor.code).toBe(5)
      expect(doctor.json.checks.find((_: { status: string }) => _.status === "fail")).toMatchObject({ check: "auth" })
      expect(doctor.stdout).not.toContain("hunter2")
    }))
  )
})

describe("db wait --for migrations", () => {
  it(
    "waits until another process has migrated, and exits with 3 when it has not",
    tested(Effect.gen(function*() {
      const dir = yield* folder
      yield* write(dir, { "1_city.sql": "create table city (id integer)" })
      const args = ["--url", `sqlite:///${join(dir, "a.db")}`, "--dir", dir]
      yield* db(["create", "--url", args[1]!])
      const wait = ["wait", "--for", "migrations", ...args]
      expect(yield* db([...wait, "--wait", "0", "--json"])).toMatchObject({
        code: 3,
        json: { error: { tag: "MigrationPending", migrations: ["1_city"] } }
      })
      const waiting = yield* Effect.fork(db([...wait, "--wait", "20s"]))
      expect(yield* db(["migrate", "up", ...args])).toMatchObject({ code: 0 })
      expect(yield* Fiber.join(waiting)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^All is migrated/) })
    }))
  )
})
