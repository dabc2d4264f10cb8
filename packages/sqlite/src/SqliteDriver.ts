/**
 * The SQLite driver, on better-sqlite3: one connection that writes, several that only read.
 *
 * It owns the files it opened, and closes what is left of them when its scope ends. Waits for locks are pauses of the
 * fiber, never of the event loop. A statement itself runs inside of one call: a long one keeps the event loop busy.
 *
 * @since 0.1.0
 */
import { defaultTransforms, makeCompilerSqlite } from "@effect/sql/Statement"
import { Effect, type Scope } from "effect"
import type { ConnectContext, Driver, DriverConnection, Lane } from "effect-sql-engine/Driver"
import { ConnectionError, type EngineConfigError, type SqlFailure } from "effect-sql-engine/SqlFailure"
import { settingsOf } from "./internal/config.js"
import type { Settings } from "./internal/config.js"
import { make as makeConnection } from "./internal/connection.js"
import type { Handle } from "./internal/handle.js"
import { open, originOf, type Purpose } from "./internal/open.js"
import { traits } from "./internal/traits.js"
import { WatchedFile } from "./internal/watchedFile.js"
import type { SqliteConfig } from "./SqliteConfig.js"
import { dialect } from "./SqliteDialect.js"

export type { Extension, JournalMode, Mode, SqliteConfig, Synchronous } from "./SqliteConfig.js"

/** What one driver has open, and what it knows of its file. */
interface Open {
  readonly handles: Set<Handle>
  /** Of a database in memory: it lives as long as the driver, not as long as a connection to it. */
  memory: Handle | undefined
  connections: number
  /** The file at the path; absent for a database in memory. */
  readonly watched: WatchedFile | undefined
  /** Which file is known to be in the journal mode that was asked for. */
  prepared: number | undefined
  closed: boolean
}

const release = (all: Open, settings: Settings, handle: Handle): void => {
  if (settings.memory && !all.closed) return handle.resetAsFarAsPossible()
  all.handles.delete(handle)
  handle.close()
}

/**
 * Without WAL an open transaction has its journal at the path of the file, where the one that stands there now would be
 * rolled back by it.
 */
const journalInTheWay = ({ handles, watched }: Open, { file, journalMode }: Settings, engine: string) => {
  if (watched === undefined || journalMode === "wal" || handles.size === 0) return undefined
  const generation = watched.look()
  return [...handles].some((handle) => handle.generation !== generation && handle.db.inTransaction)
    ? new ConnectionError({
      engine,
      sent: "no",
      retryable: true,
      message:
        `${file} was replaced, and a transaction is still open on the file that stood there before. Nothing was ` +
        "sent. Run the work again when that session has ended."
    })
    : undefined
}

const driverClosed = (engine: string, file: string): ConnectionError =>
  new ConnectionError({ engine, retryable: false, message: `The driver of engine "${engine}" is closed (${file}).` })

/** A reader cannot create the file, nor switch it to WAL: the first one opens it for a moment as a writer does. */
const prepare = (all: Open, settings: Settings, context: ConnectContext) => {
  const passing = open(settings, "write", context, all.watched, (handle) => all.handles.add(handle))
  return Effect.map(passing, (handle) => release(all, settings, handle))
}

const handleFor = (
  all: Open,
  settings: Settings,
  purpose: Purpose,
  context: ConnectContext,
  opened: (handle: Handle) => void
): Effect.Effect<Handle, SqlFailure> =>
  Effect.gen(function*() {
    if (all.closed) return yield* driverClosed(context.engine, settings.file)
    if (all.memory !== undefined) return all.memory
    const journal = journalInTheWay(all, settings, context.engine)
    if (journal !== undefined) return yield* journal
    if (purpose === "read" && all.prepared !== all.watched?.look() && settings.mode !== "ro") {
      yield* prepare(all, settings, context)
    }
    const handle = yield* open(settings, purpose, context, all.watched, opened)
    all.prepared = handle.generation
    return handle
  })

const connect = (all: Open, settings: Settings, purpose: Purpose) => (context: ConnectContext) =>
  Effect.suspend(() => {
    let fresh: Handle | undefined
    const opened = (handle: Handle) => {
      fresh = handle
      all.handles.add(handle)
    }
    return handleFor(all, settings, purpose, context, opened).pipe(
      Effect.map((handle): DriverConnection => {
        if (settings.memory) all.memory = handle
        const number = all.connections += 1
        return makeConnection(handle, {
          id: `${purpose}-${number}`,
          origin: originOf(settings, purpose, context),
          settings,
          // Of a database in memory there may be an older connection, to be closed when a newer one is in use already.
          release: () =>
            settings.memory && !all.closed && all.connections !== number ? undefined : release(all, settings, handle),
          watched: all.watched,
          onServerGone: context.onServerGone
        })
      }),
      Effect.onInterrupt(() =>
        Effect.sync(() => {
          if (fresh !== undefined) release(all, settings, fresh)
        })
      )
    )
  })

/**
 * Makes the driver for one database file, or for one database in memory.
 *
 * Nothing is opened before the first connection: then a file that is missing, no database, or write-protected fails with
 * `EngineConfigError`, whose `problems` name the option. Locks are waited for up to `lockTimeout` (default 5 seconds),
 * also while opening; then it is `LockTimeoutError`.
 *
 * - `write`: one connection. Transactions take the write lock when they begin.
 * - `read`: up to `readers` (default 4) read-only connections, in WAL mode and in mode `ro`. A database in memory, and
 *   one in another journal mode, has none.
 *
 * When the scope ends, every connection is closed; a database in memory is gone.
 *
 * Fails with `EngineConfigError`, which lists every option that does not fit.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { SqliteDriver } from "effect-sql-engine-sqlite"
 *
 * const program = Effect.scoped(Effect.gen(function*() {
 *   const driver = yield* SqliteDriver.make({ filename: ":memory:" })
 *   return driver.target
 * }))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (config: SqliteConfig): Effect.Effect<Driver, EngineConfigError, Scope.Scope> =>
  Effect.gen(function*() {
    const settings = yield* settingsOf(config)
    const all: Open = {
      handles: new Set(),
      memory: undefined,
      connections: 0,
      watched: settings.memory ? undefined : new WatchedFile(settings.file),
      prepared: undefined,
      closed: false
    }
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        all.closed = true
        for (const handle of all.handles) release(all, settings, handle)
      })
    )
    // Only in WAL can readers and the writer work side by side; a file that is never written has no writer.
    const readLane: Lane | undefined = settings.readers > 0 && !settings.memory &&
        (settings.journalMode === "wal" || settings.mode === "ro")
      ? { connect: connect(all, settings, "read"), connections: settings.readers }
      : undefined
    return {
      dialect,
      target: `sqlite:${settings.file}`,
      attributes: { "db.system.name": "sqlite", "db.namespace": settings.file },
      compiler: makeCompilerSqlite(config.transformQueryNames),
      transformRows: config.transformResultNames && defaultTransforms(config.transformResultNames).array,
      write: { connect: connect(all, settings, "write"), connections: 1 },
      read: readLane,
      inMemory: settings.memory,
      // A function of an extension may write, and a SELECT can call it.
      isRead: readLane !== undefined && settings.extensions.length === 0 ? (sql) => traits(sql).reads : undefined
    }
  })
