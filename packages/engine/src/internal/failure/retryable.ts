/**
 * When work may be done again.
 */
import type { SqlFailure } from "./failure.js"

/**
 * Whether a whole unit of work may be run again after this failure without the risk of doing it twice.
 *
 * Conflicts may: the database has undone everything. A lost connection may when nothing was sent; otherwise only when
 * the work says of itself that doing it twice does no harm (`idempotent`), and then even after a COMMIT whose answer was
 * lost.
 */
export const mayRetry = (failure: SqlFailure, idempotent: boolean): boolean => {
  switch (failure._tag) {
    case "ConnectionError":
    case "ServerShutdown":
      return failure.retryable && (failure.sent === "no" || idempotent)
    case "TransactionAborted":
      return failure.first !== undefined && mayRetry(failure.first, idempotent)
    case "CommitUnknown":
      return idempotent
    default:
      return failure.retryable
  }
}
