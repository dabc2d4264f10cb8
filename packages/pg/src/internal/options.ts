/**
 * What a PostgreSQL engine can be told, described for those who tell it without a type checker, and for the tables of
 * `docs/configuration.md`.
 */
import { Effect, Predicate, Redacted, Schema } from "effect"
import * as EngineConfig from "effect-sql-engine/EngineConfig"
import type { Host, PgConfig, SslOptions } from "../PgConfig.js"

const { anything, count, duration, either, engineOptions, flag, given, list, oneOf, option, record, text } =
  EngineConfig

const isFunction = (u: unknown): u is (name: string) => string => Predicate.isFunction(u)

const isPassword = (u: unknown): u is unknown => Redacted.isRedacted(u) || Effect.isEffect(u)

const hasTypeParser = (u: unknown): u is object => Predicate.hasProperty(u, "getTypeParser")

const sslModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const

const secret = { absent: "", description: "", secret: true }

const tlsVersion = oneOf(["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"])

const ssl: EngineConfig.Described<SslOptions> = {
  mode: oneOf(sslModes),
  ca: text(),
  crl: text(),
  cert: text(),
  key: either([text(secret), given(Redacted.isRedacted, "a Redacted text", secret)], secret),
  passphrase: given(Redacted.isRedacted, "a Redacted text", secret),
  sni: flag(),
  minVersion: tlsVersion,
  maxVersion: tlsVersion
}

const host: EngineConfig.Described<Host> = {
  host: given(Predicate.isString, "a string"),
  hostaddr: given(Predicate.isString, "a string"),
  port: given(Predicate.isNumber, "a number")
}

const driver = {
  username: text({ absent: "the operating system's user", description: "Who connects." }),
  password: given(isPassword, "a Redacted text, or an effect that gives one", {
    absent: "none",
    secret: true,
    description: "An effect is run for each new connection: a token that expires can be renewed there."
  }),
  database: text({ absent: "the user's name", description: "The database." }),
  ssl: either([oneOf(sslModes), record(ssl, undefined, { expected: "an object with `mode`", required: ["mode"] })], {
    absent: "`prefer`",
    description: "How much TLS is wanted, as libpq's `sslmode` means it; with certificates, an object."
  }),
  channelBinding: oneOf(["disable", "prefer", "require"], {
    absent: "`disable`",
    description: "Ties the password exchange to the TLS connection; `require` fails without it."
  }),
  applicationName: text({ absent: "`effect-sql-engine`", description: "Shown in `pg_stat_activity`." }),
  options: text({ absent: "none", description: "Command line options for the server, such as `-c geqo=off`." }),
  searchPath: option(
    Schema.Union(Schema.NonEmptyString, Schema.Array(Schema.NonEmptyString)),
    "a text in PostgreSQL's syntax, or a list of names",
    { absent: "as the server says", description: "Where unqualified names are looked up." }
  ),
  statementTimeout: duration({
    absent: "as the server says",
    zero: true,
    description: "The server stops a statement that runs longer."
  }),
  lockTimeout: duration({
    absent: "as the server says",
    zero: true,
    description: "The server refuses a statement that waits longer for a lock."
  }),
  idleInTransactionTimeout: duration({
    absent: "as the server says",
    zero: true,
    description: "The server ends a connection whose transaction stands idle for longer."
  }),
  settings: option(Schema.Record({ key: Schema.String, value: Schema.String }), "an object of texts", {
    absent: "none",
    description: "Any other settings of the server session; they come back after every reset."
  }),
  connectTimeout: duration({
    absent: "10 seconds",
    zero: true,
    description: "The longest a connection attempt to one host may take; zero: no limit but the pool's."
  }),
  targetSessionAttrs: oneOf(["any", "read-write", "read-only", "primary", "standby", "prefer-standby"], {
    absent: "`any`",
    description: "Which of several servers will do."
  }),
  loadBalanceHosts: oneOf(["disable", "random"], {
    absent: "`disable`",
    description: "`random`: try the hosts in a random order, for each connection another."
  }),
  keepAlive: flag({ absent: "`true`", description: "Whether the operating system probes an idle connection." }),
  keepAliveIdle: duration({
    absent: "as the operating system says",
    description: "How long a connection is idle before the first probe."
  }),
  prepare: flag({ absent: "`true`", description: "Whether statements are prepared on the server." }),
  preparedStatements: count(0, { absent: "100", description: "Prepared statements kept by each connection." }),
  pgbouncer: flag({
    absent: "`false`",
    description: "Whether PgBouncer in transaction mode stands between: nothing is prepared, and options it cannot " +
      "carry through are refused."
  }),
  fetchSize: count(1, { absent: "256", description: "Rows fetched at a time by a stream." }),
  trackTransactionId: flag({
    absent: "`false`",
    description: "Whether the outcome of a COMMIT whose answer was lost is looked up by the transaction's id."
  }),
  types: given(hasTypeParser, "an object with `getTypeParser`", {
    absent: "node-postgres's own",
    description: "Parsers for types of the server."
  }),
  transformQueryNames: given(isFunction, "a function from name to name", {
    absent: "none",
    description: "Applied to the names in a query, as in `@effect/sql`."
  }),
  transformResultNames: given(isFunction, "a function from name to name", {
    absent: "none",
    description: "Applied to the names in a result."
  }),
  transformJson: flag({ absent: "`true`", description: "Whether the names inside of JSON values are transformed too." })
}

/** What can be told besides where the server is. */
export const options = { ...engineOptions, ...driver }

const hosts = list(record(host), { absent: "one, `localhost`", description: "Several servers, tried in order." })

/** What the driver by itself can be told. */
export const driverOptions: EngineConfig.Described<PgConfig> = { ...driver, hosts, unsupported: anything }

/** The options that say where the server is. */
export const address = {
  url: given((u): u is unknown => u !== undefined, "an address", {
    absent: "none",
    description: "The server as a URL or key=value string, as libpq reads them."
  }),
  host: text({ absent: "`localhost`", description: "Where the server is, when there is one." }),
  port: count(1, { absent: "5432", description: "Its port." }),
  hosts
}
