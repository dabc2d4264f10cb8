/**
 * One scripted connection: what the contract asks of it, told as steps of its link.
 */
import { Chunk, Duration, Effect, Exit, Option, Stream } from "effect"
import type { Condition, Control, DriverConnection, Statement, TransactionStatus } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { ok, type Outcome } from "../../Outcome.js"
import type { Step } from "../../Script.js"
import { runStatement } from "./commands.js"
import { inFailed, refuse, runControl, stepOf } from "./control.js"
import { failureOf, lostFailure } from "./dialect.js"
import type { Link, Reading, Restore } from "./link.js"
import { shapeRows } from "./shape.js"
import type { Job } from "./work.js"

export class ScriptedConnection implements DriverConnection {
  constructor(private readonly link: Link) {}

  get id(): string {
    return this.link.id
  }

  /** Connects and sets up; whatever goes wrong, or an interruption, leaves nothing open. */
  readonly open: Effect.Effect<DriverConnection, SqlFailure> = Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.exit(restore(Effect.suspend(() => this.dial()))), (exit) => {
      if (exit._tag === "Success") {
        this.link.server.handles++
        return Effect.succeed(this)
      }
      this.link.drop("closed")
      return Exit.failCause(exit.cause)
    })
  )

  execute(statement: Statement): Effect.Effect<ReadonlyArray<any>, SqlFailure> {
    this.called(statement)
    return Effect.uninterruptibleMask((restore) => this.trip(statement, "statement", restore))
  }

  stream(statement: Statement): Stream.Stream<any, SqlFailure> {
    this.called(statement, "stream")
    return Stream.unwrapScoped(
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(this.trip(statement, "stream", restore), (rows) => {
          const reading = this.link.hold(statement.sql)
          const end = this.link.cutAfter
          this.link.cutAfter = Infinity
          return Effect.as(
            Effect.addFinalizer(() => Effect.sync(() => this.link.readings.delete(reading))),
            Stream.repeatEffectChunkOption(this.pull(rows, end, reading))
          )
        })
      )
    )
  }

  control(kind: Control, sql: string): Effect.Effect<TransactionStatus, SqlFailure> {
    this.throwIfTold(kind, sql)
    return Effect.suspend(() =>
      this.link.perform({
        step: kind,
        sql,
        apply: () => {
          const failure = runControl(this.link, sql)
          return failure === undefined ? Exit.succeed(this.transaction()) : Exit.fail(failure)
        }
      })
    )
  }

  transaction(): TransactionStatus {
    this.link.server.catchUp()
    return this.link.state !== "open" || this.link.tx === undefined ? "none" : this.link.tx.failed ? "failed" : "open"
  }

  condition(): Condition {
    this.link.server.catchUp()
    return this.link.state !== "open"
      ? "lost"
      : this.link.work !== undefined
      ? "busy"
      : this.link.tx !== undefined || this.link.settings.size > 0 || this.link.readings.size > 0
      ? "dirty"
      : "clean"
  }

  get settle(): Effect.Effect<void, SqlFailure> {
    this.throwIfTold("settle")
    return Effect.suspend(() => this.settled(this.link.take("settle")))
  }

  adopt(): void {
    this.link.settings.clear()
  }

  get reset(): Effect.Effect<void, SqlFailure> {
    this.throwIfTold("reset")
    return Effect.suspend(() =>
      this.link.perform({
        step: "reset",
        sql: undefined,
        apply: () => {
          this.link.tx = this.link.server.rollback(this.link.id, this.link.tx)
          this.link.settings.clear()
          return Exit.void
        }
      })
    )
  }

  get ping(): Effect.Effect<void, SqlFailure> {
    this.throwIfTold("validate")
    return Effect.suspend(() => this.link.perform({ step: "validate", sql: undefined, apply: () => Exit.void }))
  }

  /** The link is gone whatever the outcome says; the outcome is only what the caller sees. */
  get close(): Effect.Effect<void> {
    if (this.link.state === "closed") {
      return Effect.void
    }
    const told = this.link.peek("close")
    if (told._tag === "ThrowsOnCall") {
      this.shut()
      throw told.error
    }
    return Effect.suspend(() => {
      if (this.link.state === "closed") {
        return Effect.void
      }
      const outcome = this.shut()
      switch (outcome._tag) {
        case "Hang":
        case "HangApplied":
          return Effect.never
        case "Slow":
          return Effect.sleep(Duration.millis(outcome.millis))
        case "Throws":
        case "ThrowsOnCall":
          return Effect.suspend(() => {
            throw outcome.error
          })
        case "Dies":
          return Effect.die(outcome.defect)
        default:
          return Effect.void
      }
    })
  }

  private dial(): Effect.Effect<void, SqlFailure> {
    const connect: Job<void> = { step: "connect", sql: undefined, apply: () => this.link.accept() }
    return Effect.flatMap(
      this.link.carryOut(connect, this.link.take("connect")),
      () => this.link.perform({ step: "init", sql: undefined, apply: () => Exit.void })
    )
  }

  private called(statement: Statement, step: Step = "statement"): void {
    const first = statement.prelude[0]
    this.throwIfTold(first === undefined ? step : stepOf(first), first ?? statement.sql)
  }

  private throwIfTold(step: Step, sql?: string): void {
    const outcome = this.link.peek(step, sql)
    if (outcome._tag === "ThrowsOnCall") {
      this.link.take(step, sql)
      throw outcome.error
    }
  }

  /**
   * The control statements ahead, then the statement: the first that fails ends the trip. Only its waits can be
   * interrupted: no gap between the sending and the first of them, or between an answer and what has travelled behind its
   * question.
   */
  private trip(
    statement: Statement,
    step: "statement" | "stream",
    restore: Restore,
    from = 0
  ): Effect.Effect<ReadonlyArray<any>, SqlFailure> {
    if (from === 0) statement.onSend?.()
    for (let i = from; i < statement.prelude.length; i++) {
      const sql = statement.prelude[i] as string
      const done = this.link.perform({
        step: stepOf(sql),
        sql,
        apply: () => {
          const failure = runControl(this.link, sql)
          return failure === undefined ? Exit.void : Exit.fail(failure)
        },
        rest: () => this.unattended(statement, step, i + 1)
      }, restore)
      if (done !== Exit.void) return Effect.flatMap(done, () => this.trip(statement, step, restore, i + 1))
    }
    return this.link.perform({
      step,
      sql: statement.sql,
      apply: () => this.run(statement, step),
      answer: (rows) => shapeRows(rows, rows.length, step === "stream" ? "rows" : statement.shape)
    }, restore)
  }

  /**
   * The rest of a trip that was interrupted: the control words are carried out, the statement is given up. The script is
   * not asked about steps that nobody waits for.
   */
  private unattended(statement: Statement, step: "statement" | "stream", from: number): void {
    const { link } = this
    for (const sql of statement.prelude.slice(from)) {
      link.server.arrived(link.id, stepOf(sql), sql, link.tx, ok)
      runControl(link, sql)
    }
    link.server.arrived(link.id, step, statement.sql, link.tx, ok)
    refuse(link, step)
  }

  private run(statement: Statement, step: "statement" | "stream"): Exit.Exit<ReadonlyArray<any>, SqlFailure> {
    if (this.link.tx?.failed === true) {
      return Exit.fail(inFailed(statement.sql))
    }
    const answer = runStatement(this.link, statement.sql, statement.params)
    if (answer._tag === "Rows") {
      return Exit.succeed(shapeRows(answer.rows, answer.count, statement.shape))
    }
    if (answer.ends === "transaction") {
      this.link.tx = this.link.server.rollback(this.link.id, this.link.tx)
    }
    return this.link.refused(step, answer.failure)
  }

  private shut(): Outcome {
    const outcome = this.link.take("close")
    if (this.link.state === "open") {
      this.link.server.arrived(this.link.id, "close", undefined, this.link.tx, outcome)
    }
    this.link.server.handles--
    this.link.drop("closed")
    return outcome
  }

  private settled(outcome: Outcome): Effect.Effect<void, SqlFailure> {
    const job: Job<void> = { step: "settle", sql: undefined, apply: () => Exit.void }
    switch (outcome._tag) {
      case "Ok":
      case "Answer":
        return this.link.quiet()
      case "Hang":
      case "HangApplied":
        return Effect.clockWith((clock) => Effect.flatMap(this.link.pause(clock, Infinity), () => this.link.quiet()))
      case "Slow":
        return Effect.clockWith((clock) =>
          Effect.flatMap(this.link.pause(clock, outcome.millis), () => this.settled(outcome.then))
        )
      case "LostBefore":
      case "LostAfter":
        return this.link.lose(job, "no")
      case "Fail":
        return Exit.fail(failureOf(outcome.code, `The connection could not be settled: ${outcome.code}.`))
      default:
        return this.link.finish(job, outcome, undefined)
    }
  }

  /** Two rows at a time, so that even a short answer takes several pulls. */
  private pull(rows: ReadonlyArray<any>, cutAfter: number, reading: Reading) {
    const { link } = this
    let position = 0
    return Effect.suspend(() => {
      const job: Job<void> = { step: "stream", sql: reading.sql, apply: () => Exit.void }
      if (!link.readings.has(reading)) {
        return Exit.fail(
          Option.some(
            link.brokenBy ?? lostFailure(`Connection ${link.id} closed under a stream.`, "maybe", reading.sql)
          )
        )
      }
      if (link.work !== undefined) {
        link.server.breach("overlap", link.id, "stream", reading.sql)
      }
      if (position >= cutAfter) {
        return Exit.mapError(link.lose(job, "maybe"), Option.some)
      }
      if (position >= rows.length) {
        return Exit.fail(Option.none())
      }
      const from = position
      position = Math.min(from + 2, cutAfter)
      return Exit.succeed(Chunk.unsafeFromArray(rows.slice(from, position)))
    })
  }
}
