/**
 * Nested sessions as a graph, and the oracle: can everybody finish? It knows nothing of the pool's own reasoning; it
 * plays the future, in which everybody who can finish does.
 */
import type { Request } from "effect-sql-engine/Pool"
import type { Chance } from "./chance.js"

/** A session: it takes a connection, then its children run, then it gives the connection back. */
export interface Node {
  readonly name: string
  readonly parent: Node | undefined
  readonly children: ReadonlyArray<Node>
  /** Whether the children run side by side. */
  readonly parallel: boolean
  request: Request | undefined
  state: "new" | "waiting" | "holding" | "done"
}

/** A forest of sessions, up to four deep and three wide. */
export const forest = (random: Chance): ReadonlyArray<Node> => {
  const grow = (name: string, parent: Node | undefined, depth: number): Node => {
    const children: Array<Node> = []
    const node: Node = { name, parent, children, parallel: random.below(2) === 0, request: undefined, state: "new" }
    const count = depth === 0 ? 0 : random.below(4)
    for (let i = 0; i < count; i++) children.push(grow(`${name}.${i}`, node, depth - 1))
    return node
  }
  return Array.from({ length: 1 + random.below(7) }, (_, i) => grow(`r${i}`, undefined, 1 + random.below(3)))
}

/** Every node of a forest. */
export const nodes = (roots: ReadonlyArray<Node>): ReadonlyArray<Node> =>
  roots.flatMap((root) => [root, ...nodes(root.children)])

const ancestors = (node: Node): ReadonlyArray<Node> =>
  node.parent === undefined ? [] : [node.parent, ...ancestors(node.parent)]

/** Who waits, in the order of arrival, and how many slots nobody holds. */
export interface Position {
  readonly waiting: ReadonlyArray<Node>
  readonly holding: ReadonlyArray<Node>
  readonly free: number
}

/** Whether everybody who waits is served in the end, when everybody who can finish does so. */
export const canAllFinish = (position: Position): boolean => {
  const waiting = [...position.waiting]
  const holding = new Set(position.holding)
  let free = position.free
  while (waiting.length > 0) {
    if (free > 0) {
      // Served, and done in no time: the slot is free again.
      waiting.shift()
      continue
    }
    const finisher = [...holding].find((node) => !waiting.some((waiter) => ancestors(waiter).includes(node)))
    if (finisher === undefined) return false
    holding.delete(finisher)
    free++
  }
  return true
}

/** Whom to refuse so that the others can finish: the youngest of those who hold something, one after another. */
export const victims = (position: Position): ReadonlyArray<Node> => {
  const waiting = [...position.waiting]
  const refused: Array<Node> = []
  while (!canAllFinish({ ...position, waiting })) {
    const youngest = waiting.filter((node) => ancestors(node).some((one) => position.holding.includes(one))).pop()!
    waiting.splice(waiting.indexOf(youngest), 1)
    refused.push(youngest)
  }
  return refused
}
