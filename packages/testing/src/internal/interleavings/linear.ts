/**
 * The orders that are equal to one that was run: how many there are, and the one with the fewest turns.
 *
 * They keep the order of each program's own steps, of every two steps that depend on each other, and of a step after the
 * one that ended its program's wait.
 */
import { dependent, type Step } from "./step.js"

/** A step that was done, what else could have been, and the programs that waited and went on because of it. */
export interface Done {
  readonly step: Step
  readonly ready: ReadonlyArray<Step>
  readonly released: ReadonlyArray<number>
}

/** What can be known of all orders that are equal to one. */
export interface Class {
  readonly size: number
  /** The one with the fewest changes from program to program, and of those the first in the alphabet. */
  readonly smallest: ReadonlyArray<number>
  readonly switches: number
}

/** More places than this are not searched. */
const mostPlaces = 50_000

interface Best {
  readonly size: number
  readonly switches: number
  readonly rest: ReadonlyArray<number>
}

/** What a step is on the way to its turn: as it was where the earlier one was done, or as soon after as it was there. */
const meanwhile = (run: ReadonlyArray<Done>, earlier: number, at: number): Step => {
  const { program } = run[at]!.step
  const since = run.slice(0, at).map(({ step }) => step.program).lastIndexOf(program)
  for (let place = Math.max(earlier, since + 1); place < at; place++) {
    const step = run[place]!.ready.find((one) => one.program === program)
    if (step !== undefined) return step
  }
  return run[at]!.step
}

/** For each step those that have to come before it, by their places. */
const before = (run: ReadonlyArray<Done>): ReadonlyArray<ReadonlyArray<number>> =>
  run.map(({ step }, at) => {
    const earlier = run.slice(0, at)
    const since = earlier.map((other) => other.step.program).lastIndexOf(step.program)
    return earlier.flatMap((other, place) =>
      dependent(other.step, meanwhile(run, place, at)) || (place > since && other.released.includes(step.program))
        ? [place]
        : []
    )
  })

const compare = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number => {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

/** Changes from program to program. */
export const switches = (order: ReadonlyArray<number>): number =>
  order.filter((program, at) => at > 0 && program !== order[at - 1]).length

/** Everything about the orders equal to this one; `undefined` when there are too many places to look at. */
export const classOf = (run: ReadonlyArray<Done>): Class | undefined => {
  const programs = [...new Set(run.map(({ step }) => step.program))].sort((a, b) => a - b)
  const places = programs.map((program) => run.flatMap(({ step }, at) => step.program === program ? [at] : []))
  if (places.reduce((product, own) => product * (own.length + 1), programs.length) > mostPlaces) return undefined
  const needs = before(run)
  const ranks = run.map((_, at) => {
    const row = places.findIndex((own) => own.includes(at))
    return { row, index: places[row]!.indexOf(at) }
  })
  const known = new Map<string, Best | undefined>()
  const from = (taken: ReadonlyArray<number>, last: number): Best | undefined => {
    const key = `${taken.join()}|${last}`
    if (known.has(key)) return known.get(key)
    let best: Best | undefined = taken.every((count, row) => count === places[row]!.length)
      ? { size: 1, switches: 0, rest: [] }
      : undefined
    for (const [row, program] of programs.entries()) {
      const at = places[row]![taken[row]!]
      if (at === undefined || !needs[at]!.every((need) => ranks[need]!.index < taken[ranks[need]!.row]!)) continue
      const rest = from(taken.map((count, other) => other === row ? count + 1 : count), row)
      if (rest === undefined) continue
      const found: Best = {
        size: (best?.size ?? 0) + rest.size,
        switches: rest.switches + (last === -1 || last === row ? 0 : 1),
        rest: [program, ...rest.rest]
      }
      best = best === undefined || found.switches < best.switches ||
          (found.switches === best.switches && compare(found.rest, best.rest) < 0)
        ? found
        : { ...best, size: found.size }
    }
    known.set(key, best)
    return best
  }
  const best = from(programs.map(() => 0), -1)
  return best && { size: best.size, smallest: best.rest, switches: best.switches }
}
