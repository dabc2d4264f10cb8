/**
 * Database addresses: read, printed, masked.
 *
 * PostgreSQL addresses are read as libpq reads them: URLs with several hosts, IPv6 and sockets, and key=value strings.
 * SQLite addresses follow SQLAlchemy's slashes and SQLite's own `file:` names. A password is `Redacted` from the first
 * moment on: an address shown in any way, by `String`, `inspect`, JSON or a log, has `***` in its place, and so has
 * every failure to read one. `docs/urls.md` has the tables.
 *
 * @since 0.1.0
 */
import { Config, ConfigError, Effect, Either, ParseResult, Redacted, Schema } from "effect"
import type { EngineUrlError, UnsupportedBackend } from "./internal/failure/engine.js"
import type { Endpoint as EndpointModel } from "./internal/url/endpoints.js"
import { maskText } from "./internal/url/mask.js"
import * as model from "./internal/url/model.js"
import { parseText, urlError } from "./internal/url/parse.js"
import { readPostgres } from "./internal/url/postgres.js"
import { serverSettings as serverSettingNames } from "./internal/url/postgresParameters.js"
import type { Note as NoteModel } from "./internal/url/problem.js"

/**
 * The address of a database.
 *
 * Immutable; equal when all that counts is equal, however it was spelled: `postgres://h` is `host=h port=5432`.
 *
 * @since 0.1.0
 * @category models
 */
export type EngineUrl = PostgresUrl | SqliteUrl

/**
 * The address of a PostgreSQL database. What the text left open is `undefined`, but for the port, which is 5432 then.
 *
 * @since 0.1.0
 * @category models
 */
export type PostgresUrl = model.PostgresUrl

/**
 * The address of an SQLite database. `filename` is a path, `:memory:`, or the name of a database in memory.
 *
 * @since 0.1.0
 * @category models
 */
export type SqliteUrl = model.SqliteUrl

/**
 * Where a PostgreSQL server may be found: host, address, port.
 *
 * @since 0.1.0
 * @category models
 */
export type Endpoint = EndpointModel

/**
 * Something that was read but had better be looked at, such as a parameter nobody knows. Worth a warning in a log.
 *
 * @since 0.1.0
 * @category models
 */
export type Note = NoteModel

/**
 * The PostgreSQL parameters that are settings of a server session: what a driver sends with the connection.
 *
 * @since 0.1.0
 * @category constants
 */
export const serverSettings = serverSettingNames

/**
 * Whether a value is an address that was read here.
 *
 * @since 0.1.0
 * @category guards
 */
export const isEngineUrl = (u: unknown): u is EngineUrl =>
  u instanceof model.PostgresUrl || u instanceof model.SqliteUrl

/**
 * What an address can be read from.
 *
 * @since 0.1.0
 * @category models
 */
export type Input = string | Redacted.Redacted<string> | URL | EngineUrl

const textOf = (input: string | Redacted.Redacted<string> | URL): string =>
  Redacted.isRedacted(input) ? Redacted.value(input) : String(input)

/**
 * Reads an address, as {@link parse} does, without an effect.
 *
 * @since 0.1.0
 * @category constructors
 */
export const parseEither = (input: Input): Either.Either<EngineUrl, EngineUrlError | UnsupportedBackend> =>
  isEngineUrl(input) ? Either.right(input) : parseText(textOf(input))

/**
 * Reads an address: a PostgreSQL URL or key=value string, or an SQLite URL.
 *
 * Unknown parameters are no failure; they are listed in `notes`, each with the known name that is nearest. Fails with
 * `EngineUrlError` when the text cannot be read, with all its problems in the message and the first one's place in
 * `field`; with `UnsupportedBackend` when the scheme is another database's. Neither shows a password.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { EngineUrl } from "effect-sql-engine"
 *
 * const url = Effect.runSync(EngineUrl.parse("postgres://app:s3cret@db.example.org/shop?sslmode=require"))
 * console.log(String(url)) // => postgresql://app:***@db.example.org:5432/shop?sslmode=require
 * ```
 *
 * @see https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNSTRING
 * @since 0.1.0
 * @category constructors
 */
export const parse = (input: Input): Effect.Effect<EngineUrl, EngineUrlError | UnsupportedBackend> =>
  Effect.suspend(() => parseEither(input))

/**
 * Makes a PostgreSQL address from parameters by the names of libpq (`host`, `port`, `dbname`, `sslmode`, …), under the
 * rules of {@link parse}: what `PGHOST` and its kin hold can be given as it is.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromParameters = (
  parameters: Readonly<Record<string, string | Redacted.Redacted<string> | undefined>>
): Effect.Effect<PostgresUrl, EngineUrlError> =>
  Effect.suspend(() => {
    const pairs = Object.entries(parameters).flatMap(([name, value]) =>
      value === undefined ? [] : [{ name, value: Redacted.isRedacted(value) ? Redacted.value(value) : value }]
    )
    return Either.mapLeft(readPostgres({ pairs, problems: [] }, []), (problems) => urlError(problems, undefined))
  })

/**
 * The same server and user, another database.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withDatabase = (url: PostgresUrl, database: string): PostgresUrl =>
  new model.PostgresUrl({ ...url, database })

/**
 * The address as one URL, with its password: reading it again gives an equal address.
 *
 * @since 0.1.0
 * @category conversions
 */
export const print = (url: EngineUrl): Redacted.Redacted<string> => Redacted.make(model.revealed(url))

/**
 * The address for a message: `***` for each secret. Takes any text at all: of one that is no address, only what cannot
 * be a piece of a password is shown.
 *
 * @example
 * ```ts
 * import { EngineUrl } from "effect-sql-engine"
 *
 * console.log(EngineUrl.mask("postgres://app:p@ss/word@db/shop")) // => postgres://app:***@db/shop
 * ```
 *
 * @since 0.1.0
 * @category conversions
 */
export const mask = (url: Input): string => {
  if (isEngineUrl(url)) return model.masked(url)
  const text = textOf(url)
  return Either.match(parseText(text), { onLeft: () => maskText(text), onRight: model.masked })
}

const EngineUrlFromSelf: Schema.Schema<EngineUrl> = Schema.declare(isEngineUrl, {
  identifier: "EngineUrl",
  description: "the address of a database"
})

/**
 * The address as a Schema: decodes a text; encoding reveals the password, as an encoded `Schema.Redacted` does.
 *
 * @since 0.1.0
 * @category schemas
 */
export const schema: Schema.Schema<EngineUrl, string> = Schema.transformOrFail(Schema.String, EngineUrlFromSelf, {
  strict: true,
  decode: (text, _, ast) =>
    Either.mapLeft(parseEither(text), (failure) => new ParseResult.Type(ast, maskText(text), failure.message)),
  encode: (url) => ParseResult.succeed(model.revealed(url))
})

/**
 * An address from the configuration, such as `EngineUrl.config("DATABASE_URL")`. Fails with a `ConfigError` that has the
 * masked address.
 *
 * @since 0.1.0
 * @category constructors
 */
export const config = (name: string): Config.Config<EngineUrl> =>
  Config.mapOrFail(
    Config.nonEmptyString(name),
    (text) => Either.mapLeft(parseEither(text), (failure) => ConfigError.InvalidData([], failure.message))
  )
