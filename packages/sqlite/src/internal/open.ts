/**
 * Opening a file: checked, set up, and closed again when anything goes wrong or the wait is interrupted.
 */
import Sqlite from "better-sqlite3"
import { Effect } from "effect"
import type { ConnectContext } from "effect-sql-engine/Driver"
import { ConnectionError, EngineConfigError, type SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Settings } from "./config.js"
import { problemAfter, problemBefore } from "./diagnosis.js"
import { failureOf, lockTimeout, type Origin } from "./failure.js"
import { Handle } from "./handle.js"
import { type LockWait, patiently } from "./lockWait.js"
import { assignment } from "./pragmas.js"
import type { WatchedFile } from "./watchedFile.js"

/** `write` may write as far as the mode lets it; `read` never does. */
export type Purpose = "write" | "read"

/** An option that the file, the disk or SQLite itself turned down. */
class Refused extends Error {
  constructor(readonly field: string, readonly problem: string, override readonly cause?: unknown) {
    super(problem)
  }
}

const configError = (engine: string, { cause, field, problem }: Refused): EngineConfigError =>
  new EngineConfigError({
    engine,
    code: cause instanceof Sqlite.SqliteError ? cause.code : undefined,
    message: `The SQLite database of engine "${engine}" cannot be opened: \`${field}\`: ${problem}.`,
    problems: [{ field, problem }]
  })

/** Where failures of a connection come from. */
export const originOf = (settings: Settings, purpose: Purpose, context: ConnectContext): Origin => ({
  engine: context.engine,
  file: settings.file,
  extended: settings.extensions.length > 0,
  readOnly: settings.mode === "ro"
    ? "The engine was opened with mode \"ro\"."
    : purpose === "read"
    ? "It ran on a read-only connection: write in a session that is not read-only."
    : undefined
})

const loadExtensions = (db: Sqlite.Database, settings: Settings) =>
  settings.extensions.forEach(({ entryPoint, path }, at) => {
    try {
      if (entryPoint === undefined) db.loadExtension(path)
      // The types of better-sqlite3 leave the entry point out.
      else (db.loadExtension as (path: string, entryPoint: string) => unknown)(path, entryPoint)
    } catch (cause) {
      throw new Refused(`extensions[${at}]`, cause instanceof Error ? cause.message : "cannot be loaded", cause)
    }
  })

const setPragmas = (db: Sqlite.Database, settings: Settings) => {
  const known = new Set(db.prepare<[], string>("SELECT name FROM pragma_pragma_list").pluck().all())
  for (const [name, value] of settings.pragmas) {
    // SQLite passes over a pragma it does not know without a word.
    if (!known.has(name.toLowerCase())) throw new Refused(`pragmas.${name}`, "is no pragma of this SQLite")
    try {
      db.pragma(assignment(name, value).slice("PRAGMA ".length))
    } catch (cause) {
      throw new Refused(`pragmas.${name}`, cause instanceof Error ? cause.message : "cannot be set", cause)
    }
  }
}

const setJournalMode = (db: Sqlite.Database, { file, journalMode }: Settings) => {
  const read = () => db.pragma("journal_mode", { simple: true })
  // Asking before setting: a mode that is set already needs no lock.
  if (read() === journalMode) return
  const got = db.pragma(`journal_mode = ${journalMode}`, { simple: true })
  if (got !== journalMode) {
    throw new Refused("journalMode", `${file} cannot be used with "${journalMode}": it stays "${got}"`)
  }
}

/** Everything that may find a lock taken, and may then be done again from the start. */
const setUp = (db: Sqlite.Database, settings: Settings, purpose: Purpose) => {
  // The first look at the file: here it shows that it is no database.
  db.pragma("schema_version")
  db.pragma(`foreign_keys = ${settings.foreignKeys ? 1 : 0}`)
  if (purpose === "write" && settings.mode !== "ro") {
    if (!settings.memory) setJournalMode(db, settings)
    db.pragma(`synchronous = ${settings.synchronous}`)
  }
  setPragmas(db, settings)
  if (purpose === "read" || settings.mode === "ro") db.pragma("query_only = 1")
}

/** The file is not the one it was, and will not hold still. */
class Unsettled extends Error {}

/** Sees to it that nothing stands beside the file that belongs to another one. */
const separate = (settings: Settings, watched: WatchedFile): void => {
  if (watched.isRemoved) {
    throw new Unsettled("was removed while this engine had it open, and is not created anew: put it back")
  }
  const wal = watched.foreignWal
  if (wal === undefined) return
  const problem = `was replaced, and ${wal} still belongs to the file that stood there before`
  if (settings.mode === "ro") throw new Refused("filename", `${settings.file} ${problem}: remove it`)
  try {
    watched.setForeignWalAside()
  } catch (cause) {
    throw new Refused("filename", `${settings.file} ${problem}, and cannot be renamed: remove it`, cause)
  }
}

/** An open file, and which one it is. */
interface File {
  readonly db: Sqlite.Database
  /** What `WatchedFile.look` says as long as the file stands at its path. */
  readonly generation: number
}

const openFile = (settings: Settings, purpose: Purpose, watched: WatchedFile | undefined): File => {
  for (let attempt = 1; attempt <= 3; attempt++) {
    const generation = watched?.look() ?? 0
    const problem = watched === undefined ? undefined : problemBefore(settings.file, settings.mode)
    if (watched !== undefined) separate(settings, watched)
    if (problem !== undefined) throw new Refused("filename", problem)
    const db = new Sqlite(settings.file, {
      readonly: purpose === "read" || settings.mode === "ro",
      fileMustExist: settings.mode !== "rwc",
      // SQLite's own waiting would stop the event loop.
      timeout: 0
    })
    // The file that was looked at is the one that was opened; one that was created just now is opened once more.
    if (watched === undefined || watched.look() === generation) return { db, generation }
    db.close()
  }
  throw new Unsettled("was replaced again and again while it was being opened")
}

/**
 * Opens the database. What was opened is closed on failure, and when a wait for a lock is interrupted; `opened` hears of
 * the handle before anybody could be interrupted with it in hand. `watched` is absent for a database in memory.
 */
export const open = (
  settings: Settings,
  purpose: Purpose,
  context: ConnectContext,
  watched: WatchedFile | undefined,
  opened: (handle: Handle) => void
): Effect.Effect<Handle, SqlFailure> => {
  const origin = originOf(settings, purpose, context)
  const refused = (db: Sqlite.Database | undefined) => (cause: unknown, wait: LockWait | undefined): SqlFailure => {
    if (wait !== undefined) return lockTimeout(origin, { sql: undefined, sent: "no" }, wait)
    if (cause instanceof Refused) return configError(context.engine, cause)
    if (cause instanceof Unsettled) {
      const message = `${settings.file} ${cause.message}. Nothing was sent.`
      return new ConnectionError({ engine: context.engine, sent: "no", retryable: true, message })
    }
    const problem = problemAfter(cause, settings.file)
    if (problem !== undefined) return configError(context.engine, new Refused("filename", problem, cause))
    return failureOf(db, cause, origin, { sql: undefined, bound: [], sent: "no" })
  }
  return Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      patiently(settings.lockTimeout, () => openFile(settings, purpose, watched), refused(undefined)),
      ({ db, generation }) =>
        restore(patiently(settings.lockTimeout, () => setUp(db, settings, purpose), refused(db))).pipe(
          Effect.zipRight(Effect.suspend(() => {
            try {
              loadExtensions(db, settings)
              const readOnly = purpose === "read" || settings.mode === "ro"
              const handle = new Handle(db, readOnly, settings.statementCacheSize, generation)
              if (watched?.look() === generation) watched.opened()
              opened(handle)
              return Effect.succeed(handle)
            } catch (cause) {
              return Effect.fail(refused(db)(cause, undefined))
            }
          })),
          Effect.onError(() => Effect.sync(() => db.close()))
        )
    )
  )
}
