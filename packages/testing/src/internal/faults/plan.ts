/**
 * Which step is to go wrong, and how: rules that count the steps they match, and fire when their turn has come.
 */
import type { Fault, InjectOptions, Step } from "./model.js"

/** A step that is about to happen. */
export interface Moment {
  readonly step: Step
  readonly sql: string | undefined
  readonly lane: "write" | "read"
}

/** One rule, and how far it has counted. */
export class Rule {
  seen = 0
  hits = 0
  withdrawn = false

  constructor(readonly step: Step, readonly fault: Fault, readonly options: InjectOptions) {}

  /** Counts the step when it matches; whether this is one that goes wrong. */
  counts({ lane, sql, step }: Moment): boolean {
    const { matching, nth = 1, times = 1 } = this.options
    if (this.withdrawn || step !== this.step) return false
    if (this.options.lane !== undefined && this.options.lane !== lane) return false
    if (matching !== undefined && (sql === undefined || !matching.test(sql))) return false
    this.seen++
    return this.seen >= nth && this.seen < nth + times
  }
}

/** All rules, in the order they were made. */
export class Plan {
  readonly rules: Array<Rule> = []
  readonly steps: Record<Step, number> = { connect: 0, begin: 0, statement: 0, commit: 0, rollback: 0 }

  /** What happens to a step: the first rule whose turn it is decides, all of them count. */
  take(moment: Moment): Fault | undefined {
    this.steps[moment.step]++
    let first: Rule | undefined
    for (const rule of this.rules) if (rule.counts(moment)) first ??= rule
    if (first !== undefined) first.hits++
    return first?.fault
  }

  clear(): void {
    for (const rule of this.rules) rule.withdrawn = true
    this.rules.length = 0
  }
}
