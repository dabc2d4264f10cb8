/**
 * The tables of these tests, and a database with them.
 */
import { Model } from "@effect/sql"
import { Effect, Option, Schema, type Scope } from "effect"
import { Repository, Table, Tables } from "effect-sql-engine"
import * as Engine from "effect-sql-engine/Engine"
import type { Place } from "../support/places.js"

export class Person extends Model.Class<Person>("Person")({
  id: Model.Generated(Schema.Int),
  name: Schema.NonEmptyString,
  email: Schema.String,
  age: Schema.NullOr(Schema.Int),
  city: Model.FieldOption(Schema.String),
  active: Schema.Boolean,
  tags: Schema.Array(Schema.String),
  createdAt: Model.DateTimeInsertFromDate,
  updatedAt: Model.DateTimeUpdateFromDate
}) {}

export const people = Table.make("people", Person, {
  naming: "snake",
  unique: ["email"],
  indexes: [{ name: "people_email_any_case", columns: [Table.sql("lower(email)")], unique: true }]
})

/** A key of two fields. */
export const seats = Table.make(
  "seats",
  Schema.Struct({ row: Schema.String, number: Schema.Int, guest: Schema.optional(Schema.String) }),
  { primaryKey: ["row", "number"] }
)

/** Counted versions, and a mark for what is deleted. */
export class Page extends Model.Class<Page>("Page")({
  id: Schema.UUID,
  title: Schema.String,
  version: Model.Generated(Schema.Int),
  deletedAt: Model.FieldOption(Model.DateTimeFromDate)
}) {}

export const pages = Table.make("pages", Page, {
  naming: "snake",
  columns: { version: { default: 1 } }
})

/** Every kind of column. */
export const kinds = Table.make(
  "kinds",
  Schema.Struct({
    id: Schema.Int,
    large: Schema.BigIntFromSelf,
    number: Schema.Number,
    bytes: Schema.Uint8ArrayFromSelf,
    document: Schema.Struct({ list: Schema.Array(Schema.Number), text: Schema.String }),
    moment: Schema.DateFromSelf,
    iso: Schema.DateTimeUtc,
    flag: Schema.Boolean,
    uuid: Schema.UUID,
    or: Schema.NullOr(Schema.String),
    anything: Schema.Unknown
  }),
  { columns: { anything: { type: "json", nullable: true } } }
)

export const persons = Repository.make(people)
export const places = Repository.make(seats)
export const documents = Repository.make(pages, { version: "version", softDelete: "deletedAt" })
export const values = Repository.make(kinds)

/** Runs an effect on a fresh database with all of these tables. */
export const onTables = <A, E>(
  open: Effect.Effect<Place, never, Scope.Scope>,
  effect: (place: Place, engine: Engine.EngineService) => Effect.Effect<A, E, Engine.Engine>
) =>
  Effect.gen(function*() {
    const place = yield* open
    const engine = yield* place.engine()
    return yield* Effect.zipRight(
      Tables.ensure([people, seats, pages, kinds]),
      Effect.suspend(() => effect(place, engine))
    ).pipe(Effect.provideService(Engine.Engine, engine))
  })

/** A person to insert. */
export const person = (
  name: string,
  more: Partial<Repository.Insert<typeof Person>> = {}
): Repository.Insert<typeof Person> => ({
  name,
  email: `${name.toLowerCase()}@example.org`,
  age: null,
  city: Option.none(),
  active: true,
  tags: [],
  ...more
})
