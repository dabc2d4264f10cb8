/**
 * The union of all failures, and the way from `SqlError` to it and back.
 */
import { SqlError } from "@effect/sql/SqlError"
import { Effect, Predicate, Schema } from "effect"
import { engineFailures } from "./engine.js"
import { sessionFailures } from "./session.js"
import { statementFailures, UnknownError } from "./statement.js"

/**
 * The union as a Schema: encodes a failure to JSON and back.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SqlFailure = Schema.Union(
  ...Object.values(statementFailures),
  ...Object.values(engineFailures),
  ...Object.values(sessionFailures)
)

/**
 * Any failure of this library. Narrow it by `_tag`.
 *
 * @since 0.1.0
 * @category models
 */
export type SqlFailure = typeof SqlFailure.Type

/**
 * A failure the database answered with, or the link to it died of.
 *
 * @since 0.1.0
 * @category models
 */
export type StatementFailure = InstanceType<(typeof statementFailures)[keyof typeof statementFailures]>

/**
 * A row that breaks a rule of its table.
 *
 * @since 0.1.0
 * @category models
 */
export type ConstraintViolation = Extract<StatementFailure, { readonly columns: ReadonlyArray<string> }>

/**
 * The tag of a {@link StatementFailure}: what a database's own code is classified as.
 *
 * @since 0.1.0
 * @category models
 */
export type StatementFailureTag = keyof typeof statementFailures

/**
 * A failure of an engine: its address, options, pool or end.
 *
 * @since 0.1.0
 * @category models
 */
export type EngineFailure = InstanceType<(typeof engineFailures)[keyof typeof engineFailures]>

/**
 * What remains of `E` when its `SqlError` has been refined.
 *
 * @since 0.1.0
 * @category models
 */
export type Refined<E> = Exclude<E, SqlError> | SqlFailure

/**
 * Makes the failure of a tag out of the facts a driver has gathered.
 *
 * @since 0.1.0
 * @category constructors
 */
export const statementFailure = (
  tag: StatementFailureTag,
  facts: ConstructorParameters<typeof UnknownError>[0] & ConstraintFacts
): StatementFailure => new statementFailures[tag](facts)

/**
 * Where a constraint stands, as far as the database told.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConstraintFacts {
  readonly schema?: string | undefined
  readonly table?: string | undefined
  readonly columns?: ReadonlyArray<string>
  readonly constraint?: string | undefined
}

const tags: ReadonlySet<string> = new Set(
  [statementFailures, engineFailures, sessionFailures].flatMap((floor) => Object.keys(floor))
)

/**
 * Whether a value is a failure of this library.
 *
 * @since 0.1.0
 * @category guards
 */
export const isSqlFailure = (u: unknown): u is SqlFailure =>
  Predicate.hasProperty(u, "_tag") && Predicate.isString(u._tag) && tags.has(u._tag) && Predicate.hasProperty(u, "sent")

/**
 * Whether a value is an `SqlError` of `@effect/sql`.
 *
 * @since 0.1.0
 * @category guards
 */
export const isSqlError = (u: unknown): u is SqlError => u instanceof SqlError

/**
 * The typed failure behind an `SqlError`: the one an engine put there, or `UnknownError` for an error that comes from
 * elsewhere.
 *
 * @since 0.1.0
 * @category conversions
 */
export const fromSqlError = (error: SqlError): SqlFailure =>
  isSqlFailure(error.cause)
    ? error.cause
    : new UnknownError({ message: error.message || "A statement failed outside of an engine.", sent: "maybe" })

/**
 * The `SqlError` that carries a typed failure through code written for `@effect/sql`.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toSqlError = (failure: SqlFailure): SqlError => new SqlError({ cause: failure, message: failure.message })

/**
 * Turns every `SqlError` of an effect into its typed failure; other errors pass unchanged. Sessions do this at their
 * boundary; use it where a statement runs on its own.
 *
 * @since 0.1.0
 * @category operators
 */
export const refine = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, Refined<E>, R> =>
  Effect.mapError(effect, refineError)

/**
 * The typed failure behind an `SqlError`; any other error as it is.
 *
 * @since 0.1.0
 * @category conversions
 */
export const refineError = <E>(error: E): Refined<E> =>
  isSqlError(error) ? fromSqlError(error) : error as Exclude<E, SqlError>

/**
 * Whether the work may be tried again as a whole: a conflict, a deadlock, a lost connection before anything was sent.
 *
 * @since 0.1.0
 * @category guards
 */
export const isRetryable = (u: unknown): boolean =>
  isSqlFailure(u) ? u.retryable : isSqlError(u) && fromSqlError(u).retryable
