/**
 * What `run` and `down` share: finding a migration by its id, refusing, and running steps one after the other.
 */
import { Effect } from "effect"
import type { EngineService } from "../../Engine.js"
import { MigrationUnknown } from "../../SqlFailure.js"
import type {
  MigrationDrift,
  MigrationFailed,
  MigrationInterrupted,
  MigrationMissing,
  MigrationOutOfOrder,
  MutexLost
} from "../../SqlFailure.js"
import type { Held } from "../mutex/model.js"
import type { Allowed, Assessment } from "./assess.js"
import { complaint } from "./assess.js"
import type { Telling } from "./events.js"
import { tell } from "./events.js"
import { canonical, printName } from "./id.js"
import type { MigrationSet } from "./model.js"
import type { Opened } from "./open.js"
import type { Step } from "./prepare.js"
import { runStep } from "./step.js"

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

/** A set, and what is to be done to it. */
export interface Work<R> {
  readonly opened: Opened<R>
  readonly steps: ReadonlyArray<Step<R>>
}

/** The failure of an id that nobody knows. */
export const unknown = (set: MigrationSet<unknown>, id: string): MigrationUnknown =>
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

/** Fails when something is in the way. */
export const refusals = <R>(
  all: ReadonlyArray<Assessment<R>>,
  allowed: Allowed
): Effect.Effect<void, MigrationInterrupted | MigrationDrift | MigrationMissing | MigrationOutOfOrder> => {
  for (const seen of all) {
    const refused = complaint(seen, allowed)
    if (refused !== undefined) return Effect.fail(refused)
  }
  return Effect.void
}

/** Runs steps of a set one after the other; `number` is where they stand in the whole run. */
export const runAll = <R>(
  engine: EngineService,
  held: Held,
  { opened, steps }: Work<R>,
  options: Telling & Pick<Allowed, "interrupted">,
  number: { at: number; readonly of: number },
  onDone: (done: Done) => void = () => {}
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
      const result: Done = { set: step.set, id: step.migration.id, migration, millis }
      onDone(result)
      return result
    }))
