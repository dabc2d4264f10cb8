/**
 * How foreign keys wait until all rows of a seed are there: until the COMMIT, which sets them back by itself.
 *
 * Source: https://www.sqlite.org/foreignkeys.html, https://www.sqlite.org/pragma.html#pragma_defer_foreign_keys
 */
import type { Seeding } from "effect-sql-engine/Dialect"

export const seeding: Seeding = {
  defer: "PRAGMA defer_foreign_keys = 1",
  strict: undefined,
  check: (tables) => tables.map((table) => `PRAGMA foreign_key_check(${table})`),
  overriding: "",
  advance: undefined
}
