/**
 * The driver's options with their defaults, checked: everything that does not fit is told at once.
 */
import { Duration, Effect, Redacted } from "effect"
import * as EngineConfig from "effect-sql-engine/EngineConfig"
import { AuthenticationError, EngineConfigError, type SqlFailure } from "effect-sql-engine/SqlFailure"
import type * as net from "node:net"
import * as os from "node:os"
import type { Host, PgConfig, SslMode, TargetSessionAttrs } from "../PgConfig.js"
import { driverOptions } from "./options.js"
import { quoteIdentifier } from "./quoting.js"
import { Startup } from "./startup.js"
import { readTls, type TlsSettings } from "./tls.js"
import type { Problem } from "./unsupported.js"
import { Catalog } from "./values/catalog.js"
import { Decoders } from "./values/decoders.js"
import { defaultTypes } from "./wire.js"

/** Where to dial, and what to call it. */
export interface Endpoint {
  readonly address: net.NetConnectOpts
  /** The name a certificate is checked against. */
  readonly host: string
  readonly port: number
  readonly socket: boolean
  readonly label: string
}

/** The options as the driver uses them. */
export interface Settings {
  readonly endpoints: ReadonlyArray<Endpoint>
  readonly user: string
  readonly database: string
  /** What messages call the database. */
  readonly target: string
  readonly password: Effect.Effect<string | undefined, SqlFailure>
  readonly sslMode: SslMode
  readonly tls: TlsSettings
  readonly channelBinding: "disable" | "prefer" | "require"
  readonly startup: Startup
  readonly connectTimeout: Duration.Duration | undefined
  readonly targetSessionAttrs: TargetSessionAttrs
  readonly shuffle: boolean
  readonly keepAlive: boolean
  readonly keepAliveIdleMillis: number
  readonly preparedStatements: number
  readonly pgbouncer: boolean
  readonly fetchSize: number
  readonly trackTransactionId: boolean
  readonly statementTimeoutMillis: number | undefined
  readonly decoders: Decoders
}

const endpoint = (given: Host): Endpoint => {
  const host = given.host || given.hostaddr || "localhost"
  const port = given.port ?? 5432
  if (given.hostaddr === undefined && /^[/@]/.test(host)) {
    const folder = host.startsWith("@") ? `\0${host.slice(1)}` : host
    return { address: { path: `${folder}/.s.PGSQL.${port}` }, host, port, socket: true, label: `${host}:${port}` }
  }
  const shown = host.includes(":") ? `[${host}]` : host
  return { address: { host: given.hostaddr ?? host, port }, host, port, socket: false, label: `${shown}:${port}` }
}

/** Reads the options. Fails with every problem there is. */
export const readSettings = (given: PgConfig): Effect.Effect<Settings, EngineConfigError> =>
  Effect.suspend(() => {
    const unfit = EngineConfig.problemsOf(driverOptions, given)
    const config = without(given, unfit)
    const problems: Array<Problem> = [...unfit, ...config.unsupported ?? []]
    const problem = (field: string, problem: string) => problems.push({ field, problem })
    const endpoints = (config.hosts === undefined || config.hosts.length === 0 ? [{}] : config.hosts).map(endpoint)
    for (const { port } of endpoints) {
      if (!(Number.isInteger(port) && port > 0 && port < 65_536)) {
        problem("hosts", `port ${port} is not between 1 and 65535`)
      }
    }
    const count = (field: "preparedStatements" | "fetchSize", least: number, fallback: number) => {
      const value = config[field] ?? fallback
      if (!Number.isInteger(value) || value < least) {
        problem(field, `${value} is not a whole number of at least ${least}`)
      }
      return value
    }
    const millis = (field: "statementTimeout" | "lockTimeout" | "idleInTransactionTimeout") =>
      config[field] === undefined ? undefined : Math.ceil(Duration.toMillis(config[field]))
    const user = config.username ?? os.userInfo().username
    const database = config.database ?? user
    const timeouts = {
      statement_timeout: millis("statementTimeout"),
      lock_timeout: millis("lockTimeout"),
      idle_in_transaction_session_timeout: millis("idleInTransactionTimeout")
    }
    for (const [name, value] of Object.entries(timeouts)) {
      if (value !== undefined && value > 2_147_483_647) {
        problem(name, `${value} ms is more than the server takes`)
      }
    }
    const pgbouncer = config.pgbouncer === true
    const startup = new Startup(startupOf(config, user, database, timeouts), !pgbouncer, problem)
    if (pgbouncer) refuseBehindPgBouncer(config, problem)
    for (const [name, value] of Object.entries(startup.given)) {
      if (`${name}${value}`.includes("\0")) problem(name, "holds a zero byte")
    }
    const ssl = typeof config.ssl === "object" ? config.ssl : { mode: config.ssl ?? "prefer" }
    const tls = readTls(ssl, problem)
    const connectTimeout = Duration.decode(config.connectTimeout ?? "10 seconds")
    const preparedStatements = count("preparedStatements", 0, 100)
    const fetchSize = count("fetchSize", 1, 256)
    if (problems.length > 0) {
      return new EngineConfigError({
        message: `The PostgreSQL driver's options do not fit. ${
          problems.map(({ field, problem }) => `\`${field}\`: ${problem}.`).join(" ")
        }`,
        problems
      })
    }
    return Effect.succeed<Settings>({
      endpoints,
      user,
      database,
      target: `postgresql://${user}@${endpoints.map(({ label }) => label).join(",")}/${database}`,
      password: passwordOf(config.password),
      // libpq checks the certificate as soon as it knows an authority.
      sslMode: ssl.mode === "require" && ssl.ca !== undefined && ssl.ca !== "system" ? "verify-ca" : ssl.mode,
      tls,
      channelBinding: config.channelBinding ?? "disable",
      startup,
      connectTimeout: Duration.isFinite(connectTimeout) && Duration.toMillis(connectTimeout) > 0
        ? connectTimeout
        : undefined,
      targetSessionAttrs: config.targetSessionAttrs ?? "any",
      shuffle: config.loadBalanceHosts === "random",
      keepAlive: config.keepAlive ?? true,
      keepAliveIdleMillis: config.keepAliveIdle === undefined ? 0 : Duration.toMillis(config.keepAliveIdle),
      preparedStatements: (config.prepare ?? !pgbouncer) ? preparedStatements : 0,
      pgbouncer,
      fetchSize,
      trackTransactionId: config.trackTransactionId === true,
      statementTimeoutMillis: timeouts.statement_timeout,
      decoders: new Decoders(config.types ?? defaultTypes, new Catalog())
    })
  })

/** The options that can be judged further, so that everything that does not fit is told at once. */
const without = (config: PgConfig, unfit: ReadonlyArray<Problem>): PgConfig => {
  if (unfit.length === 0) return config
  const wrong = new Set(unfit.map(({ field }) => /^\w+/.exec(field)?.[0]))
  return Object.fromEntries(Object.entries(config).filter(([name]) => !wrong.has(name)))
}

const startupOf = (
  config: PgConfig,
  user: string,
  database: string,
  timeouts: Readonly<Record<string, number | undefined>>
): Readonly<Record<string, string>> => {
  const { searchPath } = config
  return {
    user,
    database,
    application_name: config.applicationName ?? "effect-sql-engine",
    ...(config.options === undefined ? {} : { options: config.options }),
    ...(searchPath === undefined
      ? {}
      : { search_path: typeof searchPath === "string" ? searchPath : searchPath.map(quoteIdentifier).join(", ") }),
    ...Object.fromEntries(
      Object.entries(timeouts).flatMap(([name, value]) => value === undefined ? [] : [[name, `${value}`]])
    ),
    ...config.settings
  }
}

/** Transaction pooling gives each transaction another server connection: what is said at the start does not follow. */
const refuseBehindPgBouncer = (config: PgConfig, problem: (field: string, problem: string) => void): void => {
  const reason = "does not reach the server through PgBouncer in transaction mode; set it on the role or the database"
  const fields = [
    "statementTimeout",
    "lockTimeout",
    "idleInTransactionTimeout",
    "searchPath",
    "options",
    "settings"
  ] as const
  for (const field of fields) if (config[field] !== undefined) problem(field, reason)
  if (config.prepare === true) {
    problem("prepare", "prepared statements do not work through PgBouncer in transaction mode")
  }
}

const passwordOf = (password: PgConfig["password"]): Effect.Effect<string | undefined, SqlFailure> => {
  if (password === undefined) return Effect.succeed(undefined)
  if (Redacted.isRedacted(password)) return Effect.sync(() => Redacted.value(password))
  return Effect.matchEffect(password, {
    onSuccess: (value) => Effect.succeed(Redacted.value(value)),
    // What it failed with may hold the secret it was after.
    onFailure: () =>
      new AuthenticationError({
        message: "The effect that provides the password failed; nothing was sent to the server.",
        retryable: true
      })
  })
}
