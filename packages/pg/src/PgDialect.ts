/**
 * How PostgreSQL says things: the words of a transaction, quoting, and what its SQLSTATEs mean.
 *
 * @since 0.1.0
 */
import type { BeginOptions, Dialect } from "effect-sql-engine/Dialect"
import { classify as classifyCode } from "./internal/classify.js"
import { ddl } from "./internal/ddl/ddl.js"
import { lock } from "./internal/lock.js"
import { quoteIdentifier } from "./internal/quoting.js"
import { rows } from "./internal/rows.js"
import { script } from "./internal/script.js"
import { seeding } from "./internal/seeding.js"
import { syntax } from "./internal/syntax.js"

const begin = (options: BeginOptions): string => {
  const words = ["BEGIN"]
  if (options.isolation !== undefined) words.push("ISOLATION LEVEL", options.isolation.toUpperCase())
  if (options.readOnly !== undefined) words.push(options.readOnly ? "READ ONLY" : "READ WRITE")
  if (options.deferrable !== undefined) words.push(options.deferrable ? "DEFERRABLE" : "NOT DEFERRABLE")
  return words.join(" ")
}

/**
 * PostgreSQL's dialect.
 *
 * The server takes READ UNCOMMITTED for READ COMMITTED, so it is not among the isolation levels. A deferrable
 * transaction is only different when it is serializable and read only.
 *
 * Source: https://www.postgresql.org/docs/18/sql-begin.html
 *
 * @since 0.1.0
 * @category dialects
 */
export const dialect: Dialect = {
  name: "postgresql",
  isolations: ["read committed", "repeatable read", "serializable"],
  begin,
  commit: "COMMIT",
  rollback: "ROLLBACK",
  savepoint: (name) => `SAVEPOINT ${quoteIdentifier(name)}`,
  releaseSavepoint: (name) => `RELEASE SAVEPOINT ${quoteIdentifier(name)}`,
  rollbackToSavepoint: (name) =>
    `ROLLBACK TO SAVEPOINT ${quoteIdentifier(name)}; RELEASE SAVEPOINT ${quoteIdentifier(name)}`,
  quoteIdentifier,
  syntax,
  version: "SELECT current_setting('server_version') AS version",
  classify: classifyCode,
  ddl,
  lock,
  script,
  seeding,
  rows
}

/**
 * What an SQLSTATE means: total over every code of PostgreSQL and every other word; a code that no version knows means
 * what its class means, or `UnknownError`.
 *
 * @since 0.1.0
 * @category classification
 */
export const classify: Dialect["classify"] = classifyCode
