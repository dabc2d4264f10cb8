/**
 * One command from its options to its exit code: what it came to is printed once, as text or as JSON, and so is what it
 * failed with.
 *
 * With `--json` exactly one object is written to `stdout`, whatever happens: `ok` says which of the two kinds it is.
 */
import type { FileSystem } from "@effect/platform/FileSystem"
import { Cause, Effect, Exit, Option, Schedule } from "effect"
import type { Duration } from "effect"
import { Database } from "effect-sql-engine"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { ExitCode } from "./exitCode.js"
import { Exited, shown } from "./failure.js"
import type { CommandError, UsageError } from "./failure.js"
import { Invocation } from "./invocation.js"
import { CurrentStreams } from "./streams.js"
import type { Target } from "./target.js"
import { locate } from "./target.js"

/** What a command came to. */
export interface Outcome {
  /** For a person. */
  readonly text: string
  /** For a program. */
  readonly json: Readonly<Record<string, unknown>>
  /** Default 0. */
  readonly exit?: ExitCode | undefined
}

/** A line of progress. */
export const note = (line: string): Effect.Effect<void, never, CurrentStreams> =>
  Effect.map(CurrentStreams, ({ err }) => err(`${line}\n`))

const print = (object: unknown): string => `${JSON.stringify(object, undefined, 2)}\n`

const line = (text: string): string => text === "" || text.endsWith("\n") ? text : `${text}\n`

/** Prints a failure. Its text goes to `stderr` in any case. */
export const report = (
  command: string,
  json: boolean,
  failure: unknown,
  exit?: number
): Effect.Effect<number, never, CurrentStreams> =>
  Effect.map(CurrentStreams, ({ err, out }) => {
    const told = shown(failure)
    const exitCode = exit ?? told.exit
    if (json) out(print({ ok: false, command, exitCode, error: told.json }))
    err(line(told.text))
    return exitCode
  })

const interrupted = (command: string, json: boolean) =>
  report(command, json, { _tag: "Interrupted", message: "Interrupted." }, ExitCode.interrupted)

/** Performs a command. It ends as `Exited`, unless its exit code is 0. */
export const perform = <E, R>(
  command: string,
  { json }: { readonly json: boolean },
  body: Effect.Effect<Outcome, E, R>
): Effect.Effect<void, Exited, R | CurrentStreams> =>
  Effect.gen(function*() {
    const streams = yield* CurrentStreams
    const exit = yield* Effect.exit(body)
    if (Exit.isSuccess(exit)) {
      const { exit: code = ExitCode.done, json: fields, text } = exit.value
      streams.out(json ? print({ ok: code === ExitCode.done, command, exitCode: code, ...fields }) : line(text))
      return code === ExitCode.done ? undefined : yield* new Exited({ code })
    }
    // Ctrl-C at a question; the end of the process by a signal never comes here.
    if (Cause.isInterruptedOnly(exit.cause)) return yield* new Exited({ code: yield* interrupted(command, json) })
    return yield* new Exited({ code: yield* report(command, json, Cause.squash(exit.cause)) })
  }).pipe(Effect.onInterrupt(() => interrupted(command, json)))

/** What every command on a database is told. */
export interface DatabaseOptions {
  readonly url: Option.Option<string>
  readonly envFile: Option.Option<string>
  readonly json: boolean
  readonly wait: Option.Option<Duration.Duration>
}

/** When somebody who does not answer is asked again: soon at first, every 2 seconds at last. */
export const waiting = (limit: Duration.Duration): Schedule.Schedule<unknown> =>
  Schedule.exponential("100 millis").pipe(
    Schedule.union(Schedule.spaced("2 seconds")),
    Schedule.jittered,
    Schedule.upTo(limit)
  )

/** The database that is meant. */
export const target = (
  { envFile, url }: Pick<DatabaseOptions, "url" | "envFile">
): Effect.Effect<Target, UsageError | CommandError | SqlFailure, FileSystem | Invocation> =>
  Effect.flatMap(Invocation, ({ drivers, reveal }) => {
    const given = Option.getOrUndefined(Option.map(url, reveal))
    return locate({ url: given, envFile: Option.getOrUndefined(envFile) }, drivers)
  })

/** {@link perform} on the database that is meant, once its server answers. */
export const performOn = <E, R>(
  command: string,
  options: DatabaseOptions,
  body: (target: Target) => Effect.Effect<Outcome, E, R>
): Effect.Effect<void, Exited, R | CurrentStreams | FileSystem | Invocation> =>
  perform(
    command,
    options,
    Effect.gen(function*() {
      const found = yield* target(options)
      if (Option.isSome(options.wait)) {
        const schedule = waiting(options.wait.value)
        yield* Database.wait(found.url, { drivers: found.drivers, until: "server", schedule })
      }
      const outcome = yield* body(found)
      return { ...outcome, json: { database: found.shown, ...outcome.json } }
    })
  )
