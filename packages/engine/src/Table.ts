/**
 * Declared tables: what the Schema of a row tells of a table's columns, and what has to be said beside it.
 *
 * A table is a value. Declaring one touches no database; `Tables` creates, finds and drops what is declared. `docs/tables.md`
 * has the rules by which a Schema becomes columns.
 *
 * @since 0.1.0
 */
import { Either } from "effect"
import type { Schema } from "effect"
import { dual } from "effect/Function"
import { problemsOf } from "./internal/config/compound.js"
import { ColumnAnnotationId } from "./internal/table/columnType.js"
import { declare } from "./internal/table/declare.js"
import { renaming } from "./internal/table/declared.js"
import type { AnyTable, Table as TableModel, Target } from "./internal/table/model.js"
import type {
  AnyModel,
  ColumnOptions,
  CommonOptions,
  Field,
  Made,
  ReferenceOptions,
  Sql,
  SqlText
} from "./internal/table/options.js"
import * as value from "./internal/table/table.js"
import type { TableError } from "./SqlFailure.js"

export type { Column } from "./internal/table/model.js"
export type {
  AnyModel,
  CheckOptions,
  ColumnOptions,
  CommonOptions,
  Field,
  IndexOptions,
  Made,
  Naming,
  ReferenceOptions,
  Sql,
  SqlText,
  UniqueOptions
} from "./internal/table/options.js"

/**
 * A declared table. `Key` names the fields of its primary key.
 *
 * @since 0.1.0
 * @category models
 */
export interface Table<out Model extends AnyModel = AnyModel, out Key extends string = Field<Model>>
  extends TableModel<Model, Key>
{}

/**
 * Any table at all.
 *
 * @since 0.1.0
 * @category models
 */
export interface Any extends AnyTable {}

/** The fields of the table a reference names; of a table that is only named, any text. */
type TargetField<T> = T extends string ? string
  : T extends () => infer U ? TargetField<U>
  : T extends TableModel<infer Model> ? Field<Model>
  : string

/**
 * The foreign keys of a table. The fields on both sides are checked by the compiler, unless the other table is only
 * named.
 *
 * @since 0.1.0
 * @category options
 */
export type References<F extends string, Targets extends ReadonlyArray<unknown>> = {
  readonly [I in keyof Targets]: ReferenceOptions<F, Targets[I], TargetField<Targets[I]>>
}

/**
 * What can be said of a table.
 *
 * @since 0.1.0
 * @category options
 */
export interface TableOptions<F extends string, Targets extends ReadonlyArray<unknown>> extends CommonOptions<F> {
  readonly references?: References<F, Targets> | undefined
}

/** The fields that a primary key was declared with. */
type KeyField<Key> = Key extends ReadonlyArray<infer F> ? F & string : Key & string

/**
 * Declares a table, as {@link make} does, and returns what is wrong with the declaration: a `TableError` that lists
 * every problem. For tables that are made at run time.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeEither = <M extends AnyModel, const Targets extends ReadonlyArray<Target> = []>(
  name: string,
  model: M,
  options?: TableOptions<Field<M>, Targets>
): Either.Either<Table<M>, TableError> => declare(name, model, options as never ?? {})

/**
 * Declares a table of the rows of a `Model.Class`, a `Schema.Class` or a `Schema.Struct`.
 *
 * Columns, their types, whether they may be NULL, and which of them the database fills come from the Schema's encoded
 * side; `columns`, or the annotation {@link column} on the Schema, say what it does not tell. Names of fields are checked
 * by the compiler.
 *
 * A declaration that cannot be is a mistake in the program, like a Schema that cannot be: it throws `TableError`, which
 * lists every problem.
 *
 * @example
 * ```ts
 * import { Model } from "@effect/sql"
 * import { Schema } from "effect"
 * import { Table } from "effect-sql-engine"
 *
 * class User extends Model.Class<User>("User")({
 *   id: Model.Generated(Schema.Int),
 *   email: Schema.String,
 *   createdAt: Model.DateTimeInsertFromDate
 * }) {}
 *
 * class Post extends Model.Class<Post>("Post")({
 *   id: Model.Generated(Schema.Int),
 *   authorId: Schema.Int,
 *   title: Schema.String
 * }) {}
 *
 * export const users = Table.make("users", User, { naming: "snake", unique: ["email"] })
 *
 * export const posts = Table.make("posts", Post, {
 *   naming: "snake",
 *   indexes: [["authorId", "title"]],
 *   references: [{ columns: ["authorId"], table: users, onDelete: "cascade" }]
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <
  M extends AnyModel,
  const Targets extends ReadonlyArray<Target> = [],
  const Key extends string | ReadonlyArray<string> = "id"
>(
  name: string,
  model: M,
  options?: TableOptions<Field<M>, Targets> & { readonly primaryKey?: Key | undefined }
): Table<M, KeyField<Key>> =>
  Either.getOrThrowWith(makeEither(name, model, options), (failure) => failure) as Table<M, KeyField<Key>>

/**
 * Whether a value is a declared table.
 *
 * @since 0.1.0
 * @category guards
 */
export const isTable: (u: unknown) => u is Any = value.isTable

/**
 * The same table under another name, or in another schema. Names of constraints follow, where nobody gave them or
 * they begin with the table's own; references to the table lead to it, when it stands in the original's place among the
 * tables given to `Tables`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const as: {
  (to: { readonly name?: string; readonly schema?: string | undefined }): <T extends Any>(self: T) => T
  <T extends Any>(self: T, to: { readonly name?: string; readonly schema?: string | undefined }): T
} = dual(
  2,
  <T extends Any>(self: T, to: { readonly name?: string; readonly schema?: string | undefined }): T => {
    const problems = problemsOf(renaming, to).map((problem) => ({ table: self.name, ...problem }))
    if (problems.length > 0) throw value.tableError(problems)
    return value.table({ ...self, ...to }) as unknown as T
  }
)

/**
 * Says on a Schema what its column is like; what the table's `columns` say goes before it.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { Table } from "effect-sql-engine"
 *
 * export const Price = Schema.String.pipe(Table.column({ type: Table.sql("numeric(12, 2)") }))
 * ```
 *
 * @since 0.1.0
 * @category annotations
 */
export const column = (options: ColumnOptions) => <S extends Schema.Annotable.All>(self: S): Schema.Annotable.Self<S> =>
  self.annotations({ [ColumnAnnotationId]: options }) as Schema.Annotable.Self<S>

/**
 * SQL as it is, for a type, a default, a part of an index. Never put anything into it that comes from outside.
 *
 * @since 0.1.0
 * @category columns
 */
export const sql = (text: SqlText): Sql => ({ sql: text })

/**
 * A default: the moment of the insert, in the form that the column's type has.
 *
 * @since 0.1.0
 * @category columns
 */
export const now: Made = { made: "now" }

/**
 * A default: a new random UUID.
 *
 * @since 0.1.0
 * @category columns
 */
export const uuid: Made = { made: "uuid" }
