/**
 * What is right and wrong after an order: the user's invariant, or the orders in which the programs run one by one.
 */
import { SqlError } from "@effect/sql/SqlError"
import { Cause, Context, Effect, Exit, Option } from "effect"
import { isSqlFailure, type SqlFailure } from "effect-sql-engine/SqlFailure"
import { type Anomaly, classify } from "./classify.js"
import { absent, play, type Played } from "./conductor.js"
import type { Theatre } from "./stage.js"
import { canonical, complaint } from "./text.js"

type Program = Effect.Effect<unknown, unknown>
type Results = ReadonlyArray<Exit.Exit<unknown, unknown>>

/** What has to hold after each order. */
export type Invariant =
  | { readonly _tag: "Check"; readonly check: (results: any) => Effect.Effect<unknown, unknown, any> }
  | {
    readonly _tag: "Serializable"
    readonly snapshot: Effect.Effect<unknown, unknown, any>
    readonly results: boolean
  }

/** An order that was run and judged. */
export interface Judged {
  readonly played: Played
  readonly code: string
  /** What is wrong with it. */
  readonly problem: string | undefined
  readonly anomaly: Anomaly | undefined
  readonly deadlock: boolean
}

/** The letters of an order: `a` for the first program, `b` for the second. */
export const codeOf = (order: ReadonlyArray<number>): string =>
  order.map((program) => String.fromCharCode(97 + program)).join("")

/** Whose turn it was, step by step. */
export const orderOf = ({ events }: Played): ReadonlyArray<number> => events.map(({ step }) => step.program)

/** The tables that a run may have changed; absent when that cannot be told. */
export const changed = ({ events }: Played): ReadonlySet<string> | undefined =>
  events.some(({ step }) => step.own.all)
    ? undefined
    : new Set(events.flatMap(({ step }) => [...step.own.writes]))

const isQueryFailure = (error: unknown): error is SqlFailure | SqlError =>
  isSqlFailure(error) || error instanceof SqlError

/** Runs something of the user's in the judge's engine. A query that fails there is a mistake, and no verdict. */
const ask = <A>(theatre: Theatre, effect: Effect.Effect<A, unknown>): Effect.Effect<Exit.Exit<A, unknown>, unknown> =>
  Effect.flatMap(
    Effect.exit(
      Effect.mapInputContext(effect, (context: Context.Context<never>) => Context.merge(context, theatre.judge))
    ),
    (exit): Effect.Effect<Exit.Exit<A, unknown>, unknown> => {
      if (Exit.isSuccess(exit)) return Effect.succeed(exit)
      const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
      return isQueryFailure(error) || Cause.isInterrupted(exit.cause)
        ? Effect.failCause(exit.cause)
        : Effect.succeed(exit)
    }
  )

/** Everything a serial order can lead to, by which programs committed. */
type Serial = ReadonlyMap<string, ReadonlySet<string>>

const orders = (programs: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<number>> =>
  programs.length === 0
    ? [[]]
    : programs.flatMap((first) => orders(programs.filter((one) => one !== first)).map((rest) => [first, ...rest]))

const subsets = (programs: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<number>> =>
  programs.reduce<ReadonlyArray<ReadonlyArray<number>>>((all, one) => [...all, ...all.map((some) => [...some, one])], [
    []
  ])

const committed = (results: Results): string => results.map((exit) => Exit.isSuccess(exit) ? "1" : "0").join("")

/** The final state, and what the programs that committed returned. */
const stateOf = (
  theatre: Theatre,
  invariant: Extract<Invariant, { readonly _tag: "Serializable" }>,
  results: Results
): Effect.Effect<string, unknown> =>
  Effect.map(
    Effect.flatten(ask(theatre, invariant.snapshot as Effect.Effect<unknown, unknown>)),
    (snapshot) =>
      canonical([
        snapshot,
        invariant.results ? results.map((exit) => Exit.isSuccess(exit) ? { value: exit.value } : null) : null
      ])
  )

/** Runs every subset of the programs one after the other, in every order. */
const serial = (
  theatre: Theatre,
  programs: ReadonlyArray<Program>,
  invariant: Extract<Invariant, { readonly _tag: "Serializable" }>
): Effect.Effect<Serial, unknown> =>
  Effect.gen(function*() {
    const found = new Map<string, Set<string>>()
    for (const order of subsets(programs.map((_, at) => at)).flatMap(orders)) {
      const taking = programs.map((program, at) => order.includes(at) ? program : absent)
      const played = yield* play(theatre, taking, (_, steps) =>
        order.find((program) =>
          steps.some((step) => step.program === program)
        ))
      // Who had no part has no effect, as one that failed.
      const results = played.exits.map((exit, at) => order.includes(at) ? exit : Exit.fail("absent"))
      const states = found.get(committed(results)) ?? new Set()
      found.set(committed(results), states.add(yield* stateOf(theatre, invariant, results)))
      yield* theatre.reset(changed(played))
    }
    return found
  })

/** How the programs' ends are judged. */
export interface Judge {
  readonly judge: (played: Played) => Effect.Effect<Judged, unknown>
}

/** Makes the judge of an exploration; for `serializable` that takes a run of each serial order. */
export const judgeOf = (
  theatre: Theatre,
  programs: ReadonlyArray<Program>,
  invariant: Invariant | undefined,
  deadlocks: "break" | "allow"
): Effect.Effect<Judge, unknown> =>
  Effect.map(
    invariant?._tag === "Serializable" ? serial(theatre, programs, invariant) : Effect.succeed(undefined),
    (known): Judge => {
      const verdict = (results: Results): Effect.Effect<string | undefined, unknown> => {
        if (invariant === undefined) return Effect.succeed(undefined)
        if (invariant._tag === "Check") {
          const check = Effect.suspend(() => invariant.check(results) as Effect.Effect<unknown, unknown>)
          return Effect.map(ask(theatre, check), (exit) =>
            Exit.isFailure(exit)
              ? complaint(exit.cause)
              : exit.value === false
              ? "the invariant does not hold"
              : undefined)
        }
        return Effect.map(stateOf(theatre, invariant, results), (state) =>
          known?.get(committed(results))?.has(state) === true
            ? undefined
            : "not serializable: run one after the other, in whatever order, the programs leave something else")
      }
      return {
        judge: (played) =>
          Effect.map(verdict(played.exits), (problem): Judged => {
            const anomaly = classify(played, theatre.syntax)
            const deadlock = anomaly === "deadlock"
            const wrong = problem ??
              (deadlock && deadlocks === "break" ? "the programs wait for each other" : undefined)
            return {
              played,
              code: codeOf(orderOf(played)),
              problem: wrong,
              anomaly: wrong === undefined ? undefined : anomaly,
              deadlock
            }
          })
      }
    }
  )
