/**
 * The options of engines as data, and where the address of a database comes from.
 *
 * Every option is described once, with how it is read, what holds when it is absent and what it is for: options that no
 * type checker has seen are read by these descriptions, and the tables of `docs/configuration.md` are made of them. A
 * driver describes its own options in the same way.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import type { EngineUrl } from "./EngineUrl.js"
import { engineOptions as everyEngine, pool } from "./internal/config/engineOptions.js"
import type { EnvOptions } from "./internal/config/environment.js"
import { find as findIn, libpqVariables, locate } from "./internal/config/environment.js"
import type { OptionTable } from "./internal/config/option.js"
import { configError, read } from "./internal/config/read.js"
import type { EngineConfigError, EngineUrlError, UnsupportedBackend } from "./SqlFailure.js"

export { dictionary, either, list, problemsOf, record, unknownOptions } from "./internal/config/compound.js"
export type { EnvOptions, Part } from "./internal/config/environment.js"
export {
  aDuration,
  aFunction,
  aLogLevel,
  anEffect,
  anEngine,
  anything,
  aSchedule,
  aString,
  strings
} from "./internal/config/kinds.js"
export type { Described, Option, OptionGroup, OptionTable } from "./internal/config/option.js"
export { count, duration, flag, given, group, oneOf, option, text } from "./internal/config/option.js"
export { fitting, insist, refusal } from "./internal/config/read.js"

/**
 * The options every engine has.
 *
 * @since 0.1.0
 * @category options
 */
export const engineOptions = everyEngine

/**
 * The options of a pool whose size is the application's business.
 *
 * @since 0.1.0
 * @category options
 */
export const poolOptions = pool

/**
 * The variables of libpq that {@link fromEnv} reads, each with the parameter of an address it stands for.
 *
 * @since 0.1.0
 * @category options
 */
export const environmentVariables: Readonly<Record<string, string>> = libpqVariables

/**
 * Reads options by their description; durations become `Duration`s. Fails with `EngineConfigError`, which lists every
 * option that is unknown (with the nearest known name), `null`, or does not fit; an `undefined` one is absent. `what`
 * opens the message.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { EngineConfig } from "effect-sql-engine"
 *
 * const failure = Effect.runSync(Effect.flip(
 *   EngineConfig.check("The engine cannot be made", EngineConfig.engineOptions, { poool: { size: 3 } })
 * ))
 * console.log(failure.message) // => "The engine cannot be made: `poool` is no option here (did you mean `pool`?)."
 * ```
 *
 * @since 0.1.0
 * @category readers
 */
export const check = (
  what: string,
  table: OptionTable,
  options: unknown
): Effect.Effect<Readonly<Record<string, any>>, EngineConfigError> =>
  Effect.suspend(() => {
    const { problems, values } = read(table, options)
    const name = typeof values["name"] === "string" ? values["name"] : undefined
    return problems.length === 0 ? Effect.succeed(values) : Effect.fail(configError(what, name, problems))
  })

/**
 * Those of the options that a table describes.
 *
 * @since 0.1.0
 * @category readers
 */
export const pick = <Table extends OptionTable, Options extends object>(
  table: Table,
  options: Options
): Pick<Options, keyof Options & keyof Table> =>
  Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(table, name))) as any

/**
 * Finds the address of a database: `url`, else the variable `DATABASE_URL`, else those of libpq (`PGHOST`, …), else
 * `default`. Variables are read through the `ConfigProvider`; where `NAME_FILE` is set, the address or the password is
 * in that file, which is read with the `FileSystem` of `@effect/platform` when there is one in the context.
 *
 * Fails with `EngineConfigError`, which lists all problems, and every name that was looked for when nothing was found;
 * with `EngineUrlError` or `UnsupportedBackend` when all that is wrong is an address that cannot be read.
 *
 * @since 0.1.0
 * @category readers
 */
export const fromEnv = (
  options: EnvOptions = {}
): Effect.Effect<EngineUrl, EngineConfigError | EngineUrlError | UnsupportedBackend> =>
  locate(options) as Effect.Effect<EngineUrl, EngineConfigError | EngineUrlError | UnsupportedBackend>

/**
 * An address, and where it was found: `url`, `default`, `PG*`, or the variable's name, as in `DATABASE_URL`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Found {
  readonly url: EngineUrl
  readonly from: string
}

/**
 * {@link fromEnv}, which also says where it found the address.
 *
 * @since 0.1.0
 * @category readers
 */
export const find = (
  options: EnvOptions = {}
): Effect.Effect<Found, EngineConfigError | EngineUrlError | UnsupportedBackend> =>
  findIn(options) as Effect.Effect<Found, EngineConfigError | EngineUrlError | UnsupportedBackend>
