/**
 * The way into the transaction of a test. A transaction of the engine is a savepoint there; a lone statement is one, too.
 *
 * | the engine sends | the database gets |
 * | --- | --- |
 * | BEGIN and a statement | `SAVEPOINT`, the statement |
 * | COMMIT | what COMMIT checks, `RELEASE` |
 * | ROLLBACK | `ROLLBACK TO`, `RELEASE` |
 * | a statement outside of a session | `SAVEPOINT`, the statement, what COMMIT checks, `RELEASE` |
 */
import type { Chunk } from "effect"
import { Cause, Effect, Option, Scope, Stream } from "effect"
import type { BeginOptions } from "effect-sql-engine/Dialect"
import type { Condition, Control, DriverConnection, Statement, TransactionStatus } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Place } from "./place.js"
import { aborted, refused, steered, steers } from "./refusals.js"
import type { Restore } from "./turn.js"
import type { Way } from "./way.js"

/** A savepoint of ours that is there, or may be. */
interface Open {
  readonly name: string
  readonly readOnly: boolean
}

/** What BEGIN was asked, by its text. */
export type Begins = (sql: string) => BeginOptions | undefined

export class Undone implements Way {
  private open: Open | undefined
  /** The engine's transaction, as against a lone statement that was cut off. */
  private inTransaction = false
  private done = false

  constructor(
    private readonly place: Place,
    private readonly begins: Begins,
    /** The connections that the sessions around the fiber hold lead here as well. */
    private readonly nested: boolean
  ) {}

  /** A session that outlives the sandbox does not come to let go. */
  get over(): boolean {
    return this.done || this.place.run.closed
  }

  /** Whether this is a transaction of the engine at this place. */
  isOn(place: Place): boolean {
    return this.inTransaction && this.place === place
  }

  private get real(): DriverConnection {
    return this.place.connection
  }

  get id(): string {
    return this.isOpen ? this.real.id : "sandbox"
  }

  // Statements

  execute(statement: Statement): Effect.Effect<ReadonlyArray<any>, SqlFailure> {
    return this.send(statement, (sent) => this.real.execute(sent))
  }

  stream(statement: Statement): Stream.Stream<any, SqlFailure> {
    type Pull = Effect.Effect<Chunk.Chunk<any> | undefined, SqlFailure>
    return Stream.fromPull(Effect.map(Effect.scope, (scope) => {
      let source: Pull | undefined
      const first = (sent: Statement): Pull =>
        Effect.flatMap(Scope.extend(Stream.toPull(this.real.stream(sent)), scope), (pull) => {
          source = Effect.catchAll(
            pull,
            (end) => Option.isNone(end) ? Effect.succeed(undefined) : Effect.fail(end.value)
          )
          return source
        })
      // Nothing of the statement is sent again, so what goes ahead of it has to go alone.
      const ahead = ({ onSend, prelude }: Statement): Effect.Effect<unknown, SqlFailure> =>
        prelude.length === 0
          ? Effect.void
          : Effect.zipRight(Effect.sync(() => onSend?.()), this.real.control("release", prelude.join("; ")))
      const next: Pull = Effect.suspend(() =>
        source === undefined
          ? this.send(statement, first)
          : this.send({ ...statement, prelude: [], onSend: undefined }, (sent) => Effect.zipRight(ahead(sent), source!))
      )
      return Effect.flatMap(
        Effect.mapError(next, Option.some),
        (chunk) => chunk === undefined ? Effect.fail(Option.none<SqlFailure>()) : Effect.succeed(chunk)
      )
    }))
  }

  private send<A>(statement: Statement, exchange: (sent: Statement) => Effect.Effect<A, SqlFailure>) {
    return Effect.suspend((): Effect.Effect<A, SqlFailure> => {
      if (this.inTransaction) return this.within(statement, exchange)
      const [begin, ...rest] = statement.prelude
      const options = begin === undefined ? undefined : this.begins(begin)
      if (options !== undefined) return this.begin({ ...statement, prelude: rest }, options, exchange)
      return steers(statement.sql) ? Effect.fail(steered(this.place, statement.sql)) : this.alone(statement, exchange)
    })
  }

  /** In a transaction: the turn is ours. */
  private within<A>(statement: Statement, exchange: (sent: Statement) => Effect.Effect<A, SqlFailure>) {
    const refused = this.place.run.closed ? this.place.run.refusal() : this.place.lostOr(statement.sql)
    if (refused !== undefined) return Effect.fail(refused)
    this.place.sent(statement.sql)
    return Effect.mapError(
      this.place.exchange(Effect.suspend(() => exchange(statement))),
      (failure) => this.place.run.closed ? this.place.run.refusal() : failure
    )
  }

  /** Opens a savepoint with a statement behind it, in the turn. */
  private opening<A>(
    statement: Statement,
    open: Open,
    exchange: (sent: Statement) => Effect.Effect<A, SqlFailure>,
    restore: Restore
  ): Effect.Effect<A, SqlFailure> {
    const { place } = this
    const lost = place.lostOr(statement.sql)
    if (lost !== undefined) {
      this.let()
      return Effect.fail(lost)
    }
    const { dialect, words } = place.ground
    let sent = false
    const onSend = () => {
      sent = true
      this.open = open
      statement.onSend?.()
    }
    const prelude = [
      ...place.opening(),
      dialect.savepoint(open.name),
      ...(open.readOnly ? words.readOnly : []),
      ...statement.prelude
    ]
    place.sent(statement.sql)
    return Effect.matchCauseEffect(
      restore(place.exchange(Effect.suspend(() => exchange({ ...statement, prelude, onSend })))),
      {
        onSuccess: (value) => {
          if (place.run.closed) return this.outlived
          this.open = open
          place.noted()
          return Effect.succeed(value)
        },
        onFailure: (cause) => {
          if (place.run.closed) return this.outlived
          const failure = Option.getOrUndefined(Cause.failureOption(cause))
          place.noted()
          // With values that cannot be bound nothing is begun; a refused BEGIN or SAVEPOINT leaves the transaction failed.
          const begun = failure === undefined
            ? sent
            : failure.sent !== "no" || this.real.transaction() === "failed"
          this.open = begun ? open : undefined
          return Effect.failCause(cause)
        }
      }
    )
  }

  /** The test was over before the answer came; everything is undone there. */
  private readonly outlived = Effect.suspend(() => {
    this.let()
    return Effect.fail(this.place.run.refusal())
  })

  private begin<A>(
    statement: Statement,
    options: BeginOptions,
    exchange: (sent: Statement) => Effect.Effect<A, SqlFailure>
  ): Effect.Effect<A, SqlFailure> {
    return Effect.uninterruptibleMask((restore) => {
      const { place } = this
      if (this.nested) return Effect.fail(refused(this.place, `it asks for a transaction of its own (nested: "new")`))
      if (options.deferrable === true) return Effect.fail(refused(this.place, "it asks for a deferrable transaction"))
      return Effect.flatMap(place.enter(this, restore), () => {
        const open: Open = { name: place.nextName(), readOnly: options.readOnly === true }
        return Effect.flatMap(
          Effect.onError(restore(this.isolated(options)), () => Effect.sync(() => this.let())),
          () =>
            Effect.matchCauseEffect(this.opening(statement, open, exchange, restore), {
              onSuccess: (value) => {
                this.inTransaction = true
                return Effect.succeed(value)
              },
              onFailure: (cause) => {
                if (this.open === undefined) this.let()
                else this.inTransaction = true
                return Effect.failCause(cause)
              }
            })
        )
      })
    })
  }

  /** The transaction around all has the isolation level that is asked for, or the session is refused. */
  private isolated({ isolation: asked }: BeginOptions): Effect.Effect<void, SqlFailure> {
    if (asked === undefined) return Effect.void
    const { connection, ground, known } = this.place
    if (ground.dialect.isolations.length === 1) return Effect.void
    const ask = Effect.suspend(() => ground.words.isolation(connection, known))
    const opening = this.place.opening()
    // Before the first statement the level is not there to be asked for.
    const level = opening.length === 0 || known.isolation !== undefined
      ? this.place.exchange(ask)
      : Effect.tap(
        this.place.exchange(Effect.zipRight(
          connection.execute({ sql: "select 1", params: [], shape: "rows", prepare: false, prelude: opening }),
          ask
        )),
        () => Effect.sync(() => this.place.noted())
      )
    return Effect.flatMap(
      level,
      (given) =>
        given === asked ?
          Effect.void :
          Effect.fail(
            refused(
              this.place,
              `it asks for isolation "${asked}", and the transaction of the sandbox is "${given}": say \`isolation: ` +
                `"${asked}"\` where the sandbox is made`
            )
          )
    )
  }

  /** A statement that is a transaction of its own. */
  private alone<A>(
    statement: Statement,
    exchange: (sent: Statement) => Effect.Effect<A, SqlFailure>
  ): Effect.Effect<A, SqlFailure> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(this.place.enter(this, restore), () => {
        const open: Open = { name: this.place.nextName(), readOnly: false }
        return Effect.matchCauseEffect(this.opening(statement, open, exchange, restore), {
          onSuccess: (value) => Effect.as(this.keep, value),
          onFailure: (cause) => {
            // Cut off, the database may not be done with it: the engine's pool waits for that, and calls `leave`.
            if (this.open !== undefined && Option.isNone(Cause.failureOption(cause))) return Effect.failCause(cause)
            return Effect.zipRight(Effect.ignore(this.undo), Effect.failCause(cause))
          }
        })
      })
    )
  }

  // The end of a transaction

  control(kind: Control, sql: string): Effect.Effect<TransactionStatus, SqlFailure> {
    return Effect.suspend((): Effect.Effect<TransactionStatus, SqlFailure> => {
      const { place } = this
      if (place.run.closed || this.open === undefined) {
        this.let()
        return kind === "rollback" ? Effect.succeed("none") : Effect.fail(place.run.refusal())
      }
      if (kind === "rollback") return Effect.as(this.undo, "none" as const)
      const lost = place.lostOr(kind)
      if (lost !== undefined) {
        this.let()
        return Effect.fail(lost)
      }
      return kind === "commit"
        ? Effect.as(this.keep, "none" as const)
        : place.exchange(Effect.suspend(() => this.real.control(kind, sql)))
    })
  }

  /** Makes COMMIT's checks and keeps the work for the rest of the test; else it is undone, as the database would. */
  private get keep(): Effect.Effect<void, SqlFailure> {
    return Effect.suspend(() => {
      if (this.place.run.closed) return this.outlived
      const lost = this.place.lostOr("COMMIT")
      if (lost !== undefined) {
        this.let()
        return Effect.fail(lost)
      }
      const { ground: { dialect, words }, known } = this.place
      const { name, readOnly } = this.open!
      if (this.real.transaction() === "failed") return Effect.zipRight(this.undo, Effect.fail(aborted(this.place)))
      // What `verify` finds out is in the words that come behind it.
      const release = Effect.zipRight(
        words.verify(this.real, known),
        Effect.suspend(() =>
          this.real.control(
            "release",
            [
              ...words.check,
              dialect.releaseSavepoint(name),
              ...(readOnly ? words.readWrite : []),
              ...words.restore(known)
            ].join("; ")
          )
        )
      )
      return Effect.matchEffect(this.place.exchange(release), {
        onSuccess: () => Effect.sync(() => this.let()),
        onFailure: (failure) =>
          this.place.run.closed
            ? this.outlived
            : this.real.condition() === "lost"
            ? Effect.zipRight(Effect.sync(() => this.let()), Effect.fail(failure))
            : Effect.zipRight(Effect.ignore(this.undo), Effect.fail(failure))
      })
    })
  }

  /** Takes back what was done since the savepoint, and leaves the turn. */
  private get undo(): Effect.Effect<void, SqlFailure> {
    return Effect.suspend(() => {
      const { place } = this
      const { open } = this
      if (open === undefined || place.run.closed || this.real.transaction() === "none") {
        return Effect.sync(() => this.let())
      }
      const { dialect, words } = place.ground
      const script = [dialect.rollbackToSavepoint(open.name), ...(open.readOnly ? words.readWrite : [])].join("; ")
      return Effect.matchEffect(place.exchange(Effect.suspend(() => this.real.control("rollbackTo", script))), {
        onSuccess: () => Effect.sync(() => this.let()),
        onFailure: (failure) => {
          this.let()
          // Closed meanwhile: everything is undone there.
          if (place.run.closed) return Effect.void
          place.spoil(failure)
          return Effect.fail(failure)
        }
      })
    })
  }

  /** Lets go: the way is over. */
  private let(): void {
    this.open = undefined
    this.inTransaction = false
    this.done = true
    this.place.turn.leave(this)
  }

  // What is left

  private get isOpen(): boolean {
    return this.open !== undefined && !this.place.run.closed
  }

  transaction(): TransactionStatus {
    return this.isOpen && this.inTransaction ? this.real.transaction() : "none"
  }

  condition(): Condition {
    if (!this.isOpen) return "clean"
    const condition = this.real.condition()
    return condition === "clean" ? "dirty" : condition
  }

  get settle(): Effect.Effect<void, SqlFailure> {
    return Effect.suspend(() => this.isOpen ? this.place.exchange(Effect.suspend(() => this.real.settle)) : Effect.void)
  }

  get leave(): Effect.Effect<void, SqlFailure> {
    return this.undo
  }
}
