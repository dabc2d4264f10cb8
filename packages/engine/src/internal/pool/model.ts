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
  /**
   * Refuses requests with `PoolOverloaded` while more are made than can be served, so that the others are served in time.
   * `{}` is both defaults. Default: absent, nobody is refused before `acquireTimeout`.
   */
  readonly overload?: OverloadOptions | undefined
}

/**
 * When a pool refuses requests instead of letting its queue grow: CoDel, as DBConnection does it.
 *
 * A pool is overloaded once, for a whole `interval`, nobody who waited was served within `target` and somebody always
 * waited. From then on whoever has waited twice `target` is refused. It ends with the first who is served within `target`,
 * or when nobody waits any more. A burst shorter than `interval` is served, however long that takes.
 *
 * @since 0.1.0
 * @category models
 */
export interface OverloadOptions {
  /** A wait that is no reason to worry. More than zero, finite. Default 50 milliseconds. */
  readonly target?: Duration.DurationInput | undefined
  /** How long all waits must have been longer before anybody is refused. More than zero, finite. Default 1 second. */
  readonly interval?: Duration.DurationInput | undefined
}

/**
 * Whose turn it is among those who wait: `high` before `normal` before `low`, within each in the order of arrival.
 *
 * `high` is for little work that has to go on whatever happens (a health check, a migration): it is never refused because
 * of overload. `low` is for work that can wait: it is served when nobody else waits, so under overload not at all.
 *
 * @since 0.1.0
 * @category models
 */
export type Priority = "high" | "normal" | "low"

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
  /** When its borrower asked for it, in milliseconds of the pool's clock: see `Request.askedAt`. */
  readonly askedAt: number
  /** Whether the connection was opened for this borrower: nobody had it before, and it never lay idle. */
  readonly isNew: boolean
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
  /** The session's name, for messages; absent for a statement outside of any. */
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
  /**
   * When it asked first, in milliseconds of the pool's clock: `askedAt` of the lease whose connection turned out to be dead.
   * It keeps its place among those who wait, and its deadline. Default: now.
   */
  askedAt?: number | undefined
  /** Whether it overtakes others in the queue. Default `normal`. */
  priority?: Priority | undefined
  /** Where in the program it was made, for reports of leaks; asked only for those. */
  readonly site?: (() => string | undefined) | undefined
  /** Called when the pool destroys the connection in the borrower's hands. */
  readonly onRevoked?: ((failure: SqlFailure) => void) | undefined
  /** Set by the pool at the moment of handing over; `release` clears it. */
  lease: Lease | undefined
  /** Set by the pool when the request has to wait: ends the wait with this failure. Once it was served it does nothing. */
  stopWaiting?: ((failure: SqlFailure) => void) | undefined
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
  /** Held for longer than `leakDetection`, and not given back yet. Told once for each time it is lent. */
  | {
    readonly _tag: "LeakSuspected"
    readonly connection: string
    readonly session: string | undefined
    readonly heldMillis: number
    /** The fiber that took the connection. */
    readonly fiber: string
    /** The span that fiber was in, with its ids. */
    readonly span: string | undefined
    /** The text of the last statement, with placeholders. */
    readonly statement: string | undefined
    /** Where the session or the stream was asked for in the program. */
    readonly site: string | undefined
  }
  /** A connection that was reported has come back after all. */
  | {
    readonly _tag: "LeakReturned"
    readonly connection: string
    readonly session: string | undefined
    readonly heldMillis: number
  }

/**
 * A pool at one moment, and its totals since it was made. At every moment
 * `requests = served + timedOut + shed + interrupted + refused + waiting`, `created = open + sum(destroyed)`, and
 * `served = released + inUse`.
 *
 * @since 0.1.0
 * @category models
 */
export interface PoolStats {
  /** Connections that are kept open. */
  readonly size: number
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
  /** Refused because of overload. */
  readonly shed: number
  readonly interrupted: number
  readonly refused: number
  readonly released: number
  readonly created: number
  readonly destroyed: Readonly<Record<DestroyReason, number>>
}
