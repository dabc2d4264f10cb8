/**
 * Proof 21: a value is what it was.
 *
 * Each type of PostgreSQL and each storage class of SQLite, by every road, in several time zones, on databases that show values
 * in different ways. What a second client reads is the same text by every road; it is read back equal, and found by conditions
 * on it; or every road refuses it with the same tag.
 */
import { expect, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { Effect, FastCheck, Logger, LogLevel } from "effect"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import * as Engine from "effect-sql-engine/Engine"
import { join } from "node:path"
import { evidence } from "../support/evidence.js"
import { folder } from "../support/places.js"
import { admin, database } from "../support/postgres.js"
import { size } from "../support/proof.js"
import { inZone } from "../support/zone.js"
import { anything, formless, refuseAll } from "./values/formless.js"
import type { Kind } from "./values/kind.js"
import { law, nothingYet } from "./values/law.js"
import * as postgres from "./values/postgres.js"
import { jsonRoad } from "./values/roads.js"
import { manners, seeded, seeds } from "./values/seeds.js"
import * as sqlite from "./values/sqlite.js"

const seed = 21_000_021

/** Monrovia was 44 minutes and 30 seconds behind until 1972. */
const zones = ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Africa/Monrovia"]

/** Settings of a database that a decoder must not depend on. */
const oddities = [
  "datestyle = 'German, DMY'",
  "intervalstyle = 'sql_standard'",
  "extra_float_digits = 0",
  "bytea_output = 'escape'",
  "timezone = 'Australia/Lord_Howe'"
]

const only = process.env["KINDS"]?.split(",")

/** At the everyday size, types that no time zone matters to are spread over the zones: each is tried in one of them. */
const chosen = (kinds: ReadonlyArray<Kind>, zone: number) =>
  only !== undefined
    ? kinds.filter(({ name }) => only.includes(name))
    : kinds.filter(({ zoned }, at) => zoned || at % size(zones.length, 1) === zone % size(zones.length, 1))

const tables = (kinds: ReadonlyArray<Kind>) =>
  kinds.flatMap((kind) => [kind, ...manners.map((manner) => seeded(kind, manner))]).map(({ sql, table }) =>
    `drop table if exists "${table.name}"; create table "${table.name}" (id integer primary key, v ${sql})`
  )

/** Examples of a type: NULL, and some by chance. */
const examples = (kind: Kind, zone: number, count: number): ReadonlyArray<unknown> => [
  null,
  ...FastCheck.sample(kind.values, { seed: seed + zone, numRuns: count })
]

const told = (breaches: ReadonlyArray<string>) => {
  const most = Number(process.env["BREACHES"] ?? 40)
  return breaches.length <= most ? breaches : [...breaches.slice(0, most), `and ${breaches.length - most} more`]
}

for (const [z, zone] of zones.entries()) {
  const isOdd = z % 2 === 1
  it.scopedLive(
    `every type of PostgreSQL is the same by every road in ${zone}${
      isOdd ? ", whatever the database shows" : ""
    } (seed ${seed + z})`,
    () =>
      Effect.gen(function*() {
        const began = performance.now()
        const found = nothingYet()
        const at = yield* database
        yield* admin(at.url, ...postgres.prepare)
        if (isOdd) yield* admin(at.url, ...oddities.map((setting) => `alter database "${at.database}" set ${setting}`))
        yield* inZone(zone)
        const engine = yield* PgEngine.make({ url: at.url })
        const observe = yield* postgres.observer(at)
        const kinds = chosen(postgres.kinds, z)
        yield* admin(at.url, ...tables(kinds))
        const work = Effect.gen(function*() {
          const stored = yield* Effect.forEach(kinds, (kind) =>
            law(
              kind,
              examples(kind, z, kind.zoned ? size(2, 500) : size(3, 100)),
              engine,
              observe,
              zone,
              kind.isDocument ? [jsonRoad(kind, engine)] : [],
              found
            ), { concurrency: 4 })
          yield* seeds(stored, observe, zone, found)
        })
        yield* Effect.provideService(work, Engine.Engine, engine)
        expect(told(found.breaches)).toEqual([])
        evidence({
          proof: "21",
          size: `${kinds.length} types of PostgreSQL in ${zone}${
            isOdd ? ", on a database with settings of its own" : ""
          }`,
          figures: {
            "values written": found.written,
            "values refused": found.refused,
            "questions": found.asked,
            differences: 0,
            s: (performance.now() - began) / 1_000
          },
          seed: seed + z
        })
      }).pipe(Logger.withMinimumLogLevel(LogLevel.None)),
    1_800_000
  )
}

/** An SQLite file with tables, an engine on it, and the second client. */
const onFile = (kinds: ReadonlyArray<Kind>) =>
  Effect.gen(function*() {
    const filename = join(yield* folder, "values.db")
    const db = new Sqlite(filename)
    db.exec(tables(kinds).join(";"))
    db.close()
    const engine = yield* SqliteEngine.make({ filename, synchronous: "off" })
    return { engine, observe: yield* sqlite.observer(filename) }
  })

for (const [z, zone] of zones.entries()) {
  it.scopedLive(
    `every storage class of SQLite is the same by every road in ${zone} (seed ${seed + z})`,
    () =>
      Effect.gen(function*() {
        const began = performance.now()
        const found = nothingYet()
        yield* inZone(zone)
        const kinds = chosen(sqlite.kinds, z)
        const { engine, observe } = yield* onFile(kinds)
        const work = Effect.gen(function*() {
          const stored = yield* Effect.forEach(kinds, (kind) =>
            law(
              kind,
              examples(kind, z, kind.zoned ? size(4, 500) : size(3, 100)),
              engine,
              observe,
              zone,
              [],
              found
            ))
          yield* seeds(stored, observe, zone, found)
        })
        yield* Effect.provideService(work, Engine.Engine, engine)
        expect(told(found.breaches)).toEqual([])
        evidence({
          proof: "21",
          size: `${kinds.length} types in SQLite's storage classes in ${zone}`,
          figures: {
            "values written": found.written,
            "values refused": found.refused,
            questions: found.asked,
            differences: 0,
            s: (performance.now() - began) / 1_000
          },
          seed: seed + z
        })
      }).pipe(Logger.withMinimumLogLevel(LogLevel.None)),
    1_800_000
  )
}

const refusing = {
  PostgreSQL: Effect.gen(function*() {
    const at = yield* database
    yield* admin(at.url, ...tables([anything]))
    return { engine: yield* PgEngine.make({ url: at.url }), observe: yield* postgres.observer(at) }
  }),
  SQLite: onFile([anything])
}

for (const [name, open] of Object.entries(refusing)) {
  it.scopedLive(`what has no form is refused by every road of ${name} before anything is sent`, () =>
    Effect.gen(function*() {
      const { engine, observe } = yield* open
      const found = nothingYet()
      yield* Effect.provideService(refuseAll(engine, found), Engine.Engine, engine)
      expect(found.breaches).toEqual([])
      const written = [...(yield* observe(anything)).values()]
      // Roads that change a row have made it first, and left it without a value.
      expect(written.filter((text) => text !== null)).toEqual([])
      evidence({
        proof: "21",
        size: `${formless.length} kinds of values without a form by every road of ${name}`,
        figures: { refused: found.refused, "other outcomes": 0, "values written": 0 }
      })
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None)))
}
