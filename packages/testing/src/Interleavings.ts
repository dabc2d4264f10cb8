/**
 * Every order in which two or three transactions can run: tried out on the real database, statement by statement.
 *
 * A test of concurrent code that starts two fibers and hopes sees one order, mostly the harmless one. `explore` holds
 * each program before every statement it sends, gives one of them the turn, sees who is answered and who waits for whom,
 * and does that again for every order there is. It reports the smallest order that breaks an invariant, with a code that
 * runs it again.
 *
 * The programs are ordinary effects that use the engine, sessions and `SqlClient`; each runs on an engine and connections
 * of its own. On PostgreSQL an exploration makes a schema of its own and drops it at the end; on SQLite it wants a file
 * without tables, and leaves it so. Orders that cannot end differently are run once.
 *
 * @since 0.1.0
 */
import { type Duration, Effect, type Exit, type Layer } from "effect"
import type { Isolation } from "effect-sql-engine/Dialect"
import * as EngineConfig from "effect-sql-engine/EngineConfig"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { realTime } from "./internal/interleavings/bell.js"
import type { Anomaly as AnomalyName } from "./internal/interleavings/classify.js"
import * as exploring from "./internal/interleavings/explore.js"
import { ExplorationIncomplete, InterleavingsError, InvariantBroken } from "./internal/interleavings/failure.js"
import * as judging from "./internal/interleavings/judge.js"
import { levelsTable, orderText, reportText } from "./internal/interleavings/report.js"
import { build, type Theatre } from "./internal/interleavings/stage.js"
import { answerOf, diagram, sqlOf, type Style } from "./internal/interleavings/trace.js"
import { explorationOptions, serializableOptions } from "./internal/options.js"

export { ExplorationIncomplete, InterleavingsError, InvariantBroken } from "./internal/interleavings/failure.js"

/**
 * What went wrong in an order, by its name in the literature. It goes by the tables and conditions written in the
 * statements: a help for the reader, and no proof.
 *
 * @since 0.1.0
 * @category models
 */
export type Anomaly = AnomalyName

type AnyProgram = Effect.Effect<any, any, any>
/** A program as it is run: what it needs comes from the layer. */
type Program = Effect.Effect<unknown, unknown>

/**
 * How the programs ended, each at its place.
 *
 * @since 0.1.0
 * @category models
 */
export type Results<Programs extends ReadonlyArray<AnyProgram>> = {
  readonly [At in keyof Programs]: Exit.Exit<Effect.Effect.Success<Programs[At]>, Effect.Effect.Error<Programs[At]>>
}

/**
 * What has to hold after every order: an effect on the engine, told how the programs ended. It is broken when it succeeds
 * with `false`, fails, or dies, as assertions do. A query that fails in it ends the exploration instead.
 *
 * @since 0.1.0
 * @category invariants
 */
export type Invariant<R, Programs extends ReadonlyArray<AnyProgram>> =
  | ((results: Results<Programs>) => Effect.Effect<unknown, unknown, R>)
  | Serializable<R>

/**
 * The invariant that {@link serializable} makes.
 *
 * @since 0.1.0
 * @category invariants
 */
export interface Serializable<R> {
  readonly _tag: "Serializable"
  readonly snapshot: Effect.Effect<unknown, unknown, R>
  readonly results: boolean
}

/**
 * What an exploration is told.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<Programs extends ReadonlyArray<AnyProgram>, A, E, R, ES, RS, RI> {
  /**
   * What the programs run on: `PgEngine.layer({ … })`, `SqliteEngine.layer({ filename })`, or a layer of yours with such
   * an engine in it. It is built once for each program, and once more for `setup` and the invariant.
   */
  readonly layer: Layer.Layer<A, E, R>
  /** Makes the tables and their first rows. It runs once; each order begins with what it has left. */
  readonly setup: Effect.Effect<unknown, ES, RS>
  /** Default: none; then only deadlocks are found. */
  readonly invariant?: Invariant<RI, Programs> | undefined
  /** The level of sessions that do not ask for one. Default: the database's own. */
  readonly isolation?: Isolation | undefined
  /** What the programs are called in reports. Default: `a`, `b`, `c`. */
  readonly names?: ReadonlyArray<string> | undefined
  /** Whether a deadlock is as bad as a broken invariant (`break`, the default), or part of the game. */
  readonly deadlocks?: "break" | "allow" | undefined
  /** The most runs. Default 1000. */
  readonly maxOrders?: number | undefined
  /** The most steps of one run. Default 200. */
  readonly maxSteps?: number | undefined
  /** `false` runs every single order, also those that cannot end differently from another one. Default `true`. */
  readonly prune?: boolean | undefined
  /** Whether reports show bound values and rows. Default `false`. */
  readonly values?: boolean | undefined
  /** Whether the programs' logs are kept. Default: only by `replay`. */
  readonly logs?: boolean | undefined
  /** PostgreSQL: schemas to look in behind the exploration's own, for extensions. They are not set back. */
  readonly searchPath?: ReadonlyArray<string> | undefined
  /** The longest a statement may be without an answer while nobody of the exploration is in its way. Default 10 seconds. */
  readonly stepTimeout?: Duration.DurationInput | undefined
  /** How long a program that neither sends nor sleeps is waited for before the others go on. Default 100 milliseconds. */
  readonly patience?: Duration.DurationInput | undefined
}

/**
 * A step of an order.
 *
 * @since 0.1.0
 * @category models
 */
export interface Step {
  readonly program: string
  /** What was sent, with the BEGIN or SAVEPOINT that travelled with it. */
  readonly sql: string
  /** The programs it had to wait for. */
  readonly waitsFor: ReadonlyArray<string>
  /** `1 row`, `done`, the tag of the failure. */
  readonly answer: string
}

/**
 * One order, as it was run.
 *
 * @since 0.1.0
 * @category models
 */
export interface Order<Programs extends ReadonlyArray<AnyProgram> = ReadonlyArray<AnyProgram>> {
  /** A letter a step, `a` for the first program: what {@link replay} takes. */
  readonly code: string
  readonly steps: ReadonlyArray<Step>
  readonly results: Results<Programs>
  /** What is wrong with how it ended; absent when nothing is. */
  readonly problem: string | undefined
  readonly anomaly: Anomaly | undefined
  /** The steps to read. */
  readonly text: string
  /** The steps as a Mermaid sequence diagram. */
  readonly diagram: string
}

/**
 * What an exploration found.
 *
 * @since 0.1.0
 * @category models
 */
export interface Report<Programs extends ReadonlyArray<AnyProgram> = ReadonlyArray<AnyProgram>> {
  readonly isolation: Isolation | undefined
  readonly orders: {
    /** Run to their end. */
    readonly explored: number
    /** Given up on the way, because all they lead to was known. */
    readonly cut: number
    /** How many orders those that were explored stand for, themselves included; absent when they are too long to count. */
    readonly covered: number | undefined
    /** Of those explored: how many are broken, and in how many there was a deadlock. */
    readonly broken: number
    readonly deadlocks: number
  }
  /** Why not every order was seen; absent when every one was. */
  readonly incomplete: string | undefined
  /** The broken order with the fewest turns; of those the shortest, and the first in the alphabet. */
  readonly smallest: Order<Programs> | undefined
  /** What went wrong in the broken orders. */
  readonly anomalies: ReadonlyArray<Anomaly>
  /** How the programs ended, in how many of the explored orders, and one of them. */
  readonly outcomes: ReadonlyArray<{
    /** `committed`, or the tag of the failure. */
    readonly results: ReadonlyArray<string>
    readonly orders: number
    readonly code: string
  }>
  readonly elapsedMillis: number
  /** All of it to read. */
  readonly text: string
}

/**
 * What each isolation level makes of the programs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Levels<Programs extends ReadonlyArray<AnyProgram> = ReadonlyArray<AnyProgram>> {
  readonly reports: ReadonlyArray<Report<Programs>>
  /** A line for each level. */
  readonly table: string
}

/** What a caller has to provide. */
type Needs<Programs extends ReadonlyArray<AnyProgram>, A, R, RS, RI> =
  | Exclude<Effect.Effect.Context<Programs[number]> | RS | RI, A>
  | R

type AnyOptions = Options<any, any, any, any, any, any, any>

/**
 * Every serial order is right: the final state has to be one that the programs can leave when they run one after the
 * other. Programs that failed may be left out, or be in an order in which they fail as well.
 *
 * `snapshot` reads the state to compare: order its rows, and leave out what is different each time. With `results` what
 * the programs returned is compared too, which also finds wrong answers that leave no trace.
 *
 * @example
 * ```ts
 * import { SqlClient } from "@effect/sql"
 * import { Effect } from "effect"
 * import { Interleavings } from "effect-sql-engine-testing"
 *
 * export const invariant = Interleavings.serializable(
 *   Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select id, balance from account order by id`)
 * )
 * ```
 *
 * @since 0.1.0
 * @category invariants
 */
export const serializable = <E, R>(
  snapshot: Effect.Effect<unknown, E, R>,
  options: { readonly results?: boolean | undefined } = {}
): Serializable<R> => {
  EngineConfig.insist("The invariant cannot be made", serializableOptions, options)
  return { _tag: "Serializable", snapshot, results: options.results === true }
}

const namesOf = (programs: ReadonlyArray<AnyProgram>, options: AnyOptions): ReadonlyArray<string> =>
  programs.map((_, at) => options.names?.[at] ?? judging.codeOf([at]))

const styleOf = (programs: ReadonlyArray<AnyProgram>, options: AnyOptions): Style => ({
  names: namesOf(programs, options),
  values: options.values === true
})

const refused = (programs: ReadonlyArray<AnyProgram>, options: AnyOptions): InterleavingsError | undefined => {
  const unfit = EngineConfig.refusal(
    "The programs cannot be explored",
    explorationOptions satisfies EngineConfig.Described<AnyOptions>,
    options
  )
  if (unfit !== undefined) return new InterleavingsError({ reason: "unsupported", message: unfit.message })
  return programs.length >= 1 && programs.length <= 26 ? undefined : new InterleavingsError({
    reason: "unsupported",
    message: `An exploration takes 1 to 26 programs, and was given ${programs.length}; more than three take very long.`
  })
}

/** The stage, for as long as the scope lasts. */
const open = (programs: ReadonlyArray<AnyProgram>, options: AnyOptions, logs: boolean) =>
  Effect.suspend(() =>
    refused(programs, options) ?? build({
      layer: options.layer as Layer.Layer<any, unknown>,
      setup: options.setup as Effect.Effect<unknown, unknown>,
      names: namesOf(programs, options),
      searchPath: options.searchPath ?? [],
      stepTimeout: options.stepTimeout ?? "10 seconds",
      patience: options.patience ?? "100 millis",
      maxSteps: options.maxSteps ?? 200,
      logs
    })
  )

/** The judge at one isolation level, from now on the stage's. */
const judgeAt = (
  theatre: Theatre,
  programs: ReadonlyArray<AnyProgram>,
  options: AnyOptions,
  isolation: Isolation | undefined
) => {
  const { deadlocks = "break", invariant } = options
  const known: judging.Invariant | undefined = typeof invariant === "function"
    ? { _tag: "Check", check: invariant }
    : invariant
  return Effect.zipRight(
    theatre.setIsolation(isolation),
    judging.judgeOf(theatre, programs as ReadonlyArray<Program>, known, deadlocks)
  )
}

const orderOf = (judged: judging.Judged, style: Style): Order => ({
  code: judged.code,
  steps: judged.played.events.map(({ ticket, waitsFor }) => ({
    program: ticket.actor.name,
    sql: sqlOf(ticket, style),
    waitsFor: waitsFor.map((program) => style.names[program]!),
    answer: answerOf(ticket, style)
  })),
  results: judged.played.exits,
  problem: judged.problem,
  anomaly: judged.anomaly,
  text: orderText(judged, style),
  diagram: diagram(judged.played, style)
})

/** An exploration at one isolation level, and what its report is made of. */
const found = (
  theatre: Theatre,
  programs: ReadonlyArray<AnyProgram>,
  options: AnyOptions,
  isolation: Isolation | undefined
) =>
  Effect.gen(function*() {
    const began = realTime()
    const judge = yield* judgeAt(theatre, programs, options, isolation)
    const findings = yield* exploring.explore(theatre, programs as ReadonlyArray<Program>, judge, {
      maxOrders: options.maxOrders ?? 1000,
      prune: options.prune ?? true
    })
    if (findings.incomplete !== undefined) {
      yield* Effect.logWarning(`An exploration of interleavings is not complete: ${findings.incomplete}.`)
    }
    const { anomalies, broken, covered, cut, deadlocks, explored, incomplete, outcomes, smallest } = findings
    const style = styleOf(programs, options)
    const elapsedMillis = realTime() - began
    const report: Report = {
      isolation,
      orders: { explored, cut, covered, broken, deadlocks },
      incomplete,
      smallest: smallest && orderOf(smallest, style),
      anomalies,
      outcomes,
      elapsedMillis,
      text: reportText(findings, style, isolation, elapsedMillis)
    }
    return { report, findings }
  })

/**
 * Runs the programs in every order the database allows, and reports what became of them. Succeeds also when orders are
 * broken, and when there were more than `maxOrders`: `smallest` and `incomplete` say so, and a warning is logged.
 *
 * What is the same each time has to be: programs are run again and again, and may depend on what they read, on `Clock`
 * and on `Random`, and on nothing else. Their time stands still while they are held, and jumps when they only sleep.
 *
 * Fails with what `layer` and `setup` fail with, with what the database fails with outside of the programs, and with
 * `InterleavingsError`. Interrupted, it ends the programs, rolls back, and removes what it made.
 *
 * @example
 * ```ts
 * import { SqlClient } from "@effect/sql"
 * import { Effect } from "effect"
 * import { Session } from "effect-sql-engine"
 * import { PgEngine } from "effect-sql-engine-pg"
 * import { Interleavings } from "effect-sql-engine-testing"
 *
 * const withdraw = (amount: number) =>
 *   Session.transaction(Effect.gen(function*() {
 *     const sql = yield* SqlClient.SqlClient
 *     const [account] = yield* sql<{ balance: number }>`select balance from account where id = 1`
 *     yield* sql`update account set balance = ${account!.balance - amount} where id = 1`
 *   }))
 *
 * export const report = Interleavings.explore([withdraw(10), withdraw(20)], {
 *   layer: PgEngine.layer({ database: "app_test" }),
 *   setup: Effect.gen(function*() {
 *     const sql = yield* SqlClient.SqlClient
 *     yield* sql`create table account (id int primary key, balance int not null)`
 *     yield* sql`insert into account values (1, 100)`
 *   }),
 *   invariant: () =>
 *     Effect.gen(function*() {
 *       const sql = yield* SqlClient.SqlClient
 *       const [account] = yield* sql<{ balance: number }>`select balance from account`
 *       return account!.balance === 70
 *     })
 * })
 * ```
 *
 * @since 0.1.0
 * @category exploring
 */
export const explore = <const Programs extends ReadonlyArray<AnyProgram>, A, E, R, ES, RS, RI = never>(
  programs: Programs,
  options: Options<Programs, A, E, R, ES, RS, RI>
): Effect.Effect<Report<Programs>, E | ES | SqlFailure | InterleavingsError, Needs<Programs, A, R, RS, RI>> =>
  Effect.scoped(Effect.gen(function*() {
    const theatre = yield* open(programs, options as AnyOptions, options.logs ?? false)
    return (yield* found(theatre, programs, options as AnyOptions, options.isolation)).report
  })) as Effect.Effect<any, any, any>

/**
 * `explore` as an assertion: fails with `InvariantBroken` when an order is broken, and with `ExplorationIncomplete` when
 * none is, but not all were seen.
 *
 * @since 0.1.0
 * @category exploring
 */
export const check = <const Programs extends ReadonlyArray<AnyProgram>, A, E, R, ES, RS, RI = never>(
  programs: Programs,
  options: Options<Programs, A, E, R, ES, RS, RI>
): Effect.Effect<
  Report<Programs>,
  E | ES | SqlFailure | InterleavingsError | InvariantBroken | ExplorationIncomplete,
  Needs<Programs, A, R, RS, RI>
> =>
  Effect.flatMap(explore(programs, options), (report): Effect.Effect<any, any> => {
    const { incomplete, orders, smallest, text } = report
    if (smallest !== undefined) {
      return Effect.fail(
        new InvariantBroken({ message: text, code: smallest.code, anomaly: smallest.anomaly ?? "unclassified" })
      )
    }
    return incomplete === undefined
      ? Effect.succeed(report)
      : Effect.fail(new ExplorationIncomplete({ message: text, explored: orders.explored }))
  })

/**
 * Runs the programs in one order: the letters of a report's `code`. When they are used up, the first program that can go
 * on goes on. Logs are kept. Fails as `explore` does, and with `InterleavingsError` (`order`) when it is the turn of a
 * program that has ended or waits.
 *
 * @since 0.1.0
 * @category exploring
 */
export const replay = <const Programs extends ReadonlyArray<AnyProgram>, A, E, R, ES, RS, RI = never>(
  programs: Programs,
  code: string,
  options: Options<Programs, A, E, R, ES, RS, RI>
): Effect.Effect<Order<Programs>, E | ES | SqlFailure | InterleavingsError, Needs<Programs, A, R, RS, RI>> =>
  Effect.scoped(Effect.gen(function*() {
    const theatre = yield* open(programs, options as AnyOptions, options.logs ?? true)
    const judge = yield* judgeAt(theatre, programs, options as AnyOptions, options.isolation)
    const choose = exploring.following(code, namesOf(programs, options as AnyOptions))
    const judged = yield* exploring.runOne(
      theatre,
      programs as ReadonlyArray<AnyProgram> as ReadonlyArray<Program>,
      judge,
      choose
    )
    return orderOf(judged, styleOf(programs, options as AnyOptions))
  })) as Effect.Effect<any, any, any>

/**
 * `explore` at every isolation level of the database, weakest first, with a table.
 *
 * @since 0.1.0
 * @category exploring
 */
export const levels = <const Programs extends ReadonlyArray<AnyProgram>, A, E, R, ES, RS, RI = never>(
  programs: Programs,
  options: Omit<Options<Programs, A, E, R, ES, RS, RI>, "isolation">
): Effect.Effect<Levels<Programs>, E | ES | SqlFailure | InterleavingsError, Needs<Programs, A, R, RS, RI>> =>
  Effect.scoped(Effect.gen(function*() {
    const theatre = yield* open(programs, options as AnyOptions, options.logs ?? false)
    const all = yield* Effect.forEach(
      theatre.isolations,
      (isolation) =>
        Effect.map(found(theatre, programs, options as AnyOptions, isolation), (found) => ({ ...found, isolation }))
    )
    return { reports: all.map(({ report }) => report), table: levelsTable(all) }
  })) as Effect.Effect<any, any, any>
