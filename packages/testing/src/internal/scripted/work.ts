/**
 * What a step is made of: the job it does, and the work it is while it takes time.
 */
import type { Clock, Exit } from "effect"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Outcome } from "../../Outcome.js"
import type { Step } from "../../Script.js"
import type { Transaction } from "./store.js"

/** What a step does when its outcome lets it. */
export interface Job<A> {
  readonly step: Step
  readonly sql: string | undefined
  readonly apply: () => Exit.Exit<A, SqlFailure>
  readonly answer?: (rows: ReadonlyArray<any>) => A
  /** What travelled with it and comes after it; the server goes on with that although nobody waits any more. */
  readonly rest?: () => void
}

/** A step that takes time, and what it comes to when its time is over. */
export interface Work {
  readonly job: Job<any>
  readonly at: number
  readonly clock: Clock.Clock
  readonly end: Outcome
  cancelled: boolean
}

const applied: ReadonlySet<Outcome["_tag"]> = new Set(["Ok", "LostAfter", "CutAfter", "Dies", "HangApplied"] as const)

/** Whether the server carries the step out. */
export const applies = (outcome: Outcome): boolean =>
  outcome._tag === "Slow" ? applies(outcome.then) : applied.has(outcome._tag)

/** A COMMIT, or a statement outside of a transaction, is carried out although its client has gone. */
export const outlives = ({ at, cancelled, job: { step } }: Work, tx: Transaction | undefined): boolean =>
  at !== Infinity && (step === "commit" || (step === "statement" && !cancelled && tx === undefined))
