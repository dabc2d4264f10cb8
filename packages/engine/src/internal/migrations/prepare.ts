/**
 * Migrations that are to run, read whole and cut into statements: whatever can be wrong with their texts is found before
 * the first of them runs.
 */
import { Effect } from "effect"
import type { Dialect } from "../../Dialect.js"
import type { MigrationSourceError } from "../../SqlFailure.js"
import { split, statementInfo } from "../../SqlText.js"
import type { TransactionControl } from "../../SqlText.js"
import { printName } from "./id.js"
import type { Body, Entry, Migration } from "./model.js"
import { sourceError } from "./set.js"
import { Source } from "./source.js"

/** What runs. */
export type Job<R> =
  | { readonly _tag: "Statements"; readonly statements: ReadonlyArray<string>; readonly source: Source }
  | { readonly _tag: "Code"; readonly effect: Effect.Effect<unknown, unknown, R> }

/** A migration on its way up or down. */
export interface Step<R> {
  readonly set: string
  readonly migration: Migration<R>
  readonly direction: "up" | "down"
  readonly transaction: boolean
  readonly job: Job<R>
  /** Its row in the ledger, where it has one. */
  readonly entry: Entry | undefined
}

/** What begins or ends the transaction that a migration already has. */
const ends: ReadonlySet<TransactionControl> = new Set<TransactionControl>(["begin", "commit", "rollback", "prepare"])

const jobOf = <R>(body: Body<R>, { syntax }: Dialect): Job<R> => {
  if (body._tag === "Code") return body
  const pieces = split(body.section.text, syntax)
  return {
    _tag: "Statements",
    statements: pieces.map(({ text }) => text),
    source: new Source(body.section, pieces, syntax, body.file)
  }
}

interface Problem {
  readonly file: string | undefined
  readonly line: number
  readonly problem: string
}

/** The first of its statements that cannot run. What stands behind a command of the shell may be no SQL at all. */
const problemOf = (job: Job<any>, transaction: boolean, { script, syntax }: Dialect): Problem | undefined => {
  if (job._tag === "Code") return undefined
  const { source, statements } = job
  const at = (statement: number, index: number) => ({
    file: source.file,
    line: source.placeIn(statement, index).line
  })
  for (const [i, text] of statements.entries()) {
    const command = script?.shellCommand?.(text)
    if (command !== undefined) return { ...at(i, command.at), problem: `cannot run: ${command.problem}` }
    const { control, operation } = statementInfo(text, syntax)
    if (!transaction || control === undefined || !ends.has(control)) continue
    const problem = `steers its own transaction (${operation}), and already has one: leave that out, or put the line ` +
      "\"-- no-transaction\" at its head"
    return { ...at(i, 0), problem }
  }
  return undefined
}

/** Reads one; `undefined`: it has no way down. */
export const prepare = <R>(
  set: string,
  migration: Migration<R>,
  direction: "up" | "down",
  entry: Entry | undefined,
  dialect: Dialect
): Effect.Effect<Step<R> | undefined, MigrationSourceError, R> =>
  Effect.flatMap(migration.load, (loaded): Effect.Effect<Step<R> | undefined, MigrationSourceError> => {
    const body = loaded[direction]
    if (body === undefined) return Effect.succeed(undefined)
    const job = jobOf(body, dialect)
    const { transaction } = loaded
    const found = problemOf(job, transaction, dialect)
    return found === undefined
      ? Effect.succeed({ set, migration, direction, transaction, job, entry })
      : sourceError(set, [{ migration: printName(migration), ...found }])
  })
