/**
 * `db wait`, `db create`, `db drop`: the database as a whole.
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Duration, Effect, Option } from "effect"
import { Database, Migrations } from "effect-sql-engine"
import { confirm } from "../confirm.js"
import { inFolder } from "../migrations.js"
import * as options from "../options.js"
import { about } from "../overview.js"
import { note, perform, performOn, target, waiting } from "../perform.js"
import { telling } from "../progress.js"
import { withEngine } from "../target.js"

const until = Options.choice("for", ["server", "database", "migrations"]).pipe(
  Options.withDescription("What is waited for: a server that answers, the database, or its migrations all applied."),
  Options.withDefault("database" as const)
)

/** Waits until the database is ready, for a start that must not be too early. */
export const wait = Command.make("wait", { ...options.database, until, dir: options.dir }, (given) =>
  perform(
    "wait",
    given,
    Effect.gen(function*() {
      const limit = Option.getOrElse(given.wait, () => Duration.minutes(1))
      const { drivers, shown, url } = yield* target(given)
      yield* note(`waiting for ${given.until === "migrations" ? "the migrations of " : ""}${shown}`)
      const [spent, presence] = yield* Effect.timed(
        Database.wait(url, {
          drivers,
          schedule: waiting(limit),
          until: given.until === "server" ? "server" : "database"
        })
      ).pipe(Effect.map(([took, presence]) => [Duration.toMillis(took), presence] as const))
      if (given.until === "migrations") {
        const events = yield* telling
        yield* withEngine({ drivers, url }, () =>
          Migrations.wait(inFolder(given.dir), {
            ...events,
            limit: Duration.millis(Math.max(0, Duration.toMillis(limit) - spent)),
            every: "1 second"
          }))
      }
      const what = { server: "The server answers", database: "The database is ready", migrations: "All is migrated" }
      return {
        text: `${what[given.until]}: ${shown}`,
        json: { database: shown, waitedFor: given.until, exists: presence === "Present" }
      }
    })
  )).pipe(
    Command.withDescription(about.wait)
  )

/** Creates the database. */
export const create = Command.make(
  "create",
  { ...options.database, dryRun: options.dryRun },
  (given) =>
    performOn("create", given, ({ drivers, shown, url }) =>
      Effect.gen(function*() {
        if (given.dryRun) {
          const missing = (yield* Database.status(url, { drivers })) === "Missing"
          const text = missing ? `Would create ${shown}` : `There already: ${shown}`
          return { text, json: { outcome: missing ? "WouldCreate" : "Existed" } }
        }
        const outcome = yield* Database.ensure(url, { drivers, allowCreate: true })
        return { text: `${outcome === "Created" ? "Created" : "There already"}: ${shown}`, json: { outcome } }
      }))
).pipe(Command.withDescription(about.create))

/** Drops the database. */
export const drop = Command.make(
  "drop",
  { ...options.database, dryRun: options.dryRun, yes: options.yes, force: options.force },
  (given) =>
    performOn("drop", given, ({ drivers, shown, url }) =>
      Effect.gen(function*() {
        if (given.dryRun) {
          const missing = (yield* Database.status(url, { drivers })) === "Missing"
          const text = missing ? `Not there: ${shown}` : `Would drop ${shown}`
          return { text, json: { outcome: missing ? "Missing" : "WouldDrop" } }
        }
        yield* confirm(`This drops ${shown} with everything in it.`, {
          json: given.json,
          yes: given.yes || given.force
        })
        const outcome = yield* Database.drop(url, { drivers, force: given.force })
        return { text: `${outcome === "Dropped" ? "Dropped" : "Not there"}: ${shown}`, json: { outcome } }
      }))
).pipe(Command.withDescription(about.drop))
