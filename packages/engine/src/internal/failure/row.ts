/**
 * Failures of operations on the rows of a declared table.
 *
 * They are a floor of their own: statements never end with them, only the verbs of `Repository` and `Session.enqueue` do.
 */
import { Predicate, Schema } from "effect"
import { facts, key } from "./facts.js"

const problems = Schema.Array(Schema.Struct({ field: Schema.String, problem: Schema.String }))

/**
 * A value that the table's Schema does not take, in a row or in a condition. Nothing was sent. `problems` lists every
 * field, without its value.
 *
 * @since 0.1.0
 * @category errors
 */
export class RowEncodeError extends Schema.TaggedError<RowEncodeError>(key("RowEncodeError"))("RowEncodeError", {
  ...facts({ sent: "no" }),
  table: Schema.String,
  problems
}) {}

/**
 * A row of the database that the table's Schema does not take. `problems` lists every field, with its column and without
 * its value.
 *
 * @since 0.1.0
 * @category errors
 */
export class RowDecodeError extends Schema.TaggedError<RowDecodeError>(key("RowDecodeError"))("RowDecodeError", {
  ...facts(),
  table: Schema.String,
  problems: Schema.Array(Schema.Struct({
    field: Schema.String,
    column: Schema.optional(Schema.String),
    problem: Schema.String
  }))
}) {}

/**
 * There is no row with this key.
 *
 * @since 0.1.0
 * @category errors
 */
export class RowNotFound extends Schema.TaggedError<RowNotFound>(key("RowNotFound"))("RowNotFound", {
  ...facts(),
  table: Schema.String
}) {}

/**
 * One row was asked for, and there are several.
 *
 * @since 0.1.0
 * @category errors
 */
export class MultipleRows extends Schema.TaggedError<MultipleRows>(key("MultipleRows"))("MultipleRows", {
  ...facts(),
  table: Schema.String
}) {}

/**
 * A page that cannot be: a number or a size below 1, or a cursor that is none of this order. Nothing was sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidPage extends Schema.TaggedError<InvalidPage>(key("InvalidPage"))("InvalidPage", {
  ...facts({ sent: "no" }),
  table: Schema.String,
  field: Schema.Literal("page", "size", "after", "before"),
  problem: Schema.String
}) {}

/**
 * Every failure of operations on rows, by tag.
 *
 * @since 0.1.0
 * @category errors
 */
export const rowFailures = { RowEncodeError, RowDecodeError, RowNotFound, MultipleRows, InvalidPage } as const

/**
 * A failure of an operation on rows.
 *
 * @since 0.1.0
 * @category models
 */
export type RowFailure = InstanceType<(typeof rowFailures)[keyof typeof rowFailures]>

/**
 * Whether a value is a {@link RowFailure}.
 *
 * @since 0.1.0
 * @category guards
 */
export const isRowFailure = (u: unknown): u is RowFailure =>
  Predicate.hasProperty(u, "_tag") && Predicate.isString(u._tag) && Object.hasOwn(rowFailures, u._tag) &&
  Predicate.hasProperty(u, "sent")
