/**
 * Loading rows: many sessions at once, a batch each, and every row the database refuses found and named.
 */
import type { Terminal } from "@effect/platform"
import { SqlClient } from "@effect/sql"
import { Array, Effect } from "effect"
import type { Engine, SqlFailure } from "effect-sql-engine"
import { Session } from "effect-sql-engine"
import type { Decoded } from "./Dataset.js"
import * as Progress from "./Progress.js"

/** A row that was not loaded: the tag of the failure it met, the rule it broke as far as that is known, and its name. */
export interface Refusal {
  readonly tag: string
  readonly rule: string
  readonly row: string
}

export interface Loaded {
  readonly table: string
  readonly kept: number
  readonly refused: ReadonlyArray<Refusal>
}

export const batchSize = 500
export const sessions = 8

type Refusals = Effect.Effect<ReadonlyArray<Refusal>, SqlFailure.SqlFailure, Engine.Engine>

/** Loads the rows of a file into a table. `label` names a row in the report. */
export const load = <Row extends Readonly<Record<string, unknown>>>(
  table: string,
  { malformed, rows }: Decoded<Row>,
  label: (row: Row) => string
): Effect.Effect<Loaded, SqlFailure.SqlFailure, Engine.Engine | SqlClient.SqlClient | Terminal.Terminal> =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const progress = yield* Progress.make(table, rows.length)

    /** Inside the batch's session this one is a savepoint: what it did is undone, and the batch goes on. */
    const insert = (rows: ReadonlyArray<Row>): Refusals =>
      Session.transaction(sql`insert into ${sql(table)} ${sql.insert(rows)}`).pipe(
        Effect.as([]),
        Effect.catchTag(
          "UniqueViolation",
          "ForeignKeyViolation",
          "NotNullViolation",
          "CheckViolation",
          (failure) => divide(rows, failure)
        )
      )

    /** A statement with many rows tells of one that is wrong, and keeps none: its halves are tried on their own. */
    const divide = (rows: ReadonlyArray<Row>, failure: SqlFailure.ConstraintViolation): Refusals => {
      if (rows.length === 1) {
        const rule = failure.constraint ?? failure.columns.join(", ")
        return Effect.succeed([{ tag: failure._tag, rule, row: label(rows[0]!) }])
      }
      const [left, right] = Array.splitAt(rows, Math.ceil(rows.length / 2))
      return Effect.zipWith(insert(left), insert(right), (left, right) => [...left, ...right])
    }

    const batch = (rows: ReadonlyArray<Row>) =>
      Session.transaction(
        // The bar moves when the rows are safe, not when they were sent.
        Effect.zipRight(Session.afterCommit(progress.advance(rows.length)), insert(rows)),
        { name: table, retry: "conflicts" }
      )

    const refused = (yield* Effect.forEach(Array.chunksOf(rows, batchSize), batch, { concurrency: sessions })).flat()
    const undecoded = malformed.map((error): Refusal => ({ tag: error._tag, rule: "", row: error.message }))
    return { table, kept: rows.length - refused.length, refused: [...undecoded, ...refused] }
  })
