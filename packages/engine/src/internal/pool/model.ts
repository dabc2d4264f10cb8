/**
 * The shapes a pool shows: its options, what it lends and to whom, what happens in it, and its numbers.
 *
 * They stand apart from `Pool` because the state machine below it speaks of them too.
 */
import type { Duration } from "effect"
import type { DriverConnection } from "../../Driver.js"
import type { SqlFailure } from "../../SqlFailure.js"

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
  /**
   * The moment after which it need not be served, in milliseconds of the pool's clock. Absolute, so that asking again
   * does not extend it; the pool's own `acquireTimeout` holds as well, and the earlier one counts.
   */
  readonly deadline?: number | undefined
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
  | {
    readonly _tag: "Acquired"
    readonly connection: string
    readonly session: string | undefined
    readonly waitedMillis: number
  }
  | {
    readonly _tag: "Released"
    readonly connection: string
    readonly session: string | undefined
    readonly heldMillis: number
  }
  | {
    readonly _tag: "Destroyed"
    readonly connection: string
    readonly reason: DestroyReason
    readonly failure: SqlFailure | undefined
  }
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
