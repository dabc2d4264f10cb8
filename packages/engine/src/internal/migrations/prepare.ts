/**
 * Migrations that are to run, read whole and cut into statements: whatever can be wrong with their texts is found before
 * the first of them runs.
 */
import { Effect } from "effect"
import type { MigrationSourceError } from "../../SqlFailure.js"
import { split, statementInfo } from "../../SqlText.js"
import type { SqlSyntax, TransactionControl } from "../../SqlText.js"
import { printName } from "./id.js"
import type { Body, Entry, Migration } from "./model.js"
import { sourceError } from "./set.js"

/** What runs. */
export type Job<R> =
  | { readonly _tag: "Statements"; readonly statements: ReadonlyArray<string> }
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

const jobOf = <R>(body: Body<R>, syntax: SqlSyntax): Job<R> =>
  body._tag === "Sql"
    ? { _tag: "Statements", statements: split(body.section.text, syntax).map(({ text }) => text) }
    : body

/** Reads one; `undefined`: it has no way down. */
export const prepare = <R>(
  set: string,
  migration: Migration<R>,
  direction: "up" | "down",
  entry: Entry | undefined,
  syntax: SqlSyntax
): Effect.Effect<Step<R> | undefined, MigrationSourceError, R> =>
  Effect.flatMap(migration.load, (loaded): Effect.Effect<Step<R> | undefined, MigrationSourceError> => {
    const body = loaded[direction]
    if (body === undefined) return Effect.succeed(undefined)
    const job = jobOf(body, syntax)
    const { transaction } = loaded
    const steering = transaction && job._tag === "Statements"
      ? job.statements.map((text) => statementInfo(text, syntax)).find(({ control }) =>
        control !== undefined && ends.has(control)
      )
      : undefined
    if (steering !== undefined) {
      const problem =
        `steers its own transaction (${steering.operation}), and already has one: leave that out, or put the line ` +
        "\"-- no-transaction\" at its head"
      return sourceError(set, [{ migration: printName(migration), problem }])
    }
    return Effect.succeed({ set, migration, direction, transaction, job, entry })
  })
