/**
 * What a run would do, told without doing it. Two plans of the same migrations on databases that stand alike are equal,
 * to the letter: there is no time and no chance in one.
 */
import { Effect } from "effect"
import type { EngineService } from "../../Engine.js"
import type { MigrationFailure, SqlFailure } from "../../SqlFailure.js"
import type { Allowed } from "./assess.js"
import { printName } from "./id.js"
import { look, open } from "./open.js"
import type { Sets } from "./open.js"
import { prepare } from "./prepare.js"
import type { Step } from "./prepare.js"
import { due, lastOf } from "./run.js"
import { refusals } from "./work.js"

/**
 * A migration that would be applied.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlannedStep {
  readonly set: string
  readonly id: string
  readonly migration: string
  readonly checksum: string | undefined
  readonly transaction: boolean
  /** What would be sent; absent for code, which cannot be seen. */
  readonly statements: ReadonlyArray<string> | undefined
}

/**
 * What a run would do.
 *
 * @since 0.1.0
 * @category models
 */
export interface Plan {
  readonly steps: ReadonlyArray<PlannedStep>
  /** The same, to be read. */
  readonly text: string
}

const printed = ({ migration, set, statements, transaction }: PlannedStep): string =>
  [
    `-- ${set}: ${migration}${transaction ? "" : " (no transaction)"}`,
    ...(statements === undefined ? ["-- code"] : statements.map((statement) => `${statement};`))
  ].join("\n")

const planned = (interrupted: Allowed["interrupted"]) => ({ entry, job, migration, set, transaction }: Step<any>) => ({
  set,
  id: migration.id,
  migration: printName(migration),
  checksum: migration.checksum,
  transaction,
  statements: job._tag === "Statements"
    ? job.statements.slice(interrupted === "continue" ? entry?.done ?? 0 : 0)
    : undefined
})

/** Steps as a plan. */
export const planOf = (steps: ReadonlyArray<Step<any>>, interrupted: Allowed["interrupted"]): Plan => {
  const all = steps.map(planned(interrupted))
  return { steps: all, text: all.map((step) => `${printed(step)}\n`).join("\n") }
}

/**
 * What a plan is made for.
 *
 * @since 0.1.0
 * @category options
 */
export interface PlanOptions extends Allowed {
  /** The last one to apply. Of one set only. Default: all. */
  readonly to?: string | undefined
}

/** Plans a run. Fails as the run would, before it runs anything. */
export const plan = <R>(
  engine: EngineService,
  sets: Sets<R>,
  allowed: PlanOptions
): Effect.Effect<Plan, MigrationFailure | SqlFailure, R> =>
  Effect.gen(function*() {
    const all = yield* open(engine, sets)
    const seen = yield* Effect.forEach(all, look)
    yield* refusals(seen, allowed)
    const last = yield* lastOf(all, allowed.to)
    const steps = yield* Effect.forEach(all, ({ set }, i) =>
      Effect.forEach(due(seen[i]!, last), (migration) => {
        const entry = seen[i]!.entries.find(({ id }) => id === migration.id)
        return prepare(set.name, migration, "up", entry, engine.dialect)
      }))
    return planOf(steps.flat().filter((step) => step !== undefined), allowed.interrupted)
  })
