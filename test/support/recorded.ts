/**
 * A driver that writes down what an engine sends through it, whatever the database is.
 *
 * A statement is noted when it is sent, so what was noted after a moment was sent after it.
 */
import { Chunk, Effect, Stream } from "effect"
import type { Driver, DriverConnection, Lane, Statement } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"

/** One text that was sent: a control statement, or a statement with its bound values. */
export interface Sent {
  readonly connection: string
  readonly text: string
  readonly params: ReadonlyArray<unknown>
}

/** Everything an engine sent, in order. */
export interface Wire {
  readonly sent: Array<Sent>
  /** Operations that began on a connection while another one ran there; none is right. */
  readonly overlaps: Array<string>
}

class Recorded implements DriverConnection {
  private running: string | undefined

  constructor(private readonly inner: DriverConnection, private readonly wire: Wire, readonly id: string) {
    if (inner.adopt !== undefined) this.adopt = () => inner.adopt?.()
  }

  private note(texts: ReadonlyArray<string>, params: ReadonlyArray<unknown>): void {
    const last = texts.length - 1
    texts.forEach((text, i) => this.wire.sent.push({ connection: this.id, text, params: i === last ? params : [] }))
  }

  private during<A, E>(name: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.uninterruptibleMask((restore) => {
      if (this.running !== undefined) this.wire.overlaps.push(`${this.id}: ${name} during ${this.running}`)
      this.running = name
      return Effect.ensuring(restore(effect), Effect.sync(() => this.running = undefined))
    })
  }

  private noted(statement: Statement): Statement {
    return {
      ...statement,
      onSend: () => {
        this.note([...statement.prelude, statement.sql], statement.params)
        statement.onSend?.()
      }
    }
  }

  execute(statement: Statement): Effect.Effect<ReadonlyArray<any>, SqlFailure> {
    return this.during(statement.sql, Effect.suspend(() => this.inner.execute(this.noted(statement))))
  }

  stream(statement: Statement): Stream.Stream<any, SqlFailure> {
    return Stream.fromPull(Effect.map(
      Stream.toPull(Stream.suspend(() => this.inner.stream(this.noted(statement)))),
      (pull) => this.during(`a batch of ${statement.sql}`, Effect.map(pull, Chunk.map((row) => row)))
    ))
  }

  control: DriverConnection["control"] = (kind, sql) =>
    this.during(
      sql,
      Effect.suspend(() => {
        this.note([sql], [])
        return this.inner.control(kind, sql)
      })
    )

  readonly transaction = () => this.inner.transaction()
  readonly condition = () => this.inner.condition()
  readonly adopt?: () => void

  get settle() {
    return this.inner.settle
  }
  get reset() {
    return this.inner.reset
  }
  get ping() {
    return this.inner.ping
  }
  get close() {
    return this.inner.close
  }
}

/** A driver that does what another one does, and what it sends. */
export const recorded = (driver: Driver): { readonly driver: Driver; readonly wire: Wire } => {
  const wire: Wire = { sent: [], overlaps: [] }
  let connections = 0
  const lane = (inner: Lane, name: string): Lane => ({
    ...inner,
    connect: (context) =>
      Effect.map(
        Effect.suspend(() => inner.connect(context)),
        (connection) => new Recorded(connection, wire, `${name}${++connections}`)
      )
  })
  return {
    wire,
    driver: {
      ...driver,
      // It would be asked about a connection that is not its own.
      resolveCommit: undefined,
      write: lane(driver.write, "w"),
      read: driver.read === undefined ? undefined : lane(driver.read, "r")
    }
  }
}
