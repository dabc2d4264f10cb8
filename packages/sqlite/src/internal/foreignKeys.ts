/**
 * Turning the enforcement of foreign keys on and off. SQLite does that outside of a transaction only; inside of one the
 * pragma does nothing, and says nothing.
 *
 * Source: https://www.sqlite.org/pragma.html#pragma_foreign_keys
 */
import type { Database } from "better-sqlite3"
import type { KeySwitch } from "effect-sql-engine/Dialect"
import type { Mark } from "./mark.js"
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

export const keySwitch: KeySwitch = {
  turnedTo: (sql) => turnedTo(traits(sql).mark),
  off: "PRAGMA foreign_keys = OFF",
  orphans: "SELECT \"table\" AS child, parent, count(*) AS orphans FROM pragma_foreign_key_check GROUP BY 1, 2"
}
