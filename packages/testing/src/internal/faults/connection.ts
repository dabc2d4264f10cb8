/**
 * A connection that is told to fail. What is not told to is the driver's own.
 */
import { Effect, Exit, Stream } from "effect"
import type { Dialect } from "effect-sql-engine/Dialect"
import type {
  Condition,
  ConnectContext,
  Control,
  DriverConnection,
  Lane,
  Statement,
  TransactionStatus
} from "effect-sql-engine/Driver"
import { ConnectionError, SerializationError, statementFailure } from "effect-sql-engine/SqlFailure"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { standsFor } from "../intercept.js"
import type { Fault, Step } from "./model.js"
import type { Plan } from "./plan.js"

/** Of which driver a connection is. */
export interface Setting {
  readonly plan: Plan
  readonly dialect: Dialect
  readonly lane: "write" | "read"
}

type Failing<F> = Extract<Fault, { readonly _tag: F }>

/** The failure of a link that was cut. */
const cutFailure = (engine: string, applied: boolean, statement: string | undefined): ConnectionError =>
  new ConnectionError({
    engine,
    message: `The connection was cut before ${applied ? "the answer came" : "anything was sent"} (an injected fault).`,
    sent: applied ? "maybe" : "no",
    retryable: !applied,
    ...(statement === undefined ? undefined : { statement })
  })

/** The failure a database refuses a step with. */
const refusal = ({ failure }: Failing<"Refuse">, step: Step, engine: string, statement?: string): SqlFailure => {
  if (typeof failure === "object") return failure
  const message = `The database refused ${step === "connect" ? "the connection" : step} (an injected fault).`
  const facts = { message, engine, ...(statement === undefined ? undefined : { statement }) }
  if (failure !== undefined) return statementFailure(failure, facts)
  return step === "connect"
    ? new ConnectionError({ ...facts, sent: "no" })
    : new SerializationError({ ...facts, retryable: true })
}

export class FaultyConnection implements DriverConnection {
  private lost = false
  private hung = false

  constructor(
    private readonly real: DriverConnection,
    private readonly setting: Setting,
    private readonly engine: string
  ) {}

  get id(): string {
    return this.real.id
  }

  // Statements

  execute(statement: Statement): Effect.Effect<ReadonlyArray<any>, SqlFailure> {
    return Effect.suspend(() => {
      if (this.lost) return Effect.fail(cutFailure(this.engine, false, statement.sql))
      const told = this.told(statement)
      if (told === undefined) return this.real.execute(statement)
      const run = this.real.execute(statement)
      return told.fault._tag === "Refuse"
        ? this.refused(statement, told.fault, told.step)
        : this.meet(told.fault, run, statement.sql)
    })
  }

  stream(statement: Statement): Stream.Stream<any, SqlFailure> {
    return Stream.suspend(() => {
      if (this.lost) return Stream.fail(cutFailure(this.engine, false, statement.sql))
      const told = this.told(statement)
      const rows = this.real.stream(statement)
      if (told === undefined) return rows
      switch (told.fault._tag) {
        case "Refuse":
          return Stream.fromEffect(this.refused(statement, told.fault, told.step))
        case "Cut":
          return told.fault.applied
            ? Stream.concat(rows, Stream.fromEffect(this.cut(true, statement.sql)))
            : Stream.fromEffect(this.cut(false, statement.sql))
        default:
          return Stream.unwrap(this.meet(told.fault, Effect.succeed(rows), statement.sql))
      }
    })
  }

  /** A statement may carry a BEGIN; what that is told goes before what the statement is. */
  private told(statement: Statement): { readonly fault: Fault; readonly step: Step } | undefined {
    const { lane, plan } = this.setting
    const [first] = statement.prelude
    const begin = first !== undefined && this.real.transaction() === "none"
      ? plan.take({ step: "begin", sql: first, lane })
      : undefined
    const own = plan.take({ step: "statement", sql: statement.sql, lane })
    if (begin !== undefined) return { fault: begin, step: "begin" }
    return own === undefined ? undefined : { fault: own, step: "statement" }
  }

  /** What a refused statement does to its transaction, the database does for real: PostgreSQL's fails, SQLite's goes on. */
  private refused(
    statement: Statement,
    fault: Failing<"Refuse">,
    step: Step
  ): Effect.Effect<never, SqlFailure> {
    const failure = refusal(fault, step, this.engine, statement.sql)
    if (step === "begin" || (statement.prelude.length === 0 && this.real.transaction() === "none")) {
      return Effect.fail(failure)
    }
    const sql = this.setting.dialect.name === "postgresql" ? "select 1/0" : "select 1"
    return Effect.zipRight(
      Effect.exit(this.real.execute({ ...statement, sql, params: [], shape: "rows", prepare: false })),
      Effect.fail(failure)
    )
  }

  private meet<A>(
    fault: Exclude<Fault, Failing<"Refuse">>,
    run: Effect.Effect<A, SqlFailure>,
    sql: string
  ): Effect.Effect<A, SqlFailure> {
    switch (fault._tag) {
      case "Delay":
        return Effect.zipRight(Effect.sleep(fault.millis), run)
      case "Hang":
        return this.hang
      case "Cut":
        return fault.applied
          ? Effect.zipRight(Effect.exit(run), this.cut(true, sql))
          : this.cut(false, sql)
    }
  }

  private readonly hang: Effect.Effect<never> = Effect.suspend(() => {
    this.hung = true
    return Effect.never
  })

  private cut(applied: boolean, sql: string): Effect.Effect<never, SqlFailure> {
    return Effect.suspend(() => {
      this.lost = true
      return Effect.zipRight(this.real.close, Effect.fail(cutFailure(this.engine, applied, sql)))
    })
  }

  // The end of a transaction

  control(kind: Control, sql: string): Effect.Effect<TransactionStatus, SqlFailure> {
    return Effect.suspend(() => {
      if (this.lost) return Effect.fail(cutFailure(this.engine, false, sql))
      const { dialect, lane, plan } = this.setting
      const fault = kind === "commit" || kind === "rollback" ? plan.take({ step: kind, sql, lane }) : undefined
      if (fault === undefined) return this.real.control(kind, sql)
      if (fault._tag !== "Refuse") return this.meet(fault, this.real.control(kind, sql), sql)
      const failure = Effect.fail(refusal(fault, kind as Step, this.engine, sql))
      // A COMMIT that PostgreSQL refuses is a rollback; SQLite leaves the transaction open.
      return dialect.name === "postgresql"
        ? Effect.zipRight(this.real.control("rollback", dialect.rollback), failure)
        : failure
    })
  }

  // What it is like

  transaction(): TransactionStatus {
    return this.lost ? "none" : this.real.transaction()
  }

  condition(): Condition {
    return this.lost ? "lost" : this.hung ? "busy" : this.real.condition()
  }

  private alive(effect: Effect.Effect<void, SqlFailure>): Effect.Effect<void, SqlFailure> {
    return this.lost ? Effect.fail(cutFailure(this.engine, false, undefined)) : this.hung ? Effect.never : effect
  }

  get settle(): Effect.Effect<void, SqlFailure> {
    return Effect.suspend(() => this.alive(this.real.settle))
  }

  get reset(): Effect.Effect<void, SqlFailure> {
    return Effect.suspend(() => this.alive(this.real.reset))
  }

  get ping(): Effect.Effect<void, SqlFailure> {
    return Effect.suspend(() => this.alive(this.real.ping))
  }

  get adopt(): (() => void) | undefined {
    return this.real.adopt === undefined ? undefined : () => this.real.adopt!()
  }

  get close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.lost = true
      return this.real.close
    })
  }
}

/** A lane whose connections are told to fail, and whose connecting is. */
export const faultyLane = (lane: Lane, setting: Setting): Lane => ({
  ...lane,
  connect: (context: ConnectContext) =>
    Effect.suspend(() => {
      const { engine } = context
      const connect = Effect.map(lane.connect(context), (real) =>
        standsFor(new FaultyConnection(real, setting, engine), real))
      const fault = setting.plan.take({ step: "connect", sql: undefined, lane: setting.lane })
      switch (fault?._tag) {
        case undefined:
          return connect
        case "Refuse":
          return Effect.fail(refusal(fault, "connect", engine))
        case "Delay":
          return Effect.zipRight(Effect.sleep(fault.millis), connect)
        case "Hang":
          return Effect.never
        case "Cut":
          return fault.applied
            ? Effect.flatMap(
              Effect.exit(lane.connect(context)),
              (exit) =>
                Effect.zipRight(
                  Exit.isSuccess(exit) ? exit.value.close : Effect.void,
                  Effect.fail(cutFailure(engine, false, undefined))
                )
            ).pipe(Effect.uninterruptible)
            : Effect.fail(cutFailure(engine, false, undefined))
      }
    })
})
