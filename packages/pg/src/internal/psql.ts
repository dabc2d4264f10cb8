/**
 * What psql does itself and no server understands: its commands, which begin with a backslash, and the rows behind
 * `COPY … FROM stdin`. Files that pg_dump writes hold both.
 *
 * Source: https://www.postgresql.org/docs/18/app-psql.html
 */
import type { ShellCommand } from "effect-sql-engine/Dialect"
import { tokens } from "effect-sql-engine/SqlText"
import { copiesWithClient } from "./phrases.js"
import { syntax } from "./syntax.js"

/** The command alone: what stands behind it may be a password. */
const nameAt = (text: string, at: number): string => /^\\[a-z]*[^\s\w]?/i.exec(text.slice(at, at + 40))![0]

const advice: Readonly<Record<string, string>> = {
  "\\restrict": "leave it out, with the \\unrestrict at the end",
  "\\unrestrict": "leave it out, with the \\restrict at the beginning",
  "\\connect": "leave it out; the connection URL says which database is meant",
  "\\c": "leave it out; the connection URL says which database is meant",
  "\\copy": "write its rows as INSERT",
  "\\.": "it ends the rows of a COPY, so write them as INSERT, as `pg_dump --inserts` does",
  "\\i": "put the statements of that file here",
  "\\ir": "put the statements of that file here"
}

const otherwise = "leave it out, or write what it does in SQL"

const problemOf = (command: string): string =>
  `${command} is a command of psql, not SQL; ${advice[command.toLowerCase()] ?? otherwise}`

const rowsIn = "COPY … FROM stdin takes its rows from psql; write them as INSERT, as `pg_dump --inserts` does"
const rowsOut = "COPY … TO stdout gives its rows to psql, and changes nothing; leave it out"

/** The first such thing in a statement. */
export const shellCommand = (statement: string): ShellCommand | undefined => {
  const all = tokens(statement, syntax)
  const backslash = all.find((token) => token.isSign("\\"))
  if (backslash !== undefined) return { at: backslash.start, problem: problemOf(nameAt(statement, backslash.start)) }
  const copies = copiesWithClient(all)
  return copies === undefined ? undefined : { at: 0, problem: copies === "FROM STDIN" ? rowsIn : rowsOut }
}

/** Advice about a syntax error at this place, where a command of psql is the mistake. */
export const shellCommandAt = (statement: string | undefined, position: number | undefined): string | undefined =>
  statement === undefined || position === undefined || statement[position] !== "\\"
    ? undefined
    : `${problemOf(nameAt(statement, position))}.`
