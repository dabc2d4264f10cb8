/**
 * How a table is looked for, and rebuilt, on SQLite.
 */
import type { Script } from "effect-sql-engine/Dialect"
import { keySwitch } from "./foreignKeys.js"
import { shellCommand } from "./shell.js"

export const script: Script = {
  schemas: false,
  tableExists: (table) => ({
    sql:
      "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type IN ('table', 'view') AND lower(name) = lower(?)) AS found",
    params: [table]
  }),
  keySwitch,
  shellCommand
}
