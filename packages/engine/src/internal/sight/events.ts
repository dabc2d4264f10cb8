/**
 * What is told of statements, and of the engine as a whole. What happens in pools and to sessions is told in the words of
 * `pool/model` and `session/unit`.
 */
import type { SqlFailure } from "../../SqlFailure.js"

/**
 * A statement is over: one of a session or alone, a stream, or the COMMIT or ROLLBACK of a session.
 *
 * @since 0.1.0
 * @category models
 */
export interface StatementEvent {
  readonly _tag: "StatementEnded"
  /** Absent outside of any session. */
  readonly session: string | undefined
  /** The text with placeholders; of a statement without bound values, `?` stands for each literal. Never a value. */
  readonly statement: string
  /** Its first word, in capitals. */
  readonly operation: string
  /** Its table, where it plainly has one only. */
  readonly collection: string | undefined
  /** What travelled ahead of it: BEGIN, savepoints. */
  readonly ahead: ReadonlyArray<string>
  /** The connection it was sent on; absent when it was never sent. */
  readonly connection: string | undefined
  /** From the call to the answer, with what was waited for before it was sent. Of a stream, the time its reader waited. */
  readonly millis: number
  /** The part of it after it was sent; absent when it never was. */
  readonly databaseMillis: number | undefined
  /** Rows that were returned. */
  readonly rows: number | undefined
  readonly outcome: "success" | "failure" | "interrupted"
  readonly failure: SqlFailure | undefined
}

/**
 * An engine took its end: nothing of it is open any more.
 *
 * @since 0.1.0
 * @category models
 */
export interface DrainedEvent {
  readonly _tag: "Drained"
  /** The sessions that had to be cancelled. */
  readonly cancelled: ReadonlyArray<string>
  readonly millis: number
}
