/**
 * How a table is looked for on PostgreSQL.
 */
import type { Script } from "effect-sql-engine/Dialect"

const quoted = (name: string): string => `"${name.replaceAll("\"", "\"\"")}"`

export const script: Script = {
  schemas: true,
  tableExists: (table, schema) => ({
    sql: "SELECT pg_catalog.to_regclass($1) IS NOT NULL AS found",
    params: [schema === undefined ? quoted(table) : `${quoted(schema)}.${quoted(table)}`]
  })
}
