/**
 * What is told of sessions: their numbers, and what happens to them.
 */
import type { SqlFailure } from "../../SqlFailure.js"

/** What became of sessions since the engine was made; `opened = committed + rolledBack + unknown + open`. */
export interface SessionTotals {
  opened: number
  committed: number
  rolledBack: number
  unknown: number
  open: number
  /** Attempts that were run again. */
  retried: number
}

/** What happens to sessions, as it happens. `millis`: since the session was opened. */
export type SessionEvent =
  /** BEGIN was answered. */
  | { readonly _tag: "SessionBegan"; readonly session: string; readonly connection: string; readonly millis: number }
  | { readonly _tag: "SessionCommitted"; readonly session: string; readonly millis: number }
  | {
    readonly _tag: "SessionRolledBack"
    readonly session: string
    readonly millis: number
    /** Why it was rolled back although its body had succeeded. */
    readonly failure: SqlFailure | undefined
  }
  /** The answer to COMMIT was lost. */
  | { readonly _tag: "SessionUnknown"; readonly session: string; readonly millis: number; readonly failure: SqlFailure }
  /** A unit of work is tried again; `attempts` have failed. */
  | {
    readonly _tag: "SessionRetried"
    readonly session: string
    readonly attempts: number
    readonly failure: SqlFailure
  }
  /** A clean-up was given up; the connection was destroyed instead. */
  | { readonly _tag: "CleanUpFailed"; readonly session: string; readonly failure: SqlFailure }
