/**
 * Turning the enforcement of foreign keys on and off. SQLite does that outside of a transaction only; inside of one the
 * pragma does nothing, and says nothing.
 *
 * Source: https://www.sqlite.org/pragma.html#pragma_foreign_keys
 */
import type { Database } from "better-sqlite3"
import type { KeySwitch } from "effect-sql-engine/Dialect"
import { tokens } from "effect-sql-engine/SqlText"
import type { Token } from "effect-sql-engine/SqlText"
import type { Mark } from "./mark.js"
import { syntax } from "./syntax.js"
import { traits } from "./traits.js"

/** What a statement turns the enforcement to; `undefined`: it leaves it as it is. */
const turnedTo = (mark: Mark): boolean | undefined =>
  mark.leaves === "setting" && mark.pragma === "foreign_keys"
    ? /^(on|yes|true|0*[1-9]\d*)$/.test(mark.value)
    : undefined

/** A statement that would have been ignored in silence. */
export class Ignored extends Error {
  override readonly name = "Ignored"
}

/** Throws where a statement would turn the enforcement inside of a transaction. */
export const refuseInTransaction = (db: Database, mark: Mark): void => {
  const on = turnedTo(mark)
  if (on === undefined || !db.inTransaction || db.pragma("foreign_keys", { simple: true }) === Number(on)) return
  throw new Ignored(
    `PRAGMA foreign_keys = ${on ? "ON" : "OFF"} does nothing inside of a transaction. To rebuild a table, put the ` +
      "statements into a migration of SQL text, which runs with foreign keys off and checks them before it commits; or run " +
      "the pragma on a connection from `sql.reserve`, outside of a session"
  )
}

const textOf = (tokens: ReadonlyArray<Token>, from: number): string | undefined => {
  const at = tokens[from + 1]?.isSign(".") ? from + 2 : from
  return tokens[at]?.text.toLowerCase()
}

/** The table that `DROP TABLE` drops. */
const dropped = (tokens: ReadonlyArray<Token>): string | undefined =>
  tokens[0]?.isWord("drop") && tokens[1]?.isWord("table")
    ? textOf(tokens, tokens[2]?.isWord("if") ? 4 : 2)
    : undefined

/** The name that `ALTER TABLE … RENAME TO` gives. */
const renamed = (tokens: ReadonlyArray<Token>): string | undefined => {
  const at = tokens.findIndex((token) => token.isWord("rename"))
  return tokens[0]?.isWord("alter") && at !== -1 && tokens[at + 1]?.isWord("to") ? textOf(tokens, at + 2) : undefined
}

/**
 * Whether a table is dropped and another one takes its name, or the text says so itself. With foreign keys on, DROP TABLE
 * deletes the rows of every table that refers to it with ON DELETE CASCADE.
 */
const rebuilds = (statements: ReadonlyArray<string>): boolean => {
  const all = statements.map((text) => tokens(text, syntax))
  const gone = new Set(all.map(dropped))
  return statements.some((text) => keySwitch.turnedTo(text) === false) ||
    all.map(renamed).some((name) => name !== undefined && gone.has(name))
}

export const keySwitch: KeySwitch = {
  rebuilds,
  turnedTo: (sql) => turnedTo(traits(sql).mark),
  off: "PRAGMA foreign_keys = OFF",
  orphans: "SELECT \"table\" AS child, parent, count(*) AS orphans FROM pragma_foreign_key_check GROUP BY 1, 2"
}
