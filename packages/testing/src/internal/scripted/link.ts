/**
 * The link between a client and the scripted server: every step gets its outcome here.
 *
 * The path of `ok` is plain synchronous code. A step that takes time is `work`: while it is there the link is busy, and
 * whoever waits for it also waits for the link to break. Work whose client has gone is left to the server, which carries
 * it out when its time has come (`afterAll`).
 */
import { type Clock, Duration, Effect, Exit, type Fiber, FiberId, Runtime } from "effect"
import type { ConnectContext } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Outcome } from "../../Outcome.js"
import type { Step } from "../../Script.js"
import type { Backend } from "./commands.js"
import { refuse } from "./control.js"
import { failureOf, lostFailure } from "./dialect.js"
import type { Peer, Server, WireEntry } from "./server.js"
import type { Transaction } from "./store.js"
import { applies, type Job, outlives, type Work } from "./work.js"

export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** An open stream. */
export interface Reading {
  readonly sql: string
}

export class Link implements Backend, Peer {
  readonly settings = new Set<string>()
  tx: Transaction | undefined = undefined
  state: "new" | "open" | "lost" | "closed" = "new"
  work: Work | undefined = undefined
  brokenBy: SqlFailure | undefined = undefined
  /** The streams that are open. */
  readonly readings = new Set<Reading>()
  /** How many rows the stream that is being opened gives before its link breaks. */
  cutAfter = Infinity
  private readonly steps = new Map<Step, number>()
  private readonly waiters = new Set<() => void>()

  constructor(
    readonly server: Server,
    readonly id: string,
    readonly lane: "write" | "read",
    readonly context: ConnectContext
  ) {}

  peek(step: Step, sql?: string): Outcome {
    return this.server.peek(step, this.id, this.lane, this.steps, sql)
  }

  take(step: Step, sql?: string): Outcome {
    return this.server.take(step, this.id, this.lane, this.steps, sql)
  }

  /** The server accepts the link, or has no room for it. */
  accept(): Exit.Exit<void, SqlFailure> {
    if (this.server.open.size >= this.server.options.maxConnections) {
      return Exit.fail(failureOf("53300", "The scripted server has no connection left.", { sent: "no" }))
    }
    this.state = "open"
    this.server.add(this)
    return Exit.void
  }

  /** The server ends the link. */
  cut(failure: SqlFailure): void {
    const unused = this.state === "open" && this.work === undefined
    this.brokenBy = failure
    this.drop("lost", true)
    if (unused) {
      this.context.onLost(failure)
    }
  }

  perform<A>(job: Job<A>, restore?: Restore): Effect.Effect<A, SqlFailure> {
    this.server.catchUp()
    if (this.state !== "open") {
      if (this.state === "closed") {
        this.server.breach("afterClose", this.id, job.step, job.sql)
      }
      return Exit.fail(lostFailure(`Connection ${this.id} of the scripted server is ${this.state}.`, "no", job.sql))
    }
    if (this.work !== undefined) {
      this.server.breach("overlap", this.id, job.step, job.sql)
      return Exit.fail(failureOf("XX000", `Connection ${this.id} is busy with another step (${this.work.job.step}).`, {
        sent: "no",
        statement: job.sql
      }))
    }
    return this.carryOut(job, this.take(job.step, job.sql), restore)
  }

  carryOut<A>(job: Job<A>, outcome: Outcome, restore?: Restore): Effect.Effect<A, SqlFailure> {
    switch (outcome._tag) {
      case "LostBefore":
        return this.lose(job, "no")
      case "Throws":
      case "ThrowsOnCall":
        return Effect.suspend(() => {
          throw outcome.error
        })
    }
    const entry = this.server.arrived(this.id, job.step, job.sql, this.tx, outcome)
    return outcome._tag === "Ok" ? this.apply(job, entry) : this.finish(job, outcome, entry, restore)
  }

  private apply<A>(job: Job<A>, entry: WireEntry | undefined): Exit.Exit<A, SqlFailure> {
    const exit = job.apply()
    if (entry !== undefined && entry.transaction === undefined && this.tx !== undefined) {
      Object.assign(entry, { transaction: this.tx.id })
    }
    return exit
  }

  finish<A>(
    job: Job<A>,
    outcome: Outcome,
    entry: WireEntry | undefined,
    restore?: Restore
  ): Effect.Effect<A, SqlFailure> {
    switch (outcome._tag) {
      case "Ok":
        return this.apply(job, entry)
      case "Answer":
        return job.answer === undefined ? this.apply(job, entry) : Exit.succeed(job.answer(outcome.rows))
      case "Fail":
        return this.refused(
          job.step,
          failureOf(outcome.code, `The scripted server refused the ${job.step} with ${outcome.code}.`, {
            statement: job.sql
          })
        )
      case "FailWith":
        return this.refused(job.step, outcome.failure)
      case "Hang":
        return this.wait(job, Infinity, outcome, entry, restore)
      case "HangApplied":
        this.apply(job, entry)
        return this.wait(job, Infinity, outcome, entry, restore)
      case "Slow":
        return this.wait(job, outcome.millis, outcome.then, entry, restore)
      case "CutAfter":
        if (job.step === "stream") {
          this.cutAfter = outcome.rows
          return this.apply(job, entry)
        }
        this.apply(job, entry)
        return this.lose(job, "maybe")
      case "LostAfter":
        this.apply(job, entry)
        return this.lose(job, "maybe")
      case "ServerGone": {
        const failure = failureOf("57P01", "The scripted server went away.", { sent: "maybe", statement: job.sql })
        this.drop("lost", true)
        this.server.crash(failure, this.context)
        return Exit.fail(failure)
      }
      case "Dies":
        this.apply(job, entry)
        return Effect.die(outcome.defect)
      case "LostBefore":
        return this.lose(job, "no")
      default:
        return Effect.suspend(() => {
          throw outcome.error
        })
    }
  }

  refused(step: Step, failure: SqlFailure): Exit.Exit<never, SqlFailure> {
    refuse(this, step)
    if (failure.connection === "discard" && step !== "connect") {
      this.drop("lost", true)
    }
    return Exit.fail(failure)
  }

  lose(job: Job<any>, sent: "no" | "maybe"): Exit.Exit<never, SqlFailure> {
    this.drop("lost", true)
    // What travels before the engine's own work does is no work of the engine's: nothing of that was sent.
    const truly = job.step === "connect" || job.step === "init" || job.step === "validate" ? "no" : sent
    return Exit.fail(lostFailure(`The link of connection ${this.id} broke during ${job.step}.`, truly, job.sql))
  }

  private wait<A>(
    job: Job<A>,
    millis: number,
    end: Outcome,
    entry: WireEntry | undefined,
    restore?: Restore
  ): Effect.Effect<A, SqlFailure> {
    return restore === undefined
      ? Effect.uninterruptibleMask((restore) => this.wait(job, millis, end, entry, restore))
      : Effect.clockWith((clock) => {
        const work: Work = { job, clock, at: clock.unsafeCurrentTimeMillis() + millis, end, cancelled: false }
        this.work = work
        return Effect.flatMap(Effect.exit(restore(this.pause(clock, millis))), (exit) => {
          if (exit._tag === "Failure") {
            this.cancel(work)
            return Exit.failCause(exit.cause)
          }
          if (this.work !== work) {
            return Exit.fail(
              this.brokenBy ?? lostFailure(`Connection ${this.id} closed during ${job.step}.`, "maybe", job.sql)
            )
          }
          this.work = undefined
          return this.finish(job, end, entry, restore)
        })
      })
  }

  /** Passes when the time is over or the connection breaks, whichever is first. */
  pause(clock: Clock.Clock, millis: number): Effect.Effect<void> {
    // One wait for both: a race of Effect's that is interrupted at its beginning leaves fibers that its own waits for.
    return Effect.flatMap(Effect.runtime<never>(), (runtime) =>
      Effect.async<void>((resume) => {
        let sleeper: Fiber.RuntimeFiber<void> | undefined
        const stop = () => {
          this.waiters.delete(over)
          sleeper?.unsafeInterruptAsFork(FiberId.none)
        }
        const over = () => {
          stop()
          resume(Effect.void)
        }
        this.waiters.add(over)
        if (millis !== Infinity) {
          sleeper = Runtime.runFork(runtime)(Effect.interruptible(clock.sleep(Duration.millis(millis))))
          sleeper.addObserver(over)
        }
        return Effect.sync(stop)
      }))
  }

  /** Nobody waits for the answer any more: the connection stays busy until the server is done with it. */
  private cancel(work: Work): void {
    if (this.work === work && this.state === "open") {
      work.cancelled = true
      this.entrust(work)
    }
  }

  private entrust(work: Work): void {
    if (work.at !== Infinity) {
      this.server.adopt({ clock: work.clock, at: work.at, finish: () => this.afterAll(work) })
    }
  }

  /** The server is done with work that nobody waits for. */
  private afterAll(work: Work): void {
    const { step } = work.job
    const isStatement = step === "statement" || step === "stream"
    if (this.work === work) {
      this.work = undefined
    }
    if (this.state === "open") {
      if (isStatement || !applies(work.end)) {
        refuse(this, step)
      } else if (work.job.apply()._tag === "Success") {
        work.job.rest?.()
      }
    } else if (outlives(work, this.tx)) {
      if (applies(work.end)) {
        work.job.apply()
      }
      this.tx = this.server.rollback(this.id, this.tx)
    }
  }

  /** The link ends. With `atOnce`, the server ends with it, and nothing outlives it. */
  drop(to: "lost" | "closed", atOnce = false): void {
    if (this.state === "lost" || this.state === "closed") {
      this.state = to === "closed" ? to : this.state
      return
    }
    this.state = to
    const work = this.work
    this.work = undefined
    if (work !== undefined && !atOnce && outlives(work, this.tx)) {
      if (!work.cancelled) {
        this.entrust(work)
      }
    } else {
      this.tx = this.server.rollback(this.id, this.tx)
    }
    this.readings.clear()
    this.server.remove(this)
    this.waiters.forEach((wake) => wake())
  }

  /** Waits until no work is left. */
  quiet(): Effect.Effect<void, SqlFailure> {
    return Effect.suspend(() => {
      this.server.catchUp()
      const { work } = this
      if (this.state !== "open") {
        return Exit.fail(
          this.brokenBy ?? lostFailure(`Connection ${this.id} of the scripted server is ${this.state}.`, "no")
        )
      }
      if (work === undefined) {
        return Exit.void
      }
      // By the clock the work was begun under: under another one its time would never be over.
      const left = work.at === Infinity ? Infinity : Math.max(0, work.at - work.clock.unsafeCurrentTimeMillis())
      return Effect.flatMap(this.pause(work.clock, left), () => this.quiet())
    })
  }

  /** A stream is open from here on; between its batches other steps may run. */
  hold(sql: string): Reading {
    const reading: Reading = { sql }
    this.readings.add(reading)
    return reading
  }
}
