/**
 * A connection that had died before its borrower first used it, which shows only when something is sent on it.
 *
 * Nothing of the borrower's work has reached the server then, so it takes another connection: its caller waits a little
 * longer, and learns nothing. It keeps its place in the pool's queue and its deadline, and each dead connection is closed, so
 * this ends: at the deadline, or with a connection that was opened for it and fails as well.
 */
import type { Lease, Pool, Request } from "../../Pool.js"
import type { SqlFailure } from "../../SqlFailure.js"

/** Whether this is what the first use of a connection failed of. */
export const wasDead = ({ connection, isNew, revoked }: Lease, failure: SqlFailure): boolean =>
  failure.sent === "no" && !isNew && revoked === undefined && connection.condition() === "lost"

/** Gives the dead connection back. Who acquires with the same request then goes on waiting where it stood. */
export const giveBackDead = (pool: Pool, request: Request, failure: SqlFailure): void => {
  request.askedAt = request.lease!.askedAt
  pool.release(request, failure)
}
