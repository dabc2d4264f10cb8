/**
 * The public types of a session, below the verbs that implement them.
 */
import type { Statement } from "@effect/sql/Statement"
import type { Duration, Effect, Layer, Schedule, Scope } from "effect"
import type { BeginOptions } from "../../Dialect.js"
import type { Priority } from "../../Pool.js"
import type { Refined, SessionClosed, SqlFailure } from "../../SqlFailure.js"
import type { Enqueue } from "../unitOfWork/api.js"

declare const SessionTypeId: unique symbol

/**
 * Stands in the requirements of code that must run inside a session of an engine. A session of another engine does not
 * satisfy it, and without any the code does not compile.
 *
 * @since 0.1.0
 * @category models
 */
export interface Session<in out Engine> {
  readonly [SessionTypeId]: Engine
}

/**
 * How a unit of work is tried again. Retrying belongs to the outermost session: the whole effect runs again in a new
 * one, and nothing of a failed attempt is left, neither rows nor hooks. Asked for inside a session of the same engine
 * it is refused (`NestedRefused`), because a part of a transaction cannot be tried again alone.
 *
 * @since 0.1.0
 * @category models
 */
export interface RetryOptions {
  /**
   * `conflicts`: up to three retries, after at most 20, 40 and 80 milliseconds. A schedule decides by itself how often
   * and when. Tried again are failures whose work is certainly undone: conflicts, deadlocks, lock timeouts, and
   * connections that were lost before anything was sent; by a schedule also `PoolOverloaded`. When no retry is left it is `RetryExhausted`, of a
   * session that only reads `ReadRetryExhausted`. Default: none.
   */
  readonly retry?: "conflicts" | Schedule.Schedule<unknown, SqlFailure> | undefined
  /**
   * Doing the work twice does no harm: it is tried again also when a connection was lost with a statement or COMMIT on
   * its way. Default `false`.
   */
  readonly idempotent?: boolean | undefined
  /** Runs before each retry; its failure is logged and changes nothing. */
  readonly onRetry?:
    | ((retry: { readonly failure: SqlFailure; readonly attempts: number }) => Effect.Effect<unknown, unknown>)
    | undefined
}

/**
 * What may be asked of a session. What is absent is as the engine's options say, else the database's default.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionOptions extends BeginOptions, RetryOptions {
  /** Appears in messages, events and `info`. Default `session`. */
  readonly name?: string | undefined
  /** The longest the body may take, each time it is tried; it is then interrupted, rolled back, and fails with `SessionTimeout`. Default: no limit. */
  readonly timeout?: Duration.DurationInput | undefined
  /**
   * What happens inside another session of the same engine:
   *
   * - `savepoint` (default): a savepoint; a failure undoes only this one's work.
   * - `join`: the same transaction; a failure here makes the outer one roll back too.
   * - `new`: a transaction of its own on another connection.
   * - `refuse`: `NestedRefused`.
   *
   * Isolation, read-only and deferrable are the outermost session's: asking for others in a savepoint is refused.
   */
  readonly nested?: "savepoint" | "join" | "new" | "refuse" | undefined
  /**
   * What a second fiber meets when it uses the same session at the same moment: `serialize` (default) makes it wait its
   * turn, `reject` fails it with `ConcurrentUse`.
   */
  readonly concurrency?: "serialize" | "reject" | undefined
  /**
   * Who goes first when the pool has no connection to lend: `high`, then `normal`, then `low`; `high` is never refused
   * because of overload. For little work that has to go on whatever happens, and for work that can wait. It is that of the
   * whole body, of sessions inside as well; what has its connection already, needs none. Default: as around the session
   * (`Session.withPriority`), else `normal`.
   */
  readonly priority?: Priority | undefined
}

/**
 * What can be known of a session from inside.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionInfo {
  readonly session: string
  readonly engine: string
  /** 0 for the outermost. */
  readonly depth: number
  readonly readOnly: boolean
  readonly isolation: BeginOptions["isolation"]
  /** What the database calls the connection; absent before the first statement. */
  readonly connection: string | undefined
  readonly state: "idle" | "open" | "closed"
}

/**
 * What may be asked of a session that is ended by hand or by its layer: it cannot join another one, and has no body
 * whose time could be limited.
 *
 * @since 0.1.0
 * @category models
 */
export interface OpenOptions extends Omit<SessionOptions, "nested" | "timeout" | keyof RetryOptions> {
  readonly nested?: "savepoint" | "new" | "refuse" | undefined
}

/**
 * A session that is committed by hand. Leaving its scope without a commit rolls it back.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionHandle<Engine> {
  /** Runs an effect inside the session. After the end it fails with `SessionClosed`, as every statement does then. */
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, Refined<E>, Exclude<R, Session<Engine>>>
  /** Commits. Fails as `transaction` does, and with `SessionClosed` the second time. */
  readonly commit: Effect.Effect<void, SqlFailure>
  /** Rolls back. Fails with `SessionClosed` the second time. */
  readonly rollback: Effect.Effect<void, SqlFailure>
  readonly info: Effect.Effect<SessionInfo>
}

/**
 * Sessions by a key, for as long as their scope lasts.
 *
 * @since 0.1.0
 * @category models
 */
export interface KeyedSessions<Engine, Key, E = never, R = never> {
  /**
   * Runs an effect in the session of the key, which is looked up first.
   *
   * A key without a session gets one: it commits when the effect succeeds, after everybody who takes part has left, and
   * rolls back when it does not. A key with a session shares it, in whichever fiber: what fails there makes the owner
   * roll back too (`TransactionAborted`), and what is still there when the owner rolls back gets `SessionClosed`.
   *
   * Fails as `transaction` does; with `ConcurrentUse` when somebody still takes part `turnTimeout` after the owner's
   * effect is over; with `SessionClosed` after `close`.
   */
  readonly transaction: <A, E2, R2>(
    effect: Effect.Effect<A, E2, R2>
  ) => Effect.Effect<A, Refined<E | E2>, R | Exclude<R2, Session<Engine>>>
  /** The keys that have a session now. */
  readonly keys: Effect.Effect<ReadonlyArray<Key>>
  /**
   * Ends every session there is, whichever fiber it belongs to: rolled back, connections given back, whoever goes on
   * gets `SessionClosed`. Idempotent; the end of the scope does it too.
   */
  readonly close: Effect.Effect<void>
}

/**
 * The rows of each of some statements.
 *
 * @since 0.1.0
 * @category models
 */
export type Rows<Statements extends ReadonlyArray<Statement<any>>> = {
  readonly [At in keyof Statements]: Effect.Effect.Success<Statements[At]>
}

/**
 * The verbs of the sessions of one engine.
 *
 * @since 0.1.0
 * @category models
 */
export interface Verbs<Engine> {
  readonly transaction: {
    (options?: SessionOptions): <A, E, R>(
      effect: Effect.Effect<A, E, R>
    ) => Effect.Effect<A, Refined<E>, Exclude<R, Session<Engine>> | Engine>
    <A, E, R>(
      effect: Effect.Effect<A, E, R>,
      options?: SessionOptions
    ): Effect.Effect<A, Refined<E>, Exclude<R, Session<Engine>> | Engine>
  }
  readonly batch: <const Statements extends ReadonlyArray<Statement<any>>>(
    statements: Statements,
    options?: SessionOptions
  ) => Effect.Effect<Rows<Statements>, SqlFailure, Engine>
  readonly open: (options?: OpenOptions) => Effect.Effect<SessionHandle<Engine>, SqlFailure, Engine | Scope.Scope>
  readonly sessionLayer: (options?: OpenOptions) => Layer.Layer<Session<Engine>, SqlFailure, Engine>
  readonly keyed: <Key, E, R>(
    key: Effect.Effect<Key, E, R>,
    options?: OpenOptions
  ) => Effect.Effect<KeyedSessions<Engine, Key, E, R>, never, Engine | Scope.Scope>
  readonly afterCommit: <R>(
    effect: Effect.Effect<unknown, never, R>
  ) => Effect.Effect<void, SessionClosed, R | Session<Engine>>
  readonly afterRollback: <R>(
    effect: Effect.Effect<unknown, never, R>
  ) => Effect.Effect<void, SessionClosed, R | Session<Engine>>
  readonly rollbackOnly: Effect.Effect<void, never, Session<Engine>>
  readonly enqueue: Enqueue<Session<Engine>>
  readonly pipeline: <const Statements extends ReadonlyArray<Statement<any>>>(
    statements: Statements
  ) => Effect.Effect<Rows<Statements>, SqlFailure, Session<Engine>>
  readonly flush: Effect.Effect<void, SqlFailure, Session<Engine>>
  readonly info: Effect.Effect<SessionInfo, never, Session<Engine>>
  readonly required: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R | Session<Engine>>
}
