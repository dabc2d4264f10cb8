/**
 * Down: what was applied is taken back, the newest first, under the lock.
 */
import { Effect } from "effect"
import type { Dialect } from "../../Dialect.js"
import type { EngineService } from "../../Engine.js"
import { MigrationIrreversible } from "../../SqlFailure.js"
import type { MigrationFailure, SqlFailure } from "../../SqlFailure.js"
import type { Allowed, Assessment } from "./assess.js"
import type { Telling } from "./events.js"
import { idOrder, printName } from "./id.js"
import type { Migration, MigrationSet } from "./model.js"
import { locked, look, open } from "./open.js"
import type { Failures, LockOptions, Opened } from "./open.js"
import { planOf } from "./planned.js"
import type { Plan } from "./planned.js"
import { prepare } from "./prepare.js"
import type { Step } from "./prepare.js"
import type { Done } from "./work.js"
import { idIn, refusals, runAll, unknown } from "./work.js"

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

/** What would be taken back, the newest first; fails when something is in the way. */
const chosen = <R>(
  opened: Opened<R>,
  seen: Assessment<R>,
  dialect: Dialect,
  to: string | undefined,
  options: DownOptions
): Effect.Effect<ReadonlyArray<Step<R>>, MigrationFailure, R> =>
  Effect.gen(function*() {
    const { set } = opened
    // A way back that was begun may be gone on; what was begun on its way up, and what is unknown, is in the way.
    const begun = seen.interrupted.filter(({ state }) => state === "reverting" && options.interrupted !== undefined)
    yield* refusals([{ ...seen, interrupted: seen.interrupted.filter((entry) => !begun.includes(entry)) }], {
      missing: true,
      outOfOrder: true
    })
    const known = new Map(opened.migrations.map((migration) => [migration.id, migration]))
    const newestFirst = [...seen.entries].reverse()
    const entries = to === undefined
      ? newestFirst.slice(0, options.steps ?? 1)
      : newestFirst.filter(({ id }) => idOrder(id, to) > 0)
    return yield* Effect.forEach(entries, (entry): Effect.Effect<Step<R>, MigrationFailure, R> =>
      Effect.gen(function*() {
        const migration = known.get(entry.id)
        if (migration === undefined) return yield* unknown(set, entry.id)
        return (yield* prepare(set.name, migration, "down", entry, dialect)) ?? (yield* irreversible(set, migration))
      }))
  })

/** Takes migrations back. */
export const down = <R>(
  engine: EngineService,
  set: MigrationSet<R>,
  options: DownOptions
): Effect.Effect<ReadonlyArray<Done>, Failures, R> =>
  Effect.gen(function*() {
    const [opened] = yield* open(engine, set)
    const to = options.to === undefined ? undefined : yield* idIn(opened!, options.to)
    return yield* locked(engine, options, (held) =>
      Effect.gen(function*() {
        const seen = yield* look(opened!)
        const steps = yield* chosen(opened!, seen, engine.dialect, to, options)
        if (steps.length > 0 && !seen.made) yield* opened!.ledger.make
        return yield* runAll(engine, held, { opened: opened!, steps }, options, { at: 0, of: steps.length })
      }))
  })

/** What `down` would do. Takes no lock, and changes nothing. */
export const planDown = <R>(
  engine: EngineService,
  set: MigrationSet<R>,
  options: DownOptions
): Effect.Effect<Plan, MigrationFailure | SqlFailure, R> =>
  Effect.gen(function*() {
    const [opened] = yield* open(engine, set)
    const to = options.to === undefined ? undefined : yield* idIn(opened!, options.to)
    const seen = yield* look(opened!)
    return planOf(yield* chosen(opened!, seen, engine.dialect, to, options), options.interrupted)
  })

const irreversible = (set: MigrationSet<unknown>, migration: Migration<any>): MigrationIrreversible =>
  new MigrationIrreversible({
    set: set.name,
    id: migration.id,
    migration: printName(migration),
    message: `Migration ${printName(migration)} of "${set.name}" says no way down; nothing was taken back.`
  })
