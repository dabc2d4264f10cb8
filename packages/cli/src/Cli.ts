/**
 * The command `db`: databases, migrations, seeds and diagrams from a terminal, from CI, or from a program of its own.
 *
 * Results go to `stdout`, progress and failures to `stderr`. `docs/cli.md` has the whole story.
 *
 * @since 0.1.0
 */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import type { FileSystem } from "@effect/platform/FileSystem"
import type { Path } from "@effect/platform/Path"
import type { Terminal } from "@effect/platform/Terminal"
import { Cause, Effect, Exit, Logger } from "effect"
import { EngineConfig } from "effect-sql-engine"
import type { Engine } from "effect-sql-engine"
import { create, drop, wait } from "./internal/commands/databases.js"
import { diagram } from "./internal/commands/diagram.js"
import { doctor } from "./internal/commands/doctor.js"
import { migrate } from "./internal/commands/migrate.js"
import { reset, seed } from "./internal/commands/seed.js"
import { sql } from "./internal/commands/sql.js"
import { capture } from "./internal/console.js"
import { ExitCode } from "./internal/exitCode.js"
import { Exited, UsageError } from "./internal/failure.js"
import { arrange, Invocation } from "./internal/invocation.js"
import { about, overview } from "./internal/overview.js"
import { report } from "./internal/perform.js"
import { CurrentStreams, ofProcess } from "./internal/streams.js"
import type { Streams } from "./internal/streams.js"

export { ExitCode } from "./internal/exitCode.js"
export type { Streams } from "./internal/streams.js"

/**
 * The version of the command.
 *
 * @since 0.1.0
 * @category models
 */
export const version = "0.1.0"

/**
 * How the command is run.
 *
 * @since 0.1.0
 * @category options
 */
export interface RunOptions {
  /** The drivers to choose from. Default: the one the address asks for, as it is installed. */
  readonly drivers?: ReadonlyArray<Engine.EngineDriver> | undefined
  /** Default: those of the process. */
  readonly streams?: Streams | undefined
}

const runOptions: EngineConfig.Described<RunOptions> = {
  drivers: EngineConfig.list(EngineConfig.anything),
  streams: EngineConfig.anything
}

const db = Command.make("db").pipe(
  Command.withDescription("Databases, migrations and seeds."),
  Command.withSubcommands([doctor, wait, create, drop, migrate, seed, reset, diagram, sql])
)

const parse = Command.run(db, { name: "db", version, executable: "db" })

/** Warnings are progress: nobody may find one among the results. */
const logger = (err: Streams["err"]) =>
  Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ logLevel, message }) => {
      const text = (Array.isArray(message) ? message : [message]).map(String).join(" ")
      err(`${logLevel.label.toLowerCase()}: ${text}\n`)
    })
  )

/**
 * Runs the command with these arguments, which begin behind its name. Succeeds with its exit code, having said everything
 * there was to say; it fails with nothing. An interruption ends what runs: migrations are rolled back, locks given back.
 *
 * The address of the database is looked for in the `ConfigProvider` of the fiber.
 *
 * @example
 * ```ts
 * import { NodeContext } from "@effect/platform-node"
 * import { Effect } from "effect"
 * import { Cli } from "effect-sql-engine-cli"
 *
 * const main = Cli.run(["migrate", "check", "--url", "sqlite:///app.db"]).pipe(Effect.provide(NodeContext.layer))
 *
 * export const start = Effect.runPromise(main).then((code) => (process.exitCode = code))
 * ```
 *
 * @since 0.1.0
 * @category verbs
 */
export const run = (
  args: ReadonlyArray<string>,
  options: RunOptions = {}
): Effect.Effect<number, never, FileSystem | Path | Terminal> => {
  EngineConfig.insist("The command cannot run", runOptions, options)
  const { drivers, streams = ofProcess() } = options
  return Effect.suspend(() => {
    const arranged = arrange(args)
    const { words } = arranged
    const command = words.join(" ")
    const { complaints, console } = capture(streams.out, command)
    const usage = (message: string) => report(command || "db", arranged.json, new UsageError({ message }))
    const parsed = parse(["node", "db", ...arranged.args]).pipe(
      Effect.withConsole(console),
      Effect.provide(CliConfig.layer({ showBuiltIns: false })),
      Effect.provideService(Invocation, { drivers, reveal: arranged.reveal }),
      Effect.exit
    )
    const asked = Effect.flatMap(parsed, (exit) => {
      if (Exit.isSuccess(exit)) return Effect.succeed<number>(ExitCode.done)
      const failure = Cause.squash(exit.cause)
      if (failure instanceof Exited) return Effect.succeed(failure.code)
      const said = complaints()
      return said === ""
        ? report(command, arranged.json, failure)
        : usage(`${said}\n\`db ${command} --help\` tells what there is.`)
    })
    const [group] = words
    const incomplete = Effect.suspend(() => {
      const text = overview(group)
      if (!arranged.help) {
        return usage(`${command === "" ? "There is no command." : `There is no command \`db ${command}\`.`}\n\n${text}`)
      }
      streams.out(text)
      return Effect.succeed<number>(ExitCode.done)
    })
    return (Object.hasOwn(about, command) || arranged.bare ? asked : incomplete).pipe(
      Effect.provideService(CurrentStreams, streams),
      Effect.provide(logger(streams.err))
    )
  })
}
