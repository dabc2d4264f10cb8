/**
 * The `SqlClient` of an engine: ordinary `@effect/sql`, whose statements find the session their fiber is in, and borrow a
 * connection for themselves when there is none.
 */
import type { Reactivity } from "@effect/experimental/Reactivity"
import type { SqlClient } from "@effect/sql/SqlClient"
import { TypeId } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import type * as SqlStatement from "@effect/sql/Statement"
import { Cause, Chunk, Effect, Exit, Option, Stream } from "effect"
import type { Fiber, Scope } from "effect"
import type { TransactionStatus } from "../Driver.js"
import type { Lease, Pool, Priority, Request } from "../Pool.js"
import type { SqlFailure } from "../SqlFailure.js"
import { toSqlError } from "../SqlFailure.js"
import { call } from "./callback.js"
import { Ends } from "./effects.js"
import { giveBackDead, wasDead } from "./session/deadConnection.js"
import { end } from "./session/end.js"
import { asSqlErrors, typed } from "./session/exchange.js"
import type { Terms } from "./session/exchange.js"
import { operate } from "./session/operate.js"
import { priorityIn } from "./session/priority.js"
import { transaction } from "./session/run.js"
import { alone, inSession } from "./session/stream.js"
import { fromDefect } from "./session/trust.js"
import type { Host } from "./session/unit.js"
import { current, nearest, SessionRef, Unit } from "./session/unit.js"
import type { Site } from "./sight/site.js"
import { placed, siteOf } from "./sight/site.js"
import { watchedStream } from "./sight/stream.js"
import type { Watched } from "./sight/watch.js"
import { isWatched, start, within } from "./sight/watch.js"
import { makeConstructor, Sent, Unsent } from "./statement.js"
import type { Transform } from "./statement.js"

/** Runs a statement on the connection of a session. */
const executeIn = <E>(
  fiber: Fiber.RuntimeFiber<any, any>,
  ref: SessionRef,
  statement: Unsent,
  terms: Terms<SqlFailure, E>,
  watched?: Watched
): Effect.Effect<ReadonlyArray<any>, E> =>
  operate(
    fiber,
    ref,
    statement.sql,
    statement.info,
    (connection, prelude, onSend) =>
      connection.execute(
        new Sent(
          statement,
          prelude,
          watched === undefined ? onSend : watched.sending(connection, prelude, onSend)
        )
      ),
    terms
  )

const nothing: ReadonlyArray<never> = []

/** What asks for a connection for one statement. */
class LoneRequest implements Request {
  readonly session = undefined
  readonly holds = nothing
  lease: Lease | undefined = undefined
  askedAt: number | undefined = undefined
  priority: Priority | undefined = undefined
  stopWaiting: ((failure: SqlFailure) => void) | undefined = undefined

  constructor(readonly statement: string) {}
}

/** Runs a statement on a connection borrowed for it. */
const executeAlone = <E>(
  host: Host,
  statement: Unsent,
  { pass, raise }: Terms<SqlFailure, E>,
  fiber: Fiber.RuntimeFiber<any, any>,
  watched?: Watched
): Effect.Effect<ReadonlyArray<any>, E> =>
  Effect.uninterruptibleMask((restore) => {
    const pool = poolFor(host, statement.sql)
    const request = new LoneRequest(statement.sql)
    const send = (): Effect.Effect<ReadonlyArray<any>, E> =>
      call(
        () => {
          const { connection } = request.lease!
          const onSend = watched?.sending(connection, nothing)
          return connection.execute(new Sent(statement, nothing, onSend))
        },
        restore,
        new Ends<ReadonlyArray<any>, SqlFailure, ReadonlyArray<any>, E>(
          (cause) => {
            const error = Cause.failureOption(cause)
            const defect = Cause.dieOption(cause)
            const failure = Option.isSome(error)
              ? error.value
              : Option.isSome(defect)
              ? fromDefect(host.name, defect.value)
              : undefined
            if (failure !== undefined && wasDead(request.lease!, failure)) {
              giveBackDead(pool, request, failure)
              return take()
            }
            pool.release(request, failure)
            return failure === undefined ? Effect.failCause(Cause.map(cause, pass)) : Effect.fail(raise(failure))
          },
          (rows) => {
            pool.release(request)
            return Effect.succeed(rows)
          }
        )
      )
    const take = (): Effect.Effect<ReadonlyArray<any>, E> => {
      if (pool.tryAcquire(request)) return send()
      request.priority = priorityIn(fiber)
      return call(
        () => pool.acquire(request),
        restore,
        new Ends<void, SqlFailure, ReadonlyArray<any>, E>((cause) => {
          pool.release(request)
          return Effect.failCause(Cause.map(cause, pass))
        }, send)
      )
    }
    return take()
  })

/** Runs a statement for whoever watches. */
const executeWatched = (
  host: Host,
  ref: SessionRef | undefined,
  statement: Unsent,
  fiber: Fiber.RuntimeFiber<any, any>
): Effect.Effect<ReadonlyArray<any>, SqlFailure> => {
  const watched = start(host, { ...statement, session: ref?.unit.session }, fiber)
  const rows = ref === undefined
    ? executeAlone(host, statement, typed, fiber, watched)
    : executeIn(fiber, ref, statement, typed, watched)
  return within(
    watched,
    fiber,
    Effect.onExit(rows, (exit) => {
      if (Exit.isSuccess(exit) && statement.shape !== "raw") watched.rows = exit.value.length
      return watched.ended(exit)
    })
  )
}

/** A lone statement that surely only reads need not queue behind writers. */
const poolFor = (host: Host, sql: string): Pool =>
  host.read !== undefined && host.driver.isRead?.(sql) === true ? host.read : host.write

/** The connection the statements of a client run on: the session's where there is one. `bound`: always this session's. */
export class EngineConnection implements Connection {
  constructor(readonly host: Host, private readonly bound: SessionRef | undefined) {}

  /** The transaction that a reserved connection is in. */
  transaction(): TransactionStatus {
    return this.bound?.unit.lease?.connection.transaction() ?? "none"
  }

  private refOf(fiber: Fiber.RuntimeFiber<any, any>): SessionRef | undefined {
    return this.bound === undefined ? current(this.host, fiber) : nearest(this.bound, fiber.currentContext.unsafeMap)
  }

  private query(sql: string, params: ReadonlyArray<unknown>, shape: Unsent["shape"], prepare: boolean): Unsent {
    return new Unsent(sql, params, shape, prepare, this.host.infos.of(sql))
  }

  private run(statement: Unsent, transform: Transform): Effect.Effect<ReadonlyArray<any>, SqlError> {
    return Effect.withFiberRuntime((fiber) => this.runIn(fiber, statement, transform))
  }

  /** Runs a statement in a fiber that is known. */
  runIn(
    fiber: Fiber.RuntimeFiber<any, any>,
    statement: Unsent,
    transform: Transform
  ): Effect.Effect<ReadonlyArray<any>, SqlError> {
    const ref = this.refOf(fiber)
    const rows = isWatched(this.host, fiber)
      ? Effect.mapError(executeWatched(this.host, ref, statement, fiber), toSqlError)
      : ref === undefined
      ? executeAlone(this.host, statement, asSqlErrors, fiber)
      : executeIn(fiber, ref, statement, asSqlErrors)
    return transform === undefined ? rows : Effect.map(rows, transform)
  }

  execute(sql: string, params: ReadonlyArray<unknown>, transform: Transform) {
    return this.run(this.query(sql, params, "rows", true), transform)
  }

  executeUnprepared(sql: string, params: ReadonlyArray<unknown>, transform: Transform) {
    return this.run(this.query(sql, params, "rows", false), transform)
  }

  executeValues(sql: string, params: ReadonlyArray<unknown>) {
    return this.run(this.query(sql, params, "values", true), undefined)
  }

  executeRaw(sql: string, params: ReadonlyArray<unknown>): Effect.Effect<unknown, SqlError> {
    // The client's own result object is the only row.
    return Effect.map(this.run(this.query(sql, params, "raw", true), undefined), (rows) => rows[0])
  }

  executeStream(
    sql: string,
    params: ReadonlyArray<unknown>,
    transform: Transform,
    site?: Site
  ): Stream.Stream<any, SqlError> {
    const statement = this.query(sql, params, "rows", true)
    const rows = Stream.mapError(
      Stream.unwrap(Effect.withFiberRuntime<Stream.Stream<any, SqlFailure>>((fiber) => {
        const ref = this.refOf(fiber)
        const watched = isWatched(this.host, fiber)
          ? start(this.host, { ...statement, session: ref?.unit.session }, fiber)
          : undefined
        const read = ref === undefined
          ? alone(poolFor(this.host, sql), statement, priorityIn(fiber), watched, site)
          : inSession(ref, statement, watched)
        return Effect.succeed(watched === undefined ? read : watchedStream(watched, fiber, read))
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
const reserve = (host: Host, site: Site | undefined): Effect.Effect<Connection, SqlError, Scope.Scope> =>
  Effect.withFiberRuntime((fiber) => {
    const around = current(host, fiber)
    if (around !== undefined) return Effect.succeed(new EngineConnection(host, around))
    return Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => {
          const unit = new Unit(host, { name: "reserved", reserved: true, site }, undefined, priorityIn(fiber))
          return new SessionRef(unit, unit.state.root, undefined)
        }),
        (ref) => Effect.ignore(end(ref, Exit.void, (effect) => effect, toSqlError))
      ),
      (ref) => new EngineConnection(host, ref)
    )
  })

/** Failures as `@effect/sql` reports them, and those of the body as they are. */
const stock = { raise: toSqlError, pass: <E>(error: E) => error }

/** Makes the client of an engine. */
export const makeClient = (host: Host, reactivity: Reactivity.Service): SqlClient => {
  const connection = new EngineConnection(host, undefined)
  const { compiler, transformRows } = host.driver
  const withTransaction = <R, E, A>(body: Effect.Effect<A, E, R>) =>
    transaction(host, undefined, body, placed({}, withTransaction), stock)
  const build = (statement: SqlStatement.Constructor, withoutTransforms?: () => SqlClient): SqlClient => {
    const client: any = Object.assign(statement, {
      [TypeId]: TypeId,
      withTransaction,
      withoutTransforms: withoutTransforms ?? (() => client),
      reactive: reactivity.stream,
      reactiveMailbox: reactivity.query
    })
    Object.defineProperty(client, "reserve", {
      enumerable: true,
      get: function get() {
        return reserve(host, siteOf(get))
      }
    })
    client.safe = client
    return client
  }
  const client = makeConstructor(connection, compiler, transformRows)
  if (transformRows === undefined) return build(client)
  const plain = build(makeConstructor(connection, compiler.withoutTransform, undefined))
  return build(client, () => plain)
}
