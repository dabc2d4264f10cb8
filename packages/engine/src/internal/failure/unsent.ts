/**
 * A failure that met a connection on the way to its borrower, as the borrower's: nothing of its own work was sent.
 */
import type { SqlFailure } from "./failure.js"
import { statementFailure } from "./failure.js"
import type { StatementFailureTag } from "./failure.js"
import { statementFailures } from "./statement.js"

export const unsent = (failure: SqlFailure): SqlFailure =>
  failure.sent !== "no" && Object.hasOwn(statementFailures, failure._tag)
    // An error's message is no property that a spread copies.
    ? statementFailure(failure._tag as StatementFailureTag, { ...failure, message: failure.message, sent: "no" })
    : failure
