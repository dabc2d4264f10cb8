/**
 * Rows as a stream, through a session or on a connection of their own.
 *
 * A stream in a session takes the turn for each batch only, so that the body can write while it reads. It belongs to the
 * scope it was opened in and is closed when that ends; whoever reads on gets `SessionClosed`.
 */
import type { Chunk } from "effect"
import { Effect, Exit, Option, Scope, Stream } from "effect"
import type { Pool, Priority, Request } from "../../Pool.js"
import type { SqlFailure } from "../../SqlFailure.js"
import type { Site } from "../sight/site.js"
import type { Watched } from "../sight/watch.js"
import type { Unsent } from "../statement.js"
import { giveBackDead, wasDead } from "./deadConnection.js"
import type { Terms } from "./exchange.js"
import { operate } from "./operate.js"
import { giveUp, lost } from "./trust.js"
import { awaitTurn } from "./turn.js"
import { nearest } from "./unit.js"
import type { OpenStream, SessionRef } from "./unit.js"

type Pull = Effect.Effect<Chunk.Chunk<any>, Option.Option<SqlFailure>>

/** A pull that ends has not failed. */
const pulled: Terms<Option.Option<SqlFailure>, Option.Option<SqlFailure>> = {
  failureOf: Option.getOrUndefined,
  pass: (error) => error,
  raise: Option.some
}

/** The rows of a statement, read through the session a fiber is in. */
export const inSession = (
  ref: SessionRef,
  statement: Unsent,
  watched?: Watched
): Stream.Stream<any, SqlFailure> =>
  Stream.fromPull(
    Effect.map(Effect.acquireRelease(Effect.sync(() => new Reading(ref, statement, watched)), finish), (reading) =>
      reading.pull)
  )

class Reading implements OpenStream {
  /** Where it was begun: with a savepoint that is rolled back, what was opened in it is gone. */
  scope: SessionRef["scope"]
  readonly pull: Pull
  /** Owns what the driver opened for the stream; made with the first batch, in the turn of the first batch. */
  private source: { readonly scope: Scope.CloseableScope; readonly pull: Pull } | undefined

  constructor(readonly ref: SessionRef, statement: Unsent, watched?: Watched) {
    this.scope = ref.scope
    this.pull = Effect.withFiberRuntime((fiber) => {
      if (this.source !== undefined && !this.isOpen) {
        return Effect.fail(Option.some(ref.unit.state.closed(this.scope.closedBy ?? "scope")))
      }
      const here = nearest(ref, fiber.currentContext.unsafeMap)
      return operate(
        fiber,
        here,
        statement.sql,
        statement.info,
        (connection, prelude, onSend) =>
          this.source === undefined
            ? this.open(
              here,
              connection.stream({
                ...statement,
                prelude,
                onSend: watched === undefined ? onSend : watched.sending(connection, prelude, onSend)
              })
            )
            : this.source.pull,
        pulled,
        this.source === undefined ? here.scope : this.scope
      )
    })
  }

  private open({ scope: begunIn, unit }: SessionRef, rows: Stream.Stream<any, SqlFailure>): Pull {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Scope.make(), (scope) =>
        Effect.flatMap(Scope.extend(Stream.toPull(rows), scope), (pull) => {
          this.source = { scope, pull }
          this.scope = begunIn
          unit.streams ??= new Set()
          unit.streams.add(this)
          return Effect.tapError(restore(pull), (error) => {
            // It is opened anew on another connection.
            const dead = !unit.used && Option.isSome(error) && wasDead(unit.lease!, error.value)
            return dead ? Effect.zipRight(this.close, Effect.sync(() => this.source = undefined)) : Effect.void
          })
        }))
    )
  }

  /** Closes the source; the caller holds the turn. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    const { source } = this
    const { unit } = this.ref
    if (source === undefined || unit.streams?.delete(this) !== true) return Effect.void
    const { deadlines, limits } = unit.host
    return Effect.map(deadlines.bounded(limits.release, () => Scope.close(source.scope, Exit.void)), (exit) => {
      if (exit === undefined) giveUp(unit, lost(unit))
    })
  })

  get isOpen(): boolean {
    return this.ref.unit.streams?.has(this) === true
  }
}

/** The reader is done: the source is closed in the session's turn, unless the session has closed it already. */
const finish = (reading: Reading): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (!reading.isOpen) return Effect.void
    const { ref: { unit }, scope } = reading
    const turn = unit.state.tryEnter(scope)
    // A scope inside of its own may be open for long, and be this fiber's. The end of its own closes it as well.
    if (turn === false && unit.state.tip !== scope) return Effect.void
    const entered = turn === true
      ? Effect.void
      : turn === false
      ? awaitTurn(unit, scope, false, unit.host.limits.release, (wait) => wait)
      : Effect.fail(turn)
    return Effect.matchEffect(entered, {
      // Closed or broken: the end of the scope closes what it finds open.
      onFailure: () => Effect.void,
      onSuccess: () => Effect.zipRight(reading.close, Effect.sync(() => unit.state.leave()))
    })
  })

/** The rows of a statement on a connection borrowed for the stream. */
export const alone = (
  pool: Pool,
  statement: Unsent,
  priority: Priority | undefined,
  watched?: Watched,
  site?: Site
): Stream.Stream<any, SqlFailure> =>
  Stream.unwrapScoped(Effect.uninterruptibleMask((restore) => {
    const request: Request = {
      session: undefined,
      statement: statement.sql,
      holds: [],
      priority,
      site,
      lease: undefined
    }
    let failed: SqlFailure | undefined
    let begun = false
    const read: Effect.Effect<Stream.Stream<any, SqlFailure>, SqlFailure> = Effect.map(
      restore(Effect.suspend(() => pool.acquire(request))),
      () => {
        const lease = request.lease!
        const rows = lease.connection.stream({
          ...statement,
          prelude: [],
          onSend: watched?.sending(lease.connection, [])
        })
        const noted = Stream.mapChunks(rows, (chunk) => {
          begun = true
          return chunk
        })
        return Stream.catchAll(noted, (failure) => {
          if (!begun && wasDead(lease, failure)) {
            giveBackDead(pool, request, failure)
            return Stream.unwrap(Effect.uninterruptible(read))
          }
          failed = failure
          return Stream.fail(failure)
        })
      }
    )
    return Effect.zipRight(Effect.addFinalizer(() => Effect.sync(() => pool.release(request, failed))), read)
  }))
