/**
 * Failures of a session: what became of the unit of work.
 */
import { Schema } from "effect"
import { engineFailures } from "./engine.js"
import { facts, key } from "./facts.js"
import { statementFailures } from "./statement.js"

const firstFailure = Schema.Union(...Object.values(statementFailures), ...Object.values(engineFailures))

/**
 * The session had ended when its connection was asked for: a fiber or a handle outlived it. Nothing was sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class SessionClosed extends Schema.TaggedError<SessionClosed>(key("SessionClosed"))("SessionClosed", {
  ...facts({ sent: "no" }),
  session: Schema.String,
  closedBy: Schema.Literal("commit", "rollback", "engine", "scope")
}) {}

/**
 * The transaction cannot go on: an earlier statement of it failed, or the database ended it. Everything it did is
 * rolled back. `first` is the failure that started it.
 *
 * @since 0.1.0
 * @category errors
 */
export class TransactionAborted extends Schema.TaggedError<TransactionAborted>(key("TransactionAborted"))(
  "TransactionAborted",
  { ...facts(), session: Schema.String, first: Schema.optional(firstFailure) }
) {}

/**
 * The answer to COMMIT was lost: the work is either committed whole or not at all, and nobody here can tell which.
 *
 * @since 0.1.0
 * @category errors
 */
export class CommitUnknown extends Schema.TaggedError<CommitUnknown>(key("CommitUnknown"))("CommitUnknown", {
  ...facts({ sent: "maybe", connection: "discard" }),
  session: Schema.String,
  first: Schema.optional(firstFailure)
}) {}

/**
 * A nested session asked for something its parent forbids or cannot give; nothing was sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class NestedRefused extends Schema.TaggedError<NestedRefused>(key("NestedRefused"))("NestedRefused", {
  ...facts({ sent: "no" }),
  session: Schema.String
}) {}

/**
 * The session's own `timeout` passed. The running statement was cancelled and the work rolled back.
 *
 * @since 0.1.0
 * @category errors
 */
export class SessionTimeout extends Schema.TaggedError<SessionTimeout>(key("SessionTimeout"))("SessionTimeout", {
  ...facts(),
  session: Schema.String,
  limitMillis: Schema.Number
}) {}

/**
 * Two fibers used one session at once where that is refused, or one waited for the other past the limit.
 *
 * @since 0.1.0
 * @category errors
 */
export class ConcurrentUse extends Schema.TaggedError<ConcurrentUse>(key("ConcurrentUse"))("ConcurrentUse", {
  ...facts({ sent: "no" }),
  session: Schema.String
}) {}

/**
 * A row that was to be changed is not as it was read, or not there any more: somebody else was faster. Nothing of the
 * statement has an effect. Read it again, and do the whole unit of work again.
 *
 * @since 0.1.0
 * @category errors
 */
export class StaleRow extends Schema.TaggedError<StaleRow>(key("StaleRow"))("StaleRow", {
  ...facts({ retryable: true }),
  table: Schema.String,
  /** How many rows that is. */
  rows: Schema.Number
}) {}

/** What an attempt may have failed with for the last time. */
const lastFailure = Schema.Union(firstFailure, TransactionAborted, CommitUnknown, SessionTimeout, StaleRow)

/**
 * A session with `retry` failed with something that may be tried again, every time it was tried. `last` is the failure
 * of the last attempt. Of a session that only reads it is `ReadRetryExhausted`.
 *
 * @since 0.1.0
 * @category errors
 */
export class RetryExhausted extends Schema.TaggedError<RetryExhausted>(key("RetryExhausted"))("RetryExhausted", {
  ...facts(),
  attempts: Schema.Number,
  last: lastFailure
}) {}

/**
 * As `RetryExhausted`, of a session that was read only: nothing was to be changed, and an older answer may do.
 *
 * @since 0.1.0
 * @category errors
 */
export class ReadRetryExhausted extends Schema.TaggedError<ReadRetryExhausted>(key("ReadRetryExhausted"))(
  "ReadRetryExhausted",
  { ...facts(), attempts: Schema.Number, last: lastFailure }
) {}

/** Every failure a session can end with, by tag. */
export const sessionFailures = {
  SessionClosed,
  TransactionAborted,
  CommitUnknown,
  NestedRefused,
  SessionTimeout,
  ConcurrentUse,
  StaleRow,
  RetryExhausted,
  ReadRetryExhausted
} as const
