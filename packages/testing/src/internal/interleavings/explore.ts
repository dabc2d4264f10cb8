/**
 * Running one order after the other, and judging what each has left.
 */
import { SqlError } from "@effect/sql/SqlError"
import { Cause, Context, Effect, Exit, Option } from "effect"
import { isSqlFailure, type SqlFailure } from "effect-sql-engine/SqlFailure"
import { type Anomaly, classify } from "./classify.js"
import { absent, type Choose, play, type Played } from "./conductor.js"
import { InterleavingsError } from "./failure.js"
import { type Class, classOf, switches } from "./linear.js"
import type { Theatre } from "./stage.js"
import { canonical, complaint, ended } from "./text.js"
import { Tree } from "./tree.js"

type Program = Effect.Effect<unknown, unknown>
type Results = ReadonlyArray<Exit.Exit<unknown, unknown>>

/** What has to hold after each order. */
export type Invariant =
  | { readonly _tag: "Check"; readonly check: (results: any) => Effect.Effect<unknown, unknown, any> }
  | { readonly _tag: "Serializable"; readonly snapshot: Effect.Effect<unknown, unknown, any>; readonly results: boolean }

/** An order that was run and judged. */
export interface Judged {
  readonly played: Played
  readonly code: string
  /** What is wrong with it. */
  readonly problem: string | undefined
  readonly anomaly: Anomaly | undefined
  readonly deadlock: boolean
}

/** How often programs ended in one way, and an order in which they did. */
export interface Tally {
  readonly results: ReadonlyArray<string>
  orders: number
  readonly code: string
}

/** What an exploration found. */
export interface Findings {
  readonly explored: number
  readonly cut: number
  readonly covered: number | undefined
  readonly broken: number
  readonly deadlocks: number
  readonly incomplete: string | undefined
  readonly smallest: Judged | undefined
  readonly anomalies: ReadonlyArray<Anomaly>
  readonly outcomes: ReadonlyArray<Tally>
}

/** The letters of an order: `a` for the first program, `b` for the second. */
export const codeOf = (order: ReadonlyArray<number>): string =>
  order.map((program) => String.fromCharCode(97 + program)).join("")

const orderOf = ({ events }: Played): ReadonlyArray<number> => events.map(({ step }) => step.program)

/** The tables that a run may have changed; absent when that cannot be told. */
const changed = ({ events }: Played): ReadonlySet<string> | undefined =>
  events.some(({ step }) => step.own.all)
    ? undefined
    : new Set(events.flatMap(({ step }) => [...step.own.writes]))

const isQueryFailure = (error: unknown): error is SqlFailure | SqlError =>
  isSqlFailure(error) || error instanceof SqlError

/** Runs something of the user's in the judge's engine. A query that fails there is a mistake, and no verdict. */
const ask = <A>(theatre: Theatre, effect: Effect.Effect<A, unknown>): Effect.Effect<Exit.Exit<A, unknown>, unknown> =>
  Effect.flatMap(
    Effect.exit(Effect.mapInputContext(effect, (context: Context.Context<never>) =>
      Context.merge(context, theatre.judge))),
    (exit): Effect.Effect<Exit.Exit<A, unknown>, unknown> => {
      if (Exit.isSuccess(exit)) return Effect.succeed(exit)
      const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
      return isQueryFailure(error) || Cause.isInterrupted(exit.cause) ? Effect.failCause(exit.cause) : Effect.succeed(exit)
    }
  )

/** Everything a serial order can lead to, by which programs committed. */
type Serial = ReadonlyMap<string, ReadonlySet<string>>

const orders = (programs: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<number>> =>
  programs.length === 0
    ? [[]]
    : programs.flatMap((first) => orders(programs.filter((one) => one !== first)).map((rest) => [first, ...rest]))

const subsets = (programs: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<number>> =>
  programs.reduce<ReadonlyArray<ReadonlyArray<number>>>((all, one) => [...all, ...all.map((some) => [...some, one])], [[]])

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
        order.find((program) => steps.some((step) => step.program === program)))
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
            Exit.isFailure(exit) ? complaint(exit.cause) : exit.value === false ? "the invariant does not hold" : undefined)
        }
        return Effect.map(stateOf(theatre, invariant, results), (state) =>
          known?.get(committed(results))?.has(state) === true
            ? undefined
            : "not serializable: run one after the other, in whatever order, the programs leave something else")
      }
      return {
        judge: (played) =>
          Effect.map(verdict(played.exits), (problem): Judged => {
            const anomaly = classify(played)
            const deadlock = anomaly === "deadlock"
            const wrong = problem ?? (deadlock && deadlocks === "break" ? "the programs wait for each other" : undefined)
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

/** Follows the letters of an order; when they end, the first program that can goes on. */
export const following = (code: string, names: ReadonlyArray<string>): Choose => (depth, steps) => {
  const letter = code[depth]
  if (letter === undefined) return Math.min(...steps.map(({ program }) => program))
  const program = letter.charCodeAt(0) - 97
  if (steps.some((step) => step.program === program)) return program
  const name = names[program]
  return new InterleavingsError({
    reason: "order",
    message: `The order "${code}" does not fit: after ${depth} steps it is the turn of "${letter}", ` +
      (name === undefined
        ? `and there is no such program; there ${names.length === 1 ? "is" : "are"} ${names.length}.`
        : `${name === letter ? "which" : name} has ended, or waits for another one.`)
  })
}

/** Runs one order and judges it. */
export const runOne = (
  theatre: Theatre,
  programs: ReadonlyArray<Program>,
  judge: Judge,
  choose: Choose
): Effect.Effect<Judged, unknown> =>
  Effect.flatMap(
    play(theatre, programs, choose),
    (played) => Effect.zipLeft(judge.judge(played), theatre.reset(changed(played)))
  )

interface Candidate {
  readonly judged: Judged
  readonly order: ReadonlyArray<number>
  readonly switches: number
}

/** The order with the fewest turns, of those the shortest, of those the first in the alphabet. */
const bySize = (a: Candidate, b: Candidate): number =>
  a.switches - b.switches || a.order.length - b.order.length || (codeOf(a.order) < codeOf(b.order) ? -1 : 1)

/** The most candidates for the smallest order that are run again to see that they break. */
const mostTried = 5

/** Runs every order there is, or one for each that cannot end differently. */
export const explore = (
  theatre: Theatre,
  programs: ReadonlyArray<Program>,
  judge: Judge,
  limits: { readonly maxOrders: number; readonly prune: boolean }
): Effect.Effect<Findings, unknown> =>
  Effect.gen(function*() {
    const tree = new Tree(limits.prune)
    const outcomes = new Map<string, Tally>()
    const anomalies = new Set<Anomaly>()
    let candidates: Array<Candidate> = []
    let [explored, cut, broken, deadlocks, long] = [0, 0, 0, 0, 0]
    let covered: number | undefined = 0
    let more = true
    while (more && explored + cut < limits.maxOrders) {
      const played = yield* play(theatre, programs, (depth, steps) => tree.choose(depth, steps))
      if (played.end === "done") {
        explored++
        const judged = yield* judge.judge(played)
        const known: Class | undefined = classOf(played.events)
        if (!limits.prune) covered = explored
        else covered = known === undefined || covered === undefined ? undefined : covered + known.size
        const results = played.exits.map(ended)
        const same = outcomes.get(results.join())
        if (same === undefined) outcomes.set(results.join(), { results, orders: 1, code: judged.code })
        else same.orders++
        if (judged.deadlock) deadlocks++
        if (judged.problem !== undefined) {
          broken++
          anomalies.add(judged.anomaly!)
          const order = orderOf(played)
          candidates.push({ judged, order, switches: switches(order) })
          if (known !== undefined) candidates.push({ judged, order: known.smallest, switches: known.switches })
          candidates = candidates.sort(bySize).slice(0, mostTried * 2)
        }
      } else if (played.end === "cut") cut++
      else long++
      yield* theatre.reset(changed(played))
      more = tree.advance()
    }
    let smallest: Judged | undefined
    for (const { judged, order } of candidates) {
      const code = codeOf(order)
      if (code === judged.code) smallest = judged
      else {
        // Equal as far as we know; what is reported was run.
        const again = yield* Effect.option(runOne(theatre, programs, judge, following(code, theatre.actors.map((_) => _.name))))
        if (Option.isSome(again) && again.value.problem !== undefined) smallest = again.value
      }
      if (smallest !== undefined) break
    }
    const reasons = [
      ...(more ? [`${limits.maxOrders} runs were made, and there are more orders (maxOrders)`] : []),
      ...(long === 0 ? [] : [`${long} runs were given up after ${theatre.maxSteps} steps (maxSteps)`])
    ]
    return {
      explored,
      cut,
      covered,
      broken,
      deadlocks,
      incomplete: reasons.length === 0 ? undefined : reasons.join("; "),
      smallest,
      anomalies: [...anomalies].sort(),
      outcomes: [...outcomes.values()].sort((a, b) => b.orders - a.orders)
    }
  })
