/**
 * Operators that handle failures in a pipeline, whether they come as `SqlError`s or typed.
 */
import type { SqlError } from "@effect/sql/SqlError"
import { Effect, Schedule } from "effect"
import { dual } from "effect/Function"
import { fromSqlError, isSqlError, isSqlFailure } from "./failure.js"
import type { ConstraintViolation, SqlFailure } from "./failure.js"
import { mayRetry } from "./retryable.js"
import type { UniqueViolation } from "./statement.js"

/** The typed failure in an error, if there is one. */
const failureIn = (error: unknown): SqlFailure | undefined =>
  isSqlFailure(error) ? error : isSqlError(error) ? fromSqlError(error as SqlError) : undefined

const isConstraintViolation = (failure: SqlFailure): failure is ConstraintViolation =>
  failure._tag === "UniqueViolation" || failure._tag === "ForeignKeyViolation" || failure._tag === "NotNullViolation" ||
  failure._tag === "CheckViolation" || failure._tag === "ExclusionViolation"

/** The names PostgreSQL gives a unique constraint nobody named; SQLite tells no name, only table and columns. */
const impliedNames = ({ columns, table }: ConstraintViolation): ReadonlyArray<string> =>
  table === undefined ? [] : [`${table}_${columns.join("_")}_key`, `${table}_pkey`]

const isOf = (failure: ConstraintViolation, constraint: string): boolean =>
  failure.constraint === constraint ||
  (failure.constraint === undefined && failure._tag === "UniqueViolation" && impliedNames(failure).includes(constraint))

/**
 * Handles the violation of one constraint by its name, and leaves every other failure alone. SQLite tells no names of
 * unique constraints: there the name PostgreSQL would have given is understood too (`users_email_key`, `users_pkey`).
 *
 * @example
 * ```ts
 * import { SqlClient } from "@effect/sql"
 * import { Data, Effect } from "effect"
 * import { SqlFailure } from "effect-sql-engine"
 *
 * class EmailTaken extends Data.TaggedError("EmailTaken")<{ readonly email: string }> {}
 *
 * export const register = (email: string) =>
 *   Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into users ${sql.insert({ email })}`).pipe(
 *     SqlFailure.catchConstraint("users_email_key", () => new EmailTaken({ email }))
 *   )
 * ```
 *
 * @since 0.1.0
 * @category operators
 */
export const catchConstraint: {
  <A2, E2, R2>(
    constraint: string,
    f: (failure: ConstraintViolation) => Effect.Effect<A2, E2, R2>
  ): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A | A2, E | E2, R | R2>
  <A, E, R, A2, E2, R2>(
    effect: Effect.Effect<A, E, R>,
    constraint: string,
    f: (failure: ConstraintViolation) => Effect.Effect<A2, E2, R2>
  ): Effect.Effect<A | A2, E | E2, R | R2>
} = dual(
  3,
  <A, E, R, A2, E2, R2>(
    effect: Effect.Effect<A, E, R>,
    constraint: string,
    f: (failure: ConstraintViolation) => Effect.Effect<A2, E2, R2>
  ): Effect.Effect<A | A2, E | E2, R | R2> =>
    Effect.catchAll(effect, (error): Effect.Effect<A2, E | E2, R2> => {
      const failure = failureIn(error)
      return failure !== undefined && isConstraintViolation(failure) && isOf(failure, constraint)
        ? f(failure)
        : Effect.fail(error)
    })
)

/**
 * Handles the violation of any unique constraint.
 *
 * @since 0.1.0
 * @category operators
 */
export const catchUnique: {
  <A2, E2, R2>(
    f: (failure: UniqueViolation) => Effect.Effect<A2, E2, R2>
  ): <A, E, R>(
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<A | A2, Exclude<E, UniqueViolation> | E2, R | R2>
  <A, E, R, A2, E2, R2>(
    effect: Effect.Effect<A, E, R>,
    f: (failure: UniqueViolation) => Effect.Effect<A2, E2, R2>
  ): Effect.Effect<A | A2, Exclude<E, UniqueViolation> | E2, R | R2>
} = dual(
  2,
  <A, E, R, A2, E2, R2>(
    effect: Effect.Effect<A, E, R>,
    f: (failure: UniqueViolation) => Effect.Effect<A2, E2, R2>
  ): Effect.Effect<A | A2, Exclude<E, UniqueViolation> | E2, R | R2> =>
    Effect.catchAll(effect, (error): Effect.Effect<A2, Exclude<E, UniqueViolation> | E2, R2> => {
      const failure = failureIn(error)
      return failure?._tag === "UniqueViolation" ? f(failure) : Effect.fail(error as Exclude<E, UniqueViolation>)
    })
)

/**
 * Tries a statement again by a schedule, as long as it fails with what certainly left nothing behind: a conflict, a
 * deadlock, a lock timeout, a connection lost before anything was sent. For units of work use the session's `retry`.
 *
 * @since 0.1.0
 * @category operators
 */
export const retryTransient: {
  <Out, R2>(
    schedule: Schedule.Schedule<Out, SqlFailure, R2>
  ): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R | R2>
  <A, E, R, Out, R2>(
    effect: Effect.Effect<A, E, R>,
    schedule: Schedule.Schedule<Out, SqlFailure, R2>
  ): Effect.Effect<A, E, R | R2>
} = dual(
  2,
  <A, E, R, Out, R2>(
    effect: Effect.Effect<A, E, R>,
    schedule: Schedule.Schedule<Out, SqlFailure, R2>
  ): Effect.Effect<A, E, R | R2> =>
    Effect.retry(effect, {
      // Only failures that pass `while` reach the schedule.
      schedule: Schedule.mapInput(schedule, (error: E) => failureIn(error)!),
      while: (error) => {
        const failure = failureIn(error)
        return failure !== undefined && mayRetry(failure, false)
      }
    })
)
