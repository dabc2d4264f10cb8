/**
 * `db sql`: statements from the command line or from `stdin`, and what they answer.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { SafeIntegers } from "@effect/sql/SqlClient"
import { Effect, Option } from "effect"
import type { Engine } from "effect-sql-engine"
import { refine } from "effect-sql-engine/SqlFailure"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { cells, pgTypes, plainRow } from "../answer.js"
import { UsageError } from "../failure.js"
import { grid } from "../grid.js"
import { Invocation } from "../invocation.js"
import { count } from "../migrations.js"
import * as options from "../options.js"
import { about } from "../overview.js"
import { performOn } from "../perform.js"
import { failedAt, statementsOf } from "../script.js"
import { CurrentStreams } from "../streams.js"
import { insist, withEngine } from "../target.js"

/** What one statement answered. */
interface Answer {
  /** Absent: it returns no rows. */
  readonly columns: ReadonlyArray<string> | undefined
  readonly rows: ReadonlyArray<Readonly<Record<string, unknown>>>
  /** Rows that came back or were changed, where the database tells. */
  readonly count: number | undefined
}

/** What node-postgres answers. */
interface PgResult {
  readonly fields: ReadonlyArray<{ readonly name: string }>
  readonly rows: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly rowCount: number | null
}

const ask = ({ dialect, sql }: Engine.EngineService, text: string): Effect.Effect<Answer, SqlFailure> => {
  const statement = sql.unsafe<Readonly<Record<string, unknown>>>(text).withoutTransform
  if (dialect.name !== "postgresql") {
    return refine(statement).pipe(
      Effect.provideService(SafeIntegers, true),
      Effect.map((rows): Answer => ({
        columns: rows[0] === undefined ? undefined : Object.keys(rows[0]),
        rows,
        count: rows.length > 0 ? rows.length : undefined
      }))
    )
  }
  return refine(sql.unsafe(text).raw).pipe(
    Effect.map((result): Answer => {
      const { fields, rowCount, rows } = result as PgResult
      const columns = fields.length === 0 ? undefined : fields.map(({ name }) => name)
      return { columns, rows, count: rowCount ?? undefined }
    })
  )
}

const told = ({ columns, count: n, rows }: Answer): string => {
  const table = columns === undefined ? "" : `${grid(columns, rows.map((row) => cells(columns, row)))}\n`
  return `${table}(${n === undefined ? "no rows" : count(n, "row")})`
}

const statement = Args.text({ name: "statement" }).pipe(
  Args.withDescription("The statement, or several. Default: what is written to stdin."),
  Args.optional
)

/** Runs SQL. */
export const sql = Command.make(
  "sql",
  {
    ...options.database,
    noTransaction: options.optionalFlag("no-transaction", "Several statements, each on its own, not all or none."),
    statement
  },
  (given) =>
    performOn("sql", given, (target) =>
      Effect.gen(function*() {
        const { reveal } = yield* Invocation
        const { input, typed } = yield* CurrentStreams
        const chosen = Option.getOrUndefined(given.statement)
        if (chosen === undefined && typed) {
          return yield* new UsageError({ message: "There is no statement: write one behind the command, or to stdin." })
        }
        const text = chosen === undefined || chosen === "-" ? yield* input : reveal(chosen)
        yield* insist(target)
        return yield* withEngine(target, (engine) =>
          Effect.gen(function*() {
            const statements = yield* statementsOf(text, engine.dialect)
            const all = Effect.forEach(statements, (one, i) =>
              Effect.mapError(
                ask(engine, one.text),
                (failure) => failedAt(text, engine.dialect, statements, i, failure)
              ))
            const answers = yield* statements.length === 1 || given.noTransaction ? all : engine.transaction(all)
            return {
              text: answers.map(told).join("\n\n"),
              json: {
                results: answers.map(({ columns, count, rows }) => ({
                  columns: columns ?? [],
                  rows: rows.map(plainRow),
                  count: count ?? null
                }))
              }
            }
          }), target.url._tag === "PostgresUrl" ? { postgresql: { types: pgTypes } } : {})
      }))
).pipe(Command.withDescription(about.sql))
