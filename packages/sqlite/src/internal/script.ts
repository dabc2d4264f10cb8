/**
 * How a text of several statements reads on SQLite.
 *
 * Source: https://www.sqlite.org/lang.html
 */
import type { Script } from "effect-sql-engine/Dialect"

export const script: Script = {
  nestedComments: false,
  dollarQuotes: false,
  escapeStrings: false,
  bracketNames: true,
  body: /^create (temp |temporary )?trigger .*\bbegin$/,
  schemas: false,
  tableExists: (table) => ({
    sql:
      "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type IN ('table', 'view') AND lower(name) = lower(?)) AS found",
    params: [table]
  })
}
