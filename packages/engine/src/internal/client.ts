/**
 * The `SqlClient` of an engine: ordinary `@effect/sql`, whose statements find the session their fiber is in, and borrow a
 * connection for themselves when there is none.
 */
import type { Reactivity } from "@effect/experimental/Reactivity"
import type { SqlClient } from "@effect/sql/SqlClient"
import { TypeId } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import * as SqlStatement from "@effect/sql/Statement"
import { Cause, Chunk, Effect, Exit, Option, Stream } from "effect"
import type { Fiber, Scope } from "effect"
import type { Statement } from "../Driver.js"
import type { Pool, Request } from "../Pool.js"
import type { SqlFailure } from "../SqlFailure.js"
import { toSqlError } from "../SqlFailure.js"
import { end } from "./session/end.js"
import { transaction } from "./session/run.js"
import { alone, inSession } from "./session/stream.js"
import { fromDefect, operate } from "./session/turn.js"
import type { Host } from "./session/unit.js"
import { current, nearest, SessionRef, Unit } from "./session/unit.js"

type Unsent = Omit<Statement, "prelude" | "onSend">
type Transform = (<A extends object>(rows: ReadonlyArray<A>) => ReadonlyArray<A>) | undefined

/** Runs a statement on the connection of a session. */
const executeIn = (ref: SessionRef, statement: Unsent): Effect.Effect<ReadonlyArray<any>, SqlFailure> =>
  operate<ReadonlyArray<any>, SqlFailure>(
    ref,
    statement.sql,
    (connection, prelude, onSend) => connection.execute({ ...statement, prelude, onSend }),
    (failure) => failure,
    (failure) => failure
  )

const nothing: ReadonlyArray<never> = []

/** Runs a statement on a connection borrowed for it. */
const executeAlone = (host: Host, statement: Unsent): Effect.Effect<ReadonlyArray<any>, SqlFailure> =>
  Effect.uninterruptibleMask((restore) => {
    const pool = poolFor(host, statement.sql)
    const request: Request = { session: undefined, statement: statement.sql, holds: nothing, lease: undefined }
    const send = () =>
      Effect.matchCauseEffect(
        restore(Effect.suspend(() => request.lease!.connection.execute({ ...statement, prelude: nothing }))),
        {
          onFailure: (cause) => {
            const error = Cause.failureOption(cause)
            const defect = Cause.dieOption(cause)
            const failure = Option.isSome(error)
              ? error.value
              : Option.isSome(defect)
              ? fromDefect(host.name, defect.value)
              : undefined
            pool.release(request, failure)
            return failure === undefined ? Effect.failCause(cause) : Effect.fail(failure)
          },
          onSuccess: (rows) => {
            pool.release(request)
            return Effect.succeed(rows)
          }
        }
      )
    if (pool.tryAcquire(request)) return send()
    return Effect.matchCauseEffect(restore(pool.acquire(request)), {
      onFailure: (cause) => {
        pool.release(request)
        return Effect.failCause(cause)
      },
      onSuccess: send
    })
  })

/** A lone statement that surely only reads need not queue behind writers. */
const poolFor = (host: Host, sql: string): Pool =>
  host.read !== undefined && host.driver.isRead?.(sql) === true ? host.read : host.write

/** The connection the statements of a client run on: the session's where there is one. `bound`: always this session's. */
class EngineConnection implements Connection {
  constructor(private readonly host: Host, private readonly bound: SessionRef | undefined) {}

  private refOf(fiber: Fiber.RuntimeFiber<any, any>): SessionRef | undefined {
    return this.bound === undefined ? current(this.host, fiber) : nearest(this.bound, fiber.currentContext.unsafeMap)
  }

  private run(statement: Unsent, transform: Transform): Effect.Effect<ReadonlyArray<any>, SqlError> {
    return Effect.withFiberRuntime((fiber) => {
      const ref = this.refOf(fiber)
      const rows = Effect.mapError(
        ref === undefined ? executeAlone(this.host, statement) : executeIn(ref, statement),
        toSqlError
      )
      return transform === undefined ? rows : Effect.map(rows, transform)
    })
  }

  execute(sql: string, params: ReadonlyArray<unknown>, transform: Transform) {
    return this.run({ sql, params, shape: "rows", prepare: true }, transform)
  }

  executeUnprepared(sql: string, params: ReadonlyArray<unknown>, transform: Transform) {
    return this.run({ sql, params, shape: "rows", prepare: false }, transform)
  }

  executeValues(sql: string, params: ReadonlyArray<unknown>) {
    return this.run({ sql, params, shape: "values", prepare: true }, undefined)
  }

  executeRaw(sql: string, params: ReadonlyArray<unknown>): Effect.Effect<unknown, SqlError> {
    // The client's own result object is the only row.
    return Effect.map(this.run({ sql, params, shape: "raw", prepare: true }, undefined), (rows) => rows[0])
  }

  executeStream(sql: string, params: ReadonlyArray<unknown>, transform: Transform): Stream.Stream<any, SqlError> {
    const statement: Unsent = { sql, params, shape: "rows", prepare: true }
    const rows = Stream.mapError(
      Stream.unwrap(Effect.withFiberRuntime<Stream.Stream<any, SqlFailure>>((fiber) => {
        const ref = this.refOf(fiber)
        return Effect.succeed(ref === undefined ? alone(poolFor(this.host, sql), statement) : inSession(ref, statement))
      })),
      toSqlError
    )
    return transform === undefined
      ? rows
      : Stream.mapChunks(rows, (chunk) => Chunk.unsafeFromArray(transform([...chunk])))
  }
}

/**
 * A connection for the life of a scope: inside a session the session's own; else one lent without a transaction, that
 * goes back as new.
 */
const reserve = (host: Host): Effect.Effect<Connection, SqlError, Scope.Scope> =>
  Effect.withFiberRuntime((fiber) => {
    const around = current(host, fiber)
    if (around !== undefined) return Effect.succeed(new EngineConnection(host, around))
    return Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => {
          const unit = new Unit(host, { name: "reserved", reserved: true }, undefined)
          return new SessionRef(unit, unit.state.root, undefined)
        }),
        (ref) => Effect.ignore(end(ref, Exit.void, (effect) => effect, toSqlError))
      ),
      (ref) => new EngineConnection(host, ref)
    )
  })

/** Makes the client of an engine. */
export const makeClient = (host: Host, reactivity: Reactivity.Service): SqlClient => {
  const acquirer: Connection.Acquirer = Effect.succeed(new EngineConnection(host, undefined))
  const { compiler, transformRows } = host.driver
  const spanAttributes = Object.entries(host.driver.attributes)
  const build = (statement: SqlStatement.Constructor, withoutTransforms?: () => SqlClient): SqlClient => {
    const client: any = Object.assign(statement, {
      [TypeId]: TypeId,
      withTransaction: <R, E, A>(body: Effect.Effect<A, E, R>) => transaction(host, undefined, body, {}, toSqlError),
      reserve: reserve(host),
      withoutTransforms: withoutTransforms ?? (() => client),
      reactive: reactivity.stream,
      reactiveMailbox: reactivity.query
    })
    client.safe = client
    return client
  }
  const client = SqlStatement.make(acquirer, compiler, spanAttributes, transformRows)
  if (transformRows === undefined) return build(client)
  // The base library keeps its statement constructors by acquirer, so each client has one of its own.
  const plainAcquirer = Effect.map(acquirer, (connection) => connection)
  const plain = build(SqlStatement.make(plainAcquirer, compiler.withoutTransform, spanAttributes, undefined))
  return build(client, () => plain)
}
