/**
 * What SQLite's result codes mean.
 *
 * An extended code that is not listed means what its primary code means: `SQLITE_IOERR_WRITE` is an `SQLITE_IOERR`. A
 * code of a newer SQLite than the driver's comes as a number; its low byte is the primary code.
 *
 * Source: https://www.sqlite.org/rescode.html
 */
import type { Classification } from "effect-sql-engine/Dialect"
import type { StatementFailureTag } from "effect-sql-engine/SqlFailure"

/** The primary codes by number. */
const primary: Readonly<Record<number, string>> = {
  0: "OK",
  1: "ERROR",
  2: "INTERNAL",
  3: "PERM",
  4: "ABORT",
  5: "BUSY",
  6: "LOCKED",
  7: "NOMEM",
  8: "READONLY",
  9: "INTERRUPT",
  10: "IOERR",
  11: "CORRUPT",
  12: "NOTFOUND",
  13: "FULL",
  14: "CANTOPEN",
  15: "PROTOCOL",
  16: "EMPTY",
  17: "SCHEMA",
  18: "TOOBIG",
  19: "CONSTRAINT",
  20: "MISMATCH",
  21: "MISUSE",
  22: "NOLFS",
  23: "AUTH",
  24: "FORMAT",
  25: "RANGE",
  26: "NOTADB",
  27: "NOTICE",
  28: "WARNING",
  100: "ROW",
  101: "DONE"
}

const meanings: Record<string, Classification> = {}

const mean = (tag: StatementFailureTag, verdict: "keep" | "discard", work: "final" | "retryable", codes: string) => {
  for (const code of codes.split(" ")) meanings[code] = { tag, retryable: work === "retryable", connection: verdict }
}

// Somebody else has the lock: waiting helps.
mean("LockTimeoutError", "keep", "retryable", "BUSY LOCKED_SHAREDCACHE LOCKED_VTAB PROTOCOL")
// The lock is this connection's own: an open stream keeps the table. Waiting helps nobody.
mean("LockTimeoutError", "keep", "final", "LOCKED")
// What the transaction has read is no longer the newest: only a new transaction can write.
mean("SerializationError", "keep", "retryable", "BUSY_SNAPSHOT ERROR_SNAPSHOT ERROR_RETRY SCHEMA")

mean("UniqueViolation", "keep", "final", "CONSTRAINT_UNIQUE CONSTRAINT_PRIMARYKEY CONSTRAINT_ROWID")
mean("ForeignKeyViolation", "keep", "final", "CONSTRAINT_FOREIGNKEY")
mean("NotNullViolation", "keep", "final", "CONSTRAINT_NOTNULL")
// RAISE() in a trigger, a virtual table, a function and a commit hook refuse a row by a rule of their own, as CHECK does.
mean("CheckViolation", "keep", "final", "CONSTRAINT")
mean("DataError", "keep", "final", "CONSTRAINT_DATATYPE MISMATCH TOOBIG")

mean("SqlSyntaxError", "keep", "final", "ERROR RANGE")
mean("QueryCancelled", "keep", "final", "ABORT INTERRUPT")
mean("ReadOnlyTransaction", "keep", "final", "READONLY")
mean("AuthorizationError", "keep", "final", "PERM AUTH")
mean("AuthenticationError", "discard", "final", "AUTH_USER")
mean("ResourceExhausted", "keep", "final", "FULL NOLFS CANTOPEN_NOTEMPDIR IOERR_GETTEMPPATH")
mean("ResourceExhausted", "discard", "final", "NOMEM IOERR_NOMEM")

mean("ConnectionError", "discard", "final", "CANTOPEN NOTADB IOERR")
// The file was replaced under the connection, or locking failed for a moment: a new connection may do.
mean(
  "ConnectionError",
  "discard",
  "retryable",
  "READONLY_DBMOVED IOERR_BLOCKED IOERR_LOCK IOERR_RDLOCK IOERR_UNLOCK IOERR_CHECKRESERVEDLOCK IOERR_SHMLOCK"
)

mean("UnknownError", "discard", "final", "INTERNAL MISUSE CORRUPT FORMAT IOERR_DATA IOERR_CORRUPTFS")
// No failures; listed so that every code means something.
mean("UnknownError", "keep", "final", "OK NOTFOUND EMPTY NOTICE WARNING ROW DONE")

const unheardOf: Classification = { tag: "UnknownError", retryable: false, connection: "discard" }

/** The meaning of a code as better-sqlite3 names it (`SQLITE_BUSY_SNAPSHOT`, `UNKNOWN_SQLITE_ERROR_1025`). */
export const classify = (code: string): Classification => {
  const number = /^UNKNOWN_SQLITE_ERROR_(\d+)$/.exec(code)?.[1]
  const name = number === undefined ? code.replace(/^SQLITE_/, "") : primary[Number(number) & 0xff] ?? ""
  return (Object.hasOwn(meanings, name) ? meanings[name] : undefined) ??
    (Object.hasOwn(meanings, name.split("_")[0]!) ? meanings[name.split("_")[0]!] : undefined) ?? unheardOf
}
