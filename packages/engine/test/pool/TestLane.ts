/**
 * A lane whose every step is an effect the test chooses. It obeys the laws of `Driver` where the test does not say
 * otherwise, and counts what it has open.
 */
import { Effect } from "effect"
import type { Condition, ConnectContext, DriverConnection, Lane } from "../../src/Driver.js"
import type { SqlFailure } from "../../src/SqlFailure.js"

export type Step = "connect" | "ping" | "settle" | "reset" | "close"

/** What a step does before it succeeds; the number counts the steps of its kind, from 0. */
export type Plan = (
  step: Step,
  count: number,
  connection: TestConnection | undefined
) => Effect.Effect<void, SqlFailure>

export class TestConnection implements DriverConnection {
  isOpen = true
  now: Condition = "clean"
  idReads = 0

  constructor(readonly name: string, readonly context: ConnectContext, private readonly lane: TestLane) {}

  get id(): string {
    this.idReads++
    return this.name
  }

  condition = (): Condition => this.now
  transaction = () => "none" as const
  execute: DriverConnection["execute"] = () => Effect.die("a pool sends no statements")
  control: DriverConnection["control"] = () => Effect.die("a pool sends no statements")
  stream: DriverConnection["stream"] = () => {
    throw new Error("a pool sends no statements")
  }
  ping = Effect.suspend(() => this.lane.step("ping", this))
  /** What was cancelled left something behind. */
  settle = Effect.suspend(() => this.lane.step("settle", this)).pipe(
    Effect.zipRight(Effect.sync(() => void (this.now = "dirty")))
  )
  reset = Effect.suspend(() => this.lane.step("reset", this)).pipe(
    Effect.zipRight(Effect.sync(() => void (this.now = "clean")))
  )
  /** Given up, it is closed the hard way. */
  close = Effect.suspend(() => this.lane.step("close", this)).pipe(
    Effect.ignore,
    Effect.ensuring(Effect.sync(() => this.lane.closed(this)))
  )
}

export class TestLane implements Lane {
  readonly all: Array<TestConnection> = []
  readonly log: Array<string> = []
  open = 0
  mostOpen = 0
  connections?: number
  private readonly counts = new Map<Step, number>()

  constructor(private readonly plan: Plan = () => Effect.void) {}

  connect = (context: ConnectContext): Effect.Effect<DriverConnection, SqlFailure> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.map(restore(this.step("connect", undefined)), () => {
        const connection = new TestConnection(`c${this.all.length + 1}`, context, this)
        this.all.push(connection)
        this.open++
        this.mostOpen = Math.max(this.mostOpen, this.open)
        return connection
      })
    )

  step(step: Step, connection: TestConnection | undefined): Effect.Effect<void, SqlFailure> {
    const count = this.counts.get(step) ?? 0
    this.counts.set(step, count + 1)
    this.log.push(connection === undefined ? step : `${step} ${connection.name}`)
    return this.plan(step, count, connection)
  }

  closed(connection: TestConnection): void {
    if (!connection.isOpen) return
    connection.isOpen = false
    connection.now = "lost"
    this.open--
  }
}
