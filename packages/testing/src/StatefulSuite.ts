/**
 * Whether a repository does what its table says, tried by sequences of operations: each is done with the repository and with
 * a model of it in memory, and what comes of it is compared. What goes wrong is told as the shortest sequence that
 * shows it.
 *
 * @since 0.1.0
 */
import { Cause, Effect, Exit, FastCheck, Option, Runtime } from "effect"
import type * as Engine from "effect-sql-engine/Engine"
import * as EngineConfig from "effect-sql-engine/EngineConfig"
import * as Repository from "effect-sql-engine/Repository"
import type * as Table from "effect-sql-engine/Table"
import * as Arbitraries from "./Arbitraries.js"
import { linksTo } from "./internal/arbitrary/load.js"
import { planOf, type RowOptions } from "./internal/arbitrary/plan.js"
import { suiteOptions } from "./internal/options.js"
import { atEnd, type Command, commandsOf, type Real, type Subject as AnySubject } from "./internal/stateful/commands.js"
import { Deviation, Model } from "./internal/stateful/model.js"
import * as Sandbox from "./Sandbox.js"

/**
 * The operations that are tried: those of `Repository`, or of whatever stands in its place.
 *
 * @since 0.1.0
 * @category models
 */
export interface Subject<M extends Table.AnyModel, K extends string, R = never> {
  readonly insert: (row: Repository.Insert<M>) => Effect.Effect<Repository.Row<M>, unknown, R>
  readonly findByKey: (key: Repository.Key<M, K>) => Effect.Effect<Option.Option<Repository.Row<M>>, unknown, R>
  readonly findMany: () => Effect.Effect<ReadonlyArray<Repository.Row<M>>, unknown, R>
  /** Fails with something tagged `RowNotFound` where there is no such row. */
  readonly update: (
    target: Repository.KeyFields<M, K>,
    changes: Repository.Changes<M>
  ) => Effect.Effect<Repository.Row<M>, unknown, R>
  readonly delete: (target: Repository.KeyFields<M, K>) => Effect.Effect<boolean, unknown, R>
  readonly count: () => Effect.Effect<number, unknown, R>
}

/**
 * How a repository is tried.
 *
 * @since 0.1.0
 * @category options
 */
export interface SuiteOptions<M extends Table.AnyModel, K extends string, T extends Arbitraries.Tables, R>
  extends Omit<Arbitraries.TableOptions<M>, "rows">
{
  /** What is tried. Default: `Repository.make(table)`. */
  readonly repository?: Subject<M, K, R> | undefined
  /** Rows of the tables this one refers to; they are inserted first. */
  readonly given?: FastCheck.Arbitrary<Arbitraries.Dataset<T>> | undefined
  /** Fields that the repository changes by itself, such as a version. Those of `Model.DateTimeUpdate` are known. */
  readonly volatile?: ReadonlyArray<string> | undefined
  /** Sequences. Default 50. */
  readonly runs?: number | undefined
  /** The longest sequence. Default 12. */
  readonly maxCommands?: number | undefined
  readonly seed?: number | undefined
}

/**
 * Tries a repository out. Each sequence runs in a sandbox of its own.
 *
 * Fails with `PropertyFailed`, whose `counterexample` is the operations of the shortest sequence that shows the mistake, and
 * whose `message` says what came of the last one and should not.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { Table } from "effect-sql-engine"
 * import { StatefulSuite } from "effect-sql-engine-testing"
 *
 * const cities = Table.make("city", Schema.Struct({ id: Schema.Int, name: Schema.String }), { unique: ["name"] })
 *
 * // With @effect/vitest: it.effect("does what its table says", () => StatefulSuite.repository(cities))
 * export const test = StatefulSuite.repository(cities, { runs: 100 })
 * ```
 *
 * @since 0.1.0
 * @category suites
 */
export const repository = <
  M extends Table.AnyModel,
  K extends string,
  const T extends Arbitraries.Tables = {},
  R = Engine.Engine
>(
  table: Table.Table<M, K>,
  options: SuiteOptions<M, K, T, R> = {}
): Effect.Effect<void, Sandbox.PropertyFailed, Engine.Engine | Sandbox.Sandbox | NoInfer<R>> => {
  EngineConfig.insist(
    "The repository cannot be tried",
    suiteOptions satisfies EngineConfig.Described<SuiteOptions<any, any, any, any>>,
    options
  )
  const { fields = {}, filter, given, maxCommands = 12, runs = 50, seed, volatile = [] } = options
  const subject = (options.repository ?? Repository.make(table)) as AnySubject
  const known: RowOptions = { min: 0, max: 0, fields: fields as RowOptions["fields"], filter: filter as never }
  const parents: Arbitraries.Tables = given === undefined ? {} : FastCheck.sample(given, 1)[0]!.tables
  const own = Symbol("the table").toString()
  const { plans } = planOf(
    [...Object.entries(parents), [own, table]],
    (name) => name === own ? known : { min: 0, max: 0, fields: {}, filter: undefined }
  )
  const plan = plans.at(-1)!

  /** Does what the commands say; fails as soon as the repository does what it should not. */
  const tried = ([dataset, commands]: Sequence) =>
    Effect.gen(function*() {
      const loaded: Readonly<Record<string, ReadonlyArray<any>>> = dataset === undefined
        ? {}
        : yield* Effect.orDie(Arbitraries.load(dataset))
      const runtime = yield* Effect.runtime<any>()
      const model = new Model(plan, volatile)
      const real: Real = {
        subject,
        run: (effect) => Runtime.runPromiseExit(runtime)(effect),
        linked: (picks) =>
          linksTo(plan, plans, picks, (to) => plans[to] === plan ? model.rows : loaded[plans[to]!.name] ?? []),
        trace: []
      }
      yield* Effect.tryPromise({
        try: async () => {
          for (const command of commands) if (command.check(model)) await command.run(model, real)
          await atEnd.run(model, real)
        },
        catch: (error) => new Strayed(real.trace, error)
      })
    })
  return Sandbox.check(
    FastCheck.tuple(
      (given ?? FastCheck.constant(undefined)) as FastCheck.Arbitrary<Sequence[0]>,
      FastCheck.array(commandsOf(plan), { maxLength: maxCommands, size: "max" })
    ),
    tried,
    { numRuns: runs, ...(seed === undefined ? undefined : { seed }) }
  ).pipe(Effect.catchAll((failure) => {
    const strayed = strayedIn(failure.cause)
    return strayed === undefined
      ? Effect.fail(failure)
      : Effect.flatMap(
        shortest(
          failure.counterexample as Sequence,
          strayed,
          (sequence) =>
            Effect.map(
              Effect.exit(Sandbox.run(tried(sequence))),
              (exit) => Exit.isFailure(exit) ? strayedIn(exit.cause) : undefined
            )
        ),
        (strayed) => Effect.fail(told(failure, strayed))
      )
  }))
}

/** What is tried: rows to begin with, and what is done then. */
type Sequence = readonly [given: Arbitraries.Dataset<any> | undefined, commands: ReadonlyArray<Command>]

const strayedIn = (cause: Cause.Cause<unknown>): Strayed | undefined => {
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  return failure instanceof Strayed ? failure : undefined
}

/**
 * Goes on where fast-check stops: leaves out one command or two, wherever they stand, and lets the last one have another row
 * when its own is gone with them.
 */
const shortest = <R>(
  [given, commands]: Sequence,
  strayed: Strayed,
  attempt: (sequence: Sequence) => Effect.Effect<Strayed | undefined, never, R>
): Effect.Effect<Strayed, never, R> =>
  Effect.gen(function*() {
    for (const shorter of without(commands)) {
      const found = yield* attempt([given, shorter])
      if (found !== undefined) return yield* shortest([given, shorter], found, attempt)
    }
    return strayed
  })

function* without(commands: ReadonlyArray<Command>): Generator<ReadonlyArray<Command>> {
  for (let one = 0; one < commands.length; one++) {
    for (let other = one; other < commands.length; other++) {
      const left = commands.filter((_, at) => at !== one && at !== other)
      yield left
      const last = left.at(-1)
      for (const row of last?.at === undefined ? [] : [0, 1, 2]) yield [...left.slice(0, -1), last!.at!(row)]
    }
  }
}

/** A sequence that ended as it should not. */
class Strayed {
  readonly _tag = "Strayed"
  constructor(readonly trace: ReadonlyArray<string>, readonly error: unknown) {}
}

const told = ({ cause, path, seed }: Sandbox.PropertyFailed, { error, trace }: Strayed): Sandbox.PropertyFailed =>
  new Sandbox.PropertyFailed({
    message: `${error instanceof Deviation ? error.message : String(error)}\n\nThe operations:\n${
      trace.map((line, at) => `  ${at + 1}. ${line}`).join("\n")
    }\n\nAgain: { seed: ${seed} }`,
    counterexample: trace,
    seed,
    path,
    cause
  })
