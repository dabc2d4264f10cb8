/**
 * How SQLite says what its tables are like.
 */
import type { Ddl, Literal } from "effect-sql-engine/Dialect"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { introspection } from "./introspection.js"
import { columnType, sameType } from "./types.js"

const literal = (value: Literal): string => {
  switch (typeof value) {
    case "string":
      return `'${value.replaceAll("'", "''")}'`
    case "number":
      return Number.isFinite(value) ? `${value}` : Number.isNaN(value) ? "NULL" : value > 0 ? "9e999" : "-9e999"
    case "bigint":
      return `${value}`
    case "boolean":
      return value ? "1" : "0"
    default:
      return "NULL"
  }
}

const now: Ddl["now"] = (kind) => {
  switch (kind) {
    case "number":
    case "integer":
    case "bigint":
      return "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
    case "date":
      return "strftime('%Y-%m-%d', 'now')"
    default:
      return "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
  }
}

/** Version 4, variant 1, of random bytes. */
const uuid =
  "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' || " +
  "substr('89AB', 1 + (abs(random()) % 4), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))"

/** The lock was taken, or the object came to be a moment before. */
const raced = (failure: SqlFailure): boolean =>
  failure._tag === "TransactionAborted" && failure.first !== undefined
    ? raced(failure.first)
    : failure.code?.startsWith("SQLITE_BUSY") === true ||
      (failure.code === "SQLITE_ERROR" && / already exists/.test(failure.message))

export const ddl: Ddl = {
  schemas: false,
  sameName: (a, b) => a.toLowerCase() === b.toLowerCase(),
  forwardReferences: true,
  dropsTogether: false,
  columnType,
  sameType,
  // AUTOINCREMENT: the number of a deleted row is not given again.
  generated: () => ({ definition: "INTEGER PRIMARY KEY AUTOINCREMENT", isKey: true }),
  literal,
  now,
  uuid,
  isolation: undefined,
  // BEGIN IMMEDIATE is the lock.
  lock: () => [],
  // Dropping a table deletes its rows: children that are dropped next may miss their parents until then.
  beforeDrop: ["PRAGMA defer_foreign_keys = 1"],
  introspection,
  raced
}
