/**
 * `db seed` and `db reset`: the first rows, and everything from the beginning.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { SqlClient } from "@effect/sql/SqlClient"
import { Effect, Option, Predicate } from "effect"
import type { Duration } from "effect"
import { Database, Migrations, Seed } from "effect-sql-engine"
import type { Engine } from "effect-sql-engine"
import { refine } from "effect-sql-engine/SqlFailure"
import { confirm } from "../confirm.js"
import { CommandError, UsageError } from "../failure.js"
import { count, inFolder, lockOf } from "../migrations.js"
import * as options from "../options.js"
import { about } from "../overview.js"
import { note, performOn } from "../perform.js"
import type { Outcome } from "../perform.js"
import { telling } from "../progress.js"
import { fileOf, read, understood } from "../seedSource.js"
import { insist, withEngine } from "../target.js"

const told = (result: Seed.SeedResult | Seed.SeedPlan): string => {
  switch (result._tag) {
    case "Seeded":
    case "WouldSeed": {
      const rows = Object.entries(result.rows).map(([name, n]) => `  ${name}  ${count(n, "row")}`).join("\n")
      return `${result._tag === "Seeded" ? "Seeded" : "Would seed"}:\n${rows}`
    }
    case "AlreadySeeded":
      return `Seeded before, at ${result.at}; nothing was changed.`
    case "NotBlank":
      return `There are rows already, in ${result.tables.join(", ")}; nothing was changed.`
    case "Disabled":
      return "Seeding is off."
  }
}

const isResult = (u: unknown): u is Seed.SeedResult =>
  Predicate.hasProperty(u, "_tag") && ["Seeded", "AlreadySeeded", "NotBlank", "Disabled"].includes(String(u._tag))

const outcomeOf = (result: Seed.SeedResult | Seed.SeedPlan): Outcome => {
  const { _tag: outcome, ...fields } = result
  return { text: told(result), json: { outcome, ...fields } }
}

const failed = (file: string) => (error: unknown) =>
  Predicate.hasProperty(error, "_tag")
    ? error
    : new CommandError({
      message: `The seed ${file} failed: ${error instanceof Error ? error.message : "with something that is no error"}.`
    })

const runFile = (
  engine: Engine.EngineService,
  file: string,
  { dryRun, lockTimeout }: { readonly dryRun: boolean; readonly lockTimeout: Option.Option<Duration.Duration> }
) =>
  Effect.gen(function*() {
    const content = yield* read(file)
    if (content._tag === "Rows") {
      const [source, resources] = yield* understood(content.source)
      return outcomeOf(
        dryRun ? yield* Seed.plan(source, resources) : yield* Seed.run(source, resources, lockOf({ lockTimeout }))
      )
    }
    if (dryRun) {
      return yield* new UsageError({ message: `The seed ${file} is code: what it would do is known to it alone.` })
    }
    const result = yield* refine(content.effect).pipe(
      Effect.provideService(SqlClient, engine.sql),
      Effect.mapError(failed(file))
    )
    return isResult(result) ? outcomeOf(result) : { text: `Ran ${file}.`, json: { outcome: "Ran" } }
  })

const file = Args.text({ name: "file" }).pipe(
  Args.withDescription("YAML or JSON, or a module. Default: seed.yaml, .yml, .json, .ts or .js beside the migrations."),
  Args.optional
)

/** Writes the first rows. */
export const seed = Command.make(
  "seed",
  { ...options.database, dir: options.dir, lockTimeout: options.lockTimeout, dryRun: options.dryRun, file },
  (given) =>
    performOn("seed", given, (target) =>
      Effect.gen(function*() {
        const found = yield* fileOf(Option.getOrUndefined(given.file), given.dir)
        if (found === undefined) {
          return yield* new UsageError({ message: "There is no seed beside the migrations: name its file." })
        }
        yield* insist(target)
        return yield* withEngine(target, (engine) => runFile(engine, found, given))
      }))
).pipe(Command.withDescription(about.seed))

/** Begins again. */
export const reset = Command.make(
  "reset",
  {
    ...options.database,
    dir: options.dir,
    lockTimeout: options.lockTimeout,
    seed: options.optionalText("seed", "file", "The seed. Default: the one beside the migrations, if there is one."),
    dryRun: options.dryRun,
    yes: options.yes,
    force: options.force
  },
  (given) =>
    performOn("reset", given, (target) =>
      Effect.gen(function*() {
        const { drivers, shown, url } = target
        const found = yield* fileOf(Option.getOrUndefined(given.seed), given.dir)
        const set = inFolder(given.dir)
        // Migrations that cannot be read are found before anything is dropped.
        const migrations = yield* withEngine(target, ({ dialect }) => set.migrations(dialect.syntax))
        const parts = [`drop ${shown}`, "create it", `apply ${count(migrations.length, "migration")}`]
        if (found !== undefined) parts.push(`seed it from ${found}`)
        if (given.dryRun) return { text: `Would ${parts.join(", ")}.`, json: { outcome: "Planned", steps: parts } }
        yield* confirm(`This drops ${shown} with everything in it, and makes it anew.`, {
          json: given.json,
          yes: given.yes || given.force
        })
        yield* note(`dropping ${shown}`)
        yield* Database.drop(url, { drivers, force: given.force })
        yield* note("creating it")
        yield* Database.ensure(url, { drivers, allowCreate: true })
        const events = yield* telling
        return yield* withEngine(target, (engine) =>
          Effect.gen(function*() {
            const applied = yield* Migrations.run(set, { ...lockOf(given), ...events })
            const seeded = found === undefined ? undefined : yield* runFile(engine, found, { ...given, dryRun: false })
            return {
              text: `${shown} is new, with ${count(applied.length, "migration")}.${
                seeded === undefined ? "" : `\n${seeded.text}`
              }`,
              json: { applied, seed: seeded?.json ?? null }
            }
          }))
      }))
).pipe(Command.withDescription(about.reset))
