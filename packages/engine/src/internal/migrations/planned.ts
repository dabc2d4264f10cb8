/**
 * What a run would do, told without doing it. Two plans of the same migrations on databases that stand alike are equal,
 * to the letter: there is no time and no chance in one.
 */
import { Effect } from "effect"
import type { EngineService } from "../../Engine.js"
import type { MigrationFailure, SqlFailure } from "../../SqlFailure.js"
import type { Allowed } from "./assess.js"
import { printName } from "./id.js"
import { look, open, scriptOf } from "./open.js"
import type { Sets } from "./open.js"
import { prepare } from "./prepare.js"
import { due } from "./run.js"
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

/** Plans a run. Fails as the run would, before it runs anything. */
export const plan = <R>(
  engine: EngineService,
  sets: Sets<R>,
  allowed: Allowed
): Effect.Effect<Plan, MigrationFailure | SqlFailure, R> =>
  Effect.gen(function*() {
    const script = yield* scriptOf(engine)
    const all = yield* open(engine, sets)
    const seen = yield* Effect.forEach(all, look)
    yield* refusals(seen, allowed)
    const steps = yield* Effect.forEach(all, ({ set }, i) =>
      Effect.forEach(due(seen[i]!, undefined), (migration) =>
        Effect.map(
          prepare(
            set.name,
            migration,
            "up",
            seen[i]!.entries.find(({ id }) =>
              id === migration.id
            ),
            script
          ),
          (step): ReadonlyArray<PlannedStep> =>
            step === undefined ? [] : [{
              set: set.name,
              id: migration.id,
              migration: printName(migration),
              checksum: migration.checksum,
              transaction: step.transaction,
              statements: step.job._tag === "Statements"
                ? step.job.statements.slice(allowed.interrupted === "continue" ? step.entry?.done ?? 0 : 0)
                : undefined
            }]
        )))
    const flat = steps.flat(2)
    return { steps: flat, text: flat.map((step) => `${printed(step)}\n`).join("\n") }
  })
