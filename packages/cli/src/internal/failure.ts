/**
 * How a failure is shown: as text to a person, as data to a program. Neither has a password in it.
 */
import { Data, Predicate, Schema } from "effect"
import type { SqlText } from "effect-sql-engine"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { exitCodeOf } from "./exitCode.js"
import type { ExitCode } from "./exitCode.js"

/** What is wrong with what the command was told. */
export class UsageError extends Schema.TaggedError<UsageError>("effect-sql-engine-cli/UsageError")("UsageError", {
  message: Schema.String
}) {}

/** What the command could not do, where no failure of the library says it. */
export class CommandError extends Schema.TaggedError<CommandError>("effect-sql-engine-cli/CommandError")(
  "CommandError",
  { message: Schema.String }
) {}

/** A statement that was given failed. */
export class StatementFailed extends Data.TaggedError("StatementFailed")<{
  readonly failure: SqlFailure
  readonly place: SqlText.Place
  /** Which one, and its place in words. */
  readonly where: string
  /** The line, with a caret below the mistake. Absent: the database tells no place. */
  readonly excerpt: string | undefined
}> {}

/** A person was asked, and said no. */
export class Declined extends Schema.TaggedError<Declined>("effect-sql-engine-cli/Declined")("Declined", {
  message: Schema.String
}) {}

/** The end of a command: what was to be said is said. */
export class Exited extends Schema.TaggedError<Exited>("effect-sql-engine-cli/Exited")("Exited", {
  code: Schema.Number
}) {}

/** A failure as it is shown. */
export interface Shown {
  readonly exit: ExitCode
  readonly text: string
  readonly json: Readonly<Record<string, unknown>>
}

/** What is about connections and sessions, and tells nothing here. */
const inner = new Set(["_tag", "name", "stack", "cause", "connection", "sent", "engine"])

const plain = (value: unknown): unknown => {
  if (typeof value === "bigint") return String(value)
  if (Array.isArray(value)) return value.map(plain)
  if (!Predicate.isRecord(value)) return value
  const tag = value["_tag"]
  const fields = Object.entries(value).filter(([name, field]) => !inner.has(name) && field !== undefined)
  return {
    ...(typeof tag === "string" ? { tag } : {}),
    // `message` of an error is no field that can be listed everywhere.
    ...(value instanceof Error ? { message: value.message } : {}),
    ...Object.fromEntries(fields.map(([name, field]) => [name, plain(field)]))
  }
}

/** What to do about it here, where the library speaks to a program. */
const advice: Readonly<Record<string, string>> = {
  MigrationPending: "Apply them with `db migrate up`.",
  MigrationDrift: "Undo the edit and write a new migration; or accept it with `db migrate mark ID applied`.",
  MigrationMissing: "Use the newer migrations, or say --missing.",
  MigrationOutOfOrder: "Give it a newer id, or say --out-of-order.",
  MigrationInterrupted: "Look at what it has left, then `db migrate up --resume continue` or `--resume restart`.",
  MutexTimeout: "Wait longer with --lock-timeout; `db migrate unlock` takes the lock away from whoever has it.",
  DatabaseMissing: "Create it with `db create`."
}

/** Without what only a program could do. */
const here = (message: string): string =>
  message.replace(/, and put \S+ into `drivers`| Apply them with `Migrations.run`\.$/, "")

/** What is shown of a failure. */
export const shown = (failure: unknown): Shown => {
  if (failure instanceof StatementFailed) {
    const { excerpt, place, where } = failure
    const { exit, json, text } = shown(failure.failure)
    return {
      exit,
      text: `${where}: ${text}${excerpt === undefined ? "" : `\n${excerpt}`}`,
      json: { ...json, ...place }
    }
  }
  if (!Predicate.hasProperty(failure, "_tag") || typeof failure._tag !== "string") {
    const message = failure instanceof Error ? failure.message : "something that is no failure was thrown"
    return { exit: 1, text: `Unexpected: ${message}`, json: { tag: "Unexpected", message } }
  }
  const tagged = failure as { readonly _tag: string; readonly message?: string; readonly code?: unknown }
  const message = tagged.message === undefined || tagged.message === "" ? tagged._tag : here(tagged.message)
  const hint = tagged.code === "3D000" ? advice["DatabaseMissing"] : advice[tagged._tag]
  return {
    exit: exitCodeOf(tagged),
    text: hint === undefined ? message : `${message}\n${hint}`,
    json: { ...(plain(failure) as object), message, ...(hint === undefined ? {} : { advice: hint }) }
  }
}
