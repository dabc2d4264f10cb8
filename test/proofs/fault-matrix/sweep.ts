/**
 * Runs cells one after the other and judges each; what is wrong comes with the smallest plan that is still wrong.
 */
import { Cause, Effect, Exit } from "effect"
import { run } from "./cell.js"
import { endOf, judge } from "./oracle.js"
import { type Happened, nameOf, nestings, type Plan } from "./plan.js"

export interface Judged {
  readonly plan: Plan
  readonly end: string
  readonly happened: ReadonlyArray<Happened>
  readonly wrong: ReadonlyArray<string>
}

const judged = async (plan: Plan): Promise<Judged> => {
  const exit = await Effect.runPromiseExit(run(plan))
  if (Exit.isFailure(exit)) return { plan, end: "STUCK", happened: [], wrong: [Cause.pretty(exit.cause)] }
  return { plan, end: endOf(exit.value), happened: exit.value.happened, wrong: judge(plan, exit.value) }
}

export const sweep = async (plans: ReadonlyArray<Plan>): Promise<ReadonlyArray<Judged>> => {
  const results: Array<Judged> = []
  for (const plan of plans) results.push(await judged(plan))
  return results
}

/** A plan made simpler in one respect. */
const simpler = (plan: Plan): ReadonlyArray<Plan> => {
  const [first, second] = plan.faults
  return [
    ...(second === undefined ? [] : [{ ...plan, faults: [first] } as const, { ...plan, faults: [second] } as const]),
    ...(plan.signal === "none" ? [] : [{ ...plan, signal: "none" } as const]),
    ...nestings.filter((nesting) => nesting < plan.scenario.nesting)
      .map((nesting) => ({ ...plan, scenario: { ...plan.scenario, nesting } }))
  ]
}

const shrink = async (found: Judged): Promise<Judged> => {
  for (const plan of simpler(found.plan)) {
    const smaller = await judged(plan)
    if (smaller.wrong.length > 0) return shrink(smaller)
  }
  return found
}

/** The first few cells in which something is wrong, each with its smallest plan. */
export const complaints = async (results: ReadonlyArray<Judged>): Promise<ReadonlyArray<string>> => {
  const bad = results.filter(({ wrong }) => wrong.length > 0)
  const shown: Array<string> = []
  for (const result of bad.slice(0, 10)) {
    const smallest = await shrink(result)
    shown.push(`${nameOf(result.plan)} -> ${result.end}: ${result.wrong.join("; ")}`)
    if (smallest !== result) {
      shown.push(`  smallest: ${nameOf(smallest.plan)} -> ${smallest.end}: ${smallest.wrong.join("; ")}`)
    }
  }
  return bad.length > 10 ? [...shown, `and ${bad.length - 10} more cells`] : shown
}
