/**
 * The tree of all orders, walked depth first: which program makes its next step where. No Effect, no database.
 *
 * At first each node tries one program. When a later step of another program turns out to depend on the one done here,
 * their order may matter, and the node tries every program (dynamic partial order reduction, with the coarsest of
 * backtrack sets). A program whose turn was tried at a node stays **asleep** below the node's other branches until
 * somebody does a step that depends on its own: before that, giving it the turn would repeat an order that was run
 * already (sleep sets). A run in which every program that could go on is asleep is cut off: all it leads to is known.
 *
 * Source: Flanagan and Godefroid, Dynamic partial-order reduction for model checking software, 2005; Godefroid, 1996.
 */
import { dependent, type Step } from "./step.js"

interface Node {
  pending: ReadonlyMap<number, Step>
  readonly asleep: ReadonlySet<number>
  /** Whose branch is walked to its end. */
  readonly done: Set<number>
  /** Whose branch is to be walked. */
  readonly wanted: Set<number>
  chosen: number
}

/** Steps came out differently, again and again, when they were done in the same order. */
export interface Divergence {
  readonly _tag: "Divergence"
  readonly depth: number
  readonly before: string
  readonly now: string
}

/** A busy server may once choose another victim than it does otherwise, or let another one of two go first. */
const mostDivergences = 5

const signature = (pending: ReadonlyMap<number, Step>): string =>
  [...pending.values()].map((step) => step.signature).join("\n")

/** A walk through the tree; `prune: false` walks every branch. */
export class Tree {
  private readonly nodes: Array<Node> = []
  private divergences = 0

  constructor(private readonly prune: boolean) {}

  /**
   * Whose turn it is after `depth` steps: as planned, or, where the walk has not been, whose turn it was last.
   * `undefined`: all that could come from here is known.
   */
  choose(depth: number, steps: ReadonlyArray<Step>): number | undefined | Divergence {
    const pending = new Map(steps.map((step) => [step.program, step]))
    const known = this.nodes[depth]
    if (known !== undefined) {
      const [before, now] = [signature(known.pending), signature(pending)]
      if (before === now) {
        known.pending = pending
        this.compare(depth, pending.get(known.chosen)!)
        return known.chosen
      }
      if (++this.divergences > mostDivergences) return { _tag: "Divergence", depth, before, now }
      // What was seen before may not come again: what is seen now is walked from here on.
      this.nodes.length = depth
    }
    const parent = this.nodes[depth - 1]
    const asleep = parent === undefined ? new Set<number>() : this.stillAsleep(parent, pending)
    const candidates = [...pending.keys()].filter((program) => !asleep.has(program)).sort((a, b) => a - b)
    if (candidates.length === 0) {
      for (const step of pending.values()) this.compare(depth, step)
      return undefined
    }
    const chosen = parent !== undefined && candidates.includes(parent.chosen) ? parent.chosen : candidates[0]!
    const wanted = new Set(this.prune ? [chosen] : candidates)
    this.nodes.push({ pending, asleep, done: new Set(), wanted, chosen })
    this.compare(depth, pending.get(chosen)!)
    return chosen
  }

  /** Plans the next run; `false` when there is none left. */
  advance(): boolean {
    for (let node = this.nodes.at(-1); node !== undefined; node = this.nodes.at(-1)) {
      node.done.add(node.chosen)
      const { asleep, done, wanted } = node
      const [next] = [...wanted].filter((program) => !done.has(program) && !asleep.has(program)).sort((a, b) => a - b)
      if (next !== undefined) {
        node.chosen = next
        return true
      }
      this.nodes.pop()
    }
    return false
  }

  private stillAsleep(parent: Node, pending: ReadonlyMap<number, Step>): ReadonlySet<number> {
    const asleep = new Set<number>()
    if (!this.prune) return asleep
    const taken = parent.pending.get(parent.chosen)!
    for (const program of [...parent.asleep, ...parent.done]) {
      const step = parent.pending.get(program)
      if (step !== undefined && pending.has(program) && !dependent(step, taken)) asleep.add(program)
    }
    return asleep
  }

  /** Where an earlier step of another program depends on this one, every program gets its turn at that place. */
  private compare(depth: number, step: Step): void {
    if (!this.prune) return
    for (const { chosen, pending, wanted } of this.nodes.slice(0, depth)) {
      if (chosen !== step.program && dependent(pending.get(chosen)!, step)) {
        for (const program of pending.keys()) wanted.add(program)
      }
    }
  }
}
