/**
 * Many processes that start at once on one database, some of which are killed.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Schema } from "effect"
import { Engine, Migrations, Seed } from "effect-sql-engine"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import { install } from "../support/installed.js"
import type { Installed } from "../support/installed.js"
import { places } from "../support/places.js"
import type { Place } from "../support/places.js"
import type { Report } from "./programs/migrate.js"

let installed: Installed

beforeAll(() => {
  installed = install("test/migrations/programs")
})

afterAll(() => installed?.remove())

/** A process that migrates. */
const start = (place: Place, pauseMillis: number) => {
  const program = join(installed.folder, "migrate.js")
  const child = spawn(process.execPath, [program, place.url, `${pauseMillis}`], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  let said = ""
  const waiting: Array<{ readonly text: string; readonly heard: () => void }> = []
  child.stdout.on("data", (chunk) => {
    said += chunk
    for (const { heard, text } of waiting) if (said.includes(text)) heard()
  })
  const over = once(child, "exit")
  return {
    /** Waits until it has said so, or is over. */
    hears: (text: string) =>
      Effect.promise(() => Promise.race([over, new Promise<void>((heard) => waiting.push({ text, heard }))])),
    kill: Effect.sync(() => child.kill("SIGKILL")),
    report: Effect.promise(async (): Promise<Report | undefined> => {
      const [code] = await over
      return code === 0 ? JSON.parse(said.trim().split("\n").at(-1)!) as Report : undefined
    })
  }
}

/** What was written down, less what the step without a transaction may have begun more than once. */
const log = (place: Place) =>
  Effect.map(place.admin("select step from log order by step"), (rows) => rows.map(({ step }) => Number(step)))

const twice = [2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10]

describe.each(places)("processes on %s", (_, open) => {
  it.scopedLive("eight of which start at once: one migrates, none fails", () =>
    Effect.gen(function*() {
      const place = yield* open
      const all = Array.from({ length: 8 }, () => start(place, 10))
      const reports = yield* Effect.forEach(all, ({ report }) => report, { concurrency: "unbounded" })
      expect(reports.map((report) => report?.failure)).toEqual(Array.from({ length: 8 }, () => null))
      expect(reports.map((report) => report!.applied.length).sort()).toEqual([0, 0, 0, 0, 0, 0, 0, 10])
      expect(yield* log(place)).toEqual(twice)
    }))

  it.scopedLive("one of which is killed while it migrates and the others wait: the next one goes on", () =>
    Effect.gen(function*() {
      const place = yield* open
      const first = start(place, 2_000)
      yield* first.hears("Applying 2_step")
      const others = [start(place, 0), start(place, 0)]
      yield* Effect.forEach(others, (other) => other.hears("Waiting"), { concurrency: "unbounded" })
      yield* first.kill
      const [took, reports] = yield* Effect.timed(
        Effect.forEach(others, ({ report }) => report, { concurrency: "unbounded" })
      )
      expect(yield* first.report).toBeUndefined()
      expect(reports.map((report) => report?.failure)).toEqual([null, null])
      const applied = reports.flatMap((report) => report!.applied)
      expect(new Set(applied).size).toBe(applied.length)
      expect(yield* log(place)).toEqual(twice)
      expect(Duration.toSeconds(took)).toBeLessThan(5)
    }))
})

describe("a COMMIT on PostgreSQL that outlives the process which sent it", () => {
  const [, open] = places[0]!

  /** What a process that was killed has sent before; it arrives when the next one is at work already. */
  const late = (place: Place, ...statements: ReadonlyArray<string>) => {
    let times = 0
    return Effect.suspend(() => times++ === 0 ? place.admin(...statements) : Effect.dieMessage("it was done again"))
  }

  it.scopedLive("is found in the ledger by the next one, which goes on behind it", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const arrives = late(
        place,
        "create table a (k integer)",
        "insert into migration_ledger (id, name, state, done, started_at) values ('1', 'a', 'applied', 0, '2024-01-01T00:00:00Z')"
      )
      const set = Migrations.fromRecord({
        "1_a": Effect.zipRight(arrives, Effect.flatMap(SqlClient.SqlClient, (sql) => sql`create table a (k integer)`)),
        "2_b": "create table b (k integer)"
      })
      const done = yield* Effect.provideService(Migrations.run(set), Engine.Engine, engine)
      expect(done.map(({ migration }) => migration)).toEqual(["2_b"])
      expect(yield* place.tables).toEqual(["a", "b"])
    }))

  it.scopedLive("is found by the next seed, which writes nothing: whether it finds the rows, or meets them", () =>
    Effect.gen(function*() {
      for (const unique of [true, false]) {
        const place = yield* open
        const engine = yield* place.engine()
        yield* place.admin(`create table a (k integer ${unique ? "primary key" : ""})`)
        const arrives = late(
          place,
          "insert into a (k) values (1)",
          "create table seed_ledger (name text primary key, seeded_at text not null)",
          "insert into seed_ledger (name, seeded_at) values ('main', '2024-01-01T00:00:00Z')"
        )
        const source = Seed.fromEffect(Effect.as(arrives, { a: [{ k: 1 }] }))
        const seed = Seed.run(source, { a: Schema.Struct({ k: Schema.Int }) })
        expect(yield* Effect.provideService(seed, Engine.Engine, engine)).toMatchObject({ _tag: "AlreadySeeded" })
        expect(yield* place.admin("select k from a")).toEqual([{ k: 1 }])
      }
    }))
})
