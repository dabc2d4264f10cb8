/**
 * What `db doctor` looks at on an SQLite file.
 */
import { FileSystem } from "@effect/platform/FileSystem"
import { Path } from "@effect/platform/Path"
import { Effect } from "effect"
import type { Engine, EngineUrl } from "effect-sql-engine"
import { refine } from "effect-sql-engine/SqlFailure"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Check } from "./check.js"
import { pass, warn } from "./check.js"

/** Whether the file and its folder can be written: SQLite keeps a journal beside the file. */
const privileges = (url: EngineUrl.SqliteUrl): Effect.Effect<Check, never, FileSystem | Path> =>
  Effect.gen(function*() {
    if (url.memory) return pass("privileges", "it is in memory")
    const files = yield* FileSystem
    const path = yield* Path
    const writable = (name: string) => Effect.isSuccess(files.access(name, { writable: true }))
    const folder = path.dirname(path.resolve(url.filename))
    const closed = [
      ...((yield* writable(url.filename)) ? [] : [url.filename]),
      ...((yield* writable(folder)) ? [] : [`its folder ${folder}`])
    ]
    return closed.length === 0
      ? pass("privileges", "the file and its folder can be written")
      : warn("privileges", `${closed.join(" and ")} cannot be written`, "Give this user the right to write there.")
  })

/** Looks at the file. */
export const file = (
  { sql }: Engine.EngineService,
  url: EngineUrl.SqliteUrl
): Effect.Effect<ReadonlyArray<Check>, SqlFailure, FileSystem | Path> =>
  Effect.gen(function*() {
    const [found] = yield* refine(
      sql.unsafe<{ version: string; mode: string }>(
        "select sqlite_version() as version, (select journal_mode from pragma_journal_mode) as mode"
      ).withoutTransform
    )
    return [
      pass("version", `SQLite ${found!.version}, journal mode ${found!.mode}`),
      yield* privileges(url)
    ]
  })
