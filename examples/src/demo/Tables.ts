/**
 * The tables of the demo, made anew in one transaction.
 */
import { SqlClient } from "@effect/sql"
import { Effect, Schedule } from "effect"
import { Session } from "effect-sql-engine"

/** Ten retries at most, after 10, 20, 40 ... milliseconds up to a second, each shortened by chance. */
const schedule = Schedule.exponential("10 millis").pipe(
  Schedule.union(Schedule.spaced("1 second")),
  Schedule.jitteredWith({ min: 0, max: 1 }),
  Schedule.intersect(Schedule.recurs(10))
)

/** Tried again when the database is locked or the connection is lost: DDL in a transaction leaves nothing half done. */
export const create = Session.transaction(
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    yield* sql`drop table if exists departure`
    yield* sql`drop table if exists flight`
    yield* sql`drop table if exists airport`
    yield* sql`
      create table airport (
        iata text primary key constraint iata_has_three_characters check (length(iata) = 3),
        name text not null,
        city text not null,
        state text not null,
        country text not null,
        latitude double precision not null,
        longitude double precision not null
      )`
    yield* sql`
      create table flight (
        departure text not null,
        origin text not null references airport (iata),
        destination text not null references airport (iata),
        distance integer not null,
        delay integer not null,
        primary key (departure, origin, destination)
      )`
    yield* sql`create index flight_route on flight (origin, destination)`
    yield* sql`
      create table departure (
        hour integer not null constraint hour_of_a_day check (hour between 0 and 23),
        distance integer not null,
        delay integer not null
      )`
  }),
  { name: "tables", retry: schedule }
)
