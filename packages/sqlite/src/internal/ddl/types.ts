/**
 * SQLite's types: what a column is declared as, and when two declarations mean the same.
 *
 * Source: https://www.sqlite.org/datatype3.html#determination_of_column_affinity
 */
import type { ColumnKind } from "effect-sql-engine/Dialect"

// What the driver binds: a Date is its ISO text, a boolean 0 or 1.
const types: Readonly<Record<ColumnKind, string>> = {
  integer: "INTEGER",
  bigint: "INTEGER",
  number: "REAL",
  text: "TEXT",
  boolean: "INTEGER",
  bytes: "BLOB",
  json: "TEXT",
  uuid: "TEXT",
  timestamp: "TEXT",
  date: "TEXT"
}

export const columnType = (kind: ColumnKind): string => types[kind]

/** The affinity is all that a declared type is to SQLite; the rules stand in its documentation in this order. */
const affinity = (type: string): string => {
  const name = type.toUpperCase()
  if (name.includes("INT")) return "INTEGER"
  if (/CHAR|CLOB|TEXT/.test(name)) return "TEXT"
  if (name.includes("BLOB") || name.trim() === "") return "BLOB"
  if (/REAL|FLOA|DOUB/.test(name)) return "REAL"
  return "NUMERIC"
}

export const sameType = (declared: string, found: string): boolean => affinity(declared) === affinity(found)
