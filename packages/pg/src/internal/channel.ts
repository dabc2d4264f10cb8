/**
 * What every use of a connection goes through: its link, the account of what was done on it, and the state that one
 * exchange leaves to the next.
 */
import { Effect } from "effect"
import { callback } from "effect-sql-engine/Driver"
import type { Condition, ConnectContext, TransactionStatus } from "effect-sql-engine/Driver"
import type { SqlFailure, StatementFailure } from "effect-sql-engine/SqlFailure"
import { collect, type Collected } from "./collect.js"
import { Dirt } from "./dirt.js"
import { Exchange, type Outcome, SavepointStep, Script, Step, Steps } from "./exchange.js"
import { fromServer, isServerError, linkFailure, type ServerError } from "./failure.js"
import { deathProvesGone } from "./gone.js"
import type { Link } from "./link.js"
import type { Settings } from "./settings.js"
import { Shapes } from "./shapes.js"
import { type Traits, traits } from "./traits.js"
import { ownDecoders } from "./values/decoders.js"

const statuses: Readonly<Record<"I" | "T" | "E", TransactionStatus>> = { I: "none", T: "open", E: "failed" }

const transactionIdQuery = "SELECT pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.text"

const none: ReadonlyArray<never> = []

/** What goes ahead of the statements of an exchange. */
interface Head {
  readonly steps: Array<Step>
  readonly begins: boolean
  readonly idle: boolean
}

/** A connection below its statements. */
export class Channel {
  readonly dirt: Dirt
  readonly shapes: Shapes
  /** Portals of streams that ended early, closed with the next exchange. */
  closingPortals: Array<string> = []
  /** The failure of a batch that was read ahead and that nobody has asked for yet: it aborted the transaction. */
  abortedBy: SqlFailure | undefined
  /** Somebody asked for a read-only transaction in the one that is open. */
  askedReadOnly = false
  /** The id of the transaction that is open, or was last, once it is known. */
  currentTransaction: string | undefined
  private portals = 0

  constructor(readonly link: Link, readonly settings: Settings, readonly context: ConnectContext) {
    this.dirt = new Dirt(link.parameters)
    this.shapes = new Shapes(link.parameters, link.statements)
    link.onDeath = (error, idle) => {
      const failure = this.deathFailure(error)
      if (idle) context.onLost(failure)
      if (!deathProvesGone(error, idle)) return
      settings.decoders.catalog.clear()
      context.onServerGone(failure)
    }
  }

  private deathFailure(error: Error | ServerError): SqlFailure {
    const about = { engine: this.context.engine, sent: "no", alive: false } as const
    return isServerError(error)
      ? fromServer(error, { ...about, prefix: `The connection to ${this.settings.target} was ended: ` })
      : linkFailure(`The connection to ${this.settings.target} was lost: ${error.message}.`, about)
  }

  nextPortal(): string {
    return `p${++this.portals}`
  }

  transaction(): TransactionStatus {
    return this.link.death === undefined ? statuses[this.link.status] : "none"
  }

  condition(): Condition {
    if (this.link.death !== undefined || this.dirt.spoiled) return "lost"
    if (this.link.busy) return "busy"
    return this.link.status !== "I" || this.dirt.left ? "dirty" : "clean"
  }

  /** The failure of using a connection that is dead already: what the server ended it with, where it said so. */
  dead(statement?: string): StatementFailure {
    const { death } = this.link
    const about = { engine: this.context.engine, sent: "no", statement, alive: false } as const
    const prefix = `The connection to ${this.settings.target} is closed, and nothing was sent`
    if (death === undefined) return linkFailure(`${prefix}.`, about)
    return isServerError(death)
      ? fromServer(death, { ...about, prefix: `${prefix}: ` })
      : linkFailure(`${prefix}: ${death.message}.`, about)
  }

  /** Writes an exchange and keeps account of what it did, also when nobody waits for it any more. */
  send(exchange: Exchange, about: Traits, done: (outcome: Outcome) => void): void {
    exchange.onDone = (outcome) => {
      if (exchange.tags !== undefined) {
        this.dirt.answered(exchange.tags, about, this.link.statements)
        this.shapes.answered(exchange.tags, about)
      }
      if (this.link.status === "I") {
        this.shapes.transactionEnded()
        this.link.statements.transactionEnded()
        this.askedReadOnly = false
        this.abortedBy = undefined
        this.closingPortals = []
      }
      done(outcome)
    }
    this.link.submit(exchange)
  }

  /** Sends an exchange and waits for its end. Interrupted, the server is asked to stop. */
  run(exchange: Exchange, about: Traits): Effect.Effect<Outcome> {
    return callback((answer) => {
      this.send(exchange, about, (outcome) => answer(Effect.succeed(outcome)))
      return () => this.link.abandon(exchange, true)
    })
  }

  /** Sends scripts behind each other in one trip, and waits for all of them. */
  runTogether(scripts: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Outcome>> {
    if (scripts.length === 0) return Effect.succeed([])
    return Effect.async((resume) => {
      const outcomes: Array<Outcome> = []
      const exchanges = scripts.map((sql) => new Exchange(new Script(sql)))
      for (const exchange of exchanges) {
        this.send(exchange, traits(""), (outcome) => {
          if (outcomes.push(outcome) === exchanges.length) resume(Effect.succeed(outcomes))
        })
      }
      return Effect.sync(() => exchanges.forEach((exchange) => this.link.abandon(exchange, false)))
    })
  }

  /**
   * The head of an exchange: the steps of its prelude, BEGIN or SAVEPOINT; whether a BEGIN is among them, and whether no
   * transaction was open before. `byName`: BEGIN is the same each time, and cheaper by name; who asks for that has to know
   * what to do when the server has lost it. `again`: it began a transaction that has failed, which is rolled back first.
   */
  head(prelude: ReadonlyArray<string>, byName = false, again = false): Head {
    const { link } = this
    const idle = again || link.status === "I"
    const begins = idle && prelude.length > 0
    if (begins) this.currentTransaction = undefined
    const steps = prelude.map((sql, i) =>
      begins && i === 0
        ? new Step(sql, none, undefined, byName ? link.statements.take(sql) : undefined)
        : new SavepointStep(sql)
    )
    if (again && link.status !== "I") steps.unshift(new Step("ROLLBACK"))
    return { steps, begins, idle }
  }

  /** Asks for the id of the transaction behind the statements of an exchange, where it is wanted and not known yet. */
  askForTransaction(steps: Array<Step>, about: Traits, inTransaction: boolean): Collected | undefined {
    const { settings: { trackTransactionId } } = this
    if (!inTransaction || !trackTransactionId || this.currentTransaction !== undefined || about.steers) return undefined
    const ids = collect("values", ownDecoders)
    // Not by a name: the statement before it may have made the server forget that, and would be undone for it.
    steps.push(new Step(transactionIdQuery, none, ids))
    return ids
  }

  /** Takes note of the id that was asked for. */
  learnTransaction(ids: Collected | undefined): void {
    if (ids !== undefined) this.currentTransaction = ids.rows[0]?.[0] ?? this.currentTransaction
  }

  /** An exchange of steps, with what is to be closed at its head. */
  exchange(steps: ReadonlyArray<Step>, closeStatements: ReadonlyArray<string>): Exchange {
    const closePortals = this.closingPortals
    if (closePortals.length > 0) this.closingPortals = []
    return new Exchange(new Steps(steps, closeStatements, closePortals))
  }

  /** Closes what is to be closed, ahead of a script: the simple protocol has no message for that. Nobody waits for it. */
  closePending(): void {
    const names = this.link.statements.toClose()
    if (names.length > 0 || this.closingPortals.length > 0) this.send(this.exchange(none, names), traits(""), () => {})
  }

  /** Marks what is about to be sent. */
  note(about: Traits, prelude: ReadonlyArray<string>): void {
    this.dirt.sending(about)
    this.askedReadOnly ||= about.readOnly || prelude.some((sql) => traits(sql).readOnly)
  }

  /** Waits until nothing that was interrupted is on its way any more. */
  get settle(): Effect.Effect<void, SqlFailure> {
    return Effect.async((resume) => {
      const forget = this.link.whenQuiet(() =>
        resume(this.link.death === undefined ? Effect.void : Effect.fail(this.dead()))
      )
      return Effect.sync(forget)
    })
  }
}
