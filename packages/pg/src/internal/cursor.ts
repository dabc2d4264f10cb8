/**
 * Rows in batches: a portal of the extended protocol, read some rows at a time.
 *
 * The next batch is asked for while the reader works on the last one, so at most two are held; the reading ahead starts
 * with the second batch, so that whoever wants a few rows costs the server no more. A portal lives in a transaction:
 * where there is none, the stream opens one of its own and commits it at the end.
 *
 * Source: https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
 */
import { Chunk, Effect, Exit, Option, Stream } from "effect"
import type { Statement } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { settling } from "./catalogTypes.js"
import type { Channel } from "./channel.js"
import { collect, type Collected, type Columns } from "./collect.js"
import { control } from "./control.js"
import { type Exchange, type Outcome, PortalStep, type Step } from "./exchange.js"
import { outcomeFailure, unusable } from "./outcome.js"
import { bind, isBound } from "./parameters.js"
import { Bound, describe } from "./parameterTypes.js"
import { refusedText } from "./refused.js"
import { traits } from "./traits.js"

type Pull = Effect.Effect<Chunk.Chunk<any>, Option.Option<SqlFailure>>

/** The rows of a statement as a stream. */
export const cursorStream = (channel: Channel, statement: Statement): Stream.Stream<any, SqlFailure> =>
  Stream.fromPull(
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => new Cursor(channel, statement)),
        (cursor, exit) => cursor.close(Exit.isSuccess(exit))
      ),
      (cursor) => cursor.pull
    )
  )

const unbound = new Bound([])

/** A batch on its way. */
interface Batch {
  readonly exchange: Exchange
  readonly result: Collected
  outcome: Outcome | undefined
  wake: (() => void) | undefined
}

class Cursor {
  private readonly portal: string
  private own = false
  private started = false
  private ended = false
  private batches = 0
  private step = 0
  private ahead: Batch | undefined
  private columns: Columns | undefined = undefined

  constructor(private readonly channel: Channel, private readonly statement: Statement) {
    this.portal = channel.nextPortal()
  }

  readonly pull: Pull = Effect.suspend(() => {
    const { channel, statement } = this
    if (this.ended) return Effect.fail(Option.none())
    if (this.started) return this.receive(this.ahead ?? this.read())
    if (channel.link.death !== undefined) return Effect.fail(Option.some(channel.dead(statement.sql)))
    if (channel.link.busy) return Effect.zipRight(Effect.mapError(channel.settle, Option.some), this.pull)
    const values = bind(statement, channel.context.engine)
    if (values !== undefined && !isBound(values)) return Effect.fail(Option.some(values))
    const about = traits(statement.sql)
    const refused = refusedText(channel, statement.sql, about)
    if (refused !== undefined) return Effect.fail(Option.some(refused))
    this.started = true
    this.own = statement.prelude.length === 0 && channel.link.status === "I"
    const prelude = this.own ? ["BEGIN"] : statement.prelude
    if (values === undefined) return this.describe(prelude)
    const { steps } = channel.head(prelude)
    this.step = steps.length
    channel.note(about, statement.prelude)
    statement.onSend?.()
    return this.receive(this.write(steps, new Bound(values)))
  })

  /** Asks for the types of the parameters first, where values need them. */
  private describe(prelude: ReadonlyArray<string>): Pull {
    const { channel, statement: { onSend, ...statement } } = this
    const described = Effect.async<ReadonlyArray<Bound>, Option.Option<SqlFailure>>((resume) => {
      const stop = describe(
        channel,
        [{ ...statement, prepare: false }],
        { prelude, onSend },
        (bound) => resume(Array.isArray(bound) ? Effect.succeed(bound) : Effect.fail(Option.some(bound as SqlFailure)))
      )
      return Effect.sync(stop)
    })
    return described.pipe(
      Effect.tapErrorCause(() =>
        Effect.sync(() => {
          this.ended = true
        })
      ),
      Effect.flatMap(([bound]) => {
        channel.note(traits(statement.sql), [])
        return this.receive(this.write([], bound))
      })
    )
  }

  /** Asks for a batch, behind these steps; without values for the next one. */
  private write(steps: ReadonlyArray<Step>, bound: Bound | undefined): Batch {
    const { channel, portal, statement } = this
    const { decoders, fetchSize } = channel.settings
    const result = collect(statement.shape, decoders)
    if (this.columns !== undefined) result.describe(this.columns)
    const { types, values } = bound ?? unbound
    const last = new PortalStep(statement.sql, values, result, portal, fetchSize, bound === undefined, types)
    const exchange = channel.exchange([...steps, last], channel.link.statements.toClose())
    const batch: Batch = { exchange, result, outcome: undefined, wake: undefined }
    channel.send(exchange, traits(statement.sql), (outcome) => {
      batch.outcome = outcome
      // Nobody may come for it; whatever is sent next meets an aborted transaction and must be able to say why.
      if (outcome.error !== undefined && batch.wake === undefined && channel.link.status === "E") {
        channel.abortedBy ??= this.failure(batch)
      }
      batch.wake?.()
    })
    return batch
  }

  private read(): Batch {
    return this.write([], undefined)
  }

  private failure(batch: Batch): SqlFailure {
    const { exchange } = batch
    return outcomeFailure(this.channel, batch.outcome!, {
      statement: this.statement.sql,
      values: this.statement.params,
      step: this.batches === 0 ? this.step : 0,
      failedAt: exchange.answered,
      begun: exchange.begun || this.batches > 0,
      inTransaction: true
    })
  }

  /** Waits for a batch. Interrupted, the server is asked to stop, and the stream has ended. */
  private receive(batch: Batch): Pull {
    this.ahead = undefined
    const arrived = Effect.async<void>((resume) => {
      if (batch.outcome !== undefined) return resume(Effect.void)
      batch.wake = () => resume(Effect.void)
      return Effect.sync(() => {
        this.ended = true
        this.channel.link.abandon(batch.exchange, true)
      })
    })
    return Effect.zipRight(arrived, Effect.suspend(() => this.deliver(batch)))
  }

  private deliver(batch: Batch): Pull {
    const { channel, statement } = this
    const { exchange, result } = batch
    if (batch.outcome!.error !== undefined || batch.outcome!.lost !== undefined) {
      this.ended = true
      return Effect.fail(Option.some(this.failure(batch)))
    }
    const odd = unusable(channel, exchange, statement.sql)
    if (odd !== undefined) return Effect.fail(Option.some(odd))
    const late = settling(channel, statement.sql, [result])
    if (late === undefined) return this.hand(batch)
    return Effect.zipRight(Effect.mapError(late, Option.some), Effect.suspend(() => this.hand(batch)))
  }

  private hand({ exchange, result }: Batch): Pull {
    const { channel } = this
    this.batches++
    this.columns = result.columns
    const rows = Chunk.unsafeFromArray(result.rows)
    if (exchange.suspended) {
      if (this.batches > 1) this.ahead = this.read()
      return Effect.succeed(rows)
    }
    this.ended = true
    // Read to its end it still holds its tables, and nobody could change them.
    if (!this.own) channel.closingPortals.push(this.portal)
    const finished = Chunk.isEmpty(rows) ? Effect.fail(Option.none<SqlFailure>()) : Effect.succeed(rows)
    return this.own
      ? Effect.zipRight(Effect.mapError(control(channel, "commit", "COMMIT"), Option.some), finished)
      : finished
  }

  /**
   * The reader is done. Nothing is waited for but the COMMIT of a stream that may have written: in a transaction of its
   * own a query is stopped, and left to the connection's clean-up; in a session's, the portal is closed by whatever is
   * sent next, and a batch that is on its way is dropped as it comes.
   */
  close(success: boolean): Effect.Effect<void> {
    const { channel } = this
    const { ahead } = this
    this.ahead = undefined
    if (!this.started || this.ended || channel.link.death !== undefined) return Effect.void
    this.ended = true
    if (ahead !== undefined) ahead.exchange.unread = true
    if (!this.own) {
      channel.closingPortals.push(this.portal)
      return Effect.void
    }
    if (!success || traits(this.statement.sql).reads) {
      if (ahead !== undefined && ahead.outcome === undefined) channel.link.abandon(ahead.exchange, true)
      return Effect.void
    }
    return Effect.catchAll(
      control(channel, "commit", "COMMIT"),
      (failure) => Effect.logWarning(`A stream that was left early could not be committed: ${failure.message}`)
    )
  }
}
