/**
 * What the shell `sqlite3` does itself and SQLite does not understand: its commands, which begin with a dot.
 *
 * Source: https://www.sqlite.org/cli.html
 */
import type { ShellCommand } from "effect-sql-engine/Dialect"

/** The command a statement begins with: no SQL begins with a dot. */
export const shellCommand = (statement: string): ShellCommand | undefined => {
  const name = /^\.[a-z]+/i.exec(statement)?.[0]
  return name === undefined
    ? undefined
    : {
      at: 0,
      problem: `${name} is a command of the shell sqlite3, not SQL; leave it out, or write what it does in SQL`
    }
}
