/**
 * Up, down, and what is only said to the ledger: everything that changes something, under the lock.
 */
import { Effect } from "effect"
import type { EngineService } from "../../Engine.js"
import { MigrationIrreversible, MigrationUnknown } from "../../SqlFailure.js"
import type { MigrationFailed, MutexLost } from "../../SqlFailure.js"
import type { Held } from "../mutex/model.js"
import type { Allowed, Assessment } from "./assess.js"
import { complaint } from "./assess.js"
import type { Telling } from "./events.js"
import { tell } from "./events.js"
import { canonical, idOrder, printName } from "./id.js"
import type { Migration, MigrationSet } from "./model.js"
import { locked, look, open, scriptOf } from "./open.js"
import type { Failures, LockOptions, Opened, Sets } from "./open.js"
import { prepare } from "./prepare.js"
import type { Step } from "./prepare.js"
import { runStep } from "./step.js"

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

/**
 * A migration that was applied or taken back.
 *
 * @since 0.1.0
 * @category models
 */
export interface Done {
  readonly set: string
  readonly id: string
  readonly migration: string
  readonly millis: number
}

/** A set, how it stands, and what is to be done to it. */
interface Work<R> {
  readonly opened: Opened<R>
  readonly seen: Assessment<R> & { readonly made: boolean }
  readonly steps: ReadonlyArray<Step<R>>
}

const unknown = (set: MigrationSet<unknown>, id: string): MigrationUnknown =>
  new MigrationUnknown({
    set: set.name,
    id,
    message: `No migration of "${set.name}" has the id ${id}; nothing was changed.`
  })

/** The id that was meant: alone, or with the name behind it. */
export const idIn = (
  { migrations, set }: Opened<any>,
  given: string
): Effect.Effect<string, MigrationUnknown> => {
  const id = canonical(given)
  const found = migrations.find((migration) => migration.id === id || printName(migration) === given)
  return found === undefined ? Effect.fail(unknown(set, given)) : Effect.succeed(found.id)
}

/** Those that are to be applied, in order. */
const due = <R>({ interrupted, migrations, pending }: Assessment<R>, to: string | undefined): ReadonlyArray<Migration<R>> => {
  const begun = new Set(interrupted.map(({ id }) => id))
  const waiting = new Set(pending)
  return migrations.filter((migration) =>
    (waiting.has(migration) || begun.has(migration.id)) && (to === undefined || idOrder(migration.id, to) <= 0)
  )
}

const nothingToDo = <R>(seen: Assessment<R> & { readonly made: boolean }, to: string | undefined): boolean =>
  seen.made && due(seen, to).length === 0 && seen.unchecked.length === 0

const refusals = <R>(all: ReadonlyArray<Assessment<R>>, allowed: Allowed) =>
  Effect.forEach(all, (seen) => complaint(seen, allowed) ?? Effect.void, { discard: true })

/** Runs steps of a set one after the other; `number` is where they stand in the whole run. */
const runAll = <R>(
  engine: EngineService,
  held: Held,
  { opened, steps }: Work<R>,
  options: RunOptions,
  number: { at: number; readonly of: number }
): Effect.Effect<ReadonlyArray<Done>, MigrationFailed | MutexLost, R> =>
  Effect.forEach(steps, (step) =>
    Effect.gen(function*() {
      const migration = printName(step.migration)
      const about = { set: step.set, migration, number: ++number.at, of: number.of }
      const up = step.direction === "up"
      yield* tell(options, engine.name, { _tag: up ? "Applying" : "Reverting", ...about })
      const done = options.interrupted === "restart" ? 0 : step.entry?.done ?? 0
      const millis = yield* runStep({ engine, ledger: opened.ledger, held }, step, done).pipe(
        Effect.tapError((failure) => tell(options, engine.name, { _tag: "Failed", ...about, failure }))
      )
      yield* tell(options, engine.name, { _tag: up ? "Applied" : "Reverted", ...about, millis })
      return { set: step.set, id: step.migration.id, migration, millis }
    }))

/** What is under the lock. */
const migrate = <R>(
  engine: EngineService,
  all: ReadonlyArray<Opened<R>>,
  options: RunOptions,
  to: string | undefined,
  held: Held
): Effect.Effect<ReadonlyArray<Done>, Failures, R> =>
  Effect.gen(function*() {
    const script = yield* scriptOf(engine)
    const seen = yield* Effect.forEach(all, look)
    yield* refusals(seen, options)
    const works = yield* Effect.forEach(all, (opened, i) =>
      Effect.map(
        Effect.forEach(due(seen[i]!, to), (migration) =>
          prepare(opened.set.name, migration, "up", seen[i]!.entries.find(({ id }) => id === migration.id), script)),
        // There always is a way up.
        (steps): Work<R> => ({ opened, seen: seen[i]!, steps: steps.flatMap((step) => step === undefined ? [] : [step]) })
      ))
    const number = { at: 0, of: works.reduce((sum, { steps }) => sum + steps.length, 0) }
    const done = yield* Effect.forEach(works, (work) =>
      Effect.gen(function*() {
        const { ledger, set } = work.opened
        if (!work.seen.made) yield* ledger.make
        const rows = new Map(work.seen.entries.map((entry) => [entry.id, entry]))
        if (work.seen.unchecked.length > 0) {
          yield* engine.transaction(Effect.forEach(work.seen.unchecked, ({ checksum, id }) =>
            ledger.update({ ...rows.get(id)!, checksum })))
        }
        if (work.steps.length === 0) {
          yield* tell(options, engine.name, { _tag: "Current", set: set.name, migrations: work.seen.entries.length })
        }
        return yield* runAll(engine, held, work, options, number)
      }))
    return done.flat()
  })

/** Applies what is pending. Where nothing is, no lock is asked for. */
export const run = <R>(
  engine: EngineService,
  sets: Sets<R>,
  options: RunOptions
): Effect.Effect<ReadonlyArray<Done>, Failures, R> =>
  Effect.gen(function*() {
    const all = yield* open(engine, sets)
    const to = options.to === undefined || all[0] === undefined ? undefined : yield* idIn(all[0], options.to)
    const seen = yield* Effect.forEach(all, look)
    yield* refusals(seen, { ...options, interrupted: "continue" })
    if (seen.every((one) => nothingToDo(one, to) && one.interrupted.length === 0)) {
      yield* Effect.forEach(seen, ({ entries, set }) =>
        tell(options, engine.name, { _tag: "Current", set, migrations: entries.length }))
      return []
    }
    return yield* locked(engine, options, (held) => migrate(engine, all, options, to, held))
  })

/**
 * How far migrations are taken back.
 *
 * @since 0.1.0
 * @category options
 */
export interface DownOptions extends LockOptions, Telling, Pick<Allowed, "interrupted"> {
  /** How many, the newest first. Default 1; `Infinity`: all. */
  readonly steps?: number | undefined
  /** The one to go back to: it stays, and what stands behind it is taken back. Goes before `steps`. */
  readonly to?: string | undefined
}

/** Takes migrations back. */
export const down = <R>(
  engine: EngineService,
  set: MigrationSet<R>,
  options: DownOptions
): Effect.Effect<ReadonlyArray<Done>, Failures, R> =>
  Effect.gen(function*() {
    const script = yield* scriptOf(engine)
    const [opened] = yield* open(engine, set)
    const to = options.to === undefined ? undefined : yield* idIn(opened!, options.to)
    return yield* locked(engine, options, (held) =>
      Effect.gen(function*() {
        const seen = yield* look(opened!)
        // A way back that was begun may be gone on; what was begun on its way up, and what is unknown, is in the way.
        const begun = seen.interrupted.filter(({ state }) => state === "reverting" && options.interrupted !== undefined)
        yield* refusals([{ ...seen, interrupted: seen.interrupted.filter((entry) => !begun.includes(entry)) }], {
          missing: true,
          outOfOrder: true
        })
        const known = new Map(opened!.migrations.map((migration) => [migration.id, migration]))
        const newestFirst = [...seen.entries].reverse()
        const chosen = to === undefined
          ? newestFirst.slice(0, options.steps ?? 1)
          : newestFirst.filter(({ id }) => idOrder(id, to) > 0)
        const steps = yield* Effect.forEach(chosen, (entry) => {
          const migration = known.get(entry.id)
          return migration === undefined
            ? Effect.fail(unknown(set, entry.id))
            : Effect.flatMap(
              prepare(set.name, migration, "down", entry, script),
              (step): Effect.Effect<Step<R>, MigrationIrreversible> =>
                step === undefined ? Effect.fail(irreversible(set, migration)) : Effect.succeed(step)
            )
        })
        if (steps.length > 0 && !seen.made) yield* opened!.ledger.make
        return yield* runAll(engine, held, { opened: opened!, seen, steps }, options, { at: 0, of: steps.length })
      }))
  })

const irreversible = (set: MigrationSet<unknown>, migration: Migration<any>): MigrationIrreversible =>
  new MigrationIrreversible({
    set: set.name,
    id: migration.id,
    migration: printName(migration),
    message: `Migration ${printName(migration)} of "${set.name}" says no way down; nothing was taken back.`
  })
