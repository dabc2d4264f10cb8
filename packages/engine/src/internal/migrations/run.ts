/**
 * Up: what is pending is applied, in the order of ids, under the lock.
 */
import { Effect } from "effect"
import type { EngineService } from "../../Engine.js"
import type { MigrationFailed, MigrationSourceError, MigrationUnknown } from "../../SqlFailure.js"
import type { Held } from "../mutex/model.js"
import type { Allowed, Assessment } from "./assess.js"
import type { Telling } from "./events.js"
import { tell } from "./events.js"
import { idOrder } from "./id.js"
import type { Migration } from "./model.js"
import { locked, look, open } from "./open.js"
import type { Failures, LockOptions, Opened, Sets } from "./open.js"
import { prepare } from "./prepare.js"
import { sourceError } from "./set.js"
import type { Done, Work } from "./work.js"
import { idIn, refusals, runAll } from "./work.js"

/**
 * How migrations are run.
 *
 * @since 0.1.0
 * @category options
 */
export interface RunOptions extends LockOptions, Allowed, Telling {
  /** The last one to apply: what stands behind it stays pending. Of one set only. Default: all. */
  readonly to?: string | undefined
}

/** Those that are to be applied, in order. */
export const due = <R>(
  { interrupted, migrations, pending }: Assessment<R>,
  to: string | undefined
): ReadonlyArray<Migration<R>> => {
  const begun = new Set(interrupted.map(({ id }) => id))
  const waiting = new Set(pending)
  return migrations.filter((migration) =>
    (waiting.has(migration) || begun.has(migration.id)) && (to === undefined || idOrder(migration.id, to) <= 0)
  )
}

const nothingToDo = <R>(seen: Assessment<R> & { readonly made: boolean }, to: string | undefined): boolean =>
  seen.made && due(seen, to).length === 0 && seen.unchecked.length === 0

/** What is under the lock. */
const migrate = <R>(
  engine: EngineService,
  all: ReadonlyArray<Opened<R>>,
  options: RunOptions,
  to: string | undefined,
  onDone: (done: Done) => void,
  held: Held
): Effect.Effect<ReadonlyArray<Done>, Failures, R> =>
  Effect.gen(function*() {
    const seen = yield* Effect.forEach(all, look)
    yield* refusals(seen, options)
    const works = yield* Effect.forEach(all, (opened, i) =>
      Effect.map(
        Effect.forEach(due(seen[i]!, to), (migration) =>
          prepare(
            opened.set.name,
            migration,
            "up",
            seen[i]!.entries.find(({ id }) => id === migration.id),
            engine.dialect
          )),
        // There always is a way up.
        (steps): Work<R> => ({ opened, steps: steps.flatMap((step) => step === undefined ? [] : [step]) })
      ))
    const number = { at: 0, of: works.reduce((sum, { steps }) => sum + steps.length, 0) }
    const done = yield* Effect.forEach(works, (work, i) =>
      Effect.gen(function*() {
        const { ledger, set } = work.opened
        const { entries, made, unchecked } = seen[i]!
        if (!made) yield* ledger.make
        if (unchecked.length > 0) {
          const rows = new Map(entries.map((entry) => [entry.id, entry]))
          yield* engine.transaction(
            Effect.forEach(unchecked, ({ checksum, id }) => ledger.update({ ...rows.get(id)!, checksum }))
          )
        }
        if (work.steps.length === 0) {
          yield* tell(options, engine.name, { _tag: "Current", set: set.name, migrations: entries.length })
        }
        return yield* runAll(engine, held, work, options, number, onDone)
      }))
    return done.flat()
  })

/**
 * What is under the lock, begun again where the COMMIT of a process that was killed came after our look: its connection
 * with the lock was gone by then, and the one with its work was not.
 */
const migrateAll = <R>(
  engine: EngineService,
  all: ReadonlyArray<Opened<R>>,
  options: RunOptions,
  to: string | undefined,
  onDone: (done: Done) => void,
  held: Held
): Effect.Effect<ReadonlyArray<Done>, Failures, R> => {
  const done: Array<Done> = []
  const noted = (one: Done) => {
    done.push(one)
    onDone(one)
  }
  const again: Effect.Effect<ReadonlyArray<Done>, Failures, R> = Effect.suspend(() =>
    Effect.as(migrate(engine, all, options, to, noted, held), done).pipe(
      Effect.catchTag(
        "MigrationFailed",
        (failure) => Effect.flatMap(appliedSince(all, failure), (applied) => applied ? again : Effect.fail(failure))
      )
    )
  )
  return again
}

/** Whether somebody else's work on the migration is in the ledger now. */
const appliedSince = <R>(
  all: ReadonlyArray<Opened<R>>,
  { id, interrupted, set }: MigrationFailed
): Effect.Effect<boolean> => {
  const opened = all.find((one) => one.set.name === set)
  if (interrupted || opened === undefined) return Effect.succeed(false)
  return Effect.match(look(opened), {
    onFailure: () => false,
    onSuccess: ({ entries }) => entries.some((entry) => entry.id === id && entry.state === "applied")
  })
}

/** The id of the last one that is meant; of several sets none can be. */
export const lastOf = <R>(
  all: ReadonlyArray<Opened<R>>,
  to: string | undefined
): Effect.Effect<string | undefined, MigrationUnknown | MigrationSourceError> => {
  const [first] = all
  if (to === undefined || first === undefined) return Effect.succeed(undefined)
  return all.length === 1
    ? idIn(first, to)
    : sourceError(first.set.name, [{ migration: to, problem: "is of one set only: run that one alone" }])
}

/** Applies what is pending. Where nothing is, no lock is asked for. `onDone` hears of each also when a later one fails. */
export const run = <R>(
  engine: EngineService,
  sets: Sets<R>,
  options: RunOptions,
  onDone: (done: Done) => void = () => {}
): Effect.Effect<ReadonlyArray<Done>, Failures, R> =>
  Effect.gen(function*() {
    const all = yield* open(engine, sets)
    const to = yield* lastOf(all, options.to)
    const seen = yield* Effect.forEach(all, look)
    // What looks interrupted may be running, in another process.
    yield* refusals(seen.map((one) => ({ ...one, interrupted: [] })), options)
    if (seen.every((one) => nothingToDo(one, to))) {
      yield* Effect.forEach(
        seen,
        ({ entries, set }) => tell(options, engine.name, { _tag: "Current", set, migrations: entries.length })
      )
      return []
    }
    return yield* locked(engine, options, (held) => migrateAll(engine, all, options, to, onDone, held))
  })
