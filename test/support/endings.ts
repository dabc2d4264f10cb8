/**
 * The ways in which the body of a session may come to its end, and what it ended with.
 */
import { Effect } from "effect"
import type { Engine } from "effect-sql-engine"
import { Session } from "effect-sql-engine"
import { fromSqlError, isSqlError } from "effect-sql-engine/SqlFailure"

/** The last step of a body. One that is cut or times out goes on until somebody ends it. */
export const finish = {
  succeed: Effect.void,
  fail: Effect.fail("mine"),
  die: Effect.die("a bug"),
  interrupt: Effect.interrupt,
  cut: Effect.never,
  timeout: Effect.never,
  rollbackOnly: Session.rollbackOnly
} as const satisfies Record<string, Effect.Effect<unknown, unknown, Session.Session<Engine.Engine>>>

/** How a body ends. `cut`: interrupted from outside at some moment; `timeout`: its own time is over. */
export type Ending = keyof typeof finish

/** The typed failure behind an error; any other error as it is. */
export const refined = (error: unknown): unknown => isSqlError(error) ? fromSqlError(error) : error
