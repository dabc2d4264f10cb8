/**
 * One migration, up or down.
 *
 * | | in a transaction | without one |
 * | --- | --- | --- |
 * | it runs | with its row in the ledger, in one session | statement by statement on one connection; code on its own |
 * | the ledger says meanwhile | nothing | `applying` or `reverting`, and how many statements are done |
 * | a failure leaves | nothing | what was done, and the ledger's word on it |
 * | a crash leaves | nothing | the same |
 *
 * The lock is confirmed before anything is committed: whoever has lost it leaves nothing behind.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import type { Statement } from "@effect/sql/Statement"
import { Clock, DateTime, Effect } from "effect"
import type { EngineService } from "../../Engine.js"
import { refine } from "../../SqlFailure.js"
import type { MigrationFailed, MutexLost, SqlFailure } from "../../SqlFailure.js"
import type { Held } from "../mutex/model.js"
import type { Progress } from "./failed.js"
import { naming } from "./failed.js"
import { printName } from "./id.js"
import type { LedgerTable } from "./ledger.js"
import type { Entry } from "./model.js"
import type { Step } from "./prepare.js"

/** What a step needs around it. */
export interface Around {
  readonly engine: EngineService
  readonly ledger: LedgerTable
  readonly held: Held
}

const code = <R>(
  engine: EngineService,
  effect: Effect.Effect<unknown, unknown, R>
): Effect.Effect<unknown, unknown, R> =>
  Effect.provideService(effect, SqlClient, engine.sql) as Effect.Effect<unknown, unknown, R>

const entryOf = <R>({ migration: { checksum, id, name } }: Step<R>, began: number): Entry => ({
  id,
  name,
  checksum,
  state: "applied",
  done: 0,
  startedAt: DateTime.formatIso(DateTime.unsafeMake(began)),
  millis: undefined
})

/** In one session, with its row. */
const inTransaction = <R>({ engine, held, ledger }: Around, step: Step<R>, progress: Progress) => {
  const { direction, entry, job } = step
  const work = job._tag === "Code" ? code(engine, job.effect) : Effect.forEach(job.statements, (text, i) => {
    progress.at = i + 1
    return engine.sql.unsafe(text).unprepared
  }, { discard: true })
  return engine.transaction(
    Effect.gen(function*() {
      const began = yield* Clock.currentTimeMillis
      yield* work
      progress.at = 0
      const millis = (yield* Clock.currentTimeMillis) - began
      const row = { ...entryOf(step, began), millis }
      yield* direction === "down"
        ? ledger.remove(row.id)
        : entry === undefined
        ? ledger.insert(row)
        : ledger.update(row)
      yield* held.confirm()
    }),
    { name: `migration ${printName(step.migration)}`, nested: "refuse" }
  )
}

/** Statement by statement; after each the ledger is told, on the same connection. */
const oneByOne = (
  { engine, held, ledger }: Around,
  statements: ReadonlyArray<string>,
  row: Entry,
  progress: Progress
): Effect.Effect<void, SqlFailure | MutexLost> =>
  Effect.scoped(Effect.gen(function*() {
    const connection = yield* engine.sql.reserve
    const run = <A>(statement: Statement<A>) => {
      const [text, params] = statement.compile(true)
      return connection.executeUnprepared(text, params, undefined) as Effect.Effect<ReadonlyArray<A>, any>
    }
    for (let i = progress.done; i < statements.length; i++) {
      progress.at = i + 1
      yield* connection.executeUnprepared(statements[i]!, [], undefined)
      progress.done = i + 1
      yield* run(ledger.update({ ...row, done: progress.done }))
      yield* held.confirm(run)
    }
  })).pipe(refine)

/** Without a transaction: the ledger says beforehand that it has begun. */
const alone = <R>(around: Around, step: Step<R>, progress: Progress) =>
  Effect.gen(function*() {
    const { engine, held, ledger } = around
    const { direction, entry, job } = step
    const began = yield* Clock.currentTimeMillis
    const row: Entry = {
      ...entryOf(step, began),
      state: direction === "up" ? "applying" : "reverting",
      done: progress.done
    }
    yield* engine.transaction(
      Effect.zipRight(entry === undefined ? ledger.insert(row) : ledger.update(row), held.confirm())
    )
    progress.begun = true
    yield* job._tag === "Code" ? code(engine, job.effect) : oneByOne(around, job.statements, row, progress)
    progress.at = 0
    const millis = (yield* Clock.currentTimeMillis) - began
    yield* engine.transaction(
      Effect.zipRight(
        direction === "down" ? ledger.remove(row.id) : ledger.update({ ...row, state: "applied", millis }),
        held.confirm()
      )
    )
  })

/** Runs a step. `done`: statements of it that an earlier run has done. Succeeds with how long it took. */
export const runStep = <R>(
  around: Around,
  step: Step<R>,
  done: number
): Effect.Effect<number, MigrationFailed | MutexLost, R> =>
  Effect.gen(function*() {
    const progress: Progress = { at: 0, done, begun: false }
    const began = yield* Clock.currentTimeMillis
    const work: Effect.Effect<unknown, unknown, R> = step.transaction
      ? inTransaction(around, step, progress)
      : alone(around, step, progress)
    yield* naming(step, progress, work).pipe(
      // What was never begun is not left as begun.
      Effect.tapErrorTag("MigrationFailed", ({ interrupted }) =>
        step.transaction || interrupted
          ? Effect.void
          : Effect.ignore(
            step.entry === undefined
              ? around.ledger.remove(step.migration.id)
              : around.ledger.update(step.entry)
          ))
    )
    return (yield* Clock.currentTimeMillis) - began
  })
