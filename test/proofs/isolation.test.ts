/**
 * Proof 15a: isolation, proven through our own sessions.
 *
 * The ten anomalies of Hermitage, played at every level a database has, come to the published table. Nothing is left to
 * chance: a step is begun when the one before is over or waits for a lock, and the database says which.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import type { Isolation } from "effect-sql-engine/Dialect"
import { join } from "node:path"
import { evidence } from "../support/evidence.js"
import { folder } from "../support/places.js"
import { admin, database } from "../support/postgres.js"
import { quiescent } from "../support/quiescence.js"
import { anomalies, type Outcome } from "./isolation/anomalies.js"
import { play, type Stage } from "./isolation/play.js"

const tables = [
  "drop table if exists test",
  "create table test (id int primary key, value int not null)",
  "insert into test values (1, 10), (2, 20)"
]

const onPostgres = Effect.gen(function*() {
  const at = yield* database
  const engine = yield* PgEngine.make({ url: at.url, ssl: "disable" })
  const observer = yield* PgEngine.make({ url: at.url, ssl: "disable", applicationName: "observer" })
  const stage: Stage = {
    engine,
    waits: (session) =>
      Effect.gen(function*() {
        const { connection } = yield* session.info
        if (connection === undefined) return false
        const [row] = yield* observer.sql<{ readonly n: number }>`
          select cardinality(pg_blocking_pids(${Number(connection)})) as n`
        return row!.n > 0
      }).pipe(Effect.orDie),
    rows: Effect.map(admin(at.url, "select value from test order by id"), (rows) => rows.map((row) => row["value"]))
  }
  return { stage, prepare: admin(at.url, ...tables), rest: quiescent(engine, at) }
})

const onSqlite = Effect.gen(function*() {
  const engine = yield* SqliteEngine.make({ filename: join(yield* folder, "isolation.db"), synchronous: "off" })
  const { sql } = engine
  const stage: Stage = {
    engine,
    // There is one writer: whoever comes second stands in the engine's line. Readers never wait.
    waits: (session) =>
      Effect.zipWith(
        engine.stats,
        session.info,
        ({ pool }, { connection, readOnly }) => connection === undefined && !readOnly && pool.waiting > 0
      ),
    rows: Effect.map(
      Effect.orDie(sql<{ readonly value: number }>`select value from test order by id`),
      (rows) => rows.map(({ value }) => value)
    )
  }
  const prepare = Effect.forEach(tables, (text) => Effect.orDie(sql.unsafe(text)))
  return { stage, prepare, rest: quiescent(engine) }
})

interface Kind {
  readonly name: string
  readonly open: Effect.Effect<
    { readonly stage: Stage; readonly prepare: Effect.Effect<unknown>; readonly rest: Effect.Effect<void> },
    unknown,
    Scope.Scope
  >
  /** ✓: prevented. —: may happen. In the order of the anomalies. */
  readonly published: Readonly<Partial<Record<Isolation, string>>>
}

const kinds: ReadonlyArray<Kind> = [
  {
    name: "PostgreSQL",
    open: onPostgres,
    published: {
      "read committed": "✓ ✓ ✓ ✓ ✓ — — — — —",
      "repeatable read": "✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ — —",
      "serializable": "✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓"
    }
  },
  { name: "SQLite in WAL", open: onSqlite, published: { "serializable": "✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓ ✓" } }
]

describe("What tells that an anomaly happened", () => {
  const none = { 1: [], 2: [], 3: [] }
  const all = new Set([1, 2, 3] as const)
  /** What no level of ours shows, as it would look. */
  const seen: Readonly<Record<string, Outcome>> = {
    "G0": { reads: none, committed: all, rows: [11, 22] },
    "G1a": { reads: { ...none, 2: [[101, 20], [10, 20]] }, committed: all, rows: [10, 20] },
    "G1b": { reads: { ...none, 2: [[101, 20], [11, 20]] }, committed: all, rows: [11, 20] },
    "G1c": { reads: { ...none, 1: [[22]], 2: [[11]] }, committed: all, rows: [11, 22] },
    "OTV": { reads: { ...none, 3: [[11], [19], [18], [11]] }, committed: all, rows: [12, 18] }
  }
  for (const anomaly of anomalies.slice(0, 5)) {
    it(`knows ${anomaly.name} (${anomaly.meaning}) when it sees it`, () => {
      expect(anomaly.happened(seen[anomaly.name]!)).toBe(true)
    })
  }
})

for (const { name, open, published } of kinds) {
  describe(`The isolation levels of ${name}`, () => {
    it.live(
      "prevent the anomalies that they are known to prevent, and no others",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const { prepare, rest, stage } = yield* open
          const levels = stage.engine.dialect.isolations
          const found: Record<string, string> = {}
          for (const level of levels) {
            const marks: Array<string> = []
            for (const anomaly of anomalies) {
              yield* prepare
              const outcome = yield* play(stage, anomaly, level)
              marks.push(anomaly.happened(outcome) ? "—" : "✓")
              yield* rest
            }
            found[level] = marks.join(" ")
          }
          const rows = levels.map((level) => `| ${level} | ${found[level]!.split(" ").join(" | ")} |`)
          const names = anomalies.map((anomaly) => anomaly.name)
          console.log(
            [`| ${name} | ${names.join(" | ")} |`, `|${" --- |".repeat(names.length + 1)}`, ...rows].join("\n")
          )
          expect(found).toEqual(published)
          evidence({
            proof: "15a",
            size: `${names.length} anomalies at ${levels.length} level${levels.length === 1 ? "" : "s"} of ${name}`,
            figures: Object.fromEntries(levels.map((level) => {
              const prevented = names.filter((_, i) => found[level]!.split(" ")[i] === "✓")
              return [`${level} prevents`, prevented.join(", ")]
            }))
          })
        })),
      60_000
    )
  })
}
