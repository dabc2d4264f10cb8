/**
 * `db migrate up`, `down`, `status`, `check`, `baseline`, `mark`, `unlock`: migrations on a database.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Effect, Option } from "effect"
import { Migrations, Mutex } from "effect-sql-engine"
import { confirm } from "../confirm.js"
import { grid } from "../grid.js"
import { allowedOf, count, inFolder, lockOf } from "../migrations.js"
import * as options from "../options.js"
import { about } from "../overview.js"
import { performOn } from "../perform.js"
import type { Outcome } from "../perform.js"
import { telling } from "../progress.js"
import { insist, withEngine } from "../target.js"
import { create } from "./migrateNew.js"

const onFolder = { ...options.database, dir: options.dir }
const changing = { ...onFolder, lockTimeout: options.lockTimeout }

const id = Args.text({ name: "id" }).pipe(Args.withDescription("The id of a migration, with or without its name."))

const to = options.optionalText("to", "id", "The last one to apply.")

const planned = (verb: string, { steps, text }: Migrations.Plan): Outcome => ({
  text: steps.length === 0 ? "Nothing to do." : `-- ${verb} ${count(steps.length, "migration")}\n\n${text.trimEnd()}`,
  json: { outcome: "Planned", steps }
})

const listed = (done: ReadonlyArray<Migrations.Done>): string =>
  done.map(({ migration, millis }) => `  ${migration}  ${millis} ms`).join("\n")

const up = Command.make(
  "up",
  { ...changing, ...options.allowed, resume: options.resume, to, dryRun: options.dryRun },
  (given) =>
    performOn("migrate up", given, (target) =>
      Effect.gen(function*() {
        const set = inFolder(given.dir)
        const allowed = allowedOf(given)
        if (given.dryRun) {
          yield* insist(target)
          const upTo = Option.getOrUndefined(given.to)
          return planned("would apply", yield* withEngine(target, () => Migrations.plan(set, { ...allowed, to: upTo })))
        }
        const events = yield* telling
        const applied = yield* withEngine(
          target,
          () => Migrations.run(set, { ...allowed, ...lockOf(given), ...events, to: Option.getOrUndefined(given.to) })
        )
        return {
          text: applied.length === 0
            ? "Nothing to apply."
            : `Applied ${count(applied.length, "migration")}:\n${listed(applied)}`,
          json: { applied }
        }
      }))
).pipe(Command.withDescription(about["migrate up"]))

const steps = Options.integer("steps").pipe(
  Options.withPseudoName("number"),
  Options.filterMap(
    (n) => n >= 1 ? Option.some(n) : Option.none(),
    "--steps takes a number from 1 on"
  ),
  Options.withDescription("How many to take back, the newest first. Default: 1."),
  Options.optional
)

const down = Command.make(
  "down",
  {
    ...changing,
    resume: options.resume,
    steps,
    to: options.optionalText("to", "id", "The one to go back to, which stays."),
    all: options.optionalFlag("all", "Take back all of them."),
    dryRun: options.dryRun,
    yes: options.yes
  },
  (given) =>
    performOn("migrate down", given, (target) =>
      Effect.gen(function*() {
        yield* insist(target)
        const set = inFolder(given.dir)
        const chosen = {
          interrupted: Option.getOrUndefined(given.resume),
          steps: given.all ? Number.POSITIVE_INFINITY : Option.getOrUndefined(given.steps),
          to: Option.getOrUndefined(given.to)
        }
        return yield* withEngine(target, () =>
          Effect.gen(function*() {
            const plan = yield* Migrations.planDown(set, chosen)
            if (given.dryRun) return planned("would take back", plan)
            if (plan.steps.length > 0) {
              const names = plan.steps.map(({ migration }) => migration).join(", ")
              yield* confirm(`This takes back ${names} on ${target.shown}, with what is in their tables.`, given)
            }
            const events = yield* telling
            const reverted = yield* Migrations.down(set, { ...chosen, ...lockOf(given), ...events })
            return {
              text: reverted.length === 0
                ? "Nothing to take back."
                : `Took back ${count(reverted.length, "migration")}:\n${listed(reverted)}`,
              json: { reverted }
            }
          }))
      }))
).pipe(Command.withDescription(about["migrate down"]))

const status = Command.make(
  "status",
  onFolder,
  (given) =>
    performOn("migrate status", given, (target) =>
      Effect.gen(function*() {
        yield* insist(target)
        const [set] = yield* withEngine(target, () => Migrations.status(inFolder(given.dir)))
        const { current, migrations, version } = set!
        const rows = migrations.map(({ id, millis, name, startedAt, state }) => [
          id,
          name,
          state,
          startedAt ?? "",
          millis === undefined ? "" : `${millis} ms`
        ])
        const waits = migrations.filter(({ state }) => state !== "applied").length
        return {
          text: migrations.length === 0
            ? `There are no migrations in ${given.dir}.`
            : `${grid(["id", "name", "state", "started", "took"], rows)}\n\n${
              current
                ? "All are applied."
                : `${count(waits, "migration is", "migrations are")} not applied as they should be.`
            }`,
          json: { current, version: version ?? null, migrations }
        }
      }))
).pipe(Command.withDescription(about["migrate status"]))

const check = Command.make(
  "check",
  { ...onFolder, ...options.allowed },
  (given) =>
    performOn("migrate check", given, (target) =>
      Effect.gen(function*() {
        yield* insist(target)
        const allowed = { missing: given.missing, outOfOrder: given.outOfOrder }
        yield* withEngine(target, () => Migrations.verify(inFolder(given.dir), allowed))
        return { text: "All migrations are applied, and none was edited since.", json: {} }
      }))
).pipe(Command.withDescription(about["migrate check"]))

const baseline = Command.make(
  "baseline",
  { ...changing, dryRun: options.dryRun, id },
  (given) =>
    performOn("migrate baseline", given, (target) =>
      withEngine(target, () =>
        Effect.gen(function*() {
          const set = inFolder(given.dir)
          if (given.dryRun) {
            const { steps } = yield* Migrations.plan(set, { outOfOrder: true, missing: true, to: given.id })
            const marked = steps.map(({ id }) => id)
            return {
              text: `Would take for applied: ${marked.join(", ") || "none"}`,
              json: { outcome: "Planned", marked }
            }
          }
          const marked = yield* Migrations.baseline(set, given.id, lockOf(given))
          return { text: `Taken for applied: ${marked.join(", ") || "none that was not"}`, json: { marked } }
        })))
).pipe(
  Command.withDescription(about["migrate baseline"])
)

const as = Args.choice([["applied", "applied" as const], ["pending", "pending" as const]], { name: "state" })

const mark = Command.make(
  "mark",
  { ...changing, id, as },
  (given) =>
    performOn("migrate mark", given, (target) =>
      Effect.gen(function*() {
        yield* insist(target)
        yield* withEngine(target, () => Migrations.mark(inFolder(given.dir), given.id, given.as, lockOf(given)))
        return { text: `${given.id} counts as ${given.as}.`, json: { id: given.id, state: given.as } }
      }))
).pipe(
  Command.withDescription(about["migrate mark"])
)

const unlock = Command.make(
  "unlock",
  { ...options.database, yes: options.yes },
  (given) =>
    performOn("migrate unlock", given, (target) =>
      Effect.gen(function*() {
        yield* insist(target)
        return yield* withEngine(target, () =>
          Effect.gen(function*() {
            const holder = yield* Mutex.holder(Migrations.lock)
            if (Option.isNone(holder)) return { text: "Nobody has the lock.", json: { evicted: false, holder: null } }
            yield* confirm(`This takes the lock from ${holder.value}: a migration that runs there is ended.`, given)
            const evicted = yield* Mutex.evict(Migrations.lock)
            const text = evicted ? `Taken from ${holder.value}.` : "It was given back meanwhile."
            return { text, json: { evicted, holder: holder.value } }
          }))
      }))
).pipe(Command.withDescription(about["migrate unlock"]))

/** The group. */
export const migrate = Command.make("migrate").pipe(
  Command.withDescription("Changes of the schema."),
  Command.withSubcommands([status, up, down, create, check, baseline, mark, unlock])
)
