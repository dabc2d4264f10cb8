/**
 * One cell of the fault matrix: an engine on the scripted driver, a session, its faults and its signal, and what was
 * seen of it from both sides.
 */
import { Effect, Exit, Fiber, FiberId, Logger, LogLevel, Random, Runtime, Scope, Stream } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { Outcome, ScriptedDriver, VirtualClock } from "effect-sql-engine-testing"
import type { Moment, Step } from "effect-sql-engine-testing/Script"
import type { Driver, DriverConnection, Lane } from "effect-sql-engine/Driver"
import type { EngineEvent, EngineStats } from "effect-sql-engine/Engine"
import { isSqlFailure, type SqlFailure, statementFailure } from "effect-sql-engine/SqlFailure"
import type { Fault, Happened, Plan, Scenario } from "./plan.js"

/** Slow is longer than the session's timeout, and shorter than every limit of the engine. */
const slowMillis = 3_000
const timeoutMillis = 1_000
const duringMillis = 1_000
/** A statement without a limit of its own may hang for ever; after this the server dies of it. */
const patienceMillis = 3_600_000

/** A fault that happened. */
interface Fired {
  readonly fault: Fault
  /** While the session ran; the pool has steps of its own before and after. */
  readonly whileRunning: boolean
  /** An idle connection was lost before anything of the session was sent: it takes another one, and sees nothing of it. */
  readonly replaced: boolean
}

/** The steps that travel with the first statement. */
const firstTrip: ReadonlySet<Step> = new Set<Step>(["begin", "savepoint", "statement"])

/** What was seen of a cell. Times are virtual. */
export interface Observation {
  /** How the session ended. */
  readonly exit: Exit.Exit<unknown, unknown>
  /** Milliseconds from the first step of the session, or from the signal, to its end. */
  readonly tookMillis: number
  readonly sinceSignalMillis: number | undefined
  /** The server had to be killed for the session to end. */
  readonly killed: boolean
  readonly fired: ReadonlyArray<Fired>
  readonly happened: ReadonlyArray<Happened>
  readonly diary: Readonly<Diary>
  /** Of cells that listen. */
  readonly events: ReadonlyArray<EngineEvent>
  /** After the session, when everything the engine cleans up in the background had its time. */
  readonly rows: ReadonlyArray<ScriptedDriver.Key>
  readonly commitSent: boolean
  readonly stats: EngineStats
  readonly counts: ScriptedDriver.Counts
  /** A session of its own after the faults. */
  readonly probe: Exit.Exit<unknown, unknown>
  readonly probeRows: ReadonlyArray<ScriptedDriver.Key>
  /** After the engine's end. */
  readonly closeMillis: number
  readonly closedStats: EngineStats
  readonly closedCounts: ScriptedDriver.Counts
  readonly sleepers: number
  readonly breaches: ReadonlyArray<ScriptedDriver.Breach>
}

const codes: Partial<Record<Step, Parameters<typeof statementFailure>[0]>> = {
  connect: "TooManyConnections",
  init: "DataError",
  validate: "QueryCancelled",
  begin: "LockTimeoutError",
  statement: "CheckViolation",
  commit: "SerializationError"
}

export const injectedMessage = ({ nth, step }: Fault): string => `injected into ${step}#${nth}`

const injected = (fault: Fault, statement: string | undefined): SqlFailure =>
  statementFailure(codes[fault.step] ?? "ResourceExhausted", {
    message: injectedMessage(fault),
    sent: "yes",
    statement
  })

const scripted = (fault: Fault, sql: string | undefined): Outcome.Outcome => {
  switch (fault.outcome) {
    case "ok":
      return Outcome.ok
    case "fail":
      return Outcome.failWith(injected(fault, sql))
    case "lostBefore":
      return Outcome.lostBefore
    case "lostAfter":
      return Outcome.lostAfter
    case "hang":
      return Outcome.hang
    case "silent":
      return Outcome.hangApplied
    case "slow":
      return Outcome.slow(slowMillis)
    case "throw":
      return Outcome.throws()
    case "throwOnCall":
      return Outcome.throwsOnCall()
  }
}

/** What the body notes down. */
interface Diary {
  /** The hooks, one of each, were registered: the body came so far. */
  registered: boolean
  committed: number
  rolledBack: number
  /** The innermost session ran into its timeout, and the one around it went on. */
  innerTimedOut: boolean
}

/** The session's body: inserts on the way in and on the way out of every level. */
const bodyOf = ({ scenario, signal }: Plan, diary: Diary) => {
  const run = (text: string) => Effect.flatMap(Engine.Engine.sql, (sql) => sql.unsafe(text))
  const level = (depth: number): Effect.Effect<void, unknown, Engine.Engine> => {
    const innermost = depth === scenario.nesting
    const aroundInnermost = depth === scenario.nesting - 1
    const limit = signal === "innerTimeout" && aroundInnermost ? { timeout: timeoutMillis } : {}
    const inside = innermost
      ? scenario.boom === "none" ? Effect.void : Effect.fail("boom")
      : Effect.catchAll(Session.transaction(level(depth + 1), limit), (error) => {
        if (aroundInnermost && scenario.boom === "caught" && error === "boom") return Effect.void
        if (!aroundInnermost || signal !== "innerTimeout") return Effect.fail(error)
        if (!isSqlFailure(error) || error._tag !== "SessionTimeout") return Effect.fail(error)
        diary.innerTimedOut = true
        return Effect.void
      })
    return (!scenario.late || innermost ? run(`insert t ${depth}`) : Effect.void).pipe(
      Effect.zipRight(inside),
      Effect.zipRight(Effect.asVoid(run(`insert t ${10 + depth}`)))
    )
  }
  return Session.afterCommit(Effect.sync(() => diary.committed++)).pipe(
    Effect.zipRight(Session.afterRollback(Effect.sync(() => diary.rolledBack++))),
    Effect.zipRight(Effect.sync(() => diary.registered = true)),
    Effect.zipRight(scenario.dirty ? run("set x") : Effect.void),
    Effect.zipRight(level(0))
  )
}

/** What stands in the table when the session commits; `without` the innermost one where that was undone. */
export const rowsOf = ({ late, nesting }: Scenario, without: boolean): ReadonlyArray<number> => {
  const depths = Array.from({ length: without ? nesting : nesting + 1 }, (_, depth) => depth)
  return [...(late ? depths.filter((depth) => depth === nesting) : depths), ...depths.map((depth) => 10 + depth)]
}

interface Aim {
  readonly before: () => void
  readonly after: () => void
}

/** Tells when the call of the driver that holds the target's step begins, and when it is over. */
const aimed = (driver: Driver, target: Fault, counts: ReadonlyMap<Step, number>, aim: Aim): Driver => {
  const around = <A, E>(own: ReadonlyArray<Step>, call: () => Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      const seen = counts.get(target.step) ?? 0
      const holds = seen < target.nth && seen + own.filter((step) => step === target.step).length >= target.nth
      if (!holds) return call()
      aim.before()
      return Effect.onExit(Effect.suspend(call), () => Effect.sync(aim.after))
    })
  const wrap = (connection: DriverConnection): DriverConnection => ({
    id: connection.id,
    execute: (statement) => {
      const ahead = statement.prelude.map((sql): Step => sql.startsWith("BEGIN") ? "begin" : "savepoint")
      return around([...ahead, "statement"], () => connection.execute(statement))
    },
    stream: (statement) => connection.stream(statement),
    control: (kind, sql) => around([kind], () => connection.control(kind, sql)),
    transaction: () => connection.transaction(),
    condition: () => connection.condition(),
    settle: Effect.suspend(() => connection.settle),
    reset: around(["reset"], () => connection.reset),
    ping: around(["validate"], () => connection.ping),
    close: around(["close"], () => connection.close)
  })
  const lane = (lane: Lane): Lane => ({
    ...lane,
    connect: (context) => around(["connect", "init"], () => Effect.map(lane.connect(context), wrap))
  })
  return { ...driver, write: lane(driver.write) }
}

/** Runs a cell in virtual time; dies, when it gets stuck. */
export const run = (plan: Plan): Effect.Effect<Observation> =>
  cell(plan).pipe(
    Logger.withMinimumLogLevel(LogLevel.None),
    Effect.withTracerEnabled(false),
    Effect.withRandom(Random.make("fault matrix")),
    (cell) => VirtualClock.run(cell, { limitMillis: 5 * patienceMillis })
  )

const cell = (plan: Plan): Effect.Effect<Observation> =>
  Effect.gen(function*() {
    const { faults, scenario, signal } = plan
    const [target] = faults
    const clock = yield* Effect.clock
    const runtime = yield* Effect.runtime<never>()
    const now = () => clock.unsafeCurrentTimeMillis()
    const happened: Array<Happened> = []
    const fired: Array<Fired> = []
    const counts = new Map<Step, number>()
    /** Connections that were opened for the session, or that it has used. */
    const own = new Set<string>()
    const diary: Diary = { registered: false, committed: 0, rolledBack: 0, innerTimedOut: false }
    let armed = true
    let running = false
    let alive = false
    let signalled: number | undefined

    const faultAt = (moment: Moment) =>
      armed ? faults.find(({ nth, step }) => step === moment.step && nth === moment.nth) : undefined
    const interrupt = () => {
      if (signalled === undefined && alive) {
        signalled = now()
        main.unsafeInterruptAsFork(FiberId.none)
      }
    }
    const server = ScriptedDriver.unsafeMake({
      onFailure: plan.onFailure,
      resolveCommit: plan.resolves,
      script: (moment) => {
        const fault = faultAt(moment)
        return fault === undefined ? undefined : scripted(fault, moment.sql)
      },
      onStep: (moment) => {
        counts.set(moment.step, moment.nth)
        const fault = faultAt(moment)
        const replaced = fault?.outcome === "lostBefore" && firstTrip.has(moment.step) && !own.has(moment.connection)
        if (running && (moment.step === "connect" || moment.step === "statement")) own.add(moment.connection)
        if (fault === undefined) {
          if (armed && fired.length > 0) happened.push({ step: moment.step, nth: moment.nth })
          return
        }
        fired.push({ fault, whileRunning: running, replaced })
        if (signal === "interruptDuring" && fault === target) {
          if (fault.outcome === "slow" || fault.outcome === "hang" || fault.outcome === "silent") {
            Runtime.runFork(runtime)(Effect.zipRight(Effect.sleep(duringMillis), Effect.sync(interrupt)))
          } else {
            interrupt()
          }
        }
      }
    })
    const driver = signal === "interruptBefore"
      ? aimed(server.driver, target, counts, { before: interrupt, after: () => {} })
      : signal === "interruptAfter"
      ? aimed(server.driver, target, counts, { before: () => {}, after: interrupt })
      : server.driver

    const scope = yield* Scope.make()
    const engine = yield* Scope.extend(
      Engine.make(driver, { name: "matrix", pool: { size: 2, maxOverflow: 1 } }),
      scope
    ).pipe(Effect.orDie)
    const within = Effect.provideService(Engine.Engine, engine)
    const events: Array<EngineEvent> = []
    // Streams are by far the dearest thing in a cell: only those listen in whose cells a failure could be hidden.
    if (plan.listens) {
      yield* Effect.forkDaemon(Stream.runForEach(engine.events, (event) => Effect.sync(() => events.push(event))))
      yield* Effect.sleep(1)
    }
    if (scenario.warm) {
      yield* Effect.ignore(engine.transaction(engine.sql.unsafe("insert warm 1")))
      yield* Effect.sleep("1 minute")
    }

    const begun = now()
    let ended = begun
    let exit: Exit.Exit<unknown, unknown> = Exit.die("The session never began.")
    const session = Session.transaction(
      bodyOf(plan, diary),
      signal === "timeout" || (signal === "innerTimeout" && scenario.nesting === 0)
        ? { name: "cell", timeout: timeoutMillis }
        : { name: "cell" }
    )
    const main = yield* Effect.fork(
      Effect.sync(() => {
        alive = running = true
      }).pipe(
        Effect.zipRight(within(session)),
        Effect.onExit((seen) =>
          Effect.sync(() => {
            running = false
            ended = now()
            exit = seen
          })
        ),
        Effect.zipRight(scenario.retire ? engine.reset : Effect.void),
        Effect.zipRight(scenario.retire || scenario.dirty ? Effect.sleep("10 seconds") : Effect.void),
        Effect.onExit(() => Effect.sync(() => alive = false))
      )
    )
    let killed = false
    const killer = yield* Effect.fork(Effect.zipRight(
      Effect.sleep(patienceMillis),
      Effect.sync(() => {
        killed = true
        server.crash()
      })
    ))
    yield* Fiber.await(main)
    yield* Fiber.interrupt(killer)

    yield* Effect.sleep("2 minutes")
    armed = false
    const seen = {
      exit,
      tookMillis: ended - begun,
      sinceSignalMillis: signalled === undefined ? undefined : ended - signalled,
      killed,
      fired,
      happened,
      diary,
      events,
      rows: server.rows("t"),
      commitSent: server.wire.some((entry) => entry.step === "commit"),
      stats: yield* engine.stats,
      counts: server.counts()
    }
    const probe = yield* Effect.exit(engine.transaction(engine.sql.unsafe("insert probe 1")))
    const probed = { probe, probeRows: server.rows("probe") }
    const closing = now()
    yield* Scope.close(scope, Exit.void)
    const closeMillis = now() - closing
    // Fibers that were told to end need a few turns for it.
    yield* Effect.repeatN(Effect.yieldNow(), 10)
    return {
      ...seen,
      ...probed,
      closeMillis,
      closedStats: yield* engine.stats,
      closedCounts: server.counts(),
      sleepers: yield* VirtualClock.sleeping,
      breaches: server.breaches
    }
  })
