/**
 * What cannot work behind PgBouncer in transaction mode, refused before it is sent. Each transaction there is given
 * whichever connection of the server is free: what was set, locked or listened for on one would be found by strangers,
 * and missed by whoever asked for it.
 *
 * Source: https://www.pgbouncer.org/features.html
 */
import { EngineConfigError } from "effect-sql-engine/SqlFailure"
import type { Channel } from "./channel.js"
import type { Traits } from "./traits.js"

/** The refusal of something that outlives its transaction. */
export const needsSession = (engine: string, what: string): EngineConfigError => {
  const problem = `${what} needs a connection of the server that stays with its client`
  return new EngineConfigError({
    message:
      `${problem}, and PgBouncer in transaction mode gives each transaction another one; nothing was sent. Use ` +
      "the server's own address for it, or a form that ends with the transaction (SET LOCAL, " +
      "pg_advisory_xact_lock, ON COMMIT DROP).",
    engine,
    problems: [{ field: "pgbouncer", problem }]
  })
}

/** The refusal of a statement, where there is one. */
export const refusedBehindPgBouncer = ({ context, settings }: Channel, about: Traits): EngineConfigError | undefined =>
  settings.pgbouncer && about.holds !== undefined ? needsSession(context.engine, about.holds) : undefined
