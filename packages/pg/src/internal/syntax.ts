/**
 * How PostgreSQL cuts a text into tokens, with `standard_conforming_strings` on as it is by default.
 *
 * Source: https://www.postgresql.org/docs/18/sql-syntax-lexical.html
 */
import type { SqlSyntax } from "effect-sql-engine/SqlText"

export const syntax: SqlSyntax = {
  blanks: " \t\n\r\f\v",
  lineEnds: "\n\r",
  nestedComments: true,
  stringPrefixes: "ebnxu",
  continuedStrings: true,
  dollarQuotes: true,
  nameQuotes: "",
  parameters: "numbered",
  bodies: "routine"
}
