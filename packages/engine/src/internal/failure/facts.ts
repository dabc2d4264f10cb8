/**
 * The facts every failure of this library carries, as Schema fields.
 */
import { Schema } from "effect"

/** Whether the statement reached the server: `maybe` when the connection died before the answer came. */
export const Sent = Schema.Literal("no", "yes", "maybe")

/** Whether the connection the failure came from may be lent again. */
export const Verdict = Schema.Literal("keep", "discard")

const withDefault = <A, I>(schema: Schema.Schema<A, I>, value: NoInfer<A>) =>
  schema.pipe(Schema.propertySignature, Schema.withConstructorDefault(() => value))

interface Defaults {
  readonly sent?: typeof Sent.Type
  readonly retryable?: boolean
  readonly connection?: typeof Verdict.Type
}

/** The shared fields; a tag states what is usual for it, and a constructor call may say otherwise. */
export const facts = (defaults: Defaults = {}) => ({
  message: Schema.String,
  code: Schema.optional(Schema.String),
  engine: Schema.optional(Schema.String),
  sent: withDefault(Sent, defaults.sent ?? "yes"),
  retryable: withDefault(Schema.Boolean, defaults.retryable ?? false),
  connection: withDefault(Verdict, defaults.connection ?? "keep")
})

/** What a failed statement adds: its text with placeholders, never a bound value. */
export const statementFacts = (defaults: Defaults = {}) => ({
  ...facts(defaults),
  statement: Schema.optional(Schema.String),
  /** Where in the statement the database found the mistake, as an index into its text. Absent: it did not say. */
  position: Schema.optional(Schema.Number)
})

/** What a constraint violation adds: which rule of which table refused the row. */
export const constraintFacts = {
  ...statementFacts(),
  schema: Schema.optional(Schema.String),
  table: Schema.optional(Schema.String),
  columns: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] }),
  constraint: Schema.optional(Schema.String)
}

/** The key under which a failure class is registered. */
export const key = <Tag extends string>(tag: Tag) => `effect-sql-engine/SqlFailure/${tag}` as const
