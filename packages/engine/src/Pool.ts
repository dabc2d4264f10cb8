/**
 * Connections to one database: opened, lent, taken back, renewed and closed.
 *
 * A pool owns its connections from the first byte of `connect` to the end of `close`, and knows no SQL. It opens at most
 * `size + maxOverflow`, lends the one that was used last (the others may grow idle and go), serves whoever waits in the
 * order of arrival (`high` before `normal` before `low`), and lets go of everything when its scope ends.
 *
 * @since 0.1.0
 */
import type { Duration, Effect, Scope, Stream } from "effect"
import type { Lane } from "./Driver.js"
import * as interpreter from "./internal/pool/interpreter.js"
import type { PoolEvent, PoolOptions, PoolStats, Request } from "./internal/pool/model.js"
import type { EngineConfigError, SqlFailure } from "./SqlFailure.js"

export type {
  DestroyReason,
  Lease,
  OverloadOptions,
  PoolEvent,
  PoolOptions,
  PoolStats,
  Priority,
  Request
} from "./internal/pool/model.js"

/**
 * A pool of connections.
 *
 * @since 0.1.0
 * @category models
 */
export interface Pool {
  /**
   * Lends a ready connection, when there is one and nobody waits for it. Sets `request.lease` and returns `true`; also
   * returns `true` when the request has its lease already. Otherwise nothing has happened, and nothing is counted.
   */
  readonly tryAcquire: (request: Request) => boolean
  /**
   * Waits for a connection; afterwards `request.lease` is set. Interruptible at every moment. Fails with `PoolTimeout`,
   * `PoolDeadlock`, `EngineClosed`, `PoolOverloaded` where that is switched on, the failure of the connection attempt
   * made for it, or the one that somebody ended its wait with (`request.stopWaiting`).
   */
  readonly acquire: (request: Request) => Effect.Effect<void, SqlFailure>
  /**
   * Gives the lease back and clears `request.lease`; does nothing when there is none. A connection that is not as new
   * is cleaned in the background, or destroyed; with a `failure` whose verdict is `discard` it is destroyed at once.
   */
  readonly release: (request: Request, failure?: SqlFailure) => void
  /**
   * Ends the connection in the borrower's hands now: its running statement fails, `release` only counts it. Until then it
   * is in use and takes its place in the pool, though it may be closed already.
   */
  readonly destroy: (request: Request, failure: SqlFailure) => void
  /** Starts a new generation: every connection made before now is closed when idle, the lent ones on their return. */
  readonly retire: (reason: string) => void
  readonly stats: () => PoolStats
  /**
   * What happens from the moment the stream runs, up to the end of the pool. A reader that falls more than 1,024 events
   * behind misses the oldest. Without readers no event is made.
   */
  readonly events: Stream.Stream<PoolEvent>
  /**
   * Calls a function with every event from now on, in the step in which it happens, until what comes back is called or the
   * pool ends. It must be short and use the pool for nothing; what it throws is dropped.
   */
  readonly listen: (tell: (event: PoolEvent) => void) => () => void
  /**
   * Refuses new requests with `EngineClosed`, waits up to `drainTimeout` for borrowers, then destroys what they hold.
   * Ends within a second after that: a connection that does not close is given up. Idempotent: who calls it again waits
   * for the first call, and a shorter limit holds. Succeeds with the names of the sessions it had to end; what they held
   * counts as in use until they hand it in. Interruption stops the waiting, not the closing.
   */
  readonly close: (drainTimeout: Duration.DurationInput) => Effect.Effect<ReadonlyArray<string>>
}

/**
 * Makes a pool; its scope's end closes it at once. `kind` says in messages what its connections are, where an engine has
 * others as well.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (
  engine: string,
  lane: Lane,
  options?: PoolOptions,
  kind?: "" | "read-only "
) => Effect.Effect<Pool, EngineConfigError, Scope.Scope> = interpreter.make
