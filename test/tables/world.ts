/**
 * The two databases the tables of these tests are made in.
 */
import type { SqlClient } from "@effect/sql"
import { Effect, Layer } from "effect"
import type { Scope } from "effect"
import { Database, Engine } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { admin, database, server } from "../support/postgres.js"

/** A database of a test's own. */
export interface World {
  readonly name: "postgresql" | "sqlite"
  /** What a process needs to find it. */
  readonly url: string
  readonly make: Effect.Effect<Engine.EngineService, SqlFailure, Scope.Scope>
}

export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "tables-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

let made = 0

/** A name of a database that is not there, and is not there when the test is over. */
export const fresh = (prefix = "db") =>
  Effect.gen(function*() {
    const home = yield* server
    const name = `${prefix}_${process.pid}_${++made}`
    const url = new URL(home.url)
    url.pathname = `/${encodeURIComponent(name)}`
    const options = { url: url.href, ssl: "disable" } as const
    yield* Effect.addFinalizer(() => Effect.orDie(Database.drop(PgEngine.database(options), { force: true })))
    const exists = Effect.map(
      admin(home.url, `select 1 from pg_database where datname = '${name.replaceAll("'", "''")}'`),
      (rows) => rows.length === 1
    )
    return { home: home.url, name, options, target: PgEngine.database(options), exists }
  })

export const worlds = {
  postgresql: Effect.map(database, ({ url }): World => ({
    name: "postgresql",
    url,
    make: PgEngine.make({ url, ssl: "disable" })
  })),
  sqlite: Effect.map(folder, (folder): World => {
    const url = `sqlite:///${join(folder, "app.db")}`
    return { name: "sqlite", url, make: SqliteEngine.make({ url }) }
  })
}

export type Name = keyof typeof worlds

export const names: ReadonlyArray<Name> = ["postgresql", "sqlite"]

/** Runs a test on an engine of its own, the default one. */
export const on = <A, E>(
  name: Name,
  body: (world: World) => Effect.Effect<A, E, Engine.Engine | SqlClient.SqlClient | Scope.Scope>
): Effect.Effect<A, E | SqlFailure | Error, Scope.Scope> =>
  Effect.flatMap(
    worlds[name] as Effect.Effect<World, Error, Scope.Scope>,
    (world) => Effect.flatMap(Layer.build(Engine.layer(world.make)), (context) => Effect.provide(body(world), context))
  )
