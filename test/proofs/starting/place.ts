/**
 * Where the programs start: a database that is not there yet, seen from outside of every engine.
 */
import Sqlite from "better-sqlite3"
import { Effect } from "effect"
import { Database } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { join } from "node:path"
import { expect } from "vitest"
import { folder } from "../../support/places.js"
import { admin } from "../../support/postgres.js"
import { until } from "../../support/quiescence.js"
import type { Answer } from "./program.js"

/** A database of the programs. */
export interface Here {
  readonly name: string
  readonly url: string
  readonly rows: (sql: string) => Effect.Effect<ReadonlyArray<Record<string, any>>>
  /** Waits until the server does nothing any more for processes that are over: a COMMIT may still be on its way. */
  readonly quiet: Effect.Effect<unknown>
}

/** A file that is not there. */
export const onSqlite = Effect.map(folder, (folder): Here => {
  const file = join(folder, "app.db")
  return {
    name: file,
    url: `sqlite:///${file}`,
    rows: (sql) =>
      Effect.sync(() => {
        const db = new Sqlite(file, { readonly: true })
        try {
          return db.prepare(sql).all() as ReadonlyArray<Record<string, any>>
        } finally {
          db.close()
        }
      }),
    quiet: Effect.void
  }
})

let made = 0

/** A name nobody has on this server; the database is dropped with the scope. */
export const onPostgres = (home: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const name = `start_${++made}`
        const url = new URL(home)
        url.pathname = `/${name}`
        return { name, url: url.href }
      }),
      ({ url }) => Effect.orDie(Database.drop(PgEngine.database({ url, ssl: "disable" }), { force: true }))
    ),
    ({ name, url }): Here => ({
      name,
      url,
      rows: (sql) => admin(url, sql),
      quiet: until(
        admin(home, `select 1 from pg_stat_activity where datname = '${name}'`),
        (backends) => backends.length === 0
      )
    })
  )

/** What a start does, by whoever does it. */
const everything = (steps: number) =>
  [...Array.from({ length: 3 + steps }, (_, i) => String(i + 1)), "database", "seed", "tables"].sort()

/**
 * Nobody failed, each step has one doer, and the database is as it should be. Where somebody was killed (who has no
 * answer), what they did has no doer.
 */
export const expectReady = (
  here: Here,
  answers: ReadonlyArray<Answer | undefined>,
  { rows = 50, steps = 1 }: { readonly rows?: number; readonly steps?: number } = {}
) =>
  Effect.gen(function*() {
    const killed = answers.includes(undefined)
    expect(answers.flatMap((answer) => answer?.failure ?? [])).toEqual([])
    const did = answers.flatMap((answer) => answer?.did ?? []).sort()
    expect(did).toEqual(killed ? [...new Set(did)] : everything(steps))
    const log = (yield* here.rows("select step from log order by step")).map(({ step }) => Number(step))
    const last = 3 + steps
    const expected = Array.from({ length: last }, (_, i) => i + 1)
    // The one without a transaction may have been begun by whoever was killed.
    expect(killed ? [...new Set(log)] : log).toEqual(expected)
    expect(log.filter((step) => step < last)).toEqual(expected.slice(0, -1))
    expect((yield* here.rows("select count(*) as n from city")).map(({ n }) => Number(n))).toEqual([rows])
    expect(yield* here.rows("select name from seed_ledger")).toEqual([{ name: "main" }])
    expect((yield* here.rows("select id from migration_ledger where state = 'applied'")).length).toBe(last)
  })
