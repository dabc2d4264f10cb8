/**
 * What a migration sets on its connection (`search_path`, a role, a timeout) must not reach the row that is written behind
 * it: the settings are read before it runs, and set back for the rest of its transaction.
 */
import type { Statement } from "@effect/sql/Statement"
import { Effect } from "effect"
import type { EngineService } from "../../Engine.js"
import type { Run } from "../mutex/model.js"
import type { InTransaction, Send } from "./reserved.js"

/** What a migration does. */
export type Work<R> = Effect.Effect<unknown, unknown, R>

/** The statement that sets the settings back to what they are now, where the dialect has such settings. */
export const settingsOf = (engine: EngineService, run: Run) =>
  Effect.suspend(() => {
    const settings = engine.dialect.script?.settings
    const sql = engine.sql.withoutTransforms()
    if (settings === undefined) return Effect.succeed<Statement<unknown> | undefined>(undefined)
    return Effect.map(run(sql.unsafe<Record<string, unknown>>(settings.read)), ([row]): Statement<unknown> => {
      const { params, sql: text } = settings.restore(row!)
      return sql.unsafe(text, params)
    })
  })

/** Does the work, and sets the settings back. */
export const keeping = <R>(engine: EngineService, run: Run, work: Work<R>) =>
  Effect.flatMap(
    settingsOf(engine, run),
    (settings) => settings === undefined ? work : Effect.zipRight(work, run(settings))
  )

/**
 * Does something between two statements of a migration without a transaction, with the settings of before it. The next
 * statement finds them as the one before has left them: they are set for a transaction only, or, in one that the migration
 * has begun itself, set back behind it.
 */
export const apart = <A, E, R>(
  engine: EngineService,
  send: Send,
  run: Run,
  inTransaction: InTransaction,
  settings: Statement<unknown>,
  effect: Effect.Effect<A, E, R>
) =>
  Effect.gen(function*() {
    if (inTransaction()) {
      const own = yield* settingsOf(engine, run)
      yield* run(settings)
      yield* effect
      if (own !== undefined) yield* run(own)
    } else {
      const { dialect } = engine
      yield* send(dialect.begin({ readOnly: false }))
      yield* run(settings)
      yield* effect
      yield* send(dialect.commit)
    }
  })
