/**
 * A fresh database for a test, on PostgreSQL and on an SQLite file: engines on it, a program of its own on it, and the
 * view of a connection outside of every engine.
 */
import Sqlite from "better-sqlite3"
import { Effect, type Scope } from "effect"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import type * as Engine from "effect-sql-engine/Engine"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as postgres from "./postgres.js"

export type Row = Readonly<Record<string, any>>

/** A database. */
export interface Place {
  readonly kind: "postgres" | "sqlite"
  /** The address, for programs. */
  readonly url: string
  /** An engine on it, for as long as the scope lasts. */
  readonly engine: (
    options?: Engine.EngineOptions
  ) => Effect.Effect<Engine.EngineService, never, Scope.Scope>
  /** Runs statements on a connection outside of every engine; the rows of the last one. */
  readonly admin: (...statements: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Row>>
  /** The names of the tables of the program, in order. */
  readonly tables: Effect.Effect<ReadonlyArray<string>>
}

/** A folder that is removed with the scope. */
export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-sql-engine-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const own = /^(migration_ledger|seed_ledger|effect_sql_engine_mutex|sqlite_)/

const names = (rows: ReadonlyArray<Row>) => rows.map((row) => String(row["name"])).filter((name) => !own.test(name))

const onPostgres = Effect.map(Effect.orDie(postgres.database), (database): Place => {
  const admin = (...statements: ReadonlyArray<string>) => postgres.admin(database.url, ...statements)
  return {
    kind: "postgres",
    url: database.url,
    engine: (options) => Effect.orDie(PgEngine.make({ ...options, url: database.url })),
    admin,
    tables: Effect.map(
      admin(
        "select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1"
      ),
      names
    )
  }
})

const onSqlite = Effect.map(folder, (folder): Place => {
  const filename = join(folder, "app.db")
  const admin = (...statements: ReadonlyArray<string>) =>
    Effect.sync(() => {
      const db = new Sqlite(filename, { timeout: 10_000 })
      try {
        let rows: ReadonlyArray<Row> = []
        for (const sql of statements) {
          const statement = db.prepare(sql)
          if (statement.reader) rows = statement.all() as ReadonlyArray<Row>
          else statement.run()
        }
        return rows
      } finally {
        db.close()
      }
    })
  return {
    kind: "sqlite",
    url: `sqlite:///${filename}`,
    engine: (options = {}) => {
      // How many connections there are is the driver's business.
      const { pool, ...rest } = options
      return Effect.orDie(
        SqliteEngine.make({ ...rest, pool: { overload: pool?.overload }, filename, synchronous: "off" })
      )
    },
    admin,
    tables: Effect.map(admin("select name from sqlite_schema where type = 'table' order by 1"), names)
  }
})

/** Every kind of place. */
export const places: ReadonlyArray<readonly [name: string, open: Effect.Effect<Place, never, Scope.Scope>]> = [
  ["PostgreSQL", onPostgres],
  ["SQLite", onSqlite]
]
