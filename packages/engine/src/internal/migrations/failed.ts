/**
 * The failure of a migration: which, in which statement, why, and what is left of it.
 */
import { Cause, Effect, Option } from "effect"
import { fromSqlError, isSqlError, isSqlFailure, MigrationFailed, MutexLost } from "../../SqlFailure.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { printName } from "./id.js"
import type { Step } from "./prepare.js"
import { positionIn } from "./source.js"

/** How far a step has come. */
export interface Progress {
  /** The statement that runs now, from 1 on; 0: none of its own. */
  at: number
  /** Statements that are done. */
  done: number
  /** Whether the ledger says that it was begun. */
  begun: boolean
}

/** Statements never run when the database does not understand them, or does not allow them. */
const didNothing = (failure: SqlFailure | undefined): boolean =>
  failure !== undefined &&
  (failure.sent === "no" || failure._tag === "SqlSyntaxError" || failure._tag === "AuthorizationError")

/** A statement that failed, and where it stands. */
const located = ({ job }: Step<any>, at: number, failure: SqlFailure | undefined) => {
  const sql = job._tag === "Statements" ? job.statements[at - 1] : undefined
  if (job._tag === "Code" || sql === undefined) return undefined
  const position = positionIn(sql, failure)
  const { file } = job.source
  const { column, line } = job.source.placeIn(at - 1, position ?? 0)
  const where = file === undefined ? `line ${line}, column ${column}` : `${file}:${line}:${column}`
  return {
    fields: { statement: { number: at, of: job.statements.length, sql }, file, line, column },
    where: ` in statement ${at} of ${job.statements.length} (${where})`,
    excerpt: position === undefined ? "" : `\n${job.source.excerptOf(at - 1, position)}`
  }
}

const failed = <R>(step: Step<R>, progress: Progress, cause: Cause.Cause<unknown>): MigrationFailed => {
  const error = Option.getOrElse(Cause.failureOption(cause), () => Cause.squash(cause))
  const failure = isSqlFailure(error) ? error : isSqlError(error) ? fromSqlError(error) : undefined
  const { direction, job, migration, set } = step
  const statement = located(step, progress.at, failure)
  const untouched = job._tag === "Statements" && progress.done === 0 && didNothing(failure)
  const interrupted = progress.begun && !untouched
  const why = failure?.message ?? (error instanceof Error ? error.message : "its code failed")
  const alone = failure !== undefined && step.transaction && /(inside|from within) a transaction/.test(failure.message)
  const hint = alone ? " Put the line \"-- no-transaction\" at its head." : ""
  const left = interrupted
    ? `It has no transaction: ${progress.done} of its statements are done, and the ledger calls it interrupted.`
    : "Nothing of it is left."
  return new MigrationFailed({
    set,
    id: migration.id,
    migration: printName(migration),
    direction,
    interrupted,
    ...statement?.fields,
    failure,
    cause: failure === undefined ? error : undefined,
    message: `Migration ${printName(migration)} of "${set}" failed${direction === "down" ? " on its way down" : ""}${
      statement?.where ?? ""
    }: ${why}${hint} ${left}${statement?.excerpt ?? ""}`
  })
}

/** Names the migration in whatever its work ends with; the loss of the lock and an interruption are not its own. */
export const naming = <A, E, R, R2>(
  step: Step<R2>,
  progress: Progress,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, MigrationFailed | MutexLost, R> =>
  Effect.catchAllCause(effect, (cause): Effect.Effect<never, MigrationFailed | MutexLost> => {
    const error = Option.getOrUndefined(Cause.failureOption(cause))
    if (error instanceof MutexLost) return Effect.fail(error)
    return Cause.isInterruptedOnly(cause)
      ? Effect.failCause(cause as Cause.Cause<never>)
      : Effect.fail(failed(step, progress, cause))
  })
