/**
 * How a lock over a whole database is taken: the part of a dialect that `Mutex` needs.
 */

/**
 * A lock that the database keeps for a connection, and lets go of when that ends, for whatever reason.
 *
 * Each text is one statement whose one bound value, where it has one, is the lock's key: a signed 64-bit integer in
 * decimal digits. Its answer is one row, or none.
 *
 * @since 0.1.0
 * @category locks
 */
export interface SessionLock {
  readonly kind: "session"
  /** Takes it if it is free, without waiting. Row: `taken`. */
  readonly tryTake: string
  /** Row: `released`, false when this connection did not have it. */
  readonly release: string
  /** Row: `held`, whether this connection has it. */
  readonly isHeld: string
  /** Row: `holder`, who has it, in words for a message. */
  readonly holder: string
  /** Ends the connection that has it. Row: `evicted`. */
  readonly evict: string
  /** No value. Row: `server`, the `id` of the connection that really serves this one: another one's, behind a pooler. */
  readonly server: string
  /** No value. Row: `millis`, how long a connection may be idle before the server ends it; 0: for ever. Absent: for ever. */
  readonly idleTimeout?: string | undefined
}

/**
 * The database has no such lock: a row stands for it, which its holder keeps fresh. It needs transactions that write one
 * after the other.
 *
 * @since 0.1.0
 * @category locks
 */
export interface RowLock {
  readonly kind: "row"
}

/**
 * @since 0.1.0
 * @category locks
 */
export type Lock = SessionLock | RowLock
