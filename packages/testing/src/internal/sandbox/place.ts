/**
 * One connection with a transaction that is never committed: where the sessions of a test take place.
 *
 * Two rights keep them apart. The **turn** is a session's from its BEGIN to its end, and a lone statement's for as long as
 * it runs; what else wants to use the connection waits, as the connection is one. The **wire** is one exchange's.
 *
 * A sandbox inside of another one is a savepoint on the outer one's place, whose turn it has until it closes.
 */
import { Duration, Effect, Exit } from "effect"
import type { Dialect } from "effect-sql-engine/Dialect"
import type { DriverConnection } from "effect-sql-engine/Driver"
import type { Lease, Pool, Request } from "effect-sql-engine/Pool"
import { ConcurrentUse, ConnectionError } from "effect-sql-engine/SqlFailure"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Opened, Run } from "./run.js"
import { inRealTime, type Restore, Turn } from "./turn.js"
import { type Known, nothingKnown, type Words } from "./words.js"

/** The longest a closing sandbox waits for a statement of a stray fiber before the connection is closed under it. */
const strayLimit = "500 millis"

/** The longest the database may take to undo a test before the connection is closed instead. */
const undoLimit = "5 seconds"

/** What is the same for all places on one database. */
export interface Ground {
  readonly engine: string
  readonly dialect: Dialect
  readonly words: Words
  /** Opens the transaction around a test. */
  readonly begin: string
  readonly pool: Pool
  /** The longest the connection is waited for while another session of the test uses it. */
  readonly turnTimeout: Duration.DurationInput
  readonly known: Known
}

/** Where a test takes place. */
export class Place implements Opened, Request {
  readonly session: string
  statement: string | undefined = undefined
  readonly holds: ReadonlyArray<Lease> = []
  lease: Lease | undefined = undefined
  readonly turn = new Turn<object>()
  private readonly wire: Turn<object>
  private opened = false
  private gone: SqlFailure | undefined
  private readonly savepoint: string

  constructor(readonly ground: Ground, readonly run: Run, readonly outer: Place | undefined) {
    this.session = `the sandbox of "${run.testName}"`
    this.wire = outer?.wire ?? new Turn()
    this.savepoint = outer === undefined ? "" : this.nextName("sandbox")
  }

  private names = 0

  /** Set once the test has changed its tables, which nobody else sees. */
  private own: Known | undefined

  /** What is known of the tables. */
  get known(): Known {
    return this.own ?? this.outer?.known ?? this.ground.known
  }

  /** A statement was sent: it may have changed the tables. */
  sent(sql: string): void {
    if (this.ground.words.changes(sql)) this.own = nothingKnown()
  }

  /** A name for a savepoint that no other one on this connection has. */
  nextName(what = "session"): string {
    return this.outer === undefined ? `sandbox_${what}_${++this.names}` : this.outer.nextName(what)
  }

  get connection(): DriverConnection {
    return this.outer === undefined ? this.lease!.connection : this.outer.connection
  }

  /** Takes the turn, and what it takes to have a connection. The caller is uninterruptible, and leaves the turn. */
  enter(who: object, restore: Restore): Effect.Effect<void, SqlFailure> {
    return Effect.flatMap(
      this.turn.take(who, restore, this.ground.turnTimeout, () => this.busy()),
      () =>
        Effect.onError(
          Effect.suspend(() => this.run.closed ? Effect.fail(this.run.refusal()) : this.ready(restore)),
          () => Effect.sync(() => this.turn.leave(who))
        )
    )
  }

  private ready(restore: Restore): Effect.Effect<void, SqlFailure> {
    if (this.gone !== undefined) return Effect.fail(this.gone)
    if (this.outer !== undefined) {
      return this.outer.turn.holder === this ? Effect.void : this.outer.enter(this, restore)
    }
    if (this.lease !== undefined) return Effect.void
    const { pool } = this.ground
    return Effect.onExit(
      restore(pool.acquire(this)),
      (exit) => Exit.isSuccess(exit) ? Effect.void : Effect.sync(() => pool.release(this))
    )
  }

  /** What has to go ahead of the first statement. */
  opening(): ReadonlyArray<string> {
    if (this.opened) return []
    return this.outer === undefined
      ? [this.ground.begin]
      : [...this.outer.opening(), this.ground.dialect.savepoint(this.savepoint)]
  }

  /** Why nothing can be done here any more. */
  lostOr(statement: string): SqlFailure | undefined {
    if (this.gone !== undefined) return this.gone
    if (!this.opened || this.connection.condition() === "lost" || this.connection.transaction() !== "none") {
      return undefined
    }
    return this.lose(statement)
  }

  /** The transaction around the test is over, and this was not our doing. */
  private lose(statement: string): SqlFailure {
    const failure = this.gone = new ConnectionError({
      engine: this.ground.engine,
      retryable: false,
      sent: "no",
      message: `The sandbox of "${this.run.testName}" has lost its transaction before \`${brief(statement)}\`: a ` +
        "statement of the test ended it (a COMMIT in a text of several statements), or the database did. What was done " +
        "before may be committed: look at the test database. Leave BEGIN and COMMIT out of statements, or use a clone."
    })
    return failure
  }

  /** It cannot be brought back to where it was. */
  spoil(failure: SqlFailure): void {
    this.gone ??= failure
    this.outer?.spoil(failure)
  }

  /** After an exchange: the first one that left a transaction opened the place. */
  noted(): void {
    if (this.opened || this.connection.transaction() === "none") return
    this.opened = true
    this.outer?.noted()
  }

  /** One exchange on the connection: with nobody else's between its ends. */
  exchange<A, E>(
    effect: Effect.Effect<A, E>,
    limit: Duration.DurationInput = this.ground.turnTimeout
  ): Effect.Effect<A, E | SqlFailure> {
    return Effect.uninterruptibleMask((restore) => {
      const done = () => {
        this.wire.leave(done)
      }
      const run = Effect.ensuring(restore(effect), Effect.sync(done))
      return this.wire.tryTake(done)
        ? run
        : Effect.zipRight(this.wire.take(done, restore, limit, () => this.busy()), run)
    })
  }

  private busy(): ConcurrentUse {
    const { engine } = this.ground
    return new ConcurrentUse({
      engine,
      session: this.session,
      message: `${this.session} has one connection, and another session of the test has used it for ` +
        `${Duration.format(Duration.decode(this.ground.turnTimeout))} (\`turnTimeout\`); nothing ` +
        "was sent. In a sandbox of mode \"rollback\" sessions run one after the other: end the other one first, or use " +
        "mode \"clone\" for tests of sessions that overlap."
    })
  }

  /** Undoes everything. The run takes no more work already, and what was running has been told to stop. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.turn.refuse(() => this.run.refusal())
    if (this.outer === undefined) return this.lease === undefined ? Effect.void : this.closeRoot
    return this.outer.turn.holder === this ? this.closeInner(this.outer) : Effect.void
  })

  private readonly quiet = Effect.suspend((): Effect.Effect<void, SqlFailure> =>
    this.connection.condition() === "busy" ? this.connection.settle : Effect.void
  )

  private readonly closeRoot: Effect.Effect<void> = Effect.suspend(() => {
    const { dialect, pool } = this.ground
    const undo = Effect.zipRight(
      this.quiet,
      Effect.suspend((): Effect.Effect<unknown, SqlFailure> =>
        this.connection.transaction() === "none" ? Effect.void : this.connection.control("rollback", dialect.rollback)
      )
    )
    return Effect.flatMap(
      Effect.exit(this.exchange(
        inRealTime(Effect.timeoutFail(Effect.interruptible(undo), {
          duration: undoLimit,
          onTimeout: () => this.unfinished()
        })),
        strayLimit
      )),
      (exit) =>
        Effect.sync(() => {
          // A connection that is closed takes its transaction with it.
          const failure = Exit.isSuccess(exit) ? undefined : this.unfinished()
          if (failure !== undefined) pool.destroy(this, failure)
          pool.release(this, failure)
        })
    )
  })

  private unfinished(): SqlFailure {
    return new ConnectionError({
      engine: this.ground.engine,
      message: `${this.session} could not be rolled back; its connection was closed instead.`
    })
  }

  private closeInner(outer: Place): Effect.Effect<void> {
    const { dialect } = this.ground
    const undo = Effect.zipRight(
      this.quiet,
      Effect.suspend((): Effect.Effect<unknown, SqlFailure> =>
        this.opened
          ? this.connection.control("rollbackTo", dialect.rollbackToSavepoint(this.savepoint))
          : Effect.void
      )
    )
    return Effect.flatMap(Effect.exit(this.exchange(undo, strayLimit)), (exit) =>
      Effect.sync(() => {
        if (Exit.isFailure(exit)) outer.spoil(this.unfinished())
        outer.turn.leave(this)
      }))
  }
}

const brief = (sql: string): string => {
  const text = sql.trim().replace(/\s+/g, " ")
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
