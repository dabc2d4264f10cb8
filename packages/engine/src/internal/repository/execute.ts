/**
 * Statements as they are, one or several in one transaction, with what became of them.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"
import type { EngineService } from "../../Engine.js"
import type { SqlFailure } from "../failure/failure.js"
import { refine } from "../failure/failure.js"
import type { SqlCondition } from "./types.js"

/**
 * What became of a statement.
 *
 * @since 0.1.0
 * @category results
 */
export interface Executed {
  /** How many rows it has written; of one that returns rows, how many these are. */
  readonly count: number
  /** The rows it returned. */
  readonly rows: ReadonlyArray<any>
}

const run = (engine: EngineService, sql: SqlClient, given: SqlCondition): Effect.Effect<Executed, SqlFailure> =>
  Effect.suspend(() => {
    const statement = sql`${typeof given === "function" ? given(sql) : given}`
    const affected = engine.dialect.rows?.affected
    return Effect.map(refine(statement.raw), (raw): Executed => {
      // A client that has rows says so: node-postgres in its result, better-sqlite3 by returning them.
      const rows = Array.isArray(raw) ? raw : (raw as { readonly rows?: ReadonlyArray<any> } | undefined)?.rows ?? []
      return { rows, count: rows.length > 0 ? rows.length : affected?.(raw) ?? 0 }
    })
  })

export const execute = (engine: EngineService, statement: SqlCondition): Effect.Effect<Executed, SqlFailure> =>
  run(engine, engine.sql, statement)

export const executeAll = (
  engine: EngineService,
  statements: Iterable<SqlCondition>
): Effect.Effect<Array<Executed>, SqlFailure> =>
  engine.transaction(Effect.forEach(statements, (statement) => run(engine, engine.sql, statement)), { name: "execute" })
