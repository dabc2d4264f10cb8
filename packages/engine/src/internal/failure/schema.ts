/**
 * Failures of what a program declares about its database: its tables, and whether the database is there at all.
 *
 * They are a floor of their own: statements never end with them, only the verbs of `Table`, `Tables` and `Database` do.
 */
import { Predicate, Schema } from "effect"
import { facts, key } from "./facts.js"

/**
 * Tables that are declared wrongly, found before anything was sent. `problems` lists every one, by table and field.
 *
 * @since 0.1.0
 * @category errors
 */
export class TableError extends Schema.TaggedError<TableError>(key("TableError"))("TableError", {
  ...facts({ sent: "no" }),
  problems: Schema.Array(Schema.Struct({ table: Schema.String, field: Schema.String, problem: Schema.String }))
}) {}

/**
 * The tables in the database are not shaped as declared. `diff` lists every difference; nothing was changed.
 *
 * @since 0.1.0
 * @category errors
 */
export class SchemaMismatch extends Schema.TaggedError<SchemaMismatch>(key("SchemaMismatch"))("SchemaMismatch", {
  ...facts(),
  diff: Schema.Array(Schema.Struct({
    table: Schema.String,
    /** What differs: `table`, `column`, `type`, `nullability`, `default`, `generated`, `primary key`, `unique`, … */
    part: Schema.String,
    /** Its name: the column's, the constraint's, the index's. */
    name: Schema.String,
    /** Absent: it is not declared. */
    expected: Schema.optional(Schema.String),
    /** Absent: it is not in the database. */
    found: Schema.optional(Schema.String)
  }))
}) {}

/**
 * The server answers, and has no database of this name.
 *
 * @since 0.1.0
 * @category errors
 */
export class DatabaseMissing extends Schema.TaggedError<DatabaseMissing>(key("DatabaseMissing"))("DatabaseMissing", {
  ...facts({ sent: "no" }),
  database: Schema.String
}) {}

/**
 * The database is missing, and nobody said that it may be created. Nothing was changed.
 *
 * @since 0.1.0
 * @category errors
 */
export class NotAllowed extends Schema.TaggedError<NotAllowed>(key("NotAllowed"))("NotAllowed", {
  ...facts({ sent: "no" }),
  database: Schema.String
}) {}

/**
 * Every failure of declared tables and of databases as a whole, by tag.
 *
 * @since 0.1.0
 * @category errors
 */
export const schemaFailures = { TableError, SchemaMismatch, DatabaseMissing, NotAllowed } as const

/**
 * A failure of declared tables, or of a database as a whole.
 *
 * @since 0.1.0
 * @category models
 */
export type SchemaFailure = InstanceType<(typeof schemaFailures)[keyof typeof schemaFailures]>

/**
 * Whether a value is a {@link SchemaFailure}.
 *
 * @since 0.1.0
 * @category guards
 */
export const isSchemaFailure = (u: unknown): u is SchemaFailure =>
  Predicate.hasProperty(u, "_tag") && Predicate.isString(u._tag) && Object.hasOwn(schemaFailures, u._tag) &&
  Predicate.hasProperty(u, "sent")
