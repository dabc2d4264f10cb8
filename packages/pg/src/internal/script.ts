/**
 * How a table is looked for on PostgreSQL, and what a script may set that reaches what is written behind it.
 */
import type { Script } from "effect-sql-engine/Dialect"
import { shellCommand } from "./psql.js"

const quoted = (name: string): string => `"${name.replaceAll("\"", "\"\"")}"`

/** In the order in which they are set back: a new session authorization takes the role with it. */
const settings = [
  "session_authorization",
  "role",
  "search_path",
  "client_encoding",
  "statement_timeout",
  "lock_timeout",
  "row_security"
]

export const script: Script = {
  schemas: true,
  tableExists: (table, schema) => ({
    sql: "SELECT pg_catalog.to_regclass($1) IS NOT NULL AS found",
    params: [schema === undefined ? quoted(table) : `${quoted(schema)}.${quoted(table)}`]
  }),
  settings: {
    read: `SELECT ${settings.map((name) => `pg_catalog.current_setting('${name}') AS ${name}`).join(", ")}`,
    restore: (row) => ({
      sql: `SELECT ${settings.map((name, i) => `pg_catalog.set_config('${name}', $${i + 1}, true)`).join(", ")}`,
      params: settings.map((name) => row[name])
    })
  },
  shellCommand
}
