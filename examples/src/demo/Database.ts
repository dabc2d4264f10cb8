/**
 * Which database the demo runs on. Everything else in the demo knows only the default engine and its `SqlClient`.
 */
import { FileSystem, Path } from "@effect/platform"
import type { SqlClient } from "@effect/sql"
import { Effect } from "effect"
import type { Layer } from "effect"
import type { Engine, SqlFailure } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import type { Options } from "./Options.js"

export interface Database {
  readonly description: string
  readonly layer: Layer.Layer<Engine.Engine | SqlClient.SqlClient, SqlFailure.SqlFailure>
}

/** The database the options ask for; nothing is opened before its layer is built. */
export const choose = Effect.fn("Database.choose")(function*(options: Options) {
  const filename = options.file ?? (yield* newFile)
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
