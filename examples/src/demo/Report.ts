/**
 * What came of it: the worst routes and hours, the rows that were refused, and the numbers of the engine.
 */
import { SqlClient, SqlSchema } from "@effect/sql"
import { Array, Effect, Schema } from "effect"
import type { Pool } from "effect-sql-engine"
import { Engine, Session } from "effect-sql-engine"
import type { Loaded } from "./Load.js"
import { columns, count, style } from "./Text.js"

const Route = Schema.Struct({
  origin: Schema.String,
  destination: Schema.String,
  from: Schema.String,
  to: Schema.String,
  flights: Schema.Int,
  delay: Schema.Number
})

const worstRoutes = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  SqlSchema.findAll({
    Request: Schema.Struct({ atLeast: Schema.Int, limit: Schema.Int }),
    Result: Route,
    execute: ({ atLeast, limit }) =>
      sql`
        select r.origin, r.destination, o.city as "from", d.city as "to",
          r.flights, cast(r.delay as double precision) as delay
        from route r join airport o on o.iata = r.origin join airport d on d.iata = r.destination
        where r.flights >= ${atLeast}
        order by r.delay desc, r.origin, r.destination
        limit ${limit}`
  })({ atLeast: 20, limit: 8 }))

const Hour = Schema.Struct({ hour: Schema.Int, departures: Schema.Int, delay: Schema.Number })

const worstHours = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  SqlSchema.findAll({
    Request: Schema.Struct({ limit: Schema.Int }),
    Result: Hour,
    execute: ({ limit }) =>
      sql`
        select hour, cast(count(*) as integer) as departures, cast(avg(delay) as double precision) as delay
        from departure group by hour order by avg(delay) desc, hour limit ${limit}`
  })({ limit: 3 }))

const mean = (delay: number) => `${delay.toFixed(1)} minutes late`

/** Two read-only sessions side by side. */
export const delays = Effect.gen(function*() {
  const options = { name: "report", readOnly: true } as const
  const [routes, hours] = yield* Effect.all(
    [Session.transaction(worstRoutes, options), Session.transaction(worstHours, options)],
    { concurrency: "unbounded" }
  )
  return columns([
    ...routes.map(({ delay, destination, flights, from, origin, to }) => [
      `${origin} → ${destination}`,
      `${from} to ${to}`,
      `${count(flights)} flights`,
      mean(delay)
    ]),
    ...hours.map(({ delay, departures, hour }) => [
      `${hour}:00 to ${hour}:59`,
      "from anywhere",
      `${count(departures)} flights`,
      mean(delay)
    ])
  ], [2, 3])
})

const Punctuality = Schema.Struct({ name: Schema.String, flights: Schema.Int })

/** The flights by the names that the seed has brought. */
export const lateness = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  SqlSchema.findAll({
    Request: Schema.Void,
    Result: Punctuality,
    execute: () =>
      sql`
        select p.name, cast(count(f.delay) as integer) as flights
        from punctuality p left join flight f on p.minutes = (
          select min(minutes) from punctuality where minutes >= f.delay
        )
        group by p.name, p.minutes order by p.minutes`
  })(undefined)).pipe(
    Effect.map((rows) => columns(rows.map(({ flights, name }) => [name, count(flights), "flights"]), [1]))
  )

/** The refused rows of each table by the tag of their failure, with one of them as an example. */
export const refusals = (loaded: ReadonlyArray<Loaded>): string =>
  columns(
    loaded.flatMap(({ refused, table }) =>
      Object.entries(Array.groupBy(refused, (refusal) => refusal.tag)).map(([tag, [first, ...others]]) => [
        tag,
        count(1 + others.length),
        table,
        first.rule,
        `${others.length > 0 ? "such as " : ""}${first.row}`
      ])
    ),
    [1]
  )

const ofPool = (
  name: string,
  pool: Pool.PoolStats
) => [name, `${pool.created} opened of ${pool.max}, lent ${count(pool.served)} times, ${pool.inUse} in use now`]

/** The engine's own books: whatever was opened is closed, whatever was lent is back. */
export const statistics = Effect.map(Engine.Engine.stats, ({ pool, readers, sessions }) =>
  columns([
    [
      "sessions",
      `${sessions.opened} opened, ${sessions.committed} committed, ${sessions.rolledBack} rolled back, ` +
      `${sessions.open} open now`
    ],
    ofPool(readers === undefined ? "connections" : "writer", pool),
    ...(readers === undefined ? [] : [ofPool("readers", readers)])
  ], []))

/** The last line: rows kept and refused, and the time. */
export const summary = (loaded: ReadonlyArray<Loaded>, millis: number): string => {
  const kept = loaded.reduce((sum, { kept }) => sum + kept, 0)
  const refused = loaded.reduce((sum, { refused }) => sum + refused.length, 0)
  return style.bold(`${count(kept)} rows kept, ${count(refused)} refused, ${(millis / 1000).toFixed(1)} s`)
}
