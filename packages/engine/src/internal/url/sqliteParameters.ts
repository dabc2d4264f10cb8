/**
 * Every parameter of an SQLite address: those of SQLite's URI filenames and those of the engine.
 */
import { flag, integer, oneOf, text, time, type Values } from "./parameter.js"
import type { Pair } from "./problem.js"

/** By the names of sqlite.org/uri.html where it has one. */
export const sqliteParameters = {
  /** Read only; read and write; the same and create (the default); in memory. */
  mode: oneOf(["ro", "rw", "rwc", "memory"]),
  cache: oneOf(["shared", "private"]),
  /** The operating-system interface of SQLite to use. */
  vfs: text,
  /** The file cannot change: no locks, no change detection. */
  immutable: flag,
  /** No locks at all. */
  nolock: flag,
  /** Whether the storage keeps neighbouring bytes safe in a power loss. */
  psow: flag,
  /** Read-only connections beside the writer. */
  readers: integer(0, 1_000),
  /** How long a busy lock is waited for. */
  busy_timeout: time("ms"),
  /** Whether foreign keys are enforced. */
  foreign_keys: flag
}

/** The parameters of an SQLite address. */
export interface SqliteParameters extends Values<typeof sqliteParameters> {}

/** Names of other libraries, answered with ours but not obeyed. */
export const sqliteHints: Readonly<Record<string, string>> = {
  fk: "foreign_keys",
  max: "readers",
  pool_size: "readers",
  connection_limit: "readers"
}

/**
 * Gives a parameter its own name. `timeout` is SQLAlchemy's, in seconds.
 */
export const sqliteAlias = (pair: Pair): Pair => {
  switch (pair.name) {
    case "lock_timeout":
      return { ...pair, name: "busy_timeout" }
    case "timeout":
      return { ...pair, name: "busy_timeout", value: /^[\d.]+$/.test(pair.value) ? `${pair.value}s` : pair.value }
    default:
      return pair
  }
}

/** Parameters of Python's driver that need no warning: they say how, and here there is only one how. */
export const sqliteIgnored: ReadonlySet<string> = new Set(["uri", "check_same_thread"])

/** Every name that means something, for finding the nearest. */
export const sqliteNames: ReadonlyArray<string> = [...Object.keys(sqliteParameters), "lock_timeout", "timeout"]
