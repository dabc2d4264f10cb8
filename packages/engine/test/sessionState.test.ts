/**
 * The session's state machine alone: random walks that look after every step at what must always hold.
 *
 * The walker plays the fibers: it asks for the turn, opens scopes, ends them, gives up waiting, and loses the
 * connection, each at any moment the interpreter could. It keeps its own notes of who waits and who holds the turn, and
 * compares only what can be seen from outside: who is granted, who is refused.
 */
import { describe, expect, it } from "@effect/vitest"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { ConnectionError } from "effect-sql-engine/SqlFailure"
import type { ClosedBy, Scope, Waiter } from "../src/internal/sessionState.js"
import { SessionState } from "../src/internal/sessionState.js"

type Node = Scope<string>

/** Somebody who asked for the turn and got it, or waits. */
interface Asker {
  readonly scope: Node
  readonly ending: ClosedBy | undefined
  readonly order: number
  waiter: Waiter<string> | undefined
}

/** Mulberry32: a small generator with a seed. */
const generator = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

class Walk {
  readonly state = new SessionState<string>("s#1", "main", true)
  /** Every scope ever opened; the ended ones stay, because stray fibers keep using them. */
  readonly scopes: Array<Node> = [this.state.root]
  readonly over = new Set<Node>()
  queue: Array<Asker> = []
  holder: Asker | undefined
  grants = 0
  refusals = 0
  private asked = 0

  constructor(private readonly random: () => number) {}

  private pick<A>(from: ReadonlyArray<A>): A | undefined {
    return from[Math.floor(this.random() * from.length)]
  }

  /** The open scopes, from the root to the tip. */
  chain(): Array<Node> {
    const chain: Array<Node> = []
    for (let at: Node | undefined = this.state.root; at !== undefined; at = at.child) chain.push(at)
    return chain
  }

  private ask(scope: Node, ending: ClosedBy | undefined): void {
    const asker: Asker = { scope, ending, order: ++this.asked, waiter: undefined }
    const earlier = this.queue.some((other) => other.scope === scope && other.ending === undefined)
    const answer = ending === undefined ? this.state.tryEnter(scope) : this.state.tryEnterEnd(scope, ending)
    if (answer === true) {
      if (ending === undefined) expect(earlier).toBe(false)
      this.granted(asker)
    } else if (answer === false) this.wait(asker)
    else this.refused(asker, answer)
  }

  private wait(asker: Asker): void {
    this.queue.push(asker)
    asker.waiter = this.state.wait(asker.scope, asker.ending !== undefined, (refused) => {
      this.queue.splice(this.queue.indexOf(asker), 1)
      if (refused === undefined) this.granted(asker)
      else this.refused(asker, refused)
    })
  }

  private granted(asker: Asker): void {
    this.grants++
    expect(this.holder).toBeUndefined()
    this.holder = asker
    if (asker.ending === undefined) {
      expect(asker.scope.closedBy).toBeUndefined()
      expect(asker.scope).toBe(this.state.tip)
      expect(this.state.broken).toBeUndefined()
      // First come, first served, among those of the scope.
      for (const other of this.queue) {
        if (other.scope === asker.scope && other.ending === undefined) expect(other.order).toBeGreaterThan(asker.order)
      }
    } else expect(asker.scope.parent === undefined || asker.scope.parent.child === asker.scope).toBe(true)
  }

  private refused(asker: Asker, failure: SqlFailure): void {
    this.refusals++
    const { ending, scope } = asker
    if (ending === undefined) {
      expect(failure._tag).toBe(scope.closedBy === undefined ? "TransactionAborted" : "SessionClosed")
      if (failure._tag === "SessionClosed") expect(failure.closedBy).toBe(scope.closedBy)
      else expect(this.state.broken).toBeDefined()
    } else {
      // Only an outer scope that ended first takes the end out of a scope's hands.
      expect(failure._tag).toBe("SessionClosed")
      expect(scope.parent!.child).not.toBe(scope)
    }
  }

  /** The holder carries on: answers a statement, opens a child, finishes an end; or its fiber was interrupted. */
  private proceed(): void {
    const { ending, scope } = this.holder!
    if (ending !== undefined) {
      this.state.finish(scope)
      this.over.add(scope)
      this.holder = undefined
      return this.state.leave()
    }
    const roll = this.random()
    if (roll < 0.5) {
      const child = this.state.open(scope)
      if (child instanceof Error) {
        expect(child._tag).toBe(scope.closedBy === undefined ? "TransactionAborted" : "SessionClosed")
      } else this.opened(child, scope)
    }
    this.holder = undefined
    this.state.leave()
  }

  private opened(child: Node, parent: Node): void {
    expect(parent.closedBy).toBeUndefined()
    expect(this.scopes.some((other) => other.savepoint === child.savepoint)).toBe(false)
    expect(child.depth).toBe(parent.depth + 1)
    this.scopes.push(child)
  }

  step(): void {
    const roll = this.random()
    const open = this.chain().filter((scope) => !this.over.has(scope))
    // Mostly the scopes that are open, sometimes one that has ended: somebody outlived it.
    const anywhere = roll < 0.02
      ? this.pick(this.scopes)!
      : this.pick(open.length === 0 ? this.scopes : open.slice(-3))!
    if (this.holder !== undefined && this.random() < 0.45) this.proceed()
    else if (roll < 0.62) this.ask(anywhere, undefined)
    else if (roll < 0.8) this.endSome(open)
    else if (roll < 0.95) this.giveUp()
    else if (roll > 0.9995) this.lose()
    this.check()
  }

  /** Each scope is ended once, by whoever opened it; mostly the innermost. */
  private endSome(open: ReadonlyArray<Node>): void {
    const scope = this.random() < 0.8 ? open[open.length - 1] : this.pick(this.scopes)
    if (scope === undefined || this.over.has(scope)) return
    if (scope.parent === undefined && this.random() < 0.9) return
    if (this.holder?.scope === scope && this.holder.ending !== undefined) return
    if (this.queue.some((other) => other.scope === scope && other.ending !== undefined)) return
    this.ask(scope, this.random() < 0.5 ? "commit" : "rollback")
  }

  private giveUp(): void {
    const asker = this.pick(this.queue)
    if (asker === undefined) return
    this.queue.splice(this.queue.indexOf(asker), 1)
    this.state.forget(asker.waiter!)
  }

  private lose(): void {
    const failure = new ConnectionError({ message: "lost", sent: "maybe" })
    if (this.random() < 0.5) this.state.disconnected(failure)
    else this.state.revoke(failure)
  }

  private check(): void {
    const { state } = this
    const chain = this.chain()
    for (const [depth, scope] of chain.entries()) {
      expect(scope.depth).toBe(depth)
      // Where a scope has ended its chain has ended too: nothing below a closed scope takes statements.
      if (scope.closedBy !== undefined && scope.child !== undefined) expect(scope.child.closedBy).toBeDefined()
    }
    if (!this.over.has(state.root)) expect(chain.at(-1)).toBe(state.tip)
    if (this.holder !== undefined) return
    // Nobody waits for a turn that is free for the taking, and nobody waits for one that can never be had.
    for (const { ending, scope } of this.queue) {
      if (ending === undefined) expect(scope === state.tip && state.refusal(scope) === undefined).toBe(false)
      expect(ending === undefined && state.refusal(scope) !== undefined).toBe(false)
    }
    expect(this.queue.some(({ ending }) => ending !== undefined)).toBe(false)
  }
}

const walks = (seed: number, count: number, steps: number) => {
  const random = generator(seed)
  const totals = { grants: 0, refusals: 0, scopes: 0, deepest: 0 }
  for (let i = 0; i < count; i++) {
    const walk = new Walk(random)
    for (let j = 0; j < steps; j++) walk.step()
    totals.grants += walk.grants
    totals.refusals += walk.refusals
    totals.scopes += walk.scopes.length
    for (const scope of walk.scopes) totals.deepest = Math.max(totals.deepest, scope.depth)
  }
  return totals
}

describe("The session state machine", () => {
  const steps = process.env["PROVE"] === "full" ? 5_000_000 : 300_000
  it(`keeps its promises over ${steps} random steps (seed 20250610)`, () => {
    const totals = walks(20250610, steps / 500, 500)
    // The walk went everywhere it could.
    expect(totals.grants).toBeGreaterThan(steps / 20)
    expect(totals.refusals).toBeGreaterThan(steps / 200)
    expect(totals.scopes).toBeGreaterThan(steps / 100)
    expect(totals.deepest).toBeGreaterThan(5)
  })
})
