/**
 * Failures of a change of tables that somebody else's change at the same moment explains.
 */
import type { SqlFailure } from "effect-sql-engine/SqlFailure"

/**
 * | code | what happened |
 * | --- | --- |
 * | 42P07, 42710, 42P06 | the table, the type, the schema came to be a moment before |
 * | 23505 on the catalog | the same, found out by an index of the catalog |
 * | XX000 "tuple concurrently updated" | two changes of one row of the catalog |
 * | 40001, 40P01, 55P03 | a conflict, a deadlock, a lock that was not granted in time |
 */
const codes = new Set(["42P07", "42710", "42P06", "40001", "40P01", "55P03"])

/** The server has no room yet, or is not up yet. */
const notYet = new Set(["53300", "57P03"])

/** Whether the link to the server failed, in a way that may pass. */
const link = (failure: SqlFailure): boolean =>
  (failure.code?.startsWith("08") === true && failure.code !== "08P01") || notYet.has(failure.code ?? "") ||
  // A connection that broke, or never came to be, has no SQLSTATE.
  (failure._tag === "ConnectionError" && !/^[0-9][0-9A-Z]{4}$/.test(failure.code ?? "") &&
    (failure.retryable || failure.sent !== "no")) ||
  failure._tag === "CommitUnknown"

/** Whether trying the change again may succeed. Doing it twice does no harm: what is there is not created again. */
export const raced = (failure: SqlFailure): boolean => {
  if (failure._tag === "TransactionAborted" && failure.first !== undefined) return raced(failure.first)
  if (failure._tag === "UniqueViolation") return failure.schema === "pg_catalog"
  if (codes.has(failure.code ?? "")) return true
  if (failure.code === "XX000") return /tuple concurrently (updated|deleted)/.test(failure.message)
  return link(failure)
}
