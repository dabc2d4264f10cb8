/**
 * What each SQLSTATE means: a few codes by name, the rest by their class (the first two characters).
 *
 * Source: https://www.postgresql.org/docs/18/errcodes-appendix.html
 */
import type { Classification } from "effect-sql-engine/Dialect"
import type { StatementFailureTag } from "effect-sql-engine/SqlFailure"

const means = (tag: StatementFailureTag, facts: Partial<Omit<Classification, "tag">> = {}): Classification => ({
  tag,
  retryable: false,
  connection: "keep",
  ...facts
})

const again = { retryable: true } as const
const lost = { retryable: true, connection: "discard" } as const
const shut = { connection: "discard" } as const

/** By the first two characters. A class that is not listed means `UnknownError`. */
const classes = new Map<string, Classification>(Object.entries({
  "03": means("SqlSyntaxError"),
  "08": means("ConnectionError", lost),
  "0A": means("SqlSyntaxError"),
  "0F": means("DataError"),
  "0L": means("AuthorizationError"),
  "0P": means("AuthorizationError"),
  "10": means("DataError"),
  "21": means("DataError"),
  "22": means("DataError"),
  "23": means("CheckViolation"),
  "25": means("SqlSyntaxError"),
  "26": means("SqlSyntaxError"),
  "28": means("AuthenticationError", shut),
  "2D": means("SqlSyntaxError"),
  "34": means("SqlSyntaxError"),
  "3B": means("SqlSyntaxError"),
  "3D": means("ConnectionError", shut),
  "3F": means("SqlSyntaxError"),
  "40": means("SerializationError", again),
  "42": means("SqlSyntaxError"),
  "44": means("CheckViolation"),
  "53": means("ResourceExhausted"),
  "54": means("ResourceExhausted"),
  "57": means("QueryCancelled"),
  "72": means("SerializationError", again),
  XX: means("InternalError")
}))

/** Codes that mean something else than the rest of their class. */
const codes = new Map<string, Classification>(Object.entries({
  // "bind message supplies 1 parameters, but … requires 2": a mistake in the statement, not in the link.
  "08P01": means("SqlSyntaxError"),
  "23001": means("ForeignKeyViolation"),
  "23502": means("NotNullViolation"),
  "23503": means("ForeignKeyViolation"),
  "23505": means("UniqueViolation"),
  "23P01": means("ExclusionViolation"),
  "25006": means("ReadOnlyTransaction"),
  "25P02": means("UnknownError"),
  "25P03": means("IdleTransactionTimeout", lost),
  "25P04": means("StatementTimeoutError", shut),
  "40002": means("CheckViolation"),
  "40003": means("UnknownError", shut),
  "40P01": means("DeadlockError", again),
  "42501": means("AuthorizationError"),
  "53300": means("TooManyConnections", lost),
  "55P03": means("LockTimeoutError", again),
  "55P04": means("UncommittedEnumValue"),
  "57P01": means("ServerShutdown", lost),
  "57P02": means("ServerShutdown", lost),
  "57P03": means("ServerShutdown", lost),
  "57P04": means("ConnectionError", shut),
  "57P05": means("ConnectionError", lost)
}))

const unknown = means("UnknownError")

/** Total: whatever the word is, it means exactly one thing. */
export const classify = (code: string): Classification => codes.get(code) ?? classes.get(code.slice(0, 2)) ?? unknown
