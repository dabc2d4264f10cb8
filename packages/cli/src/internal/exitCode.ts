/**
 * What the exit codes mean, and which failure ends with which.
 *
 * | code | |
 * | --- | --- |
 * | 0 | done |
 * | 1 | failed |
 * | 2 | the command line or the configuration is wrong |
 * | 3 | migrations are pending |
 * | 4 | the database and the migrations disagree: somebody has to look |
 * | 5 | no connection: nobody answers, nobody is let in, or the database is missing |
 * | 6 | somebody else has the lock |
 * | 130 | interrupted |
 */

/**
 * The exit codes of the command, by what they mean.
 *
 * @since 0.1.0
 * @category models
 */
export const ExitCode = {
  done: 0,
  failure: 1,
  usage: 2,
  pending: 3,
  drift: 4,
  noConnection: 5,
  locked: 6,
  interrupted: 130
} as const

/**
 * An exit code of the command.
 *
 * @since 0.1.0
 * @category models
 */
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

const codes: Readonly<Record<string, ExitCode>> = {
  UsageError: ExitCode.usage,
  EngineUrlError: ExitCode.usage,
  EngineConfigError: ExitCode.usage,
  UnsupportedBackend: ExitCode.usage,
  MigrationUnknown: ExitCode.usage,
  MigrationPending: ExitCode.pending,
  MigrationDrift: ExitCode.drift,
  MigrationMissing: ExitCode.drift,
  MigrationOutOfOrder: ExitCode.drift,
  MigrationInterrupted: ExitCode.drift,
  SchemaMismatch: ExitCode.drift,
  ConnectionError: ExitCode.noConnection,
  AuthenticationError: ExitCode.noConnection,
  ServerShutdown: ExitCode.noConnection,
  TooManyConnections: ExitCode.noConnection,
  PoolTimeout: ExitCode.noConnection,
  PoolOverloaded: ExitCode.noConnection,
  DatabaseMissing: ExitCode.noConnection,
  MutexTimeout: ExitCode.locked,
  LockTimeoutError: ExitCode.locked
}

/** The exit code of a failure. A missing database is known by its code, whatever statement found it. */
export const exitCodeOf = (failure: { readonly _tag: string; readonly code?: unknown }): ExitCode =>
  failure.code === "3D000" ? ExitCode.noConnection : codes[failure._tag] ?? ExitCode.failure
