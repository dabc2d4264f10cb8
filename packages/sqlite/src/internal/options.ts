/**
 * What an SQLite engine can be told besides its file, described for those who tell it without a type checker, and for
 * the tables of `docs/configuration.md`.
 */
import { Predicate, Schema } from "effect"
import * as EngineConfig from "effect-sql-engine/EngineConfig"
import type { Extension } from "../SqliteConfig.js"

const { count, duration, engineOptions, flag, given, group, oneOf, option, poolOptions, text } = EngineConfig

const isFunction = (u: unknown): u is (name: string) => string => Predicate.isFunction(u)

const isExtension = (u: unknown): u is string | Extension =>
  typeof u === "string" || Predicate.hasProperty(u, "path") && typeof u.path === "string"

/** How many connections there are is the file's business: one writer, and `readers`. */
const { maxOverflow: _, mode: __, size: ___, ...pool } = poolOptions

/** The options beside the address. */
export const options = {
  ...engineOptions,
  pool: group("The connections; how many there are, `readers` says.", pool),
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
  extensions: option(
    Schema.Array(Schema.declare(isExtension)),
    "a list of paths, or of objects with `path` and `entryPoint`",
    {
      absent: "none",
      description: "Extensions loaded into every connection; with any, a lone SELECT runs on the writer."
    }
  ),
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

/** The options that say which database it is. */
export const address = {
  filename: text({ absent: "none", description: "The database file, or `:memory:`." }),
  url: given((u): u is unknown => u !== undefined, "an address", {
    absent: "none",
    description:
      "The database file as a URL: `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite://` for memory."
  })
}
