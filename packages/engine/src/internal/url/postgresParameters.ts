/**
 * Every parameter of a PostgreSQL address: those of libpq 18 by their own names, a few server settings, and what
 * concerns the pool. One table: the reader, the printer, the mask and the list of near names all go by it.
 */
import { authList, flag, integer, oneOf, seconds, secret, text, time, tlsVersion, type Values } from "./parameter.js"
import type { Pair } from "./problem.js"

const sslmodes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const
const protocols = ["3.0", "3.2", "latest"] as const

/** What makes up the address itself; these are read into fields of their own. */
export const postgresParts = {
  host: text,
  hostaddr: text,
  port: text,
  user: text,
  password: secret,
  dbname: text
}

/** Everything else, by the names of the PostgreSQL manual, "Parameter Key Words". */
export const postgresParameters = {
  /** How much TLS is wanted. */
  sslmode: oneOf(sslmodes, {
    "no-verify": "that is node-postgres's word: libpq's is require, which encrypts without checking the certificate",
    verify: "choose verify-ca or verify-full",
    true: "write require",
    false: "write disable"
  }),
  /** `direct` starts TLS without asking the server first (PostgreSQL 17). */
  sslnegotiation: oneOf(["postgres", "direct"]),
  /** File of trusted certificate authorities, or `system`. */
  sslrootcert: text,
  sslcert: text,
  sslkey: text,
  sslpassword: secret,
  sslcertmode: oneOf(["disable", "allow", "require"]),
  sslcrl: text,
  sslcrldir: text,
  sslsni: integer(0, 1),
  sslcompression: integer(0, 1),
  sslkeylogfile: text,
  ssl_min_protocol_version: tlsVersion,
  ssl_max_protocol_version: tlsVersion,
  channel_binding: oneOf(["disable", "prefer", "require"]),
  require_auth: authList,
  requirepeer: text,
  passfile: text,
  gssencmode: oneOf(["disable", "prefer", "require"]),
  gsslib: text,
  gssdelegation: integer(0, 1),
  krbsrvname: text,
  oauth_issuer: text,
  oauth_client_id: text,
  oauth_client_secret: secret,
  oauth_scope: text,
  scram_client_key: secret,
  scram_server_key: secret,
  min_protocol_version: oneOf(protocols),
  max_protocol_version: oneOf(protocols),
  /** The longest a connection attempt to one host may take; infinite for 0 and less. */
  connect_timeout: seconds,
  application_name: text,
  fallback_application_name: text,
  client_encoding: text,
  /** Command-line options for the server, such as `-c geqo=off`. */
  options: text,
  replication: text,
  /** Which servers of several hosts will do. */
  target_session_attrs: oneOf(["any", "read-write", "read-only", "primary", "standby", "prefer-standby"]),
  /** `random`: try the hosts in a random order. */
  load_balance_hosts: oneOf(["disable", "random"]),
  keepalives: integer(-2_147_483_648),
  /** Seconds. */
  keepalives_idle: integer(-2_147_483_648),
  /** Seconds. */
  keepalives_interval: integer(-2_147_483_648),
  keepalives_count: integer(-2_147_483_648),
  /** Milliseconds. */
  tcp_user_timeout: integer(-2_147_483_648),

  /** Server setting: where unqualified names are looked up. */
  search_path: text,
  /** Server setting; zero: no limit. */
  statement_timeout: time("ms"),
  /** Server setting; zero: no limit. */
  lock_timeout: time("ms"),
  /** Server setting; zero: no limit. */
  idle_in_transaction_session_timeout: time("ms"),
  /** Server setting; zero: no limit. */
  idle_session_timeout: time("ms"),
  /** Server setting (PostgreSQL 17); zero: no limit. */
  transaction_timeout: time("ms"),

  /** Connections the pool keeps. */
  pool_size: integer(1, 10_000),
  /** Connections the pool may open beyond `pool_size`. */
  max_overflow: integer(0, 10_000),
  /** The longest wait for a connection. */
  pool_timeout: time("s"),
  /** Whether statements are prepared on the server. */
  prepare: flag,
  /** Whether PgBouncer in transaction mode stands between: no prepared statements. */
  pgbouncer: flag
}

/** The parameters of a PostgreSQL address. */
export interface PostgresParameters extends Values<typeof postgresParameters> {}

/** The settings of a server session among the parameters. */
export const serverSettings = [
  "search_path",
  "statement_timeout",
  "lock_timeout",
  "idle_in_transaction_session_timeout",
  "idle_session_timeout",
  "transaction_timeout"
] as const satisfies ReadonlyArray<keyof PostgresParameters>

/** Other names for the same thing. */
const aliases: Readonly<Record<string, string>> = {
  connection_limit: "pool_size",
  max: "pool_size",
  schema: "search_path",
  currentSchema: "search_path"
}

/** Names of other libraries, answered with ours but not obeyed. */
export const postgresHints: Readonly<Record<string, string>> = {
  database: "dbname",
  username: "user",
  pwd: "password",
  pass: "password",
  hostname: "host",
  server: "host",
  timeout: "connect_timeout",
  connectTimeout: "connect_timeout",
  connectionTimeout: "pool_timeout",
  min: "pool_size"
}

const sslWord = (value: string): string =>
  ["true", "on", "yes", "1"].includes(value)
    ? "require"
    : ["false", "off", "no", "0"].includes(value)
    ? "disable"
    : value

/** Gives a parameter its own name; `requiressl` and `ssl` become `sslmode` as in libpq, with the words people use. */
export const postgresAlias = (pair: Pair): Pair => {
  if (pair.name === "requiressl") {
    return { name: "sslmode", value: pair.value.startsWith("1") ? "require" : "prefer" }
  }
  if (pair.name === "ssl") {
    return { name: "sslmode", value: sslWord(pair.value) }
  }
  return Object.hasOwn(aliases, pair.name) ? { ...pair, name: aliases[pair.name]! } : pair
}

/** Every name that means something, for finding the nearest. */
export const postgresNames: ReadonlyArray<string> = [
  ...Object.keys(postgresParts),
  ...Object.keys(postgresParameters),
  ...Object.keys(aliases),
  "ssl",
  "requiressl",
  "service"
]
