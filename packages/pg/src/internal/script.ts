/**
 * How a text of several statements reads on PostgreSQL.
 *
 * Source: https://www.postgresql.org/docs/18/sql-syntax-lexical.html
 */
import type { Script } from "effect-sql-engine/Dialect"

const quoted = (name: string): string => `"${name.replaceAll("\"", "\"\"")}"`

export const script: Script = {
  nestedComments: true,
  dollarQuotes: true,
  escapeStrings: true,
  bracketNames: false,
  body: /^create (or replace )?(function|procedure) .*\bbegin atomic$/,
  schemas: true,
  tableExists: (table, schema) => ({
    sql: "SELECT pg_catalog.to_regclass($1) IS NOT NULL AS found",
    params: [schema === undefined ? quoted(table) : `${quoted(schema)}.${quoted(table)}`]
  })
}
