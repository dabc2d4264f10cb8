/**
 * A connection as the engine sees it: statements, control words, its condition, its clean-up.
 */
import { Effect, type Stream } from "effect"
import type {
  Condition,
  ConnectContext,
  Control,
  DriverConnection,
  Statement,
  TransactionStatus
} from "effect-sql-engine/Driver"
import type { ConnectionError, SqlFailure } from "effect-sql-engine/SqlFailure"
import { cursorStream } from "./cursor.js"
import { Dirt, resetScript } from "./dirt.js"
import { Exchange, type Outcome, type Step } from "./exchange.js"
import { fromServer, isServerError, linkFailure, type ServerError } from "./failure.js"
import { deathProvesGone } from "./gone.js"
import type { Link } from "./link.js"
import { aborted, type Answered, outcomeFailure, unreadable } from "./outcome.js"
import { bind, type Bound } from "./parameters.js"
import type { Settings } from "./settings.js"
import { type Traits, traits } from "./sqlText.js"
import { newResult, type WireResult } from "./wire.js"

const statuses: Readonly<Record<"I" | "T" | "E", TransactionStatus>> = { I: "none", T: "open", E: "failed" }

const transactionIdQuery = "SELECT pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.text"

/** One physical connection. */
export class Connection implements DriverConnection {
  readonly id: string
  readonly dirt: Dirt
  /** Portals of streams that ended early, closed with the next exchange. */
  closingPortals: Array<string> = []
  /** The failure of a batch that was read ahead and that nobody has asked for yet: it aborted the transaction. */
  abortedBy: SqlFailure | undefined
  /** Somebody asked for a read-only transaction in the one that is open. */
  askedReadOnly = false
  private currentTransaction: string | undefined
  private portals = 0

  constructor(readonly link: Link, readonly settings: Settings, readonly context: ConnectContext) {
    this.id = String(link.processId)
    this.dirt = new Dirt(link.parameters)
    link.onDeath = (error, idle) => {
      const failure = this.deathFailure(error)
      if (idle) context.onLost(failure)
      if (deathProvesGone(error, idle)) context.onServerGone(failure)
    }
  }

  private deathFailure(error: Error | ServerError): SqlFailure {
    const about = { engine: this.context.engine, sent: "no", alive: false } as const
    return isServerError(error)
      ? fromServer(error, { ...about, prefix: `The connection to ${this.settings.target} was ended: ` })
      : linkFailure(`The connection to ${this.settings.target} was lost: ${error.message}.`, about)
  }

  /** The id of the transaction that is open, or was last: known once it has written, when it is kept track of. */
  transactionId(): string | undefined {
    return this.currentTransaction
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

  /** The failure of using a connection that is dead already. */
  dead(statement?: string): ConnectionError {
    return linkFailure(
      `The connection to ${this.settings.target} is closed${
        this.link.death === undefined ? "" : ` (${this.link.death.message})`
      }; nothing was sent.`,
      { engine: this.context.engine, sent: "no", statement }
    )
  }

  /** Writes an exchange and keeps account of what it did, also when nobody waits for it any more. */
  send(exchange: Exchange, about: Traits, done: (outcome: Outcome) => void): void {
    exchange.onDone = (outcome) => {
      this.dirt.answered(exchange.tags, about, this.link.statements)
      if (this.link.status === "I") {
        this.askedReadOnly = false
        this.abortedBy = undefined
        this.closingPortals = []
      }
      done(outcome)
    }
    this.link.submit(exchange)
  }

  /** Sends an exchange and waits for its end. Interrupted, the server is asked to stop. */
  run(exchange: Exchange, about: Traits, cancel = true): Effect.Effect<Outcome> {
    return Effect.async((resume) => {
      this.send(exchange, about, (outcome) => resume(Effect.succeed(outcome)))
      return Effect.sync(() => this.link.abandon(exchange, cancel))
    })
  }

  /** Sends scripts behind each other in one trip, and waits for all of them. */
  private runTogether(scripts: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Outcome>> {
    if (scripts.length === 0) return Effect.succeed([])
    return Effect.async((resume) => {
      const outcomes: Array<Outcome> = []
      const exchanges = scripts.map((sql) => new Exchange({ _tag: "script", sql }))
      for (const exchange of exchanges) {
        this.send(exchange, traits(""), (outcome) => {
          if (outcomes.push(outcome) === exchanges.length) resume(Effect.succeed(outcomes))
        })
      }
      return Effect.sync(() => exchanges.forEach((exchange) => this.link.abandon(exchange, false)))
    })
  }

  /** The steps of a prelude: BEGIN, SAVEPOINT. */
  preludeSteps(prelude: ReadonlyArray<string>): Array<Step> {
    if (prelude.length > 0 && this.link.status === "I") this.currentTransaction = undefined
    return prelude.map((sql) => ({ sql, values: [] }))
  }

  /** An exchange of steps, with what is to be closed at its head. */
  exchange(steps: ReadonlyArray<Step>, closeStatements: ReadonlyArray<string>): Exchange {
    const closePortals = this.closingPortals
    if (closePortals.length > 0) this.closingPortals = []
    return new Exchange({ _tag: "steps", steps, closeStatements, closePortals })
  }

  /** Marks what is about to be sent. */
  note(about: Traits, prelude: ReadonlyArray<string>): void {
    this.dirt.sending(about)
    this.askedReadOnly ||= about.readOnly || prelude.some((sql) => traits(sql).readOnly)
  }

  execute(statement: Statement): Effect.Effect<ReadonlyArray<any>, SqlFailure> {
    return Effect.suspend(() => {
      if (this.link.death !== undefined) return Effect.fail(this.dead(statement.sql))
      if (this.link.busy) return Effect.flatMap(this.settle, () => this.execute(statement))
      const bound = bind(statement, this.context.engine)
      if ("failure" in bound) return Effect.fail(bound.failure)
      const about = traits(statement.sql)
      return about.script && bound.values.length === 0
        ? this.executeScript(statement, about)
        : this.executeSteps(statement, bound, about, true)
    })
  }

  private executeSteps(
    statement: Statement,
    bound: Bound,
    about: Traits,
    again: boolean
  ): Effect.Effect<ReadonlyArray<any>, SqlFailure> {
    return Effect.async((resume) => {
      const { link, settings } = this
      const closing = link.statements.toClose()
      const steps = this.preludeSteps(statement.prelude)
      const result = newResult(statement.shape === "values", settings.types)
      const prepared = statement.prepare ? link.statements.take(statement.sql) : undefined
      const reused = prepared?.parsed === true
      steps.push({ sql: statement.sql, values: bound.values, result, prepared })
      const step = steps.length - 1
      const inTransaction = link.status !== "I" || step > 0
      const ids = inTransaction && settings.trackTransactionId && this.currentTransaction === undefined && !about.steers
        ? newResult(true, settings.types)
        : undefined
      if (ids !== undefined) {
        const prepared = link.statements.take(transactionIdQuery)
        steps.push({ sql: transactionIdQuery, values: [], result: ids, prepared })
      }
      this.note(about, statement.prelude)
      const exchange = this.exchange(steps, closing)
      const started = settings.statementTimeoutMillis === undefined ? 0 : Date.now()
      this.send(exchange, about, (outcome) => {
        this.currentTransaction = ids?.rows[0]?.[0] ?? this.currentTransaction
        if (outcome.error === undefined && outcome.lost === undefined) {
          return resume(
            exchange.unreadable !== undefined
              ? Effect.fail(unreadable(this, statement.sql))
              : Effect.succeed(shaped(statement, result))
          )
        }
        const stale = reused && exchange.answered === step && isStale(outcome.error)
        if (stale || (prepared !== undefined && outcome.error?.code?.startsWith("XX") === true)) {
          link.statements.drop(prepared!)
        }
        // The server refused to run an outdated plan: nothing has happened, and a new plan will do.
        if (stale && again && !inTransaction && outcome.lost === undefined) {
          return resume(this.executeSteps(statement, bound, about, false))
        }
        resume(Effect.fail(outcomeFailure(this, outcome, {
          ...answered(exchange, statement, step, inTransaction, started),
          stale
        })))
      })
      return Effect.sync(() => link.abandon(exchange, true))
    })
  }

  /** Several statements in one text: only the simple protocol takes them, and it has no place for a prelude. */
  private executeScript(statement: Statement, about: Traits): Effect.Effect<ReadonlyArray<any>, SqlFailure> {
    const begin = statement.prelude.length === 0
      ? Effect.void
      : Effect.flatMap(
        Effect.suspend(() => {
          const exchange = this.exchange(this.preludeSteps(statement.prelude), this.link.statements.toClose())
          return Effect.map(this.run(exchange, about), (outcome) => ({ exchange, outcome }))
        }),
        ({ exchange, outcome }) =>
          outcome.error === undefined && outcome.lost === undefined
            ? Effect.void
            : Effect.fail(outcomeFailure(this, outcome, answered(exchange, statement, exchange.answered + 1, true, 0)))
      )
    const script = Effect.suspend(() => {
      this.note(about, statement.prelude)
      const inTransaction = this.link.status !== "I"
      const create = () => newResult(statement.shape === "values", this.settings.types)
      const exchange = new Exchange({ _tag: "script", sql: statement.sql, newResult: create })
      const started = this.settings.statementTimeoutMillis === undefined ? 0 : Date.now()
      return Effect.flatMap(this.run(exchange, about), (outcome) => {
        if (outcome.error !== undefined || outcome.lost !== undefined) {
          return Effect.fail(outcomeFailure(this, outcome, answered(exchange, statement, 0, inTransaction, started)))
        }
        if (exchange.unreadable !== undefined) return Effect.fail(unreadable(this, statement.sql))
        return Effect.succeed(
          statement.shape === "raw" ? [exchange.results] : exchange.results.map((result) => result.rows)
        )
      })
    })
    return Effect.zipRight(begin, script)
  }

  stream(statement: Statement): Stream.Stream<any, SqlFailure> {
    return cursorStream(this, statement)
  }

  control(kind: Control, sql: string): Effect.Effect<TransactionStatus, SqlFailure> {
    return Effect.suspend(() => {
      if (this.link.death !== undefined) return Effect.fail(this.dead(sql))
      if (this.link.busy) return Effect.flatMap(this.settle, () => this.control(kind, sql))
      // COMMIT is sent in steps: their first answer tells that the server has begun, and its absence that it has not.
      const exchange = kind === "commit"
        ? this.exchange([{ sql, values: [] }], [])
        : new Exchange({ _tag: "script", sql })
      return Effect.flatMap(this.run(exchange, traits(sql), false), (outcome) => {
        if (outcome.error !== undefined || outcome.lost !== undefined) {
          return Effect.fail(outcomeFailure(this, outcome, {
            statement: sql,
            step: 0,
            failedAt: exchange.answered,
            begun: exchange.begun,
            commit: kind === "commit",
            inTransaction: true
          }))
        }
        return kind === "commit" && exchange.tags[0] === "ROLLBACK"
          ? Effect.fail(aborted(this))
          : Effect.succeed(this.transaction())
      })
    })
  }

  get settle(): Effect.Effect<void, SqlFailure> {
    return Effect.async((resume) => {
      const forget = this.link.whenQuiet(() =>
        resume(this.link.death === undefined ? Effect.void : Effect.fail(this.dead()))
      )
      return Effect.sync(forget)
    })
  }

  get reset(): Effect.Effect<void, SqlFailure> {
    return Effect.suspend(() => {
      if (this.link.death !== undefined) return Effect.fail(this.dead())
      if (this.link.busy) return Effect.flatMap(this.settle, () => this.reset)
      if (this.dirt.spoiled) {
        this.link.die(new Error("what was done on it cannot be undone"))
        return Effect.fail(this.dead())
      }
      // Written together, answered together: one round trip.
      const scripts = [
        ...(this.link.status === "I" ? [] : ["ROLLBACK"]),
        ...(this.dirt.left ? [resetScript(this.dirt)] : [])
      ]
      if (this.dirt.prepared) this.link.statements.clear()
      return Effect.flatMap(this.runTogether(scripts), (outcomes) => {
        const failed = outcomes.find((outcome) => outcome.error !== undefined || outcome.lost !== undefined)
        if (failed !== undefined || this.link.status !== "I") {
          const reason = failed?.error?.message ?? failed?.lost?.message ?? "a transaction is still open"
          this.link.die(new Error(`it could not be made as new: ${reason}`))
          return Effect.fail(this.dead())
        }
        this.dirt.clear()
        return Effect.void
      })
    })
  }

  /** What `onConnect` has set and loaded is the connection's own; a transaction it left open is not. */
  adopt(): void {
    this.dirt.clear()
    this.dirt.spoiled = false
  }

  get ping(): Effect.Effect<void, SqlFailure> {
    return Effect.suspend(() => {
      if (this.link.death !== undefined) return Effect.fail(this.dead())
      // A Sync alone: the server answers with its status, and parses nothing.
      return Effect.flatMap(
        this.run(this.exchange([], []), traits("")),
        (outcome) => outcome.lost === undefined ? Effect.void : Effect.fail(this.dead())
      )
    })
  }

  get close(): Effect.Effect<void> {
    return Effect.async((resume) => {
      this.link.close(() => resume(Effect.void))
      return Effect.sync(() => this.link.die(new Error("closed")))
    })
  }
}

/** What outcomeFailure needs to know of a statement's exchange. */
const answered = (
  exchange: Exchange,
  statement: Statement,
  step: number,
  inTransaction: boolean,
  started: number
): Answered => ({
  statement: statement.sql,
  values: statement.params,
  step,
  failedAt: exchange.answered,
  begun: exchange.begun,
  inTransaction,
  elapsedMillis: started === 0 ? undefined : Date.now() - started
})

const shaped = (statement: Statement, result: WireResult): ReadonlyArray<any> =>
  statement.shape === "raw" ? [result] : result.rows

/** The server refused an outdated plan, or has lost our prepared statement; nothing was run. */
const isStale = (error: (ServerError & { readonly routine?: string }) | undefined): boolean =>
  error !== undefined &&
  ((error.code === "0A000" && error.routine === "RevalidateCachedQuery" && error.where === undefined) ||
    error.code === "26000")
