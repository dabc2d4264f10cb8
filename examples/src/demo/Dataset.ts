/**
 * The rows of the demo, read from the npm package `vega-datasets` and decoded one by one: a row that cannot be decoded
 * is kept aside and counted, and does not spoil its file.
 */
import { FileSystem, Path } from "@effect/platform"
import { Array, Effect, Schema } from "effect"
import type { ParseResult } from "effect"
import { createRequire } from "node:module"
import * as Csv from "./Csv.js"

const require = createRequire(import.meta.url)

/** The file writes `NA` where it knows no city and no state. */
const Known = Schema.transform(Schema.String, Schema.NullOr(Schema.String), {
  strict: true,
  decode: (text) => text === "NA" ? null : text,
  encode: (text) => text ?? "NA"
})

/** `2001/01/31 23:59` in the file, `2001-01-31 23:59` in the table. */
const Minute = Schema.transform(
  Schema.String.pipe(Schema.pattern(/^\d{4}\/\d\d\/\d\d \d\d:\d\d$/)),
  Schema.String,
  { strict: true, decode: (text) => text.replaceAll("/", "-"), encode: (text) => text.replaceAll("-", "/") }
)

/** The file counts hours since midnight, minutes as their fraction. */
const Hour = Schema.transform(Schema.Number, Schema.Int, {
  strict: true,
  decode: Math.floor,
  encode: (hour) => hour
})

export const Airport = Schema.Struct({
  iata: Schema.NonEmptyString,
  name: Schema.NonEmptyString,
  city: Known,
  state: Known,
  country: Schema.NonEmptyString,
  latitude: Schema.NumberFromString.pipe(Schema.between(-90, 90)),
  longitude: Schema.NumberFromString.pipe(Schema.between(-180, 180))
})
export type Airport = typeof Airport.Type

export const Flight = Schema.Struct({
  departure: Schema.propertySignature(Minute).pipe(Schema.fromKey("date")),
  origin: Schema.NonEmptyString,
  destination: Schema.NonEmptyString,
  distance: Schema.Positive,
  delay: Schema.Int
})
export type Flight = typeof Flight.Type

export const Departure = Schema.Struct({
  hour: Schema.propertySignature(Hour).pipe(Schema.fromKey("time")),
  distance: Schema.Positive,
  delay: Schema.Int
})
export type Departure = typeof Departure.Type

/** The rows of a file, and what is wrong with those that could not be decoded. */
export interface Decoded<A> {
  readonly rows: ReadonlyArray<A>
  readonly malformed: ReadonlyArray<ParseResult.ParseError>
}

const read = <A, I>(file: string, schema: Schema.Schema<A, I>, parse: (text: string) => ReadonlyArray<unknown>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const data = path.join(path.dirname(require.resolve("vega-datasets")), "../data", file)
    const decode = Schema.decodeUnknownEither(schema)
    const records = parse(yield* fs.readFileString(data))
    const [malformed, rows] = Array.partitionMap(records, (record) => decode(record))
    return { rows, malformed } satisfies Decoded<A>
  })

const json = (text: string): ReadonlyArray<unknown> => JSON.parse(text)

export const airports = read("airports.csv", Airport, Csv.parse)
export const flights = read("flights-20k.json", Flight, json)
export const departures = read("flights-200k.json", Departure, json)
