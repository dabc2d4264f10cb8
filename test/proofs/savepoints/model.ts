/**
 * What a tree of sessions must come to, without fibers, statements or a database: a list of rows and a flag.
 */
import type { Node, Plan } from "./plan.js"

/** How a session ended, as far as a caller can tell it apart: the failure's tag, and that of what it began with. */
export type Verdict = string

/** What the outermost session kept, and how every session that was begun ended. */
export interface Expected {
  readonly rows: ReadonlyArray<number>
  readonly exits: ReadonlyMap<number, Verdict>
}

interface Database {
  readonly onFailure: "abort" | "continue"
  readonly refusal: string
}

const failed = "Fail "
const abortedBy = (first: string): Verdict => `${failed}TransactionAborted < ${first}`

/** The failure that began it: of a failure that only repeats an earlier one, the earlier one. */
const firstOf = (verdict: Verdict): string => {
  const repeated = / < (.*)$/.exec(verdict)
  if (repeated !== null) return repeated[1]!
  const tag = verdict.slice(failed.length)
  return verdict.startsWith(failed) && tag !== "mine" && tag !== "SessionTimeout" ? tag : "nothing"
}

/** Runs a plan in the head. */
export const expected = (plan: Plan, database: Database): Expected => {
  const exits = new Map<number, Verdict>()
  let rows: Array<number> = []
  /** The refusal that the transaction has not recovered from. */
  let refused: string | undefined
  /** Of the scopes that are open: what a session that had joined failed with. */
  const poisons: Array<string | undefined> = []

  /** How the steps of a body end; `undefined`: well. */
  const steps = (node: Node): Verdict | undefined => {
    for (const step of node.steps) {
      switch (step._tag) {
        case "Insert":
          if (refused !== undefined) return abortedBy(refused)
          rows.push(step.key)
          break
        case "Peek":
          if (refused !== undefined) return abortedBy(refused)
          break
        case "Broken": {
          const verdict = refused === undefined ? `${failed}${database.refusal}` : abortedBy(refused)
          if (database.onFailure === "abort") refused ??= database.refusal
          if (!step.caught) return verdict
          break
        }
        case "Nest": {
          const verdict = session(step.node)
          if (verdict !== "Success" && !step.node.caught) return verdict
          break
        }
        case "Parallel":
          step.nodes.forEach(session)
      }
    }
    return undefined
  }

  /** How a body ends; `undefined`: well. */
  const body = (node: Node): Verdict | undefined => {
    const stopped = steps(node)
    switch (node.ending) {
      // These go on, whatever their steps come to, until they are stopped.
      case "cut":
        return "Interrupt"
      case "timeout":
        return `${failed}SessionTimeout`
      case "fail":
        return stopped ?? `${failed}mine`
      case "die":
        return stopped ?? "Die"
      case "interrupt":
        return stopped ?? "Interrupt"
      default:
        return stopped
    }
  }

  const session = (node: Node): Verdict => {
    const verdict = node.nested === "join" ? joined(node) : scope(node)
    exits.set(node.id, verdict)
    return verdict
  }

  const joined = (node: Node): Verdict => {
    const ending = body(node)
    if (ending !== undefined) poisons[poisons.length - 1] ??= firstOf(ending)
    return ending ?? "Success"
  }

  const scope = (node: Node): Verdict => {
    const before = [...rows]
    const refusedBefore = refused
    poisons.push(undefined)
    const ending = body(node)
    const poison = poisons.pop()
    // A refused statement says more than a failure that was none of the database's.
    const obstacle = poison === "nothing" ? refused ?? poison : poison ?? refused
    if (ending === undefined && node.ending !== "rollbackOnly" && obstacle === undefined) return "Success"
    rows = before
    refused = refusedBefore
    return ending ?? (node.ending === "rollbackOnly" ? "Success" : abortedBy(obstacle!))
  }

  session(plan.root)
  return { rows: rows.sort((a, b) => a - b), exits }
}
