/**
 * A database file from outside: looked for, created, removed.
 *
 * A file without a byte is a database that nobody has begun. Who begins it is settled by SQLite's own write lock: the
 * first one in writes the header, the others find it.
 */
import Sqlite from "better-sqlite3"
import { Effect } from "effect"
import type { DatabaseAdmin } from "effect-sql-engine/Database"
import { EngineConfigError, type SqlFailure } from "effect-sql-engine/SqlFailure"
import { rmSync } from "node:fs"
import type { Settings } from "./config.js"
import { isUnfinished, problemAfter, problemBefore, sizeOf } from "./diagnosis.js"
import { codeOf, failureOf, lockTimeout, type Origin } from "./failure.js"
import { patiently } from "./lockWait.js"

/** The file, or its folder, is not what it has to be. */
class Refused extends Error {}

const refused = (problem: string, code?: string) =>
  new EngineConfigError({
    code,
    message: `The SQLite database cannot be used: \`filename\`: ${problem}. Nothing was changed.`,
    problems: [{ field: "filename", problem }]
  })

const opening = { sql: undefined, bound: [], sent: "no" } as const

/** Runs `work` on the open file, again and again while it finds a lock, and closes it whatever happens. */
const withFile = <A>(
  { file, lockTimeout: limit }: Settings,
  mode: "ro" | "rw" | "rwc",
  work: (db: Sqlite.Database) => A
): Effect.Effect<A, SqlFailure> => {
  const origin: Origin = { engine: "database", file, readOnly: undefined }
  const attempt = (): A => {
    const problem = problemBefore(file, mode)
    if (problem !== undefined) throw new Refused(problem)
    const db = new Sqlite(file, { readonly: mode === "ro", fileMustExist: mode !== "rwc", timeout: 0 })
    try {
      return work(db)
    } finally {
      db.close()
    }
  }
  return patiently(limit, attempt, (cause, wait): SqlFailure => {
    const problem = cause instanceof Refused ? cause.message : problemAfter(cause, file)
    if (problem !== undefined) return refused(problem, codeOf(cause))
    return wait === undefined ? failureOf(undefined, cause, origin, opening) : lockTimeout(origin, opening, wait)
  })
}

/** Writes the header, unless somebody has. */
const begin = (file: string) => (db: Sqlite.Database): "Created" | "Existed" => {
  db.exec("BEGIN IMMEDIATE")
  try {
    // With the lock taken SQLite counts a first page already; the file has none before it is committed.
    const created = sizeOf(file) === 0
    // A value that differs makes SQLite write its first page; the second one takes it back.
    if (created) db.exec("PRAGMA user_version = 1; PRAGMA user_version = 0")
    db.exec("COMMIT")
    return created ? "Created" : "Existed"
  } catch (cause) {
    if (db.inTransaction) db.exec("ROLLBACK")
    throw cause
  }
}

/** Makes sure that nobody else has the file, and removes it with those beside it while nobody can come in. */
const remove = (file: string) => (db: Sqlite.Database): "Dropped" => {
  db.pragma("schema_version")
  db.pragma("locking_mode = exclusive")
  // Leaves WAL, which only the last one can; then nobody can read, either.
  db.pragma("journal_mode = delete")
  db.exec("BEGIN EXCLUSIVE")
  for (const name of [file, `${file}-wal`, `${file}-shm`, `${file}-journal`]) rmSync(name, { force: true })
  return "Dropped"
}

const isBusy = (failure: SqlFailure): boolean => failure.code?.startsWith("SQLITE_BUSY") === true

/** The database of these settings. */
export const databaseOf = (settings: Settings): DatabaseAdmin => {
  const { file, memory, mode } = settings
  const presence = Effect.suspend((): DatabaseAdmin["presence"] => {
    if (memory) return Effect.succeed("Present")
    const size = sizeOf(file)
    if (size === undefined || size === 0) {
      const problem = problemBefore(file, "rwc")
      return problem === undefined ? Effect.succeed("Missing") : refused(problem)
    }
    const look = (db: Sqlite.Database) => {
      db.pragma("schema_version")
      // What was undone may have been its beginning.
      return sizeOf(file) === 0 ? "Missing" as const : "Present" as const
    }
    return mode === "ro"
      ? withFile(settings, "ro", look)
      : Effect.catchIf(
        withFile(settings, "ro", look),
        ({ code }) => isUnfinished(code),
        () => withFile(settings, "rw", look)
      )
  })
  return {
    database: file,
    presence,
    create: memory
      ? Effect.succeed("Existed")
      : mode === "rwc"
      ? withFile(settings, "rwc", begin(file))
      : refused(`${file} may not be created with mode "${mode}"`),
    drop: () =>
      Effect.suspend(() =>
        memory || sizeOf(file) === undefined
          ? Effect.succeed("Missing" as const)
          : withFile(settings, "rw", remove(file))
      ),
    raced: isBusy,
    unready: isBusy
  }
}
