/**
 * Connections of the driver for tests: opened on a database of the test's own, closed with its scope.
 */
import { Effect, Redacted } from "effect"
import type { PgConfig } from "effect-sql-engine-pg/PgConfig"
import * as PgDriver from "effect-sql-engine-pg/PgDriver"
import type { ConnectContext, Statement } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { database, type TestDatabase } from "../../../../test/support/postgres.js"

export { admin, database, ownServer, type TestDatabase } from "../../../../test/support/postgres.js"

/** A context that remembers what it was told. */
export const recorder = () => {
  const lost: Array<SqlFailure> = []
  const gone: Array<SqlFailure> = []
  const context: ConnectContext = {
    engine: "test",
    onLost: (failure) => lost.push(failure),
    onServerGone: (failure) => gone.push(failure)
  }
  return { lost, gone, context }
}

/** The options for a database, without TLS so that nothing is tried twice. */
export const configFor = (at: TestDatabase, config: PgConfig = {}): PgConfig => ({
  hosts: [{ host: at.host, port: at.port }],
  username: at.username,
  ...(at.password === undefined ? {} : { password: Redacted.make(at.password) }),
  database: at.database,
  ssl: "disable",
  ...config
})

/** A connection to a given database. */
export const connectTo = (at: TestDatabase, config: PgConfig = {}, context = recorder().context) =>
  Effect.gen(function*() {
    const driver = yield* PgDriver.make(configFor(at, config))
    return yield* Effect.acquireRelease(driver.connect(context), (connection) => connection.close)
  })

/** A connection to a fresh database. */
export const connection = (config: PgConfig = {}) => Effect.flatMap(database, (at) => connectTo(at, config))

/** A statement with the usual settings. */
export const statement = (
  sql: string,
  params: ReadonlyArray<unknown> = [],
  options: Partial<Statement> = {}
): Statement => ({
  sql,
  params,
  shape: "rows",
  prepare: true,
  prelude: [],
  ...options
})

/** Runs a statement. */
export const run = (
  connection: PgDriver.PgConnection,
  sql: string,
  params: ReadonlyArray<unknown> = [],
  options: Partial<Statement> = {}
) => connection.execute(statement(sql, params, options))
