/**
 * The session's state machine alone: random walks that look after every step at what must always hold.
 *
 * The walker plays the fibers: it asks for the turn, opens scopes, ends them, gives up waiting, and loses the
 * connection, each at any moment the interpreter could. It keeps its own notes of who waits and who holds the turn, and
 * compares only what can be seen from outside: who is granted, who is refused.
 */
import { assert, describe, expect, it } from "@effect/vitest"
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

const must = (holds: boolean, what: string): void => {
  if (!holds) assert.fail(what)
}

class Walk {
  readonly state = new SessionState<string>("s#1", "main", true)
  /** Every scope ever opened; the ended ones stay, because stray fibers keep using them. */
  readonly scopes: Array<Node> = [this.state.root]
  readonly over = new Set<Node>()
  private readonly names = new Set<string>()
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
      if (ending === undefined) must(!earlier, "nobody overtakes those who wait for the same scope")
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
    must(this.holder === undefined, "one holder at a time")
    this.holder = asker
    if (asker.ending === undefined) {
      must(asker.scope.closedBy === undefined, "an ended scope never gets the turn")
      must(asker.scope === this.state.tip, "only the tip gets the turn")
      must(this.state.broken === undefined, "a broken session gets no turn")
      // First come, first served, among those of the scope.
      for (const other of this.queue) {
        if (other.scope === asker.scope && other.ending === undefined) {
          must(other.order > asker.order, "first come, first served")
        }
      }
    } else {must(
        asker.scope.parent === undefined || asker.scope.parent.child === asker.scope,
        "only a live scope is ended"
      )}
  }

  private refused(asker: Asker, failure: SqlFailure): void {
    this.refusals++
    const { ending, scope } = asker
    if (ending === undefined) {
      must(
        failure._tag === (scope.closedBy === undefined ? "TransactionAborted" : "SessionClosed"),
        "a refusal has its reason"
      )
      if (failure._tag === "SessionClosed") must(failure.closedBy === scope.closedBy, "the refusal says who closed it")
      else must(this.state.broken !== undefined, "only what is broken is aborted")
    } else {
      // Only an outer scope that ended first takes the end out of a scope's hands.
      must(
        failure._tag === "SessionClosed" && scope.parent!.child !== scope,
        "an end is only taken over by an outer one"
      )
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
        must(this.state.refusal(scope) !== undefined, "a child is only refused with its scope")
      } else this.opened(child, scope)
    }
    this.holder = undefined
    this.state.leave()
  }

  private opened(child: Node, parent: Node): void {
    must(parent.closedBy === undefined, "an ended scope opens no child")
    must(!this.names.has(child.savepoint), "savepoint names are unique")
    must(child.depth === parent.depth + 1, "depth counts the scopes around")
    this.names.add(child.savepoint)
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
      must(scope.depth === depth, "scopes form a chain")
      // Where a scope has ended its chain has ended too: nothing below a closed scope takes statements.
      if (scope.closedBy !== undefined && scope.child !== undefined) {
        must(scope.child.closedBy !== undefined, "nothing is open below an ended scope")
      }
    }
    if (!this.over.has(state.root)) must(chain.at(-1) === state.tip, "the tip is the end of the chain")
    if (this.holder !== undefined) return
    // Nobody waits for a turn that is free for the taking, and nobody waits for one that can never be had.
    for (const { ending, scope } of this.queue) {
      must(ending === undefined, "an end does not wait for a free turn")
      must(scope !== state.tip, "the tip does not wait for a free turn")
      must(scope.closedBy === undefined && state.broken === undefined, "nobody waits for what can never be had")
    }
  }
}

/** Walks until so many steps are taken; each walk a while beyond the end of its session. */
const walks = (seed: number, steps: number) => {
  const random = generator(seed)
  const totals = { walks: 0, grants: 0, refusals: 0, scopes: 0, deepest: 0 }
  for (let taken = 0; taken < steps; totals.walks++) {
    const walk = new Walk(random)
    for (let after = 0; after < 20; taken++) {
      walk.step()
      if (walk.over.has(walk.state.root) || walk.state.broken !== undefined) after++
    }
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
    const totals = walks(20250610, steps)
    // The walks went everywhere they could.
    expect(totals.walks).toBeGreaterThan(steps / 2_000)
    expect(totals.grants).toBeGreaterThan(steps / 20)
    expect(totals.refusals).toBeGreaterThan(steps / 200)
    expect(totals.scopes).toBeGreaterThan(steps / 100)
    expect(totals.deepest).toBeGreaterThan(5)
  }, 600_000)
})
