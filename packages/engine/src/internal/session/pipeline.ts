/**
 * Statements of a session that do not wait for each other's answers: one operation, on one trip where the driver can.
 */
import type { SqlError } from "@effect/sql/SqlError"
import type { Statement as SqlStatement } from "@effect/sql/Statement"
import { Effect, Exit } from "effect"
import type { Fiber } from "effect"
import type { DriverConnection, Statement } from "../../Driver.js"
import { fromSqlError, NestedRefused } from "../../SqlFailure.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { hasEnded } from "../effects.js"
import type { Restore } from "../effects.js"
import { isWatched, start as watch, within as inSpan } from "../sight/watch.js"
import { EngineStatement, Sent } from "../statement.js"
import type { Part } from "../statement.js"
import { type Ending, typed } from "./exchange.js"
import { decidesItself, operateIn } from "./operate.js"
import type { SessionRef } from "./unit.js"

type Results = ReadonlyArray<ReadonlyArray<any>>

const none: ReadonlyArray<never> = []

/** Sends statements of a scope. The caller cannot be interrupted. */
export const pipeline = (
  restore: Restore,
  ref: SessionRef,
  fiber: Fiber.RuntimeFiber<any, any>,
  statements: ReadonlyArray<SqlStatement<any>>,
  concludes = false
): Effect.Effect<Results, SqlFailure> => {
  const { unit } = ref
  const foreign = statements.findIndex((statement) =>
    !(statement instanceof EngineStatement && statement.isOf(unit.host))
  )
  if (foreign >= 0) return Effect.fail(notOurs(ref, foreign))
  const parts = (statements as ReadonlyArray<EngineStatement<any>>).map((statement) => statement.partIn(fiber))
  return parts.every(isKnown)
    ? send(restore, ref, fiber, parts.map(({ value }) => value), concludes)
    : Effect.flatMap(
      Effect.mapError(restore(Effect.all(parts)), fromSqlError),
      (parts) =>
        Effect.annotateSpans(
          Effect.suspend(() => send(restore, ref, fiber, parts, concludes)),
          Object.assign({}, ...parts.map(({ attributes }) => attributes))
        )
    )
}

/** No transformer has to be asked first. */
const isKnown = (part: Effect.Effect<Part, SqlError>): part is Exit.Success<Part, never> =>
  hasEnded(part) && Exit.isSuccess(part)

const send = (
  restore: Restore,
  ref: SessionRef,
  fiber: Fiber.RuntimeFiber<any, any>,
  parts: ReadonlyArray<Part>,
  concludes: boolean
): Effect.Effect<Results, SqlFailure> => {
  const { unit } = ref
  for (const { statement: { info } } of parts) {
    const refused = decidesItself(unit, info)
    if (refused !== undefined) return Effect.fail(refused)
  }
  const [first] = parts
  if (first === undefined) return Effect.succeed(none)
  // A comment at the end of one must not swallow the next.
  const sql = parts.map(({ statement: { sql } }) => sql).join(";\n")
  const watched = isWatched(unit.host, fiber)
    ? watch(
      unit.host,
      {
        sql,
        params: parts.flatMap(({ statement }) => statement.params),
        info: first.statement.info,
        parts: parts.map(({ statement }) => statement),
        session: unit.session
      },
      fiber
    )
    : undefined
  const sent = operateIn<Results, SqlFailure, SqlFailure>(
    restore,
    fiber,
    ref,
    sql,
    first.statement.info,
    (connection, prelude, onSend, onBegun, ending) => {
      const sending = watched === undefined ? onSend : watched.sending(connection, prelude, onSend)
      return together(
        connection,
        parts.map(({ statement }, i) =>
          i === 0 ? new Sent(statement, prelude, sending) : new Sent(statement, none, undefined)
        ),
        onBegun,
        ending
      )
    },
    typed,
    ref.scope,
    concludes
  )
  const results = parts.some(({ transformRows }) => transformRows !== undefined)
    ? Effect.map(sent, (results) => results.map((rows, i) => parts[i]!.transformRows?.(rows) ?? rows))
    : sent
  if (watched === undefined) return results
  const ended = Effect.onExit(results, (exit) => {
    if (Exit.isSuccess(exit)) watched.rows = exit.value.reduce((sum, rows) => sum + rows.length, 0)
    return watched.ended(exit)
  })
  return inSpan(watched, fiber, ended)
}

/** On one trip, or where the driver knows nothing of that, one after the other. */
const together = (
  connection: DriverConnection,
  statements: ReadonlyArray<Statement>,
  onBegun: () => void,
  ending: Ending | undefined
): Effect.Effect<Results, SqlFailure> =>
  ending !== undefined
    ? connection.batch!(statements, ending.commit, ending.onCommitted)
    : connection.pipeline === undefined
    ? Effect.forEach(statements, (statement) =>
      Effect.map(connection.execute(statement), (rows) => {
        onBegun()
        return rows
      }))
    : connection.pipeline(statements)

const notOurs = ({ unit: { host, session } }: SessionRef, at: number): NestedRefused =>
  new NestedRefused({
    message:
      `A pipeline of session ${session} of engine "${host.name}" holds something else at index ${at}; nothing was ` +
      "sent. It takes statements of that engine's own client as the template makes them: no effects made of them, and " +
      "none of another engine.",
    engine: host.name,
    session
  })
