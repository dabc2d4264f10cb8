/**
 * What the log of an engine tells about its savepoints.
 */
import { expect } from "@effect/vitest"
import type { Sent } from "../../support/recorded.js"
import type { Node, Plan } from "./plan.js"

const nameIn = (text: string): string => /"?([\w]+)"?\s*(;|$)/.exec(text.replace(/;.*$/s, ""))![1]!

/** The savepoints of one connection, followed statement by statement. */
export class Savepoints {
  readonly live: Array<string> = []
  readonly released = new Set<string>()
  deepest = 0
  private readonly names = new Set<string>()

  /** Follows one text; `true` when it had to do with savepoints. */
  follow(text: string): boolean {
    const word = /^(begin|commit|rollback to|rollback|savepoint|release)\b/i.exec(text)?.[1]?.toLowerCase()
    switch (word) {
      case "begin":
      case "rollback":
        this.live.length = 0
        this.names.clear()
        return true
      case "commit":
        // Every savepoint was released or rolled back before.
        expect(this.live).toEqual([])
        return true
      case "savepoint": {
        const name = nameIn(text)
        expect(this.names.has(name)).toBe(false)
        this.names.add(name)
        this.live.push(name)
        this.deepest = Math.max(this.deepest, this.live.length)
        return true
      }
      case "release":
      case "rollback to": {
        const name = nameIn(text)
        // Nobody ends a savepoint while one inside of it is alive.
        expect(this.live.at(-1)).toBe(name)
        this.live.pop()
        if (word === "release") this.released.add(name)
        return true
      }
      default:
        return false
    }
  }
}

/** The sessions with a savepoint of their own around a row, from outside to inside. */
const path = (plan: Plan, key: number): ReadonlyArray<Node> => {
  const parents = new Map<number, Node>()
  for (const node of plan.nodes) {
    for (const step of node.steps) {
      if (step._tag === "Nest") parents.set(step.node.id, node)
      else if (step._tag === "Parallel") { for (const child of step.nodes) parents.set(child.id, node) }
    }
  }
  const nodes: Array<Node> = []
  for (let at = plan.writer.get(key); at !== undefined; at = parents.get(at.id)) {
    if (at.nested === "savepoint" && at.depth > 0) nodes.unshift(at)
  }
  return nodes
}

/**
 * Each row was written inside of the savepoints of its own sessions and of no others, every session that succeeded
 * released its savepoint, and there were never more savepoints than sessions inside one another.
 */
export const checkWire = (plan: Plan, sent: ReadonlyArray<Sent>, exits: ReadonlyMap<number, string>): void => {
  const connections = new Map<string, Savepoints>()
  const names = new Map<number, string>()
  const owners = new Map<string, number>()
  for (const { connection, params, text } of sent) {
    let savepoints = connections.get(connection)
    if (savepoints === undefined) connections.set(connection, savepoints = new Savepoints())
    if (savepoints.follow(text) || params.length === 0) continue
    const around = path(plan, Number(params[0]))
    expect(savepoints.live.length).toBe(around.length)
    around.forEach((node, i) => {
      const name = savepoints.live[i]!
      expect(names.get(node.id) ?? name).toBe(name)
      expect(owners.get(name) ?? node.id).toBe(node.id)
      names.set(node.id, name)
      owners.set(name, node.id)
    })
  }
  expect(connections.size).toBeLessThanOrEqual(1)
  const depth = Math.max(...plan.nodes.map((node) => node.depth))
  for (const savepoints of connections.values()) {
    expect(savepoints.deepest).toBeLessThanOrEqual(depth)
    for (const [id, name] of names) {
      const verdict = exits.get(id)
      // Of a session that was stopped with the one around it, nobody may have heard the end.
      if (verdict === undefined && plan.nodes[id]!.loose) continue
      const kept = verdict === "Success" && plan.nodes[id]!.ending === "succeed"
      expect(savepoints.released.has(name)).toBe(kept)
    }
  }
}
