/**
 * The words and codes of the scripted database.
 *
 * A code is the tag of a failure (`UniqueViolation`) or one of a few SQLSTATEs that people know by heart; anything else
 * is `UnknownError`.
 */
import type { BeginOptions, Classification, Dialect } from "effect-sql-engine/Dialect"
import {
  type ConstraintFacts,
  type StatementFailure,
  statementFailure,
  statementFailures,
  type StatementFailureTag
} from "effect-sql-engine/SqlFailure"

const states: Readonly<Record<string, StatementFailureTag>> = {
  "08006": "ConnectionError",
  "22003": "DataError",
  "23502": "NotNullViolation",
  "23503": "ForeignKeyViolation",
  "23505": "UniqueViolation",
  "23514": "CheckViolation",
  "25006": "ReadOnlyTransaction",
  "28P01": "AuthenticationError",
  "40001": "SerializationError",
  "40P01": "DeadlockError",
  "42501": "AuthorizationError",
  "42601": "SqlSyntaxError",
  "53100": "ResourceExhausted",
  "53300": "TooManyConnections",
  "55P03": "LockTimeoutError",
  "57014": "QueryCancelled",
  "57P01": "ServerShutdown"
}

const retryable: ReadonlySet<StatementFailureTag> = new Set<StatementFailureTag>([
  "ConnectionError",
  "TooManyConnections",
  "ServerShutdown",
  "SerializationError",
  "DeadlockError",
  "LockTimeoutError"
])

const fatal: ReadonlySet<StatementFailureTag> = new Set<StatementFailureTag>([
  "ConnectionError",
  "AuthenticationError",
  "TooManyConnections",
  "ServerShutdown"
])

const tagOf = (code: string): StatementFailureTag => {
  if (Object.hasOwn(states, code)) {
    return states[code] as StatementFailureTag
  }
  return Object.hasOwn(statementFailures, code) ? code as StatementFailureTag : "UnknownError"
}

const classify = (code: string): Classification => {
  const tag = tagOf(code)
  return { tag, retryable: retryable.has(tag), connection: fatal.has(tag) ? "discard" : "keep" }
}

const begin = (options: BeginOptions): string => {
  let words = "BEGIN"
  if (options.isolation !== undefined) {
    words += ` ISOLATION LEVEL ${options.isolation.toUpperCase()}`
  }
  if (options.readOnly !== undefined) {
    words += options.readOnly ? " READ ONLY" : " READ WRITE"
  }
  return options.deferrable === true ? `${words} DEFERRABLE` : words
}

export const dialect: Dialect = {
  name: "scripted",
  isolations: ["read uncommitted", "read committed", "repeatable read", "serializable"],
  begin,
  commit: "COMMIT",
  rollback: "ROLLBACK",
  savepoint: (name) => `SAVEPOINT ${name}`,
  releaseSavepoint: (name) => `RELEASE ${name}`,
  rollbackToSavepoint: (name) => `ROLLBACK TO ${name}`,
  quoteIdentifier: (name) => `"${name.replaceAll("\"", "\"\"")}"`,
  syntax: {
    blanks: " \t\n\r",
    lineEnds: "\n",
    nestedComments: false,
    stringPrefixes: "",
    continuedStrings: false,
    dollarQuotes: false,
    nameQuotes: "",
    parameters: "numbered",
    bodies: "none"
  },
  classify
}

/** The failure that a code of the scripted server stands for. */
export const failureOf = (
  code: string,
  message: string,
  facts: ConstraintFacts & { readonly sent?: "no" | "yes" | "maybe"; readonly statement?: string | undefined } = {}
): StatementFailure => {
  const { connection, retryable, tag } = classify(code)
  return statementFailure(tag, { code, message, retryable, connection, sent: "yes", ...facts })
}

/** The failure of a link that broke. */
export const lostFailure = (message: string, sent: "no" | "maybe", statement?: string): StatementFailure =>
  statementFailure("ConnectionError", { message, sent, statement, retryable: sent === "no" })
