/**
 * `db migrate …` on PostgreSQL and on SQLite: what each command does, prints and exits with.
 */
import { Effect } from "effect"
import { Migrations, Mutex } from "effect-sql-engine"
import { Engine } from "effect-sql-engine/Engine"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { folder, places } from "../support/places.js"
import { db, tested, write } from "./command.js"

const city = "create table city (id integer primary key, name text not null);\n-- down\ndrop table city;\n"
const rome = "insert into city values (1, 'Rome');\n-- down\ndelete from city;\n"

describe.each(places)("db migrate on %s", (_, open) => {
  /** A database, a folder with two migrations, and the command on both. */
  const world = Effect.gen(function*() {
    const place = yield* open
    const dir = yield* folder
    yield* write(dir, { "1_city.sql": city, "2_rome.sql": rome })
    const migrate = (...args: ReadonlyArray<string>) =>
      db(["migrate", ...args, "--dir", dir], { env: { DATABASE_URL: place.url } })
    return { dir, migrate, place }
  })

  it(
    "takes a database up and back, and tells at each step how it stands",
    tested(Effect.gen(function*() {
      const { migrate, place } = yield* world
      if (place.kind === "sqlite") yield* place.admin("pragma user_version = 1")
      const pending = yield* migrate("check", "--json")
      expect(pending).toMatchObject({ code: 3, json: { ok: false, exitCode: 3, command: "migrate check" } })
      expect(pending.json.error).toMatchObject({ tag: "MigrationPending", migrations: ["1_city", "2_rome"] })
      expect(pending.stderr).toContain("db migrate up")

      const plan = yield* migrate("up", "--dry-run")
      expect(plan).toMatchObject({ code: 0, stderr: "" })
      expect(plan.stdout).toContain("create table city (id integer primary key, name text not null);")
      expect(plan.stdout).not.toContain("drop table")
      expect(yield* place.tables).toEqual([])
      expect((yield* migrate("up", "--dry-run", "--to", "1", "--json")).json.steps).toMatchObject([{ id: "1" }])

      const up = yield* migrate("up")
      expect(up).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Applied 2 migrations:\n {2}1_city {2}/) })
      expect(up.stderr).toMatch(/^taking the lock of migrations\napplied 1_city in \d+ ms \(1 of 2\)\napplied 2_rome /)
      expect(yield* place.admin("select name from city")).toEqual([{ name: "Rome" }])

      expect(yield* migrate("check")).toMatchObject({ code: 0, stderr: "" })
      expect(yield* migrate("up", "--json")).toMatchObject({ code: 0, json: { ok: true, applied: [] } })
      const status = yield* migrate("status", "--json")
      expect(status.json).toMatchObject({
        ok: true,
        current: true,
        version: "2",
        migrations: [{ id: "1", name: "city", state: "applied" }, { id: "2", name: "rome", state: "applied" }]
      })
      expect((yield* migrate("status")).stdout).toMatch(/^id \| name \| state {3}\| started/)

      expect((yield* migrate("down", "--dry-run")).stdout).toContain("delete from city;")
      expect((yield* migrate("down", "--yes", "--json")).json.reverted).toMatchObject([{ migration: "2_rome" }])
      expect(yield* place.admin("select name from city")).toEqual([])
      const all = yield* migrate("down", "--all", "--yes")
      expect(all).toMatchObject({ code: 0, stdout: expect.stringContaining("Took back 1 migration:\n  1_city") })
      expect(yield* place.tables).toEqual([])
      expect(yield* migrate("down", "-y")).toMatchObject({ code: 0, stdout: "Nothing to take back.\n" })
    }))
  )

  it(
    "exits with 4 when a migration was edited, came late, or is gone, and goes on when that is accepted",
    tested(Effect.gen(function*() {
      const { dir, migrate, place } = yield* world
      yield* write(dir, { "3_more.sql": "insert into city values (3, 'Oslo');" })
      expect(yield* migrate("up")).toMatchObject({ code: 0 })

      yield* write(dir, { "2_rome.sql": "insert into city values (2, 'Roma');" })
      const drift = yield* migrate("check", "--json")
      expect(drift).toMatchObject({ code: 4, json: { error: { tag: "MigrationDrift", migration: "2_rome" } } })
      expect(drift.json.error.expected).not.toBe(drift.json.error.actual)
      expect(yield* migrate("up")).toMatchObject({ code: 4, stdout: "" })
      expect((yield* migrate("status", "--json")).json.migrations[1].state).toBe("drifted")
      expect(yield* migrate("mark", "2", "applied")).toMatchObject({ code: 0 })
      expect(yield* migrate("check")).toMatchObject({ code: 0 })

      yield* write(dir, { "0_late.sql": "insert into city values (9, 'Bonn');" })
      expect(yield* migrate("check")).toMatchObject({ code: 4, stderr: expect.stringContaining("--out-of-order") })
      expect(yield* migrate("up", "--out-of-order")).toMatchObject({ code: 0 })
      expect(yield* place.admin("select name from city order by id")).toMatchObject([
        { name: "Rome" },
        { name: "Oslo" },
        { name: "Bonn" }
      ])

      const other = yield* folder
      yield* write(other, { "1_city.sql": city })
      const elsewhere = (...args: ReadonlyArray<string>) => db([...args, "--dir", other, "--url", place.url])
      expect(yield* elsewhere("migrate", "check")).toMatchObject({
        code: 4,
        stderr: expect.stringContaining("--missing")
      })
      expect(yield* elsewhere("migrate", "check", "--missing")).toMatchObject({ code: 0 })
    }))
  )

  it(
    "says which statement of which migration failed, and keeps those before it",
    tested(Effect.gen(function*() {
      const { dir, migrate, place } = yield* world
      yield* write(dir, { "3_wrong.sql": "insert into city values (4, 'Kiel');\ninsert into town values (5);" })
      const failed = yield* migrate("up", "--json")
      expect(failed).toMatchObject({
        code: 1,
        json: { ok: false, error: { tag: "MigrationFailed", migration: "3_wrong", statement: { number: 2, of: 2 } } }
      })
      expect(failed.stderr).toMatch(/\nfailed 3_wrong \(3 of 3\)\n/)
      expect(yield* place.admin("select id from city")).toEqual([{ id: 1 }])
      expect(yield* migrate("up", "--to", "7")).toMatchObject({ code: 2, stderr: expect.stringContaining("the id 7") })
    }))
  )

  it(
    "takes a database that was made by hand for migrated, up to a point",
    tested(Effect.gen(function*() {
      const { migrate, place } = yield* world
      yield* place.admin("create table city (id integer primary key, name text not null)")
      expect((yield* migrate("baseline", "1", "--dry-run", "--json")).json).toMatchObject({ marked: ["1"] })
      expect((yield* migrate("status", "--json")).json.version).toBe(null)
      expect((yield* migrate("baseline", "1_city", "--json")).json).toMatchObject({ ok: true, marked: ["1"] })
      expect((yield* migrate("up", "--json")).json.applied).toMatchObject([{ id: "2" }])
    }))
  )

  it(
    "resumes a migration without a transaction that broke half-way",
    tested(Effect.gen(function*() {
      const { dir, migrate, place } = yield* world
      const text = (second: string) => `-- no-transaction\ninsert into city values (7, 'Lyon');\n${second};\n`
      yield* write(dir, { "3_apart.sql": text("insert into town values (8)") })
      expect(yield* migrate("up")).toMatchObject({ code: 1 })
      expect(yield* migrate("up")).toMatchObject({ code: 4, stderr: expect.stringContaining("--resume continue") })
      expect((yield* migrate("status", "--json")).json.migrations[2].state).toBe("interrupted")
      yield* place.admin("create table town (id integer)")
      expect(yield* migrate("up", "--resume", "continue")).toMatchObject({ code: 0 })
      expect(yield* place.admin("select count(*) as n from city")).toMatchObject([{
        n: expect.toSatisfy((n) => Number(n) === 2)
      }])
    }))
  )

  it(
    "exits with 6 and names the holder while another process has the lock, and takes it away when told to",
    tested(Effect.gen(function*() {
      const { migrate, place } = yield* world
      const engine = yield* place.engine()
      const here = <A, E>(effect: Effect.Effect<A, E, Engine>) => Effect.provideService(effect, Engine, engine)
      const refused = yield* here(
        migrate("up", "--lock-timeout", "50ms", "--json").pipe(Mutex.withLock(Migrations.lock))
      )
      expect(refused).toMatchObject({ code: 6, json: { error: { tag: "MutexTimeout", limitMillis: 50 } } })
      expect(refused.json.error.holder).toEqual(expect.any(String))

      const unlock = (...args: ReadonlyArray<string>) => db(["migrate", "unlock", "--url", place.url, ...args])
      const holding = yield* Effect.fork(here(Effect.never.pipe(Mutex.withLock(Migrations.lock))))
      yield* here(Mutex.holder(Migrations.lock)).pipe(Effect.repeat({ until: ({ _tag }) => _tag === "Some" }))
      expect(yield* unlock()).toMatchObject({ code: 2, stderr: expect.stringContaining("say --yes") })
      expect((yield* unlock("--yes", "--json")).json).toMatchObject({ ok: true, evicted: true })
      expect(yield* Effect.flip(holding.await.pipe(Effect.flatten))).toMatchObject({ _tag: "MutexLost" })
      expect((yield* unlock("--yes", "--json")).json).toMatchObject({ evicted: false, holder: null })
      expect(yield* migrate("up")).toMatchObject({ code: 0 })
    }))
  )

  it(
    "run by many at once applies everything once, and none of them fails",
    tested(Effect.gen(function*() {
      const { migrate, place } = yield* world
      const all = yield* Effect.all(Array.from({ length: 8 }, () => migrate("up", "--json")), { concurrency: 8 })
      expect(all.map(({ code }) => code)).toEqual(Array.from({ length: 8 }, () => 0))
      expect(all.flatMap(({ json }) => json.applied.map((_: { migration: string }) => _.migration)))
        .toEqual(["1_city", "2_rome"])
      expect(yield* place.admin("select id from city")).toEqual([{ id: 1 }])
    }))
  )

  it(
    "draws a bar on a terminal, and asks before it takes anything back",
    tested(Effect.gen(function*() {
      const { dir, place } = yield* world
      const args = ["--dir", dir, "--url", place.url]
      const up = yield* db(["migrate", "up", ...args], { rewrites: true })
      expect(up.stderr).toContain("\r[##########..........] 1/2 2_rome\u001b[K")
      expect(up.stderr.endsWith("\r[####################] 2/2 2_rome\u001b[K\n")).toBe(true)

      const said = (keys: string) => db(["migrate", "down", ...args], { keys })
      expect(yield* said("n")).toMatchObject({ code: 1, stderr: "Nothing was changed.\n", stdout: "" })
      expect(yield* said("^c")).toMatchObject({ code: 130, stderr: "Interrupted.\n" })
      expect(yield* place.admin("select id from city")).toEqual([{ id: 1 }])
      expect(yield* said("y")).toMatchObject({ code: 0 })
      expect(yield* place.admin("select id from city")).toEqual([])
    }))
  )
})

describe("db migrate new", () => {
  it(
    "makes the next migration, behind all that are there, and overwrites none",
    tested(Effect.gen(function*() {
      const dir = join(yield* folder, "db", "migrations")
      const make = (...args: ReadonlyArray<string>) => db(["migrate", "new", "--json", "--dir", dir, ...args])
      const first = yield* make("Create: the Persön table!")
      expect(first.json.file).toMatch(/[\\/]\d{14}_create_the_person_table\.sql$/)
      expect(readFileSync(first.json.file, "utf8")).toBe("-- Migration: Create: the Persön table!\n\n-- down\n\n")
      const second = yield* make("down", "--ts")
      expect(BigInt(second.json.id)).toBeGreaterThan(BigInt(first.json.id))
      expect(readFileSync(second.json.file, "utf8")).toContain("export default {")
      yield* write(dir, { "99990101000000_far.sql": "" })
      expect((yield* make("next")).json.migration).toBe("99990101000001_next")
      expect(yield* make("???")).toMatchObject({ code: 2, json: { error: { tag: "UsageError" } } })
    }))
  )
})
