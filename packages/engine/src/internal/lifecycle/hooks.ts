/**
 * What an application does with each connection: set it up when it is new, and again whenever it was made as new; look
 * at it each time it is lent. And the refusal to do anything in a foreign process.
 *
 * Without hooks nothing of this stands on the hot path: lending a ready connection is the pool's own plain code.
 */
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import * as SqlStatement from "@effect/sql/Statement"
import { Cause, Duration, Effect, Option, Stream } from "effect"
import type { ConnectContext, Driver, DriverConnection, Lane } from "../../Driver.js"
import type { Pool, Request } from "../../Pool.js"
import { EngineConfigError, fromSqlError, isSqlError, toSqlError } from "../../SqlFailure.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { unsent } from "../failure/unsent.js"
import { giveBackDead, wasDead } from "../session/deadConnection.js"
import type { Guard } from "./identity.js"

/**
 * A connection in the hands of a hook: outside of any session, for as long as the hook runs.
 *
 * @since 0.1.0
 * @category hooks
 */
export interface HookConnection {
  /** What the database calls it. */
  readonly id: string
  /** `read` where the database has connections of their own for reading, and this is one. */
  readonly lane: "write" | "read"
  /** Statements on this very connection. */
  readonly sql: SqlStatement.Constructor
}

/**
 * What is done with a connection before its borrower sees it.
 *
 * @since 0.1.0
 * @category hooks
 */
export type ConnectionHook = (connection: HookConnection) => Effect.Effect<unknown, SqlError | SqlFailure>

/** The longest a connection that could not be set up may take to close, before it is given up. */
const closeLimit = Duration.seconds(5)

/** A driver's connection as `@effect/sql` speaks to one. */
const speaking = (connection: DriverConnection): Connection => {
  const run = (sql: string, params: ReadonlyArray<unknown>, shape: "rows" | "values" | "raw") =>
    Effect.mapError(
      Effect.suspend(() => connection.execute({ sql, params, shape, prepare: false, prelude: [] })),
      toSqlError
    )
  return {
    execute: (sql, params, transform) =>
      Effect.map(run(sql, params, "rows"), (rows) => transform === undefined ? rows : transform(rows)),
    executeUnprepared: (sql, params, transform) =>
      Effect.map(run(sql, params, "rows"), (rows) => transform === undefined ? rows : transform(rows)),
    executeValues: (sql, params) => run(sql, params, "values"),
    executeRaw: (sql, params) => Effect.map(run(sql, params, "raw"), (rows) => rows[0]),
    executeStream: (sql, params) =>
      Stream.mapError(
        Stream.suspend(() => connection.stream({ sql, params, shape: "rows", prepare: false, prelude: [] })),
        toSqlError
      )
  }
}

/** Runs a hook on a connection. */
const runOn = (
  hook: ConnectionHook,
  connection: DriverConnection,
  lane: "write" | "read",
  driver: Driver
): Effect.Effect<void, SqlFailure> =>
  Effect.suspend(() => {
    const sql = SqlStatement.make(
      Effect.succeed(speaking(connection)),
      driver.compiler,
      Object.entries(driver.attributes),
      driver.transformRows
    )
    return Effect.matchEffect(hook({ id: connection.id, lane, sql }), {
      // Nothing of the borrower's work was sent, whatever became of the hook's.
      onFailure: (error) => Effect.fail(unsent(isSqlError(error) ? fromSqlError(error) : error)),
      onSuccess: () => Effect.void
    })
  })

const closeInTime = (engine: string, connection: DriverConnection): Effect.Effect<void> =>
  Effect.suspend(() => connection.close).pipe(
    Effect.disconnect,
    Effect.timeout(closeLimit),
    Effect.catchAllCause((cause) =>
      Effect.logWarning(
        `Gave up closing connection ${connection.id} of engine "${engine}", which was not set up.`,
        cause
      )
    )
  )

/** The connection behind one that was set up here. */
const inner = new WeakMap<DriverConnection, DriverConnection>()

/** A connection that is set up again after it was made as new. */
const keptUp = (connection: DriverConnection, setUp: Effect.Effect<void, SqlFailure>): DriverConnection => {
  const outer: DriverConnection = {
    get id() {
      return connection.id
    },
    execute: (statement) => connection.execute(statement),
    pipeline: connection.pipeline === undefined ? undefined : (statements) => connection.pipeline!(statements),
    batch: connection.batch === undefined
      ? undefined
      : (statements, commit, onCommitted) => connection.batch!(statements, commit, onCommitted),
    stream: (statement) => connection.stream(statement),
    control: (kind, sql) => connection.control(kind, sql),
    transaction: () => connection.transaction(),
    condition: () => connection.condition(),
    get settle() {
      return connection.settle
    },
    get reset() {
      return Effect.zipRight(connection.reset, setUp)
    },
    get ping() {
      return connection.ping
    },
    get close() {
      return connection.close
    }
  }
  inner.set(outer, connection)
  return outer
}

const preparedLane = (
  lane: Lane,
  name: "write" | "read",
  driver: Driver,
  guard: Guard,
  hook?: ConnectionHook
): Lane => {
  const connect = (context: ConnectContext): Effect.Effect<DriverConnection, SqlFailure> => {
    if (hook === undefined) return lane.connect(context)
    const ready = (connection: DriverConnection) =>
      Effect.zipRight(
        Effect.catchAllDefect(runOn(hook, connection, name, driver), (defect) =>
          Effect.fail(refused(context.engine, `died with ${defect instanceof Error ? defect.name : typeof defect}`))),
        Effect.suspend(() => {
          // What the hook has set belongs to the connection from now on, and is no borrower's leftover.
          connection.adopt?.()
          const condition = connection.condition()
          return condition === "clean" ? Effect.void : Effect.fail(refused(context.engine, leftover(condition)))
        })
      )
    // Nobody else knows of the connection yet: however the hook ends, it is handed on or closed.
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        restore(lane.connect(context)),
        (connection) =>
          Effect.as(restore(ready(connection)), keptUp(connection, ready(connection))).pipe(
            Effect.onError(() => closeInTime(context.engine, connection))
          )
      )
    )
  }
  return {
    ...lane,
    connect: (context) => {
      const foreign = guard()
      return foreign === undefined ? connect(context) : Effect.fail(foreign)
    }
  }
}

const leftover = (condition: string): string =>
  condition === "dirty"
    ? "left the connection with something on it that the driver cannot keep: a transaction that is still open, perhaps"
    : `left the connection ${condition}`

const refused = (engine: string, problem: string): EngineConfigError =>
  new EngineConfigError({
    engine,
    message: `A new connection of engine "${engine}" was closed: \`onConnect\` ${problem}.`,
    problems: [{ field: "onConnect", problem }]
  })

/** The driver whose connections are set up by `onConnect`. */
export const prepared = (driver: Driver, guard: Guard, onConnect: ConnectionHook | undefined): Driver => ({
  ...driver,
  write: preparedLane(driver.write, "write", driver, guard, onConnect),
  read: driver.read && preparedLane(driver.read, "read", driver, guard, onConnect),
  resolveCommit: driver.resolveCommit &&
    ((connection, engine) => driver.resolveCommit!(inner.get(connection) ?? connection, engine))
})

/** The pool that lends nothing in a foreign process, and nothing that `onCheckout` has not seen. */
export const guarded = (
  pool: Pool,
  lane: "write" | "read",
  driver: Driver,
  guard: Guard,
  onCheckout: ConnectionHook | undefined
): Pool => {
  const acquire = (request: Request): Effect.Effect<void, SqlFailure> =>
    Effect.suspend(() => {
      const foreign = guard()
      return foreign === undefined ? pool.acquire(request) : Effect.fail(foreign)
    })
  if (onCheckout === undefined) return { ...pool, acquire }
  const checked = (request: Request): Effect.Effect<void, SqlFailure> =>
    Effect.flatMap(acquire(request), () => {
      const lease = request.lease!
      return Effect.catchAll(
        Effect.onError(
          Effect.suspend(() => runOn(onCheckout, lease.connection, lane, driver)),
          (cause) =>
            Effect.sync(() => {
              const failure = Option.getOrUndefined(Cause.failureOption(cause))
              if (failure !== undefined && wasDead(lease, failure)) giveBackDead(pool, request, failure)
              else pool.release(request, failure)
            })
        ),
        (failure) => wasDead(lease, failure) ? checked(request) : Effect.fail(failure)
      )
    })
  return {
    ...pool,
    tryAcquire: (request) => request.lease !== undefined,
    acquire: checked
  }
}
