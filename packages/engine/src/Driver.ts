/**
 * What a database client must offer to stand under an engine.
 *
 * A driver owns sockets and files; it knows nothing of pools and sessions. It says of each connection what state it is
 * in; the engine decides what to do about it.
 *
 * **Laws** (the conformance suite checks them on every driver)
 * - Nothing here dies for a reason of the database: what goes wrong is a typed failure.
 * - An interrupted `connect` leaves nothing open.
 * - An interrupted `execute` returns at once, asks the database to stop, and leaves the connection `busy` until the
 *   database is quiet again. `settle` waits for that.
 * - `close` may be called at any time, also while a statement runs: that statement then fails.
 *
 * @since 0.1.0
 */
import type { Compiler } from "@effect/sql/Statement"
import type { Effect, Stream } from "effect"
import type { Dialect } from "./Dialect.js"
import { Callback } from "./internal/callback.js"
import type { Ask } from "./internal/callback.js"
import type { SqlFailure } from "./SqlFailure.js"

export { hasLoneSurrogate, Json, jsonText } from "./internal/value/json.js"
export { typeName } from "./internal/value/typeName.js"

/**
 * One statement on its way to the database.
 *
 * @since 0.1.0
 * @category models
 */
export interface Statement {
  readonly sql: string
  /** Bound values, in order; a {@link Json} is a document. They never appear in a failure, a log or a span. */
  readonly params: ReadonlyArray<unknown>
  /** Rows as objects, as arrays of values, or the client's own result object. */
  readonly shape: "rows" | "values" | "raw"
  /** Whether the driver may keep a prepared statement for it. */
  readonly prepare: boolean
  /**
   * Control statements (BEGIN, SAVEPOINT) that go ahead of it on the same trip. When one of them is refused the
   * statement must have no effect, and the failure names the refused one in its `statement`.
   */
  readonly prelude: ReadonlyArray<string>
  /**
   * To be called in the same step in which the prelude is sent, with nothing between them where a fiber could give way.
   * What is interrupted before this call never reached the database.
   */
  readonly onSend?: (() => void) | undefined
}

/**
 * An effect that a callback answers, as `Effect.async` makes one. `ask` calls `answer` once, at once or later; what it
 * returns is called when nobody waits for the answer any more.
 *
 * What an engine does most often need not pay for a fiber: of an `execute` or a `control` that was made with this it takes
 * the answer as it comes.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Driver } from "effect-sql-engine"
 *
 * interface Client {
 *   readonly query: (sql: string, done: (rows: ReadonlyArray<object>) => void) => () => void
 * }
 *
 * export const rows = (client: Client, sql: string): Effect.Effect<ReadonlyArray<object>> =>
 *   Driver.callback((answer) => client.query(sql, (rows) => answer(Effect.succeed(rows))))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const callback = <A, E = never>(ask: Ask<A, E>): Effect.Effect<A, E> => new Callback(ask)

/**
 * The words that steer a transaction.
 *
 * @since 0.1.0
 * @category models
 */
export type Control = "commit" | "rollback" | "release" | "rollbackTo"

/**
 * What a connection's transaction looks like from the client, without asking the server: none, open, or open and
 * refusing everything but a rollback.
 *
 * @since 0.1.0
 * @category models
 */
export type TransactionStatus = "none" | "open" | "failed"

/**
 * What has to happen before a connection may be lent again:
 *
 * | condition | meaning | on return |
 * | --- | --- | --- |
 * | `clean` | as new | lent at once |
 * | `dirty` | settings, temporary objects, locks or a transaction were left | `reset`, else closed |
 * | `busy` | a cancelled statement has not been answered yet | `settle`, then looked at again |
 * | `lost` | the link is dead or cannot be trusted | closed |
 *
 * @since 0.1.0
 * @category models
 */
export type Condition = "clean" | "dirty" | "busy" | "lost"

/**
 * One physical connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface DriverConnection {
  /** What the database calls it: a backend's process id, or a number of the driver's own. */
  readonly id: string
  readonly execute: (statement: Statement) => Effect.Effect<ReadonlyArray<any>, SqlFailure>
  /**
   * Sends statements behind each other on one trip, none of them waiting for the answer to another, and succeeds with the
   * rows of each. Only the first has a prelude and `onSend`. The first that fails is the failure, and names its statement;
   * those behind it have no effect. Interrupted as `execute` is. Absent: the engine executes one after the other.
   */
  readonly pipeline?:
    | ((statements: ReadonlyArray<Statement>) => Effect.Effect<ReadonlyArray<ReadonlyArray<any>>, SqlFailure>)
    | undefined
  /**
   * As `pipeline`, with COMMIT behind the statements on the same trip: all that a transaction does. `onCommitted` is called
   * when COMMIT was carried out, before the answer. A failure whose `sent` is `maybe` leaves open whether it was; after any
   * other it was not, unless `onCommitted` was called. Made with {@link callback}; interrupted, the database is asked to
   * stop, and the answer comes all the same and says what became of it. Absent: the engine commits on a trip of its own.
   */
  readonly batch?:
    | ((
      statements: ReadonlyArray<Statement>,
      commit: string,
      onCommitted: () => void
    ) => Effect.Effect<ReadonlyArray<ReadonlyArray<any>>, SqlFailure>)
    | undefined
  /**
   * Rows in batches with bounded memory; the source of rows is closed when the stream ends, however it ends. Other
   * statements may run between its batches; until it is closed the connection is `dirty`.
   */
  readonly stream: (statement: Statement) => Stream.Stream<any, SqlFailure>
  /**
   * Sends one control statement. Succeeds with the transaction's status after it. A COMMIT that the database answered
   * by rolling back fails with `TransactionAborted`.
   */
  readonly control: (kind: Control, sql: string) => Effect.Effect<TransactionStatus, SqlFailure>
  readonly transaction: () => TransactionStatus
  readonly condition: () => Condition
  /** Waits until a cancelled statement is over and the connection is quiet. The caller bounds the wait. */
  readonly settle: Effect.Effect<void, SqlFailure>
  /** Makes a dirty connection as new. */
  readonly reset: Effect.Effect<void, SqlFailure>
  /**
   * Takes settings and objects that are on the connection now as its own: it is `clean`, until something else is left.
   * Absent: the driver cannot, and what is left makes the connection `dirty`.
   */
  readonly adopt?: (() => void) | undefined
  /** The cheapest proof that the server still answers. */
  readonly ping: Effect.Effect<void, SqlFailure>
  /** Closes it. Never fails; the caller bounds the wait. */
  readonly close: Effect.Effect<void>
}

/**
 * What the engine tells a new connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConnectContext {
  /** The engine's name, for messages. */
  readonly engine: string
  /** To be called when a connection that nobody is using is found dead. */
  readonly onLost: (failure: SqlFailure) => void
  /** To be called when a failure proves that the whole server is gone: every connection made before now is retired. */
  readonly onServerGone: (failure: SqlFailure) => void
}

/**
 * A kind of connection with a pool of its own.
 *
 * @since 0.1.0
 * @category models
 */
export interface Lane {
  readonly connect: (context: ConnectContext) => Effect.Effect<DriverConnection, SqlFailure>
  /** The most connections this lane may have; absent: as the engine's pool options say. */
  readonly connections?: number | undefined
}

/**
 * A database client, configured for one database.
 *
 * @since 0.1.0
 * @category models
 */
export interface Driver {
  readonly dialect: Dialect
  /** The database's address without its password, for messages and spans. */
  readonly target: string
  /** OpenTelemetry attributes of every statement's span. */
  readonly attributes: Readonly<Record<string, unknown>>
  readonly compiler: Compiler
  /** Applied to the rows of statements that ask for transformed names. */
  readonly transformRows?: (<A extends object>(rows: ReadonlyArray<A>) => ReadonlyArray<A>) | undefined
  /** Where everything can run. */
  readonly write: Lane
  /** The database lives in its one connection: none may be opened beside it. */
  readonly inMemory?: boolean | undefined
  /** Where read-only sessions and lone reads run, when they need not queue behind writers. */
  readonly read?: Lane | undefined
  /**
   * What became of the transaction that a connection was in when the answer to its COMMIT was lost, asked some other way.
   * Absent, or nothing: nobody can tell.
   */
  readonly resolveCommit?:
    | ((
      connection: DriverConnection,
      engine: string
    ) => Effect.Effect<"committed" | "aborted" | "unknown", SqlFailure> | undefined)
    | undefined
  /** Whether a statement outside of any session may run in the `read` lane. In doubt: no. */
  readonly isRead?: ((sql: string) => boolean) | undefined
}
