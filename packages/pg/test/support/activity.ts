/**
 * What the server says of the connections of a database: the truth that a driver cannot colour.
 */
import { Effect, Schedule } from "effect"
import { admin, type TestDatabase } from "./connect.js"

/** The statements at work in a database, other than the one that asks. */
export const active = (at: TestDatabase) =>
  Effect.map(
    admin(
      at.url,
      "select query from pg_stat_activity where datname = current_database() and state <> 'idle' " +
        "and backend_type = 'client backend' and pid <> pg_backend_pid()"
    ),
    (rows) => rows.map((row) => row["query"] as string)
  )

/** The connections to a database, other than the one that asks. */
export const backends = (at: TestDatabase) =>
  Effect.map(
    admin(
      at.url,
      "select count(*)::int as n from pg_stat_activity where datname = current_database() " +
        "and backend_type = 'client backend' and pid <> pg_backend_pid()"
    ),
    (rows) => rows[0]!["n"] as number
  )

/** Waits until something about the server is so. */
export const until = <A>(look: Effect.Effect<A>, holds: (value: A) => boolean) =>
  Effect.repeat(look, { until: holds, schedule: Schedule.spaced("10 millis") }).pipe(Effect.timeout("10 seconds"))
