/**
 * How SQLite says things: the words of a transaction, quoting, and what its result codes mean.
 *
 * @since 0.1.0
 */
import type { Dialect } from "effect-sql-engine/Dialect"
import { ddl } from "./internal/ddl/ddl.js"
import { quoteIdentifier } from "./internal/quote.js"
import { classify as classifyCode } from "./internal/resultCodes.js"
import { rows } from "./internal/rows.js"
import { script } from "./internal/script.js"
import { seeding } from "./internal/seeding.js"
import { syntax } from "./internal/syntax.js"

/**
 * SQLite's dialect.
 *
 * A transaction takes the write lock when it begins (`BEGIN IMMEDIATE`), so that no later statement of it can be refused
 * for a lock. A read-only one begins with `BEGIN DEFERRED`, takes no write lock, and is refused every write by the
 * driver. The only isolation level is `serializable`.
 *
 * Source: https://www.sqlite.org/lang_transaction.html
 *
 * @since 0.1.0
 * @category dialects
 */
export const dialect: Dialect = {
  name: "sqlite",
  isolations: ["serializable"],
  begin: (options) => options.readOnly === true ? "BEGIN DEFERRED" : "BEGIN IMMEDIATE",
  commit: "COMMIT",
  rollback: "ROLLBACK",
  savepoint: (name) => `SAVEPOINT ${quoteIdentifier(name)}`,
  releaseSavepoint: (name) => `RELEASE ${quoteIdentifier(name)}`,
  rollbackToSavepoint: (name) => `ROLLBACK TO ${quoteIdentifier(name)}; RELEASE ${quoteIdentifier(name)}`,
  quoteIdentifier,
  syntax,
  // Reading the schema shows that the file can be read.
  version: "SELECT sqlite_version() AS version, (SELECT count(*) FROM sqlite_schema) AS tables",
  classify: classifyCode,
  ddl,
  lock: { kind: "row" },
  script,
  seeding,
  rows
}

/**
 * What a result code means: total over every primary and extended code of SQLite, by the name better-sqlite3 gives it.
 * An unlisted extended code means what its primary code means; a word that is no code is an `UnknownError`.
 *
 * @since 0.1.0
 * @category classification
 */
export const classify: Dialect["classify"] = classifyCode
