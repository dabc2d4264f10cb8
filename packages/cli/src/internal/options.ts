/**
 * The options that commands share, each written down once.
 */
import * as Options from "@effect/cli/Options"
import * as Duration from "./duration.js"

const text = (name: string, pseudo: string, description: string) =>
  Options.text(name).pipe(Options.withPseudoName(pseudo), Options.withDescription(description), Options.optional)

const flag = (name: string, description: string) => Options.boolean(name).pipe(Options.withDescription(description))

const url = text(
  "url",
  "address",
  "The address of the database. Default: DIRECT_URL, DATABASE_URL, or PGHOST and its kin. It can be seen in the list of " +
    "processes; a variable cannot."
)

const envFile = text(
  "env-file",
  "file",
  "A file of variables. Default: .env, where there is one. What is set in the environment goes before it."
)

/** Every command has it. */
export const json = flag("json", "Print one JSON object, failures too. Nobody is asked anything.")

/** Seconds are what a bare number counts. */
const wait = Duration.option("wait").pipe(
  Options.withDescription("How long to wait for a server that does not answer yet. Default: not at all."),
  Options.optional
)

/** What every command on a database has. */
export const database = { url, envFile, json, wait }

/** The folder of the migrations. */
export const dir = Options.text("dir").pipe(
  Options.withPseudoName("folder"),
  Options.withDescription("The folder of the migrations."),
  Options.withDefault("migrations")
)

/** What takes the lock of migrations has it. */
export const lockTimeout = Duration.option("lock-timeout").pipe(
  Options.withDescription("How long to wait for another process that migrates. Default: 20s."),
  Options.optional
)

/** What destroys something has it. */
export const yes = flag("yes", "Do it without asking.").pipe(Options.withAlias("y"))

/** What changes something has it, where it can be told beforehand. */
export const dryRun = flag("dry-run", "Tell what would be done, and do nothing.")

/** Others are in the way of a drop. */
export const force = flag("force", "Disconnect whoever else is connected, and do not ask.")

/** What is let pass of what would be refused. */
export const allowed = {
  outOfOrder: flag("out-of-order", "Run migrations that came later with a lower id."),
  missing: flag("missing", "Accept that migrations were applied which are not in the folder.")
}

/** A migration that was begun and never ended. */
export const resume = Options.choice("resume", ["continue", "restart"]).pipe(
  Options.withDescription("What to do with a migration without a transaction that was begun and never ended."),
  Options.optional
)

/** An optional text. */
export const optionalText = text

/** A flag. */
export const optionalFlag = flag
