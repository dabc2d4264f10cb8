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
 * A step whose statements turn foreign keys off, as the rebuild of a table on SQLite does, runs in a transaction on a
 * connection with foreign keys off, and commits only if no row lost its parent.
 *
 * The lock is confirmed before anything is committed: whoever has lost it leaves nothing behind.
 */
import { SqlClient } from "@effect/sql/SqlClient"
import { Clock, DateTime, Effect } from "effect"
import type { KeySwitch } from "../../Dialect.js"
import type { EngineService } from "../../Engine.js"
import type { MigrationFailed, MutexLost } from "../../SqlFailure.js"
import { here } from "../mutex/model.js"
import type { Held, Run } from "../mutex/model.js"
import type { Progress } from "./failed.js"
import { naming } from "./failed.js"
import { printName } from "./id.js"
import { orphans, refuseOrphans } from "./keys.js"
import type { LedgerTable } from "./ledger.js"
import type { Entry } from "./model.js"
import type { Step } from "./prepare.js"
import { reserved } from "./reserved.js"
import { apart, keeping, settingsOf } from "./settings.js"
import type { Work } from "./settings.js"

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

/** Writes down that a step is done, where its statements ran, and confirms the lock. */
const conclude = <R>({ held, ledger }: Around, step: Step<R>, row: Entry, run: Run) =>
  Effect.zipRight(
    run(
      step.direction === "down"
        ? ledger.remove(row.id)
        : step.entry === undefined
        ? ledger.insert(row)
        : ledger.update(row)
    ),
    held.confirm(run)
  )

/** The work of a step in the transaction around it, with its row. */
const workAndRow = <R>(around: Around, step: Step<R>, progress: Progress, run: Run, work: Work<R>) =>
  Effect.gen(function*() {
    const began = yield* Clock.currentTimeMillis
    yield* keeping(around.engine, run, work)
    progress.at = 0
    const millis = (yield* Clock.currentTimeMillis) - began
    yield* conclude(around, step, { ...entryOf(step, began), millis }, run)
  })

/** In one session, with its row. */
const inTransaction = <R>(around: Around, step: Step<R>, progress: Progress) => {
  const { engine } = around
  const { job } = step
  const work = job._tag === "Code" ? code(engine, job.effect) : Effect.forEach(job.statements, (text, i) => {
    progress.at = i + 1
    return engine.sql.unsafe(text).unprepared
  }, { discard: true })
  return engine.transaction(workAndRow(around, step, progress, here, work), {
    name: `migration ${printName(step.migration)}`,
    nested: "refuse"
  })
}

/** What its statements turn foreign keys to is left out: they are off from before BEGIN until the connection is given back. */
const withKeysOff = <R>(
  around: Around,
  step: Step<R>,
  statements: ReadonlyArray<string>,
  keys: KeySwitch,
  progress: Progress
) =>
  reserved(around.engine, (send, run) => {
    const { dialect } = around.engine
    const work = Effect.forEach(statements, (text, i) => {
      progress.at = i + 1
      return keys.turnedTo(text) === undefined ? send(text) : Effect.void
    }, { discard: true })
    return Effect.gen(function*() {
      yield* send(keys.off)
      yield* send(dialect.begin({}))
      const before = yield* orphans(send, keys)
      yield* workAndRow(around, step, progress, run, work)
      yield* refuseOrphans(around.engine, before, yield* orphans(send, keys))
      yield* send(dialect.commit)
    })
  })

/** Statement by statement; after each the ledger is told, on the same connection. */
const oneByOne = (
  { engine, held, ledger }: Around,
  statements: ReadonlyArray<string>,
  row: Entry,
  progress: Progress
) =>
  reserved(engine, (send, run, inTransaction) =>
    Effect.gen(function*() {
      const settings = yield* settingsOf(engine, run)
      for (let i = progress.done; i < statements.length; i++) {
        progress.at = i + 1
        yield* send(statements[i]!)
        progress.done = i + 1
        const noted = Effect.zipRight(run(ledger.update({ ...row, done: progress.done })), held.confirm(run))
        yield* settings === undefined ? noted : apart(engine, send, run, inTransaction, settings, noted)
      }
    }))

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
    const { job } = step
    const { keySwitch } = around.engine.dialect.script ?? {}
    const work: Effect.Effect<unknown, unknown, R> = !step.transaction
      ? alone(around, step, progress)
      : keySwitch !== undefined && job._tag === "Statements" && keySwitch.rebuilds(job.statements)
      ? withKeysOff(around, step, job.statements, keySwitch, progress)
      : inTransaction(around, step, progress)
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
