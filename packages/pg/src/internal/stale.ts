/**
 * What becomes of a prepared statement that an exchange failed on, and whether the exchange can be run again unseen.
 */
import type { Channel } from "./channel.js"
import type { Exchange, Outcome } from "./exchange.js"
import type { ServerError } from "./failure.js"
import type { Prepared } from "./preparedStatements.js"

/**
 * - `certain`: the server refused its plan, or does not know its name. It was not run.
 * - `possible`: its values were refused before it was run. The types of its parameters were fixed when it was prepared, and
 *   may not be those of the columns any more.
 */
export type Staleness = "certain" | "possible"

/** Forgets a prepared statement that an exchange failed on, where it may be outdated. */
export const forgetStale = (
  { link: { statements } }: Channel,
  exchange: Exchange,
  { error }: Outcome
): Staleness | undefined => {
  const prepared = exchange.step?.prepared
  if (error === undefined || prepared === undefined || exchange.prepares(prepared)) return undefined
  if (isRefusedPlan(error)) {
    statements.outdated(prepared)
    return "certain"
  }
  if (isUnknownName(error, prepared)) {
    // One whose Parse was skipped, behind a failure, is missing alone. Where one is lost, all may be.
    if (prepared.confirmed) statements.dropAll()
    else statements.drop(prepared)
    return "certain"
  }
  if (!exchange.isBound && /^(22|42|XX)/.test(error.code ?? "")) {
    statements.drop(prepared)
    return "possible"
  }
  if (error.code?.startsWith("XX") === true) statements.drop(prepared)
  return undefined
}

const isRefusedPlan = (error: ServerError): boolean =>
  error.code === "0A000" && error.routine === "RevalidateCachedQuery" && error.where === undefined

const isUnknownName = (error: ServerError, { name }: Prepared): boolean =>
  error.code === "26000" && error.message.includes(name)

/**
 * Whether nothing is left of what an exchange did, so that it can be sent again: it began its transaction itself, and has to
 * roll it back first, or it failed with its first statement. Nobody must be in a transaction ahead of it.
 */
export const isUndone = (exchange: Exchange, { lost }: Outcome, begins: boolean): boolean =>
  lost === undefined && !exchange.abandoned && (begins || exchange.answered === 0)
