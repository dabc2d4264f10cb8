/**
 * Engines whose database is known only at run time: the address picks the driver.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"
import type { Layer, Scope } from "effect"
import * as EngineConfig from "../../EngineConfig.js"
import type * as EngineUrl from "../../EngineUrl.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { choose, withOptions } from "../config/choose.js"
import { locate } from "../config/environment.js"
import type { DatabaseAdmin, ServerOptions } from "../database/admin.js"
import type { EngineOptions, EngineService } from "./model.js"
import type { Engine } from "./tag.js"
import { layer } from "./tag.js"

/**
 * A driver as a value, for engines whose database is known only at run time: `SqliteEngine.driver`, `PgEngine.driver`.
 *
 * @since 0.1.0
 * @category drivers
 */
export interface EngineDriver<Name extends string = string, Options extends object = any> {
  /** The database's name; options that only this driver is told stand under it. */
  readonly name: Name
  /** The schemes of the addresses it takes, in lower case. */
  readonly schemes: ReadonlyArray<string>
  /** What it can be told besides the address. */
  readonly options: EngineConfig.OptionTable
  readonly make: (
    options: Options & { readonly url: EngineUrl.Input }
  ) => Effect.Effect<EngineService, SqlFailure, Scope.Scope>
  /** The database seen from outside, for `Database`. */
  readonly database?:
    | ((
      options: Options & ServerOptions & { readonly url: EngineUrl.Input }
    ) => Effect.Effect<DatabaseAdmin, SqlFailure, Scope.Scope>)
    | undefined
}

/**
 * The options of an engine whose database is known only at run time: what every engine can be told, and under the name
 * of each driver what only that one can be told.
 *
 * @since 0.1.0
 * @category drivers
 */
export type UrlOptions<Drivers extends ReadonlyArray<EngineDriver>> =
  & EngineOptions
  & { readonly drivers: Drivers }
  & {
    readonly [Driver in Drivers[number] as Driver["name"]]?: Driver extends EngineDriver<string, infer Options>
      ? Options | undefined
      : never
  }

/**
 * Makes an engine with the driver that the address asks for.
 *
 * Fails with `DriverMissing`, which holds the command that installs it, when no driver of that database is among
 * `drivers`; with `UnsupportedBackend` or `EngineUrlError` when the address is not one of theirs; with
 * `EngineConfigError` when options do not fit, which then lists everything that is wrong; and as the driver's own `make`
 * does. Parameters of the address that nobody knows are logged as warnings.
 *
 * @since 0.1.0
 * @category drivers
 */
export const makeUrl = <const Drivers extends ReadonlyArray<EngineDriver>>(
  url: EngineUrl.Input,
  options: UrlOptions<Drivers>
): Effect.Effect<EngineService, SqlFailure, Scope.Scope> =>
  Effect.suspend(() => {
    const { drivers, ...rest } = options
    return Effect.flatMap(choose(url, drivers, rest, EngineConfig.engineOptions), (choice) =>
      Effect.zipRight(
        Effect.forEach(choice.notes, ({ message }) => Effect.logWarning(`The address ${choice.url}: ${message}.`), {
          discard: true
        }),
        choice.driver.make({ ...choice.options, url: choice.url })
      ))
  })

/**
 * `makeUrl`, as the default engine and its client.
 *
 * @since 0.1.0
 * @category drivers
 */
export const layerUrl = <const Drivers extends ReadonlyArray<EngineDriver>>(
  url: EngineUrl.Input,
  options: UrlOptions<Drivers>
): Layer.Layer<Engine | SqlClient, SqlFailure> => layer(makeUrl(url, options))

/**
 * `makeUrl` with the address from the environment: `url`, else `DATABASE_URL`, else `PGHOST` and its kin, else
 * `default`; `EngineConfig.fromEnv` has the rules. An engine for a second database has that one's name, unless it is
 * given another.
 *
 * @since 0.1.0
 * @category drivers
 */
export const makeEnv = <const Drivers extends ReadonlyArray<EngineDriver>>(
  options: EngineConfig.EnvOptions & UrlOptions<Drivers>
): Effect.Effect<EngineService, SqlFailure, Scope.Scope> =>
  Effect.suspend(() => {
    const { database, default: standard, defaultDatabase, direct, required, url, ...rest } = options
    const { drivers, ...engine } = rest
    const claims = drivers.flatMap(({ schemes }) => schemes)
    return locate({ database, default: standard, defaultDatabase, direct, required, url }, claims).pipe(
      Effect.mapError((failure) => withOptions(failure, drivers, engine, EngineConfig.engineOptions)),
      Effect.flatMap((url) => makeUrl(url, { ...rest, name: rest.name ?? database } as unknown as UrlOptions<Drivers>))
    )
  })

/**
 * `makeEnv`, as the default engine and its client.
 *
 * @since 0.1.0
 * @category drivers
 */
export const fromEnv = <const Drivers extends ReadonlyArray<EngineDriver>>(
  options: EngineConfig.EnvOptions & UrlOptions<Drivers>
): Layer.Layer<Engine | SqlClient, SqlFailure> => layer(makeEnv(options))
