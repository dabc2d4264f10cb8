/**
 * The options of the SQLite driver, with their defaults.
 *
 * @since 0.1.0
 */
import type { Duration } from "effect"

/**
 * What may be done with the file: only read it; read and write it; or create it, too, when it is missing.
 *
 * @since 0.1.0
 * @category models
 */
export type Mode = "ro" | "rw" | "rwc"

/**
 * How SQLite keeps a transaction undoable. Only with `wal` can readers and the writer work side by side.
 *
 * Source: https://www.sqlite.org/pragma.html#pragma_journal_mode
 *
 * @since 0.1.0
 * @category models
 */
export type JournalMode = "wal" | "delete" | "truncate" | "persist" | "memory"

/**
 * How often SQLite waits for the disk. With `normal` and WAL a power cut may undo the newest commits, and never damages
 * the file; `full` keeps every commit.
 *
 * Source: https://www.sqlite.org/pragma.html#pragma_synchronous
 *
 * @since 0.1.0
 * @category models
 */
export type Synchronous = "off" | "normal" | "full" | "extra"

/**
 * A loadable extension: the path of its library, and its entry point where that has not the usual name.
 *
 * @since 0.1.0
 * @category models
 */
export interface Extension {
  readonly path: string
  readonly entryPoint?: string | undefined
}

/**
 * The options of the driver. `docs/sqlite.md` explains what they are for.
 *
 * @since 0.1.0
 * @category models
 */
export interface SqliteConfig {
  /** The database file, relative to the folder the process was started in, or `:memory:`. */
  readonly filename: string
  /** Default `rwc`. */
  readonly mode?: Mode | undefined
  /** The most read-only connections. 0: everything runs on the one writer. Default 4. */
  readonly readers?: number | undefined
  /** The longest wait for a lock that another connection holds. 0: do not wait. Default 5 seconds. */
  readonly lockTimeout?: Duration.DurationInput | undefined
  /** Whether foreign keys are enforced. Default `true`. */
  readonly foreignKeys?: boolean | undefined
  /** Default `wal`. Not touched in mode `ro`. */
  readonly journalMode?: JournalMode | undefined
  /** Default `normal`. */
  readonly synchronous?: Synchronous | undefined
  /** Further pragmas, set on every connection. */
  readonly pragmas?: Readonly<Record<string, string | number | boolean>> | undefined
  /** Extensions loaded into every connection. With any, a lone SELECT runs on the writer: a function may write. */
  readonly extensions?: ReadonlyArray<string | Extension> | undefined
  /** Prepared statements kept by each connection. 0: none. Default 200. */
  readonly statementCacheSize?: number | undefined
  /** Applied to the names in a query, as in `@effect/sql`. */
  readonly transformQueryNames?: ((name: string) => string) | undefined
  /** Applied to the names in a result. */
  readonly transformResultNames?: ((name: string) => string) | undefined
}
