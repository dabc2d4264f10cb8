/**
 * A PostgreSQL database for one exploration, and what is left there afterwards.
 */
import { Effect } from "effect"
import { PgEngine } from "effect-sql-engine-pg"
import * as postgres from "../support/postgres.js"
import * as bank from "./bank.js"

/** Both withdrawals were made. */
export const at70 = () => Effect.map(bank.balances, ([first]) => first!.balance === 70)

/** A database of its own, an exploration of it, and what is there afterwards. */
export const place = Effect.map(postgres.database, ({ url }) => ({
  options: { layer: PgEngine.layer({ url }), setup: bank.accounts },
  left: Effect.map(
    postgres.admin(
      url,
      "select (select count(*)::int from pg_namespace where nspname like 'interleavings%') as schemas, " +
        "(select count(*)::int from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() " +
        "and backend_type = 'client backend') as connections"
    ),
    ([row]) => row
  )
}))

/** No schema, no connection. */
export const nothing = { schemas: 0, connections: 0 }
