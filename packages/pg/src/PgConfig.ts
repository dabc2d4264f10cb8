/**
 * What the PostgreSQL driver is told: where the server is, who we are, how connections and statements behave.
 *
 * The words are libpq's where it has one. `docs/postgresql.md` explains them.
 *
 * @since 0.1.0
 */
import { Duration, type Effect, type Redacted } from "effect"
import type { PostgresUrl } from "effect-sql-engine/EngineUrl"
import type { CustomTypesConfig } from "pg"
import { unsupported } from "./internal/unsupported.js"

/**
 * How much TLS is wanted, as libpq means it. `disable`: none. `allow`: only when the server refuses us without.
 * `prefer`: when the server has it. `require`: always, the certificate is not checked (unless `ca` is given: then as
 * `verify-ca`). `verify-ca`: the certificate must come from a trusted authority. `verify-full`: and be the host's own.
 *
 * Source: https://www.postgresql.org/docs/18/libpq-ssl.html#LIBPQ-SSL-PROTECTION
 *
 * @since 0.1.0
 * @category models
 */
export type SslMode = "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full"

/**
 * TLS in detail. Certificates and keys are PEM text, or the path of a PEM file.
 *
 * @since 0.1.0
 * @category models
 */
export interface SslOptions {
  readonly mode: SslMode
  /** The trusted authorities. `system`, and absent: those that Node.js trusts. */
  readonly ca?: string | undefined
  /** Revoked certificates. */
  readonly crl?: string | undefined
  /** Our own certificate, for servers that ask for one. */
  readonly cert?: string | undefined
  readonly key?: string | Redacted.Redacted<string> | undefined
  readonly passphrase?: Redacted.Redacted<string> | undefined
  /** Whether the server is told the host's name in the clear. Default `true`. */
  readonly sni?: boolean | undefined
  readonly minVersion?: "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3" | undefined
  readonly maxVersion?: "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3" | undefined
}

/**
 * Where a server may be found.
 *
 * @since 0.1.0
 * @category models
 */
export interface Host {
  /** A name, an address, the folder of a Unix socket, or `@` with an abstract socket's name. Default `localhost`. */
  readonly host?: string | undefined
  /** An IP address that spares the look-up of `host`. */
  readonly hostaddr?: string | undefined
  /** Default 5432. */
  readonly port?: number | undefined
}

/**
 * Which of several servers will do.
 *
 * Source: https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNECT-TARGET-SESSION-ATTRS
 *
 * @since 0.1.0
 * @category models
 */
export type TargetSessionAttrs = "any" | "read-write" | "read-only" | "primary" | "standby" | "prefer-standby"

/**
 * The options of the driver.
 *
 * @since 0.1.0
 * @category models
 */
export interface PgConfig {
  /** Tried in order. Default: one host, `localhost`. */
  readonly hosts?: ReadonlyArray<Host> | undefined
  /** Default: the operating system's user. */
  readonly username?: string | undefined
  /** An effect is run for each new connection: a token that expires can be renewed there. Its failure is not shown. */
  readonly password?: Redacted.Redacted<string> | Effect.Effect<Redacted.Redacted<string>, unknown> | undefined
  /** Default: the user's name. */
  readonly database?: string | undefined
  /** Default `prefer`, as libpq. Unix sockets never use TLS. */
  readonly ssl?: SslMode | SslOptions | undefined
  /** Ties the password exchange to the TLS connection. Default `disable`; `require` fails without it. */
  readonly channelBinding?: "disable" | "prefer" | "require" | undefined
  /** Shown in `pg_stat_activity`. Default `effect-sql-engine`. */
  readonly applicationName?: string | undefined
  /** Command line options for the server, such as `-c geqo=off`. */
  readonly options?: string | undefined
  /** Where unqualified names are looked up, as one list in PostgreSQL's syntax or as names to be quoted. */
  readonly searchPath?: string | ReadonlyArray<string> | undefined
  /** The server stops a statement that runs longer. Default: as the server says. */
  readonly statementTimeout?: Duration.DurationInput | undefined
  /** The server refuses a statement that waits longer for a lock. */
  readonly lockTimeout?: Duration.DurationInput | undefined
  /** The server ends a connection whose transaction stands idle for longer. */
  readonly idleInTransactionTimeout?: Duration.DurationInput | undefined
  /** Any other settings of the server session, by PostgreSQL's names. They come back after every reset. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** The longest a connection attempt to one host may take. Default 10 seconds; zero: no limit but the caller's. */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /** Default `any`. */
  readonly targetSessionAttrs?: TargetSessionAttrs | undefined
  /** `random`: try the hosts in a random order, for each connection another. Default `disable`. */
  readonly loadBalanceHosts?: "disable" | "random" | undefined
  /** Whether the operating system probes an idle connection. Default `true`. */
  readonly keepAlive?: boolean | undefined
  /** How long a connection is idle before the first probe. Default: as the operating system says. */
  readonly keepAliveIdle?: Duration.DurationInput | undefined
  /** Whether statements are prepared on the server. Default `true`; `false` behind PgBouncer. */
  readonly prepare?: boolean | undefined
  /** Prepared statements kept by each connection, least recently used first out. Default 100. */
  readonly preparedStatements?: number | undefined
  /**
   * Whether PgBouncer in transaction mode stands between: nothing is prepared; options it cannot carry through (timeouts,
   * `searchPath`, `settings`, `options`) are refused, and so are statements that outlive their transaction (SET, LISTEN,
   * PREPARE, session locks, temporary tables), before they are sent.
   */
  readonly pgbouncer?: boolean | undefined
  /** Rows fetched at a time by a stream. A stream holds at most two such batches. Default 256. */
  readonly fetchSize?: number | undefined
  /**
   * Whether each transaction's id is remembered once it has one, so that the outcome of a lost COMMIT can be looked up.
   * It is asked for behind the transaction's statements, in the same round trips. Default `false`.
   */
  readonly trackTransactionId?: boolean | undefined
  /** Parsers for types of the server. Default: node-postgres's own, where `int8` and `numeric` are strings. */
  readonly types?: CustomTypesConfig | undefined
  /** Applied to the names in a query, as in `@effect/sql`. */
  readonly transformQueryNames?: ((name: string) => string) | undefined
  /** Applied to the names in a result. */
  readonly transformResultNames?: ((name: string) => string) | undefined
  /** Whether the names inside of JSON values are transformed too. Default `true`. */
  readonly transformJson?: boolean | undefined
  /** What an address asked for and the driver cannot do: {@link fromUrl} lists it, and the driver refuses it. */
  readonly unsupported?: ReadonlyArray<{ readonly field: string; readonly problem: string }> | undefined
}

const defined = <A extends object>(fields: A): { readonly [K in keyof A]: Exclude<A[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as any

/**
 * The options that an address stands for. What concerns the pool stays in the address's `parameters`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromUrl = (url: PostgresUrl): PgConfig => {
  const { parameters } = url
  const ssl: SslOptions = defined({
    mode: parameters.sslmode ?? (parameters.sslrootcert === "system" ? "verify-full" : "prefer"),
    ca: parameters.sslrootcert,
    crl: parameters.sslcrl,
    cert: parameters.sslcert,
    key: parameters.sslkey,
    passphrase: parameters.sslpassword,
    sni: parameters.sslsni === undefined ? undefined : parameters.sslsni === 1,
    minVersion: parameters.ssl_min_protocol_version,
    maxVersion: parameters.ssl_max_protocol_version
  })
  return defined({
    hosts: url.endpoints.map(({ host, hostaddr, port }) => ({ host, hostaddr, port })),
    username: url.user,
    password: url.password,
    database: url.database,
    ssl,
    channelBinding: parameters.channel_binding,
    applicationName: parameters.application_name ?? parameters.fallback_application_name,
    options: parameters.options,
    searchPath: parameters.search_path,
    statementTimeout: parameters.statement_timeout,
    lockTimeout: parameters.lock_timeout,
    idleInTransactionTimeout: parameters.idle_in_transaction_session_timeout,
    settings: settingsOf(parameters),
    connectTimeout: parameters.connect_timeout,
    targetSessionAttrs: parameters.target_session_attrs,
    loadBalanceHosts: parameters.load_balance_hosts,
    keepAlive: parameters.keepalives === undefined ? undefined : parameters.keepalives !== 0,
    keepAliveIdle: parameters.keepalives_idle === undefined ? undefined : Duration.seconds(parameters.keepalives_idle),
    prepare: parameters.prepare,
    pgbouncer: parameters.pgbouncer,
    unsupported: unsupported(parameters)
  })
}

const settingsOf = (parameters: PostgresUrl["parameters"]): Readonly<Record<string, string>> | undefined => {
  const millis = defined({
    idle_session_timeout: parameters.idle_session_timeout,
    transaction_timeout: parameters.transaction_timeout
  })
  const entries = Object.entries(millis).map(([name, value]) => [name, `${Duration.toMillis(value)}ms`] as const)
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}
