/**
 * Connections to one database: opened, lent, taken back, renewed and closed.
 *
 * A pool owns its connections from the first byte of `connect` to the end of `close`, and knows no SQL. It opens at most
 * `size + maxOverflow`, lends the one that was used last (the others may grow idle and go), serves whoever waits in the
 * order of arrival, and lets go of everything when its scope ends.
 *
 * @since 0.1.0
 */
import type { Duration, Effect, Scope, Stream } from "effect"
import type { DriverConnection, Lane } from "./Driver.js"
import type { EngineConfigError, SqlFailure } from "./SqlFailure.js"

/**
 * How a pool behaves.
 *
 * @since 0.1.0
 * @category models
 */
export interface PoolOptions {
  /**
   * `queue`: keep up to `size` connections, open up to `maxOverflow` more under load. `none`: a fresh connection for
   * each borrower, closed on return. `single`: one connection. Default `queue`.
   */
  readonly mode?: "queue" | "none" | "single" | undefined
  /** Connections kept open. At least 1. Default 5. */
  readonly size?: number | undefined
  /** Connections that may be opened beyond `size`, closed again when idle. At least 0. Default 10. */
  readonly maxOverflow?: number | undefined
  /** The longest wait for a connection, connecting included. Default 30 seconds. */
  readonly acquireTimeout?: Duration.DurationInput | undefined
  /** The longest a single connection attempt may take. Default 10 seconds. */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /** The age at which a connection is replaced when it is next idle, less up to 20 % by chance. Default 1 hour. */
  readonly recycle?: Duration.DurationInput | undefined
  /** How long a connection beyond `size` may be idle. Default 10 minutes. */
  readonly idleTimeout?: Duration.DurationInput | undefined
  /** An idle spell after which a connection is checked with one round trip before it is lent. Default 30 seconds. */
  readonly prePing?: Duration.DurationInput | undefined
  /** The longest the clean-up of a returned connection, a check, or a close may take before it is given up. Default 5 seconds. */
  readonly releaseTimeout?: Duration.DurationInput | undefined
}

/**
 * A connection in the hands of one borrower.
 *
 * @since 0.1.0
 * @category models
 */
export interface Lease {
  readonly connection: DriverConnection
  /** When it was lent, in milliseconds of the pool's clock. */
  readonly since: number
  /** Why the pool took it away from its borrower (the engine closed under it); absent while it is the borrower's. */
  readonly revoked: SqlFailure | undefined
}

/**
 * Who asks for a connection. The outcome stands here, not only in the effect's result: whoever made the request gives
 * the lease back when it is done, also when its fiber was interrupted at the very moment the connection was handed over.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request {
  /** The session's name, for messages. */
  readonly session: string | undefined
  /** The text of the last statement, for messages; kept up to date by the borrower. */
  statement: string | undefined
  /** What the asker holds already, and cannot give back before this request is served. */
  readonly holds: ReadonlyArray<Lease>
  /** Called when the pool destroys the connection in the borrower's hands. */
  readonly onRevoked?: ((failure: SqlFailure) => void) | undefined
  /** Set by the pool at the moment of handing over; `release` clears it. */
  lease: Lease | undefined
}

/**
 * Why a connection ended.
 *
 * @since 0.1.0
 * @category models
 */
export type DestroyReason =
  | "recycled"
  | "idle"
  | "retired"
  | "lost"
  | "discarded"
  | "resetFailed"
  | "pingFailed"
  | "overflow"
  | "late"
  | "closed"

/**
 * What happens in a pool, as it happens.
 *
 * @since 0.1.0
 * @category models
 */
export type PoolEvent =
  | { readonly _tag: "Connected"; readonly connection: string; readonly millis: number }
  | { readonly _tag: "ConnectFailed"; readonly failure: SqlFailure; readonly millis: number }
  | { readonly _tag: "Acquired"; readonly connection: string; readonly session: string | undefined; readonly waitedMillis: number }
  | { readonly _tag: "Released"; readonly connection: string; readonly session: string | undefined; readonly heldMillis: number }
  | { readonly _tag: "Destroyed"; readonly connection: string; readonly reason: DestroyReason; readonly failure: SqlFailure | undefined }
  | { readonly _tag: "Refused"; readonly session: string | undefined; readonly failure: SqlFailure }
  | { readonly _tag: "Retired"; readonly generation: number; readonly reason: string }

/**
 * A pool at one moment, and its totals since it was made. At every moment
 * `requests = served + timedOut + interrupted + refused + waiting`, `created = open + sum(destroyed)`, and
 * `served = released + inUse`.
 *
 * @since 0.1.0
 * @category models
 */
export interface PoolStats {
  readonly max: number
  readonly open: number
  readonly inUse: number
  readonly idle: number
  readonly connecting: number
  /** Being cleaned, checked or closed: neither lent nor ready. */
  readonly returning: number
  readonly waiting: number
  readonly generation: number
  readonly requests: number
  readonly served: number
  readonly timedOut: number
  readonly interrupted: number
  readonly refused: number
  readonly released: number
  readonly created: number
  readonly destroyed: Readonly<Record<DestroyReason, number>>
}

/**
 * A pool of connections.
 *
 * @since 0.1.0
 * @category models
 */
export interface Pool {
  /** Lends a ready connection, when there is one and nobody waits for it. Sets `request.lease` and returns `true`. */
  readonly tryAcquire: (request: Request) => boolean
  /**
   * Waits for a connection; afterwards `request.lease` is set. Interruptible at every moment. Fails with `PoolTimeout`,
   * `PoolDeadlock`, `EngineClosed`, or the failure of the connection attempt made for it.
   */
  readonly acquire: (request: Request) => Effect.Effect<void, SqlFailure>
  /**
   * Gives the lease back and clears `request.lease`; does nothing when there is none. A connection that is not as new
   * is cleaned in the background, or destroyed; with a `failure` whose verdict is `discard` it is destroyed at once.
   */
  readonly release: (request: Request, failure?: SqlFailure) => void
  /** Ends the connection in the borrower's hands now: its running statement fails, `release` only counts it. */
  readonly destroy: (request: Request, failure: SqlFailure) => void
  /** Starts a new generation: every connection made before now is closed when idle, the lent ones on their return. */
  readonly retire: (reason: string) => void
  readonly stats: () => PoolStats
  readonly events: Stream.Stream<PoolEvent>
  /**
   * Refuses new requests with `EngineClosed`, waits up to `drainTimeout` for borrowers, then destroys what they hold.
   * Idempotent. Succeeds with the names of the sessions it had to end.
   */
  readonly close: (drainTimeout: Duration.DurationInput) => Effect.Effect<ReadonlyArray<string>>
}

/**
 * Makes a pool; its scope's end closes it at once.
 *
 * @since 0.1.0
 * @category constructors
 */
export declare const make: (
  engine: string,
  lane: Lane,
  options?: PoolOptions
) => Effect.Effect<Pool, EngineConfigError, Scope.Scope>
