/**
 * What can go wrong, how, and when; the types of `Faults`.
 */
import type { SqlFailure, StatementFailureTag } from "effect-sql-engine/SqlFailure"

/**
 * What can go wrong. `begin` is the BEGIN that travels with the first statement of a session.
 *
 * @since 0.1.0
 * @category models
 */
export type Step = "connect" | "begin" | "statement" | "commit" | "rollback"

/**
 * How it goes wrong.
 *
 * @since 0.1.0
 * @category models
 */
export type Fault =
  | { readonly _tag: "Refuse"; readonly failure: SqlFailure | StatementFailureTag | undefined }
  | { readonly _tag: "Cut"; readonly applied: boolean }
  | { readonly _tag: "Delay"; readonly millis: number }
  | { readonly _tag: "Hang" }

/**
 * Which steps a fault meets, of those that come after it was injected.
 *
 * @since 0.1.0
 * @category options
 */
export interface InjectOptions {
  /** The first it meets, counted from 1 among those that match. Default 1: the next. */
  readonly nth?: number | undefined
  /** How many in a row. Default 1; `Infinity` until it is withdrawn. */
  readonly times?: number | undefined
  /** Only statements with such a text. */
  readonly matching?: RegExp | undefined
  /** Only connections that write, or those that only read, where the database has them. */
  readonly lane?: "write" | "read" | undefined
}
