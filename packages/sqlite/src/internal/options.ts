/**
 * What an SQLite engine can be told besides its file, described for those who tell it without a type checker, and for
 * the tables of `docs/configuration.md`.
 */
import { Predicate, Schema } from "effect"
import * as EngineConfig from "effect-sql-engine/EngineConfig"
import type { Extension, SqliteConfig } from "../SqliteConfig.js"

const { count, duration, either, engineOptions, flag, given, group, list, oneOf, option, poolOptions, record, text } =
  EngineConfig

const isFunction = (u: unknown): u is (name: string) => string => Predicate.isFunction(u)

const extension: EngineConfig.Described<Extension> = {
  path: given(Predicate.isString, "a path"),
  entryPoint: text()
}

/** A library, by its path or in detail. */
export const extensions = list(
  either([
    given(Predicate.isString, "a path"),
    record(extension, undefined, { expected: "an object with `path` and `entryPoint`", required: ["path"] })
  ]),
  {
    absent: "none",
    description: "Extensions loaded into every connection; with any, a lone SELECT runs on the writer."
  }
)

/** How many connections there are is the file's business: one writer, and `readers`. */
const { maxOverflow: _, mode: __, size: ___, ...pool } = poolOptions

const driver = {
  mode: oneOf(["ro", "rw", "rwc"], {
    absent: "`rwc`",
    description: "Only read the file; read and write it; or create it, too, when it is missing."
  }),
  readers: count(0, { absent: "4", description: "The most read-only connections beside the writer." }),
  lockTimeout: duration({
    absent: "5 seconds",
    zero: true,
    description: "The longest wait for a lock that another connection holds; then `LockTimeoutError`."
  }),
  foreignKeys: flag({ absent: "`true`", description: "Whether foreign keys are enforced." }),
  journalMode: oneOf(["wal", "delete", "truncate", "persist", "memory"], {
    absent: "`wal`",
    description: "How a transaction is kept undoable. Only with `wal` can readers and the writer work side by side."
  }),
  synchronous: oneOf(["off", "normal", "full", "extra"], {
    absent: "`normal`",
    description: "How often SQLite waits for the disk. With `normal` a power cut may undo the newest commits; `full` " +
      "keeps every one."
  }),
  pragmas: option(
    Schema.Record({ key: Schema.String, value: Schema.Union(Schema.String, Schema.Number, Schema.Boolean) }),
    "an object of texts, numbers and booleans",
    { absent: "none", description: "Further pragmas, set on every connection." }
  ),
  extensions,
  statementCacheSize: count(0, { absent: "200", description: "Prepared statements kept by each connection." }),
  transformQueryNames: given(isFunction, "a function from name to name", {
    absent: "none",
    description: "Applied to the names in a query, as in `@effect/sql`."
  }),
  transformResultNames: given(isFunction, "a function from name to name", {
    absent: "none",
    description: "Applied to the names in a result."
  })
}

/** The options beside the address. */
export const options = {
  ...engineOptions,
  pool: group("The connections; how many there are, `readers` says.", pool),
  ...driver
}

const filename = text({ absent: "none", description: "The database file, or `:memory:`." })

/** What the driver by itself can be told. */
export const driverOptions: EngineConfig.Described<SqliteConfig> = { ...driver, filename }

/** The options that say which database it is. */
export const address = {
  filename,
  url: given((u): u is unknown => u !== undefined, "an address", {
    absent: "none",
    description:
      "The database file as a URL: `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite://` for memory."
  })
}
