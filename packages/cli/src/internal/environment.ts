/**
 * Where the address of the database comes from, and how it is told:
 *
 * | | |
 * | --- | --- |
 * | 1 | `--url` |
 * | 2 | `DIRECT_URL`, `DATABASE_URL`, `PGHOST` and its kin, out of the environment and the file of variables |
 *
 * The file is the one of `--env-file`, else `.env` in the working directory where there is one. A variable that is set in
 * the environment goes before the same one in the file.
 */
import { FileSystem } from "@effect/platform/FileSystem"
import * as PlatformConfigProvider from "@effect/platform/PlatformConfigProvider"
import { Config, ConfigProvider, Effect, Option } from "effect"
import { EngineConfig } from "effect-sql-engine"
import type { EngineUrl } from "effect-sql-engine"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { UsageError } from "./failure.js"

/** An address, and in whose words it was found. */
export interface Found {
  readonly url: EngineUrl.EngineUrl
  readonly from: string
}

/** What says where the database is. */
export interface Whereabouts {
  readonly url: string | undefined
  readonly envFile: string | undefined
}

interface Variables {
  readonly file: string | undefined
  readonly provider: ConfigProvider.ConfigProvider
}

const unreadable = (file: string, reason: string) =>
  new UsageError({ message: `The file of variables ${file} cannot be read: ${reason}.` })

/** The file of variables, if there is one. */
const fileOf = (given: string | undefined): Effect.Effect<string | undefined, UsageError, FileSystem> =>
  Effect.gen(function*() {
    const files = yield* FileSystem
    const name = given ?? ".env"
    const exists = yield* Effect.orElseSucceed(files.exists(name), () => false)
    if (exists) return name
    return given === undefined ? undefined : yield* unreadable(given, "there is none")
  })

/** Variables of the environment, then of the file. A blank one counts as absent. */
const variables = (given: string | undefined): Effect.Effect<Variables, UsageError, FileSystem> =>
  Effect.gen(function*() {
    const environment = yield* Effect.configProviderWith(Effect.succeed)
    const file = yield* fileOf(given)
    if (file === undefined) return { file, provider: environment }
    const inFile = yield* Effect.mapError(
      PlatformConfigProvider.fromDotEnv(file),
      (error) => unreadable(file, error._tag === "SystemError" ? error.reason : error._tag)
    )
    return { file, provider: ConfigProvider.orElse(environment, () => inFile) }
  })

const isSet = (provider: ConfigProvider.ConfigProvider, name: string): Effect.Effect<boolean> =>
  Effect.match(provider.load(Config.option(Config.string(name))), {
    onFailure: () => true,
    onSuccess: Option.isSome
  })

/** Looks for the address. Work on a schema goes past poolers: `DIRECT_URL` goes first. */
export const find = (
  { envFile, url }: Whereabouts
): Effect.Effect<Found, UsageError | SqlFailure, FileSystem> =>
  Effect.gen(function*() {
    const environment = yield* Effect.configProviderWith(Effect.succeed)
    const { file, provider } = yield* variables(envFile)
    const found = yield* Effect.withConfigProvider(EngineConfig.find({ url, direct: true }), provider).pipe(
      Effect.mapError((failure) =>
        failure._tag === "EngineConfigError" && failure.problems.length === 1 && failure.problems[0]!.field === "url"
          ? new UsageError({
            message: "No database is named: say --url, or set DATABASE_URL (or PGHOST, PGUSER and PGDATABASE) in the " +
              `environment or in ${file ?? "a file .env"}.`
          })
          : failure
      )
    )
    if (found.from === "url") return { url: found.url, from: "--url" }
    const name = found.from === "PG*" ? "PGHOST" : found.from
    const outside = (yield* isSet(environment, name)) || (yield* isSet(environment, `${name}_FILE`))
    const where = outside || file === undefined ? "the environment" : file
    return { url: found.url, from: `${found.from === "PG*" ? "PGHOST, …" : found.from} in ${where}` }
  })
