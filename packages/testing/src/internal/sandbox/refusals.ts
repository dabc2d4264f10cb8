/**
 * What cannot be had in the one transaction of a test, and is refused rather than done otherwise.
 */
import { NestedRefused, TransactionAborted } from "effect-sql-engine/SqlFailure"
import type { Place } from "./place.js"

/** Steers a transaction; inside of a sandbox it would steer the wrong one. */
const steering =
  /^(?:\s|--[^\n]*(?:\n|$)|\/\*(?:[^*]|\*(?!\/))*\*\/)*(begin|start\s+transaction|commit|end|abort|prepare\s+transaction|savepoint|release|rollback)\b/i

/** Whether a statement begins or ends a transaction, or a part of one. */
export const steers = (sql: string): boolean => steering.test(sql)

export const refused = ({ ground, session }: Place, why: string): NestedRefused =>
  new NestedRefused({
    engine: ground.engine,
    session,
    message: `A session in ${session} was refused: ${why}; nothing was sent. All sessions of a test share one ` +
      "transaction in mode \"rollback\"; mode \"clone\" gives each its own."
  })

export const steered = (place: Place, sql: string): NestedRefused =>
  refused(place, `${steering.exec(sql)![1]!.toUpperCase()} would end the transaction of the test`)

/** What a driver answers to the COMMIT of a transaction that has failed. */
export const aborted = ({ ground }: Place): TransactionAborted =>
  new TransactionAborted({
    engine: ground.engine,
    session: "",
    message: "The server answered COMMIT by rolling back: an earlier statement of the transaction had failed."
  })
