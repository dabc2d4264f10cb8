/**
 * Which failures prove more than the end of one connection: that the server is gone, or is not the one we want any more.
 */
import { isServerError, type ServerError } from "./failure.js"
import { Unintelligible } from "./incoming.js"
import type { Settings } from "./settings.js"

/** A host that does not answer, or has forgotten us, has forgotten everybody. */
const hostGone = new Set(["ETIMEDOUT", "ECONNRESET", "EPIPE", "EHOSTUNREACH", "ENETUNREACH", "ECONNREFUSED"])

/**
 * Whether the death of a connection means that the others of its server are dead too. One that was idle and was closed
 * without a word may have been a pooler's doing, and proves nothing.
 */
export const deathProvesGone = (error: Error | ServerError, idle: boolean): boolean => {
  // What this one connection was sent says nothing of the others.
  if (error instanceof Unintelligible) return false
  if (isServerError(error)) return /^(57P0[123]|08)/.test(error.code ?? "")
  return !idle || hostGone.has((error as NodeJS.ErrnoException).code ?? "")
}

/**
 * Whether a refused write (25006) means that the server has become a standby: so it is, when nobody here had asked for
 * a read-only transaction.
 */
export const refusalProvesGone = (settings: Settings, askedReadOnly: boolean): boolean =>
  !askedReadOnly &&
  (settings.targetSessionAttrs === "any" || settings.targetSessionAttrs === "read-write" ||
    settings.targetSessionAttrs === "primary") &&
  !/read_only/.test(`${Object.keys(settings.startup.given).join(" ")} ${settings.startup.given["options"] ?? ""}`)
