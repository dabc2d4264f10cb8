/**
 * Failures of `Seed`. A floor of their own: statements never end with them. Whatever it is, no row was written.
 */
import { Predicate, Schema } from "effect"
import { facts, key } from "./facts.js"
import { SqlFailure } from "./failure.js"

/** Where in the source, as far as it is known; lines and columns count from 1. */
const position = { line: Schema.optional(Schema.Number), column: Schema.optional(Schema.Number) }

/**
 * The source cannot be read, or is not what its format asks for.
 *
 * @since 0.1.0
 * @category errors
 */
export class SeedSourceError extends Schema.TaggedError<SeedSourceError>(key("SeedSourceError"))("SeedSourceError", {
  ...facts({ sent: "no" }),
  source: Schema.String,
  ...position
}) {}

/**
 * Rows that do not fit their Schema. `problems` lists every one.
 *
 * @since 0.1.0
 * @category errors
 */
export class SeedInvalid extends Schema.TaggedError<SeedInvalid>(key("SeedInvalid"))("SeedInvalid", {
  ...facts({ sent: "no" }),
  source: Schema.String,
  problems: Schema.Array(Schema.Struct({
    resource: Schema.String,
    /** The row's number in its resource, from 1 on. */
    row: Schema.Number,
    /** The way to the value inside of the row, as in `address.city`. */
    path: Schema.String,
    ...position,
    problem: Schema.String
  }))
}) {}

/**
 * The source has resources nobody knows.
 *
 * @since 0.1.0
 * @category errors
 */
export class SeedUnknown extends Schema.TaggedError<SeedUnknown>(key("SeedUnknown"))("SeedUnknown", {
  ...facts({ sent: "no" }),
  source: Schema.String,
  unknown: Schema.Array(Schema.String),
  known: Schema.Array(Schema.String)
}) {}

/**
 * The database refused a row.
 *
 * @since 0.1.0
 * @category errors
 */
export class SeedFailed extends Schema.TaggedError<SeedFailed>(key("SeedFailed"))("SeedFailed", {
  ...facts(),
  source: Schema.String,
  resource: Schema.String,
  row: Schema.Number,
  ...position,
  failure: SqlFailure
}) {}

/**
 * Rows refer to rows that are not there.
 *
 * @since 0.1.0
 * @category errors
 */
export class SeedOrphans extends Schema.TaggedError<SeedOrphans>(key("SeedOrphans"))("SeedOrphans", {
  ...facts(),
  source: Schema.String,
  orphans: Schema.Array(Schema.Struct({
    table: Schema.String,
    /** The table that has no such row; absent where the database names the constraint alone. */
    references: Schema.optional(Schema.String),
    constraint: Schema.optional(Schema.String),
    rows: Schema.optional(Schema.Number)
  }))
}) {}

/**
 * Every failure of a seed, by tag.
 *
 * @since 0.1.0
 * @category errors
 */
export const seedFailures = { SeedSourceError, SeedInvalid, SeedUnknown, SeedFailed, SeedOrphans } as const

/**
 * A failure of a seed.
 *
 * @since 0.1.0
 * @category models
 */
export type SeedFailure = InstanceType<(typeof seedFailures)[keyof typeof seedFailures]>

/**
 * Whether a value is a {@link SeedFailure}.
 *
 * @since 0.1.0
 * @category guards
 */
export const isSeedFailure = (u: unknown): u is SeedFailure =>
  Predicate.hasProperty(u, "_tag") && Predicate.isString(u._tag) && Object.hasOwn(seedFailures, u._tag) &&
  Predicate.hasProperty(u, "sent")
