/**
 * What the tests of the driver share: a folder that goes away, a driver on a file in it, short forms of a statement.
 */
import { Effect, Exit, type Scope, Stream } from "effect"
import { SqliteDriver } from "effect-sql-engine-sqlite"
import type { ConnectContext, Driver, DriverConnection, Statement } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A folder that is removed with the scope. */
export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "sqlite-driver-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** A path for a database file of its own. */
export const file: Effect.Effect<string, never, Scope.Scope> = Effect.map(folder, (path) => join(path, "app.db"))

/** The engine's side of a connection, with what it was told. */
export const listener = () => {
  const gone: Array<SqlFailure> = []
  const context: ConnectContext = {
    engine: "test",
    onLost: () => {},
    onServerGone: (failure) => void gone.push(failure)
  }
  return { context, gone }
}

/** A connection that is closed with the scope. */
export const connect = (
  driver: Driver,
  lane: "write" | "read" = "write"
): Effect.Effect<DriverConnection, SqlFailure, Scope.Scope> =>
  Effect.acquireRelease(driver[lane]!.connect(listener().context), (connection) => connection.close)

/** A driver on a new file, and its writing connection. */
export const writer = (options: Partial<SqliteDriver.SqliteConfig> = {}) =>
  Effect.gen(function*() {
    const filename = options.filename ?? (yield* file)
    const driver = yield* SqliteDriver.make({ ...options, filename })
    return { driver, filename, db: yield* connect(driver) }
  })

/** A statement with the usual settings. */
export const statement = (
  sql: string,
  params: ReadonlyArray<unknown> = [],
  more: Partial<Statement> = {}
): Statement => ({ sql, params, shape: "rows", prepare: true, prelude: [], ...more })

/** Runs a statement. */
export const run = (
  db: DriverConnection,
  sql: string,
  params: ReadonlyArray<unknown> = [],
  more: Partial<Statement> = {}
) => db.execute(statement(sql, params, more))

/** Runs statements one after the other. */
export const runAll = (db: DriverConnection, ...sqls: ReadonlyArray<string>) =>
  Effect.forEach(sqls, (sql) => run(db, sql), { discard: true })

/** The first column of the first row. */
export const value = (db: DriverConnection, sql: string, params: ReadonlyArray<unknown> = []) =>
  Effect.map(run(db, sql, params, { shape: "values" }), (rows) => rows[0]?.[0] as unknown)

/** All rows of a stream. */
export const drain = (db: DriverConnection, sql: string, more: Partial<Statement> = {}) =>
  Stream.runCollect(db.stream(statement(sql, [], more))).pipe(Effect.map((rows) => [...rows]))

/** The typed failure an effect ends with; anything else is a failed test. */
export const failure = <A, R>(effect: Effect.Effect<A, SqlFailure, R>): Effect.Effect<SqlFailure, never, R> =>
  Effect.flatMap(Effect.exit(effect), (exit) =>
    Exit.isFailure(exit) && exit.cause._tag === "Fail"
      ? Effect.succeed(exit.cause.error)
      : Effect.dieMessage(`expected a typed failure, got ${String(exit)}`))
