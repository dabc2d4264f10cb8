/**
 * Failures of a statement, a connection attempt or a COMMIT: what the database or the link to it answered.
 */
import { Schema } from "effect"
import { constraintFacts, key, statementFacts } from "./facts.js"

/**
 * The database could not be reached, or the connection to it was lost. `sent` tells whether the statement may have run.
 *
 * @since 0.1.0
 * @category errors
 */
export class ConnectionError extends Schema.TaggedError<ConnectionError>(key("ConnectionError"))(
  "ConnectionError",
  statementFacts({ sent: "no", retryable: true, connection: "discard" })
) {}

/**
 * The database refused the user name or the password.
 *
 * @since 0.1.0
 * @category errors
 */
export class AuthenticationError extends Schema.TaggedError<AuthenticationError>(key("AuthenticationError"))(
  "AuthenticationError",
  statementFacts({ sent: "no", connection: "discard" })
) {}

/**
 * The user is known but may not do this.
 *
 * @since 0.1.0
 * @category errors
 */
export class AuthorizationError extends Schema.TaggedError<AuthorizationError>(key("AuthorizationError"))(
  "AuthorizationError",
  statementFacts()
) {}

/**
 * The statement is not valid: a syntax error, an unknown table or column, a wrong use of a feature.
 *
 * @since 0.1.0
 * @category errors
 */
export class SqlSyntaxError extends Schema.TaggedError<SqlSyntaxError>(key("SqlSyntaxError"))(
  "SqlSyntaxError",
  statementFacts()
) {}

/**
 * A row with the same unique or primary key exists.
 *
 * @since 0.1.0
 * @category errors
 */
export class UniqueViolation extends Schema.TaggedError<UniqueViolation>(key("UniqueViolation"))(
  "UniqueViolation",
  constraintFacts
) {}

/**
 * A referenced row is missing, or a row is still referenced.
 *
 * @since 0.1.0
 * @category errors
 */
export class ForeignKeyViolation extends Schema.TaggedError<ForeignKeyViolation>(key("ForeignKeyViolation"))(
  "ForeignKeyViolation",
  constraintFacts
) {}

/**
 * A column that may not be null was given none.
 *
 * @since 0.1.0
 * @category errors
 */
export class NotNullViolation extends Schema.TaggedError<NotNullViolation>(key("NotNullViolation"))(
  "NotNullViolation",
  constraintFacts
) {}

/**
 * A CHECK constraint refused the row.
 *
 * @since 0.1.0
 * @category errors
 */
export class CheckViolation extends Schema.TaggedError<CheckViolation>(key("CheckViolation"))(
  "CheckViolation",
  constraintFacts
) {}

/**
 * An exclusion constraint refused the row (PostgreSQL).
 *
 * @since 0.1.0
 * @category errors
 */
export class ExclusionViolation extends Schema.TaggedError<ExclusionViolation>(key("ExclusionViolation"))(
  "ExclusionViolation",
  constraintFacts
) {}

/**
 * The transaction met a concurrent one and cannot be serialised: run the whole unit of work again.
 *
 * @since 0.1.0
 * @category errors
 */
export class SerializationError extends Schema.TaggedError<SerializationError>(key("SerializationError"))(
  "SerializationError",
  statementFacts({ retryable: true })
) {}

/**
 * The database broke a deadlock by refusing this transaction: run the whole unit of work again.
 *
 * @since 0.1.0
 * @category errors
 */
export class DeadlockError extends Schema.TaggedError<DeadlockError>(key("DeadlockError"))(
  "DeadlockError",
  statementFacts({ retryable: true })
) {}

/**
 * A lock was not granted within its limit; on SQLite, another connection kept the file's write lock.
 *
 * @since 0.1.0
 * @category errors
 */
export class LockTimeoutError extends Schema.TaggedError<LockTimeoutError>(key("LockTimeoutError"))(
  "LockTimeoutError",
  {
    ...statementFacts({ retryable: true }),
    waitedMillis: Schema.optional(Schema.Number),
    limitMillis: Schema.optional(Schema.Number)
  }
) {}

/**
 * The server stopped a statement that ran longer than the server's own limit.
 *
 * @since 0.1.0
 * @category errors
 */
export class StatementTimeoutError extends Schema.TaggedError<StatementTimeoutError>(key("StatementTimeoutError"))(
  "StatementTimeoutError",
  statementFacts()
) {}

/**
 * The statement was cancelled by somebody else (an administrator, another program).
 *
 * @since 0.1.0
 * @category errors
 */
export class QueryCancelled extends Schema.TaggedError<QueryCancelled>(key("QueryCancelled"))(
  "QueryCancelled",
  statementFacts()
) {}

/**
 * A write was refused because the transaction, the file or the server is read-only.
 *
 * @since 0.1.0
 * @category errors
 */
export class ReadOnlyTransaction extends Schema.TaggedError<ReadOnlyTransaction>(key("ReadOnlyTransaction"))(
  "ReadOnlyTransaction",
  statementFacts()
) {}

/**
 * The server has no connection left for us.
 *
 * @since 0.1.0
 * @category errors
 */
export class TooManyConnections extends Schema.TaggedError<TooManyConnections>(key("TooManyConnections"))(
  "TooManyConnections",
  statementFacts({ sent: "no", retryable: true, connection: "discard" })
) {}

/**
 * The server is starting up or shutting down, or an administrator ended the connection.
 *
 * @since 0.1.0
 * @category errors
 */
export class ServerShutdown extends Schema.TaggedError<ServerShutdown>(key("ServerShutdown"))(
  "ServerShutdown",
  statementFacts({ sent: "maybe", retryable: true, connection: "discard" })
) {}

/**
 * The server ended the connection because its transaction stood idle for longer than
 * `idle_in_transaction_session_timeout`; the transaction is rolled back. Keep what waits for something else out of the
 * session, or raise that limit.
 *
 * Source: https://www.postgresql.org/docs/18/runtime-config-client.html#GUC-IDLE-IN-TRANSACTION-SESSION-TIMEOUT
 *
 * @since 0.1.0
 * @category errors
 */
export class IdleTransactionTimeout extends Schema.TaggedError<IdleTransactionTimeout>(key("IdleTransactionTimeout"))(
  "IdleTransactionTimeout",
  statementFacts({ retryable: true, connection: "discard" })
) {}

/**
 * A value that this transaction added to an enum was used in it: PostgreSQL takes it only once the transaction that added
 * it has committed. Add the value in a migration of its own.
 *
 * Source: https://www.postgresql.org/docs/18/sql-altertype.html#id-1.9.3.42.7
 *
 * @since 0.1.0
 * @category errors
 */
export class UncommittedEnumValue extends Schema.TaggedError<UncommittedEnumValue>(key("UncommittedEnumValue"))(
  "UncommittedEnumValue",
  statementFacts()
) {}

/**
 * The database found something wrong in itself: a corrupted table or index, a cache that was not as expected. Its own log
 * says more; whether a second try helps depends on the message.
 *
 * @since 0.1.0
 * @category errors
 */
export class InternalError extends Schema.TaggedError<InternalError>(key("InternalError"))(
  "InternalError",
  statementFacts()
) {}

/**
 * The database ran out of disk, memory or another resource.
 *
 * @since 0.1.0
 * @category errors
 */
export class ResourceExhausted extends Schema.TaggedError<ResourceExhausted>(key("ResourceExhausted"))(
  "ResourceExhausted",
  statementFacts()
) {}

/**
 * A value does not fit its type: out of range, malformed, too long. The value itself is never shown.
 *
 * @since 0.1.0
 * @category errors
 */
export class DataError extends Schema.TaggedError<DataError>(key("DataError"))("DataError", statementFacts()) {}

/**
 * Anything the other tags do not cover; `code` has the database's own code.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnknownError extends Schema.TaggedError<UnknownError>(key("UnknownError"))(
  "UnknownError",
  statementFacts()
) {}

/** Every failure a statement can end with, by tag. */
export const statementFailures = {
  ConnectionError,
  AuthenticationError,
  AuthorizationError,
  SqlSyntaxError,
  UniqueViolation,
  ForeignKeyViolation,
  NotNullViolation,
  CheckViolation,
  ExclusionViolation,
  SerializationError,
  DeadlockError,
  LockTimeoutError,
  StatementTimeoutError,
  QueryCancelled,
  ReadOnlyTransaction,
  TooManyConnections,
  ServerShutdown,
  ResourceExhausted,
  IdleTransactionTimeout,
  UncommittedEnumValue,
  InternalError,
  DataError,
  UnknownError
} as const
