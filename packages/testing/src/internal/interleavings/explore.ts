/**
 * Running one order after the other.
 */
import { Effect, Option } from "effect"
import type { Anomaly } from "./classify.js"
import { type Choose, play } from "./conductor.js"
import { InterleavingsError } from "./failure.js"
import { changed, codeOf, type Judge, type Judged, orderOf } from "./judge.js"
import { type Class, classOf, switches } from "./linear.js"
import type { Theatre } from "./stage.js"
import { ended } from "./text.js"
import { Tree } from "./tree.js"

type Program = Effect.Effect<unknown, unknown>

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
    while (more && explored + cut + long < limits.maxOrders) {
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
        const again = yield* Effect.option(
          runOne(theatre, programs, judge, following(code, theatre.actors.map((_) => _.name)))
        )
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
