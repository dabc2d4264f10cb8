/**
 * The shapes an engine shows: its options, its numbers, what happens in it, and the service itself.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { Duration, Effect, Stream } from "effect"
import type { BeginOptions, Dialect } from "../../Dialect.js"
import type * as Pool from "../../Pool.js"
import type { Refined, SqlFailure } from "../../SqlFailure.js"
import type { ConnectionHook } from "../lifecycle/hooks.js"
import type { SessionOptions } from "../session/api.js"
import type { SessionEvent, SessionTotals } from "../session/events.js"
import type { HasHost } from "../session/verbs.js"
import type { DrainedEvent, StatementEvent } from "../sight/events.js"

/**
 * How an engine behaves. Every part has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface EngineOptions {
  /** Appears in messages, events and spans. Default: the key of the engine's tag, `main` for the default engine. */
  readonly name?: string | undefined
  readonly pool?: Pool.PoolOptions | undefined
  /** What sessions ask of BEGIN when they do not say, and their limits. */
  readonly session?: SessionDefaults | undefined
  /**
   * `lazy` (default): the first statement opens the first connection. `eager`: making the engine opens and checks one, so
   * that a wrong address fails at the start.
   */
  readonly connect?: "lazy" | "eager" | undefined
  /**
   * Sets up every new connection before it is lent for the first time, and again each time it was made as new: what it
   * sets stays for all borrowers. It may run more than once on a connection, so write `create temp table if not exists`.
   * When it fails, the connection is closed, and whoever waited for it fails with the same. Within `connectTimeout`.
   */
  readonly onConnect?: ConnectionHook | undefined
  /**
   * Runs each time a connection is lent, before its borrower sees it, and not inside of the borrower's transaction; what
   * it sets is taken back with everything else the borrower leaves. When it fails, so does the borrower. Costs a round
   * trip for each statement it runs, and the pool's fast path.
   */
  readonly onCheckout?: ConnectionHook | undefined
  /**
   * Logs every statement at level Info: its text, how long it took, its rows and what became of it. `true` shows no value,
   * and `?` for the literals of statements without bound values; `"values"` shows both. Default `false`.
   */
  readonly echo?: boolean | "values" | undefined
  /** A statement the database takes this long for is logged at level Warning, without values. Default: none is. */
  readonly slowStatement?: Duration.DurationInput | undefined
  /**
   * A connection that is held for longer is reported: once, as the event `LeakSuspected` and as a warning, with who holds
   * it and where it was taken; and again when it comes back after all. Default: none is.
   */
  readonly leakDetection?: Duration.DurationInput | undefined
  /** How long the engine's end waits for running sessions before it cancels them. Default 10 seconds. */
  readonly drainTimeout?: Duration.DurationInput | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SessionDefaults extends BeginOptions {
  /** The longest the answer to COMMIT is waited for before the outcome is `CommitUnknown`. Default 30 seconds. */
  readonly commitTimeout?: Duration.DurationInput | undefined
  /** The longest a rollback or another clean-up may take before the connection is destroyed. Default 5 seconds. */
  readonly releaseTimeout?: Duration.DurationInput | undefined
  /** The longest a fiber waits while another one uses the same session, before `ConcurrentUse`. Default 30 seconds. */
  readonly turnTimeout?: Duration.DurationInput | undefined
}

/**
 * An engine's numbers at one moment.
 *
 * @since 0.1.0
 * @category models
 */
export interface EngineStats {
  /** `queue`: connections are kept and lent in turn. `none`: each unit of work has a fresh one. `single`: there is one. */
  readonly mode: "queue" | "none" | "single"
  readonly pool: Pool.PoolStats
  /** The pool of read-only connections, where the database has one of its own for them. */
  readonly readers: Pool.PoolStats | undefined
  /** Since the engine was made; `opened = committed + rolledBack + unknown + open`. */
  readonly sessions: Readonly<SessionTotals>
}

/**
 * What happens in an engine, as it happens.
 *
 * @since 0.1.0
 * @category models
 */
export type EngineEvent = Pool.PoolEvent | SessionEvent | StatementEvent | DrainedEvent

/**
 * Whether an engine's database answers.
 *
 * | status | |
 * | --- | --- |
 * | `pass` | it answered |
 * | `warn` | it is there, and not as it should be: the server takes no more connections while this engine has some; a database in memory is busy |
 * | `fail` | `failure` says why: nobody answers, or does not let us in; the engine is closed |
 *
 * @since 0.1.0
 * @category models
 */
export interface EngineHealth {
  readonly engine: string
  readonly status: "pass" | "warn" | "fail"
  readonly failure: SqlFailure | undefined
  /** What the database calls its version. */
  readonly serverVersion: string | undefined
  /** How long the check's connection took to open, in milliseconds. */
  readonly connectMillis: number | undefined
  /** How long its one statement took, in milliseconds. */
  readonly latencyMillis: number | undefined
  readonly stats: EngineStats
}

/**
 * An engine.
 *
 * @since 0.1.0
 * @category models
 */
export interface EngineService extends HasHost {
  readonly name: string
  readonly dialect: Dialect
  /** The client: inside a session its statements are the session's, outside each is on its own. */
  readonly sql: SqlClient
  /** Runs an effect as one unit of work on this engine; see `Session.transaction`. */
  readonly transaction: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options?: SessionOptions
  ) => Effect.Effect<A, Refined<E>, R>
  readonly stats: Effect.Effect<EngineStats>
  /**
   * What happens in its pools, to its sessions and statements, in the order in which it happens, from the moment of
   * subscription. Costs nothing while nobody listens; a reader that falls more than 1,024 events behind misses the oldest.
   * Ends with the engine.
   */
  readonly events: Stream.Stream<EngineEvent>
  /**
   * Whether the database answers, within 2 seconds; never fails. The check has a connection of its own, outside of the
   * pool, which is open for as long as it takes: a pool in full use neither delays it nor fails it. Whoever asks while
   * one runs gets its answer. See `Health` for more engines, schema versions and other limits.
   */
  readonly health: Effect.Effect<EngineHealth>
  /** Retires every connection: idle ones now, lent ones on their return. Sessions go on undisturbed. */
  readonly reset: Effect.Effect<void>
  /**
   * Refuses new work with `EngineClosed`, waits up to `drainTimeout` for running sessions, then cancels them. Succeeds
   * with the names of the sessions that had to be cancelled. Idempotent; the end of the scope does it too.
   */
  readonly drain: Effect.Effect<ReadonlyArray<string>>
}
