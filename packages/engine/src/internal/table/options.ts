/**
 * What can be said of a table beside its Schema. Every name of a field in here is checked by the compiler.
 */
import type { Schema } from "effect"
import type { ColumnKind, Literal } from "./ddl.js"
import type { Action, Deferrable } from "./shape.js"

/**
 * A `Model.Class`, a `Schema.Class` or a `Schema.Struct`.
 *
 * @since 0.1.0
 * @category models
 */
export type AnyModel = Schema.Schema.All & { readonly fields: Schema.Struct.Fields }

type FieldsIn<Variant> = Variant extends { readonly fields: infer Fields } ? keyof Fields & string : never

/**
 * The names of a model's fields that are columns: those it selects, inserts or updates.
 *
 * @since 0.1.0
 * @category models
 */
export type Field<Model> =
  | FieldsIn<Model>
  | (Model extends { readonly insert: infer Insert } ? FieldsIn<Insert> : never)
  | (Model extends { readonly update: infer Update } ? FieldsIn<Update> : never)

/**
 * A piece of SQL, as it is: never put anything into it that comes from outside. One text for every database, or one by
 * the name of its dialect.
 *
 * @since 0.1.0
 * @category models
 */
export type SqlText = string | { readonly [dialect: string]: string }

/**
 * SQL where something else could stand, too; {@link sql} makes it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sql {
  readonly sql: SqlText
}

/**
 * A value that the database makes for each row.
 *
 * @since 0.1.0
 * @category models
 */
export interface Made {
  readonly made: "now" | "uuid"
}

/**
 * What can be said of a column; what is absent is as the Schema says.
 *
 * @since 0.1.0
 * @category options
 */
export interface ColumnOptions {
  /** Default: the name in the encoded Schema, through the table's `naming`. */
  readonly name?: string | undefined
  /** Default: what the encoded side of the Schema tells. */
  readonly type?: ColumnKind | Sql | undefined
  /** What a row gets that does not say. Default: nothing. */
  readonly default?: Literal | Sql | Made | undefined
  /** Whether the database makes the value. Default: whether a model leaves the field out of its inserts. */
  readonly generated?: boolean | undefined
  /** Default: whether the encoded Schema takes `null`, or the field is optional. */
  readonly nullable?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface UniqueOptions<F extends string> {
  readonly columns: ReadonlyArray<F>
  /** Default: `users_email_key`. */
  readonly name?: string | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface IndexOptions<F extends string> {
  /** Fields, each of them with ` desc` behind it or not, or SQL expressions. */
  readonly columns: ReadonlyArray<F | `${F} desc` | Sql>
  /** Default: `users_email_idx`. An index over expressions needs a name. */
  readonly name?: string | undefined
  readonly unique?: boolean | undefined
  /** Only the rows for which this holds. */
  readonly where?: SqlText | undefined
}

/**
 * A foreign key of one table to `Target`: a table, a function that returns it, or the name of a table that is declared
 * later, or is this one.
 *
 * @since 0.1.0
 * @category options
 */
export interface ReferenceOptions<F extends string, Target, TargetField extends string> {
  readonly columns: ReadonlyArray<F>
  readonly table: Target
  /** The fields there. Default: its primary key. */
  readonly target?: ReadonlyArray<TargetField> | undefined
  /** Default: `no action`. */
  readonly onDelete?: Action | undefined
  /** Default: `no action`. */
  readonly onUpdate?: Action | undefined
  /** Default: `initially deferred` where tables refer to each other in a circle, else `no`. */
  readonly deferrable?: Deferrable | undefined
  /** Default: `posts_author_id_fkey`. */
  readonly name?: string | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface CheckOptions {
  /** Default: `users_check`, `users_check1`, … */
  readonly name?: string | undefined
  /** Holds for every row; its names are the database's own. */
  readonly check: SqlText
}

/**
 * How a column is named after its field: as it is, `camelCase` as `camel_case`, or by a function.
 *
 * @since 0.1.0
 * @category options
 */
export type Naming = "same" | "snake" | ((name: string) => string)

/**
 * What can be said of a table, but for its references.
 *
 * @since 0.1.0
 * @category options
 */
export interface CommonOptions<F extends string> {
  /** The schema it stands in. Default: the database's default one. Left out where a database has none. */
  readonly schema?: string | undefined
  /** Default: `same`. */
  readonly naming?: Naming | undefined
  /** Default: the field `id`. Empty: the table has none. */
  readonly primaryKey?: F | ReadonlyArray<F> | undefined
  readonly unique?: ReadonlyArray<F | ReadonlyArray<F> | UniqueOptions<F>> | undefined
  readonly indexes?: ReadonlyArray<F | ReadonlyArray<F> | IndexOptions<F>> | undefined
  readonly checks?: ReadonlyArray<SqlText | CheckOptions> | undefined
  readonly columns?: { readonly [K in F]?: ColumnOptions | undefined } | undefined
}
