/**
 * Why a connection attempt failed, in words, and what it means for the next attempt.
 */
import { AuthenticationError, type SqlFailure } from "effect-sql-engine/SqlFailure"
import { fromServer, isServerError, linkFailure } from "./failure.js"
import type { Endpoint, Settings } from "./settings.js"

/** What to do after a failed attempt: try the next host, try the other TLS choice, or give up. */
export type Next = "host" | "tls" | "stop"

/** A failed attempt. */
export interface Failed {
  readonly failure: SqlFailure
  readonly next: Next
  /** Nothing answered there, or a server that lets nobody in: connections made to it before are dead or about to be. */
  readonly gone: boolean
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOENT: "there is no such socket",
  ENOTFOUND: "the name is unknown",
  EAI_AGAIN: "the name could not be looked up",
  ETIMEDOUT: "no answer",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  ECONNRESET: "the connection was reset",
  EACCES: "access to the socket is denied"
}

// What a dead server looks like from outside; a name that cannot be resolved says nothing about it.
const dead = new Set(["ECONNREFUSED", "ENOENT", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"])

/** Turns what an attempt failed with into a typed failure. */
export const connectFailure = (error: Error, endpoint: Endpoint, settings: Settings, engine: string): Failed => {
  const where = `${endpoint.label} for database "${settings.database}" as user "${settings.user}"`
  const about = { engine, sent: "no" } as const
  if (isServerError(error)) {
    const starting = error.code === "57P03"
    return {
      failure: fromServer(error, {
        ...about,
        alive: false,
        prefix: `Could not connect to ${where}: `,
        // A pooler that wants nothing of our startup message; in a statement the code means a mistake of the statement.
        ...(error.code === "08P01" ? { means: { tag: "ConnectionError" } } : {})
      }),
      // libpq asks the next host only when this one says "not yet"; 28000 may be a matter of TLS.
      next: starting ? "host" : error.code === "28000" ? "tls" : "stop",
      gone: starting
    }
  }
  const code = (error as NodeJS.ErrnoException).code
  const words = code === undefined ? error.message : `${reasons[code] ?? error.message} (${code})`
  if (/SASL|SCRAM|channel binding|[Pp]assword must be|argument must be/.test(error.message)) {
    const reason = /must be/.test(error.message)
      ? "the server asks for a password, and none was given"
      : error.message
    return {
      failure: new AuthenticationError({ message: `Could not connect to ${where}: ${reason}.`, engine }),
      next: "stop",
      gone: false
    }
  }
  if (/does not support SSL/.test(error.message)) {
    const reason = `the server has no TLS, and sslmode is ${settings.sslMode}`
    return { failure: linkFailure(`Could not connect to ${where}: ${reason}.`, about), next: "tls", gone: false }
  }
  // OpenSSL and Node name certificate troubles by codes like these.
  const certificate = /CERT|^ERR_(TLS|SSL|OSSL)|SELF_SIGNED|UNABLE_TO|EPROTO|HOSTNAME_MISMATCH/.test(code ?? "") ||
    /SSL connection/.test(error.message)
  return {
    failure: linkFailure(`Could not connect to ${where}: ${words}.`, {
      ...about,
      means: { retryable: !certificate }
    }, code),
    next: certificate ? "tls" : "host",
    gone: dead.has(code ?? "")
  }
}
