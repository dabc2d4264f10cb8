/**
 * The statements of a text that `db sql` was given, and the place of the one that failed.
 */
import { Effect } from "effect"
import { SqlText } from "effect-sql-engine"
import type { Dialect } from "effect-sql-engine"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { StatementFailed, UsageError } from "./failure.js"

/** The statements of a text, none of which is a command of the database's own shell. */
export const statementsOf = (
  text: string,
  { script, syntax }: Dialect.Dialect
): Effect.Effect<ReadonlyArray<SqlText.Piece>, UsageError> => {
  const pieces = SqlText.split(text, syntax)
  for (const piece of pieces) {
    const command = script?.shellCommand?.(piece.text)
    if (command === undefined) continue
    const { line } = SqlText.placeAt(text, piece.start + command.at)
    return new UsageError({ message: `Nothing was run, for line ${line} cannot be: ${command.problem}.` })
  }
  return pieces.length === 0
    ? new UsageError({ message: "There is no statement in what was given." })
    : Effect.succeed(pieces)
}

/** The failure of the statement with this index, and where in the text it is. */
export const failedAt = (
  text: string,
  { syntax }: Dialect.Dialect,
  pieces: ReadonlyArray<SqlText.Piece>,
  at: number,
  failure: SqlFailure
): StatementFailed => {
  const position = "position" in failure ? failure.position : undefined
  const index = pieces[at]!.start + (position ?? 0)
  const place = SqlText.placeAt(text, index)
  const which = pieces.length === 1 ? "The statement" : `Statement ${at + 1} of ${pieces.length}`
  return new StatementFailed({
    failure,
    place,
    where: `${which} failed in line ${place.line}, column ${place.column}`,
    excerpt: position === undefined ? undefined : SqlText.excerpt(text, index, syntax)
  })
}
