/**
 * What the rows of a declared table are to a type checker: read, inserted, changed, named by their key, and asked for.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { Fragment } from "@effect/sql/Statement"
import type { Option, Schema, Types } from "effect"
import type { AnyModel } from "../table/options.js"

type Variant<M, Name extends string> = M extends { readonly [K in Name]: infer V } ? V extends AnyModel ? V : M
  : M

/**
 * A row as it is read.
 *
 * @since 0.1.0
 * @category rows
 */
export type Row<M> = M extends AnyModel ? Schema.Schema.Type<M> : never

/**
 * A row as it is inserted: what a model's `insert` variant takes, and what fills itself may be left out.
 *
 * @since 0.1.0
 * @category rows
 */
export type Insert<M> = Variant<M, "insert"> extends infer V extends AnyModel
  ? Types.Simplify<Schema.Struct.Constructor<V["fields"]>>
  : never

/**
 * What may be changed in a row: fields of a model's `update` variant, any number of them. What fills itself
 * (`Model.DateTimeUpdate`) is set with every change.
 *
 * @since 0.1.0
 * @category rows
 */
export type Changes<M> = Variant<M, "update"> extends infer V extends AnyModel
  ? { readonly [F in keyof Schema.Struct.Constructor<V["fields"]>]?: Schema.Struct.Constructor<V["fields"]>[F] }
  : never

/**
 * What the Schema of a table needs.
 *
 * @since 0.1.0
 * @category rows
 */
export type Needs<M> = M extends AnyModel ?
    | Schema.Schema.Context<M>
    | Schema.Schema.Context<Variant<M, "insert">>
    | Schema.Schema.Context<Variant<M, "update">>
  : never

type IsOne<A, B = A> = A extends unknown ? ([B] extends [A] ? true : false) : never

/** The fields of a key, out of a row. */
export type KeyFields<M, K extends string> = { readonly [F in K & keyof Row<M>]: Row<M>[F] }

/**
 * What names a row: the value of the primary key's field, or an object with all of them where there are several.
 *
 * @since 0.1.0
 * @category rows
 */
export type Key<M, K extends string> = [K] extends [never] ? never
  : IsOne<K> extends true ? Row<M>[K & keyof Row<M>]
  : KeyFields<M, K>

/**
 * The row that is meant: its key, or a row as it was read. With an optimistic lock, the latter: it holds the version.
 *
 * @since 0.1.0
 * @category rows
 */
export type Target<M, K extends string, V extends string> = [V] extends [never] ? Key<M, K> | KeyFields<M, K>
  : KeyFields<M, K | V>

/** A value of a field without what stands for none. */
type Plain<A> = A extends Option.Option<infer B> ? B : NonNullable<A>

/**
 * What can be asked of one field; of several, all must hold. NULL is equal to nothing but `null` and `Option.none()`,
 * and neither smaller nor larger than anything.
 *
 * @since 0.1.0
 * @category conditions
 */
export type Operators<A> =
  & {
    readonly eq?: A | Plain<A>
    readonly ne?: A | Plain<A>
    readonly gt?: Plain<A>
    readonly gte?: Plain<A>
    readonly lt?: Plain<A>
    readonly lte?: Plain<A>
    /** From the first to the second, both included. */
    readonly between?: readonly [from: Plain<A>, to: Plain<A>]
    readonly in?: ReadonlyArray<A | Plain<A>>
    readonly notIn?: ReadonlyArray<A | Plain<A>>
    readonly isNull?: boolean
  }
  & ([Plain<A>] extends [string] ? Texts : unknown)

/**
 * What can be asked of a text. `anyCase` does not look at the case of letters: on SQLite of all letters, on PostgreSQL of
 * those that the database's locale has (`C`: ASCII only).
 *
 * @since 0.1.0
 * @category conditions
 */
export interface Texts {
  /** `%` stands for any text, `_` for any letter, both behind `\` for themselves. Looks at the case on every database. */
  readonly like?: string
  readonly notLike?: string
  readonly startsWith?: string
  readonly endsWith?: string
  readonly contains?: string
  /** Concerns `like`, `notLike`, `startsWith`, `endsWith` and `contains` beside it. */
  readonly anyCase?: boolean
}

/**
 * A value, which the field has to equal, or {@link Operators}.
 *
 * @since 0.1.0
 * @category conditions
 */
export type Condition<A> = A | Plain<A> | Operators<A>

/**
 * SQL made with the engine's client, or a function that makes it.
 *
 * @since 0.1.0
 * @category conditions
 */
export type SqlCondition = Fragment | ((sql: SqlClient) => Fragment)

/**
 * Conditions on fields, all of which must hold; `and`, `or` and `not` combine others. A field of that name goes before.
 *
 * @since 0.1.0
 * @category conditions
 */
export type Filter<M> =
  & { readonly [F in keyof Row<M> & string]?: Condition<Row<M>[F]> }
  & Omit<{
    readonly and?: ReadonlyArray<Where<M>>
    /** Without any: false. */
    readonly or?: ReadonlyArray<Where<M>>
    readonly not?: Where<M>
  }, keyof Row<M>>

/**
 * Which rows: conditions on fields, or SQL.
 *
 * @since 0.1.0
 * @category conditions
 */
export type Where<M> = Filter<M> | SqlCondition

/**
 * By which fields, first to last. NULL is larger than everything, on every database.
 *
 * @since 0.1.0
 * @category conditions
 */
export type FieldOrder<M> = { readonly [F in keyof Row<M> & string]?: "asc" | "desc" }

/**
 * In which order: by fields, one after the other in the order they stand in, or SQL.
 *
 * @since 0.1.0
 * @category conditions
 */
export type OrderBy<M> = FieldOrder<M> | SqlCondition | ReadonlyArray<FieldOrder<M> | SqlCondition>
