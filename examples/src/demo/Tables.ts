/**
 * The tables of the demo, each declared once from the Schema of its rows.
 */
import { Schema } from "effect"
import { Table } from "effect-sql-engine"

const airport = Table.make(
  "airport",
  Schema.Struct({
    iata: Schema.String,
    name: Schema.String,
    city: Schema.String,
    state: Schema.String,
    country: Schema.String,
    latitude: Schema.Number,
    longitude: Schema.Number
  }),
  {
    primaryKey: "iata",
    checks: [{ name: "iata_has_three_characters", check: "length(iata) = 3" }]
  }
)

const flight = Table.make(
  "flight",
  Schema.Struct({
    departure: Schema.String,
    origin: Schema.String,
    destination: Schema.String,
    distance: Schema.Int,
    delay: Schema.Int
  }),
  {
    primaryKey: ["departure", "origin", "destination"],
    references: [
      { columns: ["origin"], table: airport },
      { columns: ["destination"], table: airport }
    ]
  }
)

const departure = Table.make(
  "departure",
  Schema.Struct({ hour: Schema.Int, distance: Schema.Int, delay: Schema.Int }),
  {
    // Departures of the same hour are told apart by nothing.
    primaryKey: [],
    checks: [{ name: "hour_of_a_day", check: "hour between 0 and 23" }]
  }
)

/** How late a flight may be called what; the rows of this one come with the program. */
export const punctuality = Table.make("punctuality", Schema.Struct({ name: Schema.String, minutes: Schema.Int }), {
  primaryKey: "name",
  unique: ["minutes"]
})

export const tables = [airport, departure, flight, punctuality]
