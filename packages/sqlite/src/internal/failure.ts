/**
 * From what better-sqlite3 throws to a typed failure: tag, verdicts, and a message that says what to do.
 */
import Sqlite from "better-sqlite3"
import { LockTimeoutError, statementFailure } from "effect-sql-engine/SqlFailure"
import type { ConstraintFacts, StatementFailure, StatementFailureTag } from "effect-sql-engine/SqlFailure"
import { Unbindable } from "./bind.js"
import { constraintFacts } from "./constraint.js"
import { Ignored } from "./foreignKeys.js"
import { Irreversible } from "./leftovers.js"
import { masked } from "./masked.js"
import { positionOf } from "./position.js"
import { classify } from "./resultCodes.js"

/** Where a failure comes from. */
export interface Origin {
  readonly engine: string
  /** The file, or `:memory:`. */
  readonly file: string
  /** Why writes are refused here, where they are. */
  readonly readOnly: string | undefined
  /** Whether functions of extensions can be called, which put anything into their messages. */
  readonly extended?: boolean | undefined
}

/** What was being done. */
export interface Attempt {
  /** The statement; `undefined`: the database was being opened. */
  readonly sql: string | undefined
  /** The values as they were bound; none before the statement was prepared. */
  readonly bound: ReadonlyArray<unknown>
  /** `no`: it was refused before SQLite was asked, or it only asked for a lock. */
  readonly sent: "no" | "yes"
}

/** The result code of SQLite's own errors. */
export const codeOf = (cause: unknown): string | undefined =>
  cause instanceof Sqlite.SqliteError ? cause.code : undefined

/** Whether somebody else has a lock that is given back in time. A stale snapshot never becomes fresh by waiting. */
export const isBusy = (cause: unknown): boolean => {
  const code = codeOf(cause)
  return code !== undefined && code !== "SQLITE_BUSY_SNAPSHOT" &&
    (code.startsWith("SQLITE_BUSY") || code === "SQLITE_PROTOCOL")
}

const longestStatement = 4000

const shown = (sql: string | undefined): string | undefined =>
  sql !== undefined && sql.length > longestStatement ? `${sql.slice(0, longestStatement)}…` : sql

/** What better-sqlite3 itself refuses has no result code. */
const withoutCode: ReadonlyArray<readonly [RegExp, StatementFailureTag, "keep" | "discard", string]> = [
  [/more than one statement/, "SqlSyntaxError", "keep", "This text holds several statements: run each one on its own."],
  [/contains no statements/, "SqlSyntaxError", "keep", "This text holds no statement, only blanks or comments."],
  [/NUL character/, "SqlSyntaxError", "keep", "This text holds a NUL character, where SQLite would stop reading."],
  [
    /parameter values|named parameter/i,
    "SqlSyntaxError",
    "keep",
    "The statement has more or fewer placeholders than values, or named ones: use `?`."
  ],
  [/too big/, "DataError", "keep", "A value is larger than SQLite stores."],
  [/Array overflow/, "ResourceExhausted", "keep", "The result has too many rows: read it as a stream."],
  [/not open/, "ConnectionError", "discard", "The connection was closed."]
]

/** SQLite's generic code covers wrong statements and wrong values. */
const aboutValues = /^(malformed JSON|bad JSON path|JSON (path|cannot)|integer overflow|fts5: |unterminated string)/

/** SQLite carries `ON DELETE RESTRICT` and `ON UPDATE RESTRICT` out as triggers that raise this. */
const isRestricted = (code: string, text: string): boolean =>
  code === "SQLITE_CONSTRAINT_TRIGGER" && text === "FOREIGN KEY constraint failed"

const hints: Partial<Record<StatementFailureTag, string>> = {
  LockTimeoutError: "A stream of this connection still reads the table: end it first.",
  SerializationError:
    "Another connection has written since this transaction began to read: run the whole transaction again.",
  ConnectionError: "The file or its disk does not answer as it should; this connection is closed.",
  ResourceExhausted: "Look for space on the disk of the file and of the temporary folder, and for memory."
}

const hintFor = (tag: StatementFailureTag, code: string, origin: Origin): string => {
  if (code.startsWith("SQLITE_CORRUPT")) {
    return "The file is damaged: check it with PRAGMA integrity_check, or restore a copy."
  }
  if (code === "SQLITE_READONLY_DBMOVED") return "The file was moved, replaced or removed while it was open."
  if (code === "SQLITE_ABORT_ROLLBACK") return "The transaction was rolled back while this stream was reading."
  if (tag !== "ReadOnlyTransaction") return hints[tag] ?? ""
  return origin.readOnly ?? "The file or its folder does not let this process write."
}

const joined = (...parts: ReadonlyArray<string>): string => parts.filter((part) => part !== "").join(" ")

/** The failure for what was thrown by `attempt`. */
export const failureOf = (
  db: Sqlite.Database | undefined,
  cause: unknown,
  origin: Origin,
  attempt: Attempt
): StatementFailure => {
  const about = { engine: origin.engine, statement: shown(attempt.sql), sent: attempt.sent }
  if (cause instanceof Unbindable) {
    return statementFailure("DataError", {
      ...about,
      sent: "no",
      message: `${cause.message} The statement was not run.`
    })
  }
  if (cause instanceof Ignored) {
    return statementFailure("SqlSyntaxError", { ...about, sent: "no", message: `${cause.message} (${origin.file}).` })
  }
  if (cause instanceof Irreversible) {
    const message = `The connection cannot be made as new and has to be closed: ${cause.message} (${origin.file}).`
    return statementFailure("UnknownError", { ...about, connection: "discard", message })
  }
  const text = cause instanceof Error ? cause.message : "it threw something that is no error"
  const code = codeOf(cause)
  if (code === undefined) {
    const known = withoutCode.find(([pattern]) => pattern.test(text))
    // What a function of the program's own throws comes through as it is, out of the middle of a statement.
    const [, tag, connection, hint] = known ??
      [
        null,
        "UnknownError" as const,
        "discard" as const,
        `The driver failed: ${masked(text, attempt.bound, "foreign")}.`
      ]
    const sent = known === undefined ? attempt.sent : "no"
    return statementFailure(tag, { ...about, sent, connection, message: joined(hint, `(${origin.file})`) })
  }
  const { connection, retryable, tag: usual } = classify(code)
  const tag = code === "SQLITE_ERROR" && aboutValues.test(text)
    ? "DataError"
    : isRestricted(code, text)
    ? "ForeignKeyViolation"
    : usual
  const constraint: ConstraintFacts = db !== undefined && code.startsWith("SQLITE_CONSTRAINT")
    ? constraintFacts(db, text)
    : {}
  const isTrigger = code === "SQLITE_CONSTRAINT_TRIGGER" && tag !== "ForeignKeyViolation"
  // The text of a constraint failure comes from the schema, except where a trigger made it up.
  const said = code.startsWith("SQLITE_CONSTRAINT") && !isTrigger
    ? text
    : masked(text, attempt.bound, isTrigger || origin.extended === true ? "foreign" : "own", attempt.sql)
  const what = attempt.sql === undefined ? "cannot open the database" : "refused the statement"
  const message = joined(`SQLite ${what}: ${said} (${code}, ${origin.file}).`, hintFor(tag, code, origin))
  const position = code === "SQLITE_ERROR" && attempt.sql !== undefined ? positionOf(db, attempt.sql, text) : undefined
  return statementFailure(tag, { ...about, ...constraint, position, code, retryable, connection, message })
}

/** The failure of a wait for a lock that took too long. */
export const lockTimeout = (
  origin: Origin,
  attempt: Pick<Attempt, "sql" | "sent">,
  wait: { readonly code: string; readonly waitedMillis: number; readonly limitMillis: number }
): LockTimeoutError =>
  new LockTimeoutError({
    engine: origin.engine,
    statement: shown(attempt.sql),
    sent: attempt.sent,
    ...wait,
    message: `Another connection kept a lock of ${origin.file} for ${wait.waitedMillis} ms; the limit is ` +
      `${wait.limitMillis} ms (${wait.code}). Look for a long transaction, here or in another process, or raise \`lockTimeout\`.`
  })
