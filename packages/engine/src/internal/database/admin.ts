/**
 * What a driver offers to those who look at a database from outside: is it there, create it, drop it.
 */
import type { Effect } from "effect"
import type { SqlFailure } from "../failure/failure.js"

/**
 * Whether a database is there.
 *
 * @since 0.1.0
 * @category models
 */
export type Presence = "Present" | "Missing"

/**
 * How a database is created and dropped, where it lives on a server. A driver of files knows none of it, and refuses it.
 *
 * @since 0.1.0
 * @category options
 */
export interface ServerOptions {
  /** The databases to connect to instead; the first that is there is used. Default: `postgres`, `template1`. */
  readonly maintenance?: string | ReadonlyArray<string> | undefined
  /** Who owns it. Default: the user who creates it. */
  readonly owner?: string | undefined
  /** What it is a copy of. Default: the server's own. */
  readonly template?: string | undefined
}

/**
 * One database, seen from outside. Each effect makes one attempt and keeps nothing open.
 *
 * @since 0.1.0
 * @category models
 */
export interface DatabaseAdmin {
  /** Its name, or its file. */
  readonly database: string
  /** Fails where the server cannot be reached, or lets us not in. */
  readonly presence: Effect.Effect<Presence, SqlFailure>
  /** `Existed`: somebody else was first. */
  readonly create: Effect.Effect<"Created" | "Existed", SqlFailure>
  /** `force`: those who are connected are disconnected. */
  readonly drop: (force: boolean) => Effect.Effect<"Dropped" | "Missing", SqlFailure>
  /** Whether a failure comes of somebody else's doing at the same moment, so that trying again may succeed. */
  readonly raced: (failure: SqlFailure) => boolean
  /** Whether a failure may pass with time: the server is not up, not reachable, or full. */
  readonly unready: (failure: SqlFailure) => boolean
}
