/**
 * The plan of the fault matrix: which faults, under which signal, how deep. Pure: a plan is data, and the same seed gives
 * the same plans.
 */
import type { Step } from "effect-sql-engine-testing/Script"

export const steps = [
  "connect",
  "init",
  "validate",
  "begin",
  "statement",
  "savepoint",
  "release",
  "rollbackTo",
  "commit",
  "rollback",
  "reset",
  "close"
] as const satisfies ReadonlyArray<Step>

/** `silent`: carried out, and never answered. `throwOnCall`: the method throws instead of the effect it returns. */
export const outcomes = [
  "ok",
  "fail",
  "lostBefore",
  "lostAfter",
  "hang",
  "silent",
  "slow",
  "throw",
  "throwOnCall"
] as const

/** `innerTimeout`: of the innermost session, and the one around it goes on. */
export const signals = [
  "none",
  "interruptBefore",
  "interruptDuring",
  "interruptAfter",
  "timeout",
  "innerTimeout"
] as const
export const nestings = [0, 1, 2] as const

export type FaultStep = (typeof steps)[number]
export type FaultOutcome = (typeof outcomes)[number]
export type Signal = (typeof signals)[number]
export type Nesting = (typeof nestings)[number]

/** The `nth` step of its kind, counted over all connections, gets this outcome. */
export interface Fault {
  readonly step: Step
  readonly nth: number
  readonly outcome: FaultOutcome
}

/** What the session does, so that the step of the first fault happens in it. */
export interface Scenario {
  readonly nesting: Nesting
  /** The first statement is the innermost one: BEGIN and every SAVEPOINT travel with it. */
  readonly late: boolean
  /** A session before this one, and an idle spell after which the connection is checked. */
  readonly warm: boolean
  /** The innermost session fails by itself; `caught`: its parent goes on. */
  readonly boom: "none" | "caught" | "thrown"
  /** The session leaves a setting behind. */
  readonly dirty: boolean
  /** Every connection is retired after the session. */
  readonly retire: boolean
}

export interface Plan {
  readonly scenario: Scenario
  /** What a refused statement does to its transaction: PostgreSQL aborts, SQLite continues. */
  readonly onFailure: "abort" | "continue"
  /** The driver can find out what became of a COMMIT whose answer was lost. */
  readonly resolves: boolean
  readonly faults: readonly [Fault] | readonly [Fault, Fault]
  /** Aimed at the first fault. */
  readonly signal: Signal
  /** Whether the engine's events are read. */
  readonly listens: boolean
}

export const nameOf = ({ faults, onFailure, resolves, scenario, signal }: Plan): string =>
  [
    faults.map(({ nth, outcome, step }) => `${step}#${nth}:${outcome}`).join(" + "),
    signal,
    `nesting ${scenario.nesting}`,
    ...(onFailure === "abort" ? [] : ["continue"]),
    ...(resolves ? ["resolves"] : [])
  ].join(" ")

const late: ReadonlySet<FaultStep> = new Set<FaultStep>(["connect", "init", "validate", "begin"])

const scenarioOf = (step: FaultStep, nesting: Nesting): Scenario => ({
  nesting,
  late: late.has(step),
  warm: step === "validate",
  boom: step === "rollback" ? "thrown" : step === "rollbackTo" && nesting > 0 ? "caught" : "none",
  dirty: step === "reset",
  retire: step === "close"
})

/** The innermost one, where there are several: savepoints and inserts run from the outside in, the rest happens once. */
const targetOf = (step: FaultStep, nesting: Nesting): number =>
  step === "savepoint" ? Math.max(1, nesting) : step === "statement" ? nesting + 1 : 1

interface Ground {
  readonly onFailure: Plan["onFailure"]
  readonly resolves: boolean
}

const usual: Ground = { onFailure: "abort", resolves: false }

/** The grounds a fault is tried on. */
const groundsOf = (step: FaultStep, outcome: FaultOutcome): ReadonlyArray<Ground> => [
  usual,
  ...(outcome === "fail" ? [{ ...usual, onFailure: "continue" } as const] : []),
  ...(step === "commit" ? [{ ...usual, resolves: true }] : [])
]

/**
 * Every step with every outcome, under every signal, in every depth (12 × 9 × 6 × 3); the refusals again on a server
 * whose transactions outlive them (12 × 6 × 3), and the COMMITs with a driver that can ask after them (9 × 6 × 3).
 */
export const singles: ReadonlyArray<Plan> = steps.flatMap((step) =>
  outcomes.flatMap((outcome) =>
    groundsOf(step, outcome).flatMap((ground) =>
      signals.flatMap((signal) =>
        nestings.map((nesting): Plan => ({
          ...ground,
          scenario: scenarioOf(step, nesting),
          faults: [{ step, nth: targetOf(step, nesting), outcome }],
          signal,
          listens: (step === "rollback" || step === "rollbackTo") && outcome !== "ok" && outcome !== "slow"
        }))
      )
    )
  )
)

/** A small generator of equal numbers everywhere (mulberry32); a plan must not depend on the runtime's. */
const generator = (seed: number) => {
  let state = seed >>> 0
  return (bound: number): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * bound)
  }
}

/** A step that was seen to happen after the first fault of a plan. */
export interface Happened {
  readonly step: Step
  readonly nth: number
}

/**
 * Second faults at steps that really happen after the first one, as the run of the single fault has shown; without
 * repetition, in an order that only the seed decides, so that a smaller sample is the beginning of a larger one.
 */
export const doubles = (
  count: number,
  seed: number,
  after: ReadonlyArray<ReadonlyArray<Happened>>
): ReadonlyArray<Plan> => {
  const next = generator(seed)
  const plans = new Map<string, Plan>()
  while (plans.size < count) {
    const index = next(singles.length)
    const single = singles[index]!
    const happened = after[index]!
    if (happened.length === 0) continue
    const { nth, step } = happened[next(happened.length)]!
    const outcome = outcomes[1 + next(outcomes.length - 1)]!
    const plan: Plan = {
      ...single,
      faults: [single.faults[0], { step, nth, outcome }],
      onFailure: next(2) === 0 ? "abort" : "continue",
      listens: (step === "rollback" || step === "rollbackTo") && outcome !== "slow" && plans.size % 8 === 0
    }
    // The first of a name stays: fewer plans are the beginning of more.
    if (!plans.has(nameOf(plan))) plans.set(nameOf(plan), plan)
  }
  return [...plans.values()]
}
