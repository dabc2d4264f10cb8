/**
 * How SQLite cuts a text into tokens.
 *
 * Source: `src/tokenize.c`, and https://www.sqlite.org/lang_keywords.html
 */
import type { SqlSyntax } from "effect-sql-engine/SqlText"

export const syntax: SqlSyntax = {
  // A byte order mark is a blank here; other blanks of Unicode are letters.
  blanks: " \t\n\r\f\uFEFF",
  lineEnds: "\n",
  nestedComments: false,
  stringPrefixes: "x",
  continuedStrings: false,
  dollarQuotes: false,
  nameQuotes: "`[",
  parameters: "named",
  bodies: "trigger"
}
