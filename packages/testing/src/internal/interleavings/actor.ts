/**
 * One program at the gate: what it wants to send next, what it has sent, and how it ended.
 *
 * Plain state. Whoever changes it calls `changed`, and the conductor looks again.
 */
import type { Exit } from "effect"
import type { Isolation } from "effect-sql-engine/Dialect"
import type { Control, TransactionStatus } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { ProgramClock, StepClock } from "./programClock.js"

/** What a program wants to send. */
export interface Wish {
  /** `fetch`: the next rows of a stream. */
  readonly kind: "statement" | "fetch" | Control
  readonly sql: string
  readonly params: ReadonlyArray<unknown>
  /** Control statements on the same trip. */
  readonly prelude: ReadonlyArray<string>
  /** What the database calls the connection; of two programs' connections it may be the same. */
  readonly connection: string
  readonly lane: "write" | "read"
  /** Whether the connection was in a transaction before. */
  readonly inside: boolean
}

/** What came of it. */
export interface Answer {
  readonly rows: ReadonlyArray<unknown> | undefined
  readonly failure: SqlFailure | undefined
  /** Of the connection, afterwards. */
  readonly transaction: TransactionStatus
}

let arrived = 0

/** One step of a program, from its arrival at the gate to its answer. */
export class Ticket {
  answer: Answer | undefined
  /** The programs it waits for, as the database says; absent while nothing is known. */
  blockers: ReadonlyArray<number> | undefined
  /** Whether it was found waiting at any time. */
  waited = false
  /** Steps in the order of their coming. */
  readonly number = ++arrived
  readonly clock: StepClock

  constructor(readonly actor: Actor, readonly wish: Wish, readonly open: () => void) {
    this.clock = new StepClock(() => actor.changed())
  }

  blocked(by: ReadonlyArray<number>): void {
    this.blockers = by
    this.waited = true
  }
}

/** `gated`: each step waits for its turn. `open`: everything passes. */
export type Mode = "gated" | "open"

/** One program, in one run after the other. */
export class Actor {
  mode: Mode = "open"
  /** The level of sessions that ask for none. */
  isolation: Isolation | undefined
  /** Which run it is in; what is left of an earlier one is refused. */
  run = 0
  /** What the database calls the connections it ever had. */
  readonly connections = new Set<string>()
  readonly waiting: Array<Ticket> = []
  readonly sent = new Set<Ticket>()
  /** What the driver does besides steps: connecting, cleaning up. */
  busy = 0
  exit: Exit.Exit<unknown, unknown> | undefined
  clock = new ProgramClock(0)
  /** Found with nothing to do, and nothing to wait for that we know of. */
  parked = false
  answered: (ticket: Ticket) => void = () => {}

  /** `stepTime`: a driver that sleeps within a step waits for a lock, and looks again when it is told to. */
  constructor(
    readonly program: number,
    readonly name: string,
    readonly stepTime: boolean,
    readonly changed: () => void
  ) {}

  /** Begins a run. */
  begin(run: number, startMillis: number): void {
    this.mode = "gated"
    this.run = run
    this.exit = undefined
    this.parked = false
    this.clock = new ProgramClock(startMillis)
  }

  arrive(ticket: Ticket): void {
    this.waiting.push(ticket)
    this.parked = false
    this.changed()
  }

  /** Lets the first step at the gate through. */
  grant(): Ticket {
    const ticket = this.waiting.shift()!
    this.sent.add(ticket)
    ticket.open()
    return ticket
  }

  /** The step is over, or was given up before it was sent. */
  leave(ticket: Ticket, answer: Answer): void {
    const at = this.waiting.indexOf(ticket)
    if (at >= 0) this.waiting.splice(at, 1)
    if (this.sent.delete(ticket)) {
      ticket.answer = answer
      this.answered(ticket)
    }
    this.parked = false
    this.changed()
  }

  ended(exit: Exit.Exit<unknown, unknown>): void {
    this.exit = exit
    this.changed()
  }

  /** Whether it has sent something that may still be answered without anybody else's doing. */
  get underway(): boolean {
    return this.busy > 0 || [...this.sent].some((ticket) => ticket.blockers === undefined)
  }

  get ready(): boolean {
    return this.waiting.length > 0 && !this.underway
  }

  /** Whether it computes, or sleeps, or waits for something outside of the database. */
  get thinking(): boolean {
    return this.exit === undefined && this.waiting.length === 0 && this.sent.size === 0 && this.busy === 0
  }
}
