/**
 * Where the address of a database comes from. The first of these that says something counts:
 *
 * | | the default database | a second one, `database: "reports"` |
 * | --- | --- | --- |
 * | 1 | `url` | `url` |
 * | 2, with `direct` | `DIRECT_URL` | `DIRECT_URL_REPORTS` |
 * | 3 | `DATABASE_URL` | `DATABASE_URL_REPORTS` |
 * | 4 | `PGHOST`, `PGDATABASE`, … | the default database's server, with `PGDATABASE_REPORTS` or `defaultDatabase` |
 * | 5 | `default` | `default` |
 *
 * A second database is never the first one by mistake: without a word about it, it is an error.
 */
import { Effect, Either, Redacted } from "effect"
import type { EngineConfigError, EngineUrlError, UnsupportedBackend } from "../failure/engine.js"
import { PostgresUrl, SqliteUrl } from "../url/model.js"
import { parseText } from "../url/parse.js"
import { readPostgres } from "../url/postgres.js"
import type { Problem } from "../url/problem.js"
import { list } from "./compound.js"
import { anything } from "./kinds.js"
import type { Described } from "./option.js"
import { flag, oneOf, text } from "./option.js"
import { configError, fitting } from "./read.js"
import { Lookup } from "./variables.js"

/** An address, as it may be given. */
export type Address = string | Redacted.Redacted<string> | URL | PostgresUrl | SqliteUrl

/** A part of a PostgreSQL address that can be insisted on. */
export type Part = "host" | "user" | "password" | "database"

/**
 * Where to look for the address of a database, besides the environment.
 *
 * @since 0.1.0
 * @category models
 */
export interface EnvOptions {
  /** The address, when the program knows it: nothing is looked for then. */
  readonly url?: Address | undefined
  /** The address when nothing else says one. */
  readonly default?: Address | undefined
  /** The name of a second database: `reports` is looked for as `DATABASE_URL_REPORTS`. */
  readonly database?: string | undefined
  /** The second database's own name on the default database's server, when `PGDATABASE_REPORTS` does not say it. */
  readonly defaultDatabase?: string | undefined
  /** Whether `DIRECT_URL` goes before `DATABASE_URL`, for work that cannot go through a pooler. Default `false`. */
  readonly direct?: boolean | undefined
  /**
   * What a PostgreSQL address must say. Default: `host`, `user` and `database` where the address comes from `PG*`
   * variables, nothing where it is a URL.
   */
  readonly required?: ReadonlyArray<Part> | undefined
}

const environmentOptions: Described<EnvOptions> = {
  url: anything,
  default: anything,
  database: text(),
  defaultDatabase: text(),
  direct: flag(),
  required: list(oneOf(["host", "user", "password", "database"]))
}

/** The variables of libpq, and the parameters they stand for. */
export const libpqVariables = {
  PGHOST: "host",
  PGHOSTADDR: "hostaddr",
  PGPORT: "port",
  PGDATABASE: "dbname",
  PGUSER: "user",
  PGPASSWORD: "password",
  PGPASSFILE: "passfile",
  PGSERVICE: "service",
  PGAPPNAME: "application_name",
  PGOPTIONS: "options",
  PGCLIENTENCODING: "client_encoding",
  PGCONNECT_TIMEOUT: "connect_timeout",
  PGSSLMODE: "sslmode",
  PGSSLNEGOTIATION: "sslnegotiation",
  PGSSLROOTCERT: "sslrootcert",
  PGSSLCERT: "sslcert",
  PGSSLKEY: "sslkey",
  PGSSLCRL: "sslcrl",
  PGSSLSNI: "sslsni",
  PGSSLMINPROTOCOLVERSION: "ssl_min_protocol_version",
  PGSSLMAXPROTOCOLVERSION: "ssl_max_protocol_version",
  PGCHANNELBINDING: "channel_binding",
  PGREQUIREAUTH: "require_auth",
  PGTARGETSESSIONATTRS: "target_session_attrs",
  PGLOADBALANCEHOSTS: "load_balance_hosts"
} as const

/** Those that say which database is meant; the others only say how to reach it. */
const telling = ["PGHOST", "PGHOSTADDR", "PGDATABASE", "PGUSER", "PGSERVICE"] as const

const parts: Readonly<Record<Part, { readonly variable: string; readonly has: (url: PostgresUrl) => boolean }>> = {
  host: {
    variable: "PGHOST",
    has: (url) => url.endpoints.every(({ host, hostaddr }) => host !== undefined || hostaddr !== undefined)
  },
  user: { variable: "PGUSER", has: (url) => url.user !== undefined },
  password: { variable: "PGPASSWORD", has: (url) => url.password !== undefined },
  database: { variable: "PGDATABASE", has: (url) => url.database !== undefined }
}

const suffixOf = (database: string): string => database.replace(/[^A-Za-z0-9]+/g, "_").toUpperCase()

/** An address that was found, and where. An address no parser here knows is left to the driver that claims it. */
export interface Found {
  readonly url: PostgresUrl | SqliteUrl | Redacted.Redacted<string>
  readonly from: string
}

type Failure = EngineConfigError | EngineUrlError | UnsupportedBackend

/** Looks for the address. `claims` are the schemes the drivers at hand read by themselves. */
export const locate = (
  options: EnvOptions,
  claims: ReadonlyArray<string> = []
): Effect.Effect<Found["url"], Failure> => Effect.map(find(options, claims), ({ url }) => url)

/** Looks for the address, and says where it was. */
export const find = (
  options: EnvOptions,
  claims: ReadonlyArray<string> = []
): Effect.Effect<Found, Failure> =>
  fitting("No address of a database was looked for", environmentOptions, options, () => look(options, claims))

const look = (options: EnvOptions, claims: ReadonlyArray<string>): Effect.Effect<Found, Failure> =>
  Effect.gen(function*() {
    const lookup = new Lookup()
    const search = new Search(lookup, options, claims)
    const found = yield* search.run
    if (found !== undefined) search.insist(found)
    if (found === undefined && lookup.problems.length === 0) {
      lookup.complain("url", `was not given, and none of these is set: ${[...lookup.names].join(", ")}`)
    }
    if (lookup.problems.length > 0) {
      const only = lookup.problems.length === 1 ? search.unread : undefined
      return yield* only ?? configError(
        `No address of ${
          options.database === undefined ? "a database" : `the database "${options.database}"`
        } was found`,
        options.database,
        lookup.problems
      )
    }
    return found!
  })

class Search {
  /** The typed failure of an address that could not be read. */
  unread: EngineUrlError | UnsupportedBackend | undefined

  constructor(
    private readonly lookup: Lookup,
    private readonly options: EnvOptions,
    private readonly claims: ReadonlyArray<string>
  ) {}

  get run(): Effect.Effect<Found | undefined> {
    return Effect.gen(this, function*() {
      const { database, direct, url } = this.options
      if (url !== undefined) return this.read("url", url)
      const suffix = database === undefined ? "" : `_${suffixOf(database)}`
      const names = [...(direct === true ? [`DIRECT_URL${suffix}`] : []), `DATABASE_URL${suffix}`]
      for (const name of names) {
        const text = yield* this.lookup.secret(name)
        if (text !== undefined) return yield* this.withPassword(this.read(name, text))
        // An address that is there and cannot be read must not be passed over for the next one.
        if (this.lookup.problems.length > 0) return undefined
      }
      const composed = database === undefined ? yield* this.libpq() : yield* this.onServerOfDefault(database)
      if (composed !== undefined || this.lookup.problems.length > 0) return composed
      return this.options.default === undefined ? undefined : this.read("default", this.options.default)
    })
  }

  /** Reports every part that is missing. */
  insist({ from, url }: Found): void {
    const fromParts = from === "PG*"
    const required = this.options.required ?? (fromParts ? ["host", "user", "database"] as const : [])
    if (!(url instanceof PostgresUrl)) return
    for (const part of required) {
      if (parts[part].has(url)) continue
      if (fromParts) this.lookup.complain(parts[part].variable, "is not set")
      else this.lookup.complain(from, `has no ${part}`)
    }
  }

  private read(from: string, address: Address): Found | undefined {
    if (address instanceof PostgresUrl || address instanceof SqliteUrl) return { url: address, from }
    const text = Redacted.isRedacted(address) ? Redacted.value(address) : String(address)
    const scheme = /^\s*([a-z][a-z0-9.-]{0,31}):/i.exec(text)?.[1]?.toLowerCase()
    const read = parseText(text)
    if (Either.isRight(read)) return { url: read.right, from }
    if (scheme !== undefined && this.claims.includes(scheme)) return { url: Redacted.make(text), from }
    this.unread = read.left
    this.lookup.complain(from, `does not fit. ${read.left.message.replace(/\.$/, "")}`)
    return undefined
  }

  /** A URL without a password may leave it to `PGPASSWORD`, as libpq's do. */
  private withPassword(found: Found | undefined): Effect.Effect<Found | undefined> {
    const url = found?.url
    if (!(url instanceof PostgresUrl) || url.password !== undefined) return Effect.succeed(found)
    return Effect.map(
      this.lookup.secret("PGPASSWORD"),
      (password) => password === undefined ? found : { from: found!.from, url: new PostgresUrl({ ...url, password }) }
    )
  }

  private libpq(): Effect.Effect<Found | undefined> {
    return Effect.gen(this, function*() {
      const pairs: Array<{ name: string; value: string; part: true }> = []
      let told = false
      for (const [variable, name] of Object.entries(libpqVariables)) {
        const value = variable === "PGPASSWORD"
          ? yield* this.lookup.secret(variable)
          : yield* this.lookup.plain(variable)
        if (value === undefined) continue
        told ||= (telling as ReadonlyArray<string>).includes(variable)
        pairs.push({ name, value: Redacted.isRedacted(value) ? Redacted.value(value) : value, part: true })
      }
      if (!told) return undefined
      const read = readPostgres({ pairs, problems: [] }, [])
      if (Either.isRight(read)) return { url: read.right, from: "PG*" }
      this.complainOf(read.left, pairs.map(({ name }) => name))
      return undefined
    })
  }

  /** Problems by the names of the variables; and what is missing besides, so that all of it is told at once. */
  private complainOf(problems: ReadonlyArray<Problem>, given: ReadonlyArray<string>): void {
    const variableOf = (field: string) =>
      Object.entries(libpqVariables).find(([, name]) => name === field)?.[0] ?? field
    for (const { field, problem } of problems) this.lookup.complain(variableOf(field), problem)
    for (const part of this.options.required ?? ["host", "user", "database"] as const) {
      const name = part === "database" ? "dbname" : part
      if (!given.includes(name) && !(part === "host" && given.includes("hostaddr"))) {
        this.lookup.complain(parts[part].variable, "is not set")
      }
    }
  }

  /** Another database on the default database's server. */
  private onServerOfDefault(database: string): Effect.Effect<Found | undefined> {
    return Effect.gen(this, function*() {
      const variable = `PGDATABASE_${suffixOf(database)}`
      const told = yield* this.lookup.plain(variable)
      const name = told ?? this.options.defaultDatabase
      if (name === undefined) return undefined
      const { defaultDatabase: _, database: __, default: ___, ...rest } = this.options
      const found = yield* new Search(this.lookup, rest, this.claims).run
      if (found === undefined) {
        if (told !== undefined && this.lookup.problems.length === 0) {
          this.lookup.complain(
            variable,
            "names a database on the default database's server, and nothing says which one that is"
          )
        }
        return undefined
      }
      if (found.url instanceof PostgresUrl) {
        return { from: found.from, url: new PostgresUrl({ ...found.url, database: name }) }
      }
      this.lookup.complain(
        variable,
        `names a database on a PostgreSQL server, but ${found.from} is another kind of address: set DATABASE_URL_${
          suffixOf(database)
        }`
      )
      return undefined
    })
  }
}
