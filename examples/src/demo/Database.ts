/**
 * Which database the demo runs on. Everything else in the demo knows only the default engine and its `SqlClient`.
 */
import { FileSystem, Path } from "@effect/platform"
import { SqlClient } from "@effect/sql"
import { ConfigError, Effect } from "effect"
import type { Layer } from "effect"
import type { Engine, SqlFailure } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { PgServer } from "effect-sql-engine-testing"
import type { Options } from "./Options.js"

export interface Database {
  readonly description: string
  readonly layer: Layer.Layer<Engine.Engine | SqlClient.SqlClient, SqlFailure.SqlFailure>
}

/** The database the options ask for; a server that was started for it is stopped with the scope. */
export const choose = (options: Options) => options.postgres ? postgres : sqlite(options.file)

const sqlite = Effect.fn("Database.sqlite")(function*(file: string | undefined) {
  const filename = file ?? (yield* newFile)
  const database: Database = {
    description: `SQLite file ${filename}`,
    layer: SqliteEngine.layer({ filename, connect: "eager" })
  }
  return database
})

/** The file stays when the demo has ended, so that it can be looked at. */
const newFile = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  return path.join(yield* fs.makeTempDirectory({ prefix: "effect-sql-engine-demo-" }), "flights.db")
})

/** The demo drops tables, so on a server that is somebody's it keeps to a schema of its own. */
const schema = "effect_sql_engine_demo"

const postgres = Effect.gen(function*() {
  // A variable that is there can always be read: a ConfigError would be a fault of this program.
  const url = yield* Effect.catchIf(PgServer.url(), ConfigError.isConfigError, Effect.die)
  const createSchema = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`create schema if not exists ${sql(schema)}`)
  yield* Effect.provide(createSchema, PgEngine.layer({ url }))
  const database: Database = {
    description: `PostgreSQL, schema ${schema}`,
    layer: PgEngine.layer({ url, searchPath: [schema], connect: "eager" })
  }
  return database
})
