/**
 * The engine map's state machine, tried with random events: what must hold, holds after each of them.
 */
import { describe, expect, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import * as Machine from "../src/internal/engineMap/state.js"

class Live implements Machine.Entry {
  phase: Machine.Entry["phase"] = "making"
  current = false
  holders = 0
  weight = 0
  idleSince = 0
  constructor(readonly key: string | undefined, readonly size: number) {}
}

const seed = 20260521
const keys = ["a", "b", "c"]

/** The world around the machine: what was asked for and is not done yet. */
class World {
  readonly state: Machine.State<Live>
  readonly holds: Array<Live> = []
  readonly pending: { making: Array<Live>; starting: Array<Live>; refused: Array<Live>; closing: Array<Live> } = {
    making: [],
    starting: [],
    refused: [],
    closing: []
  }
  now = 0

  constructor(readonly timeToLive: number, readonly capacity: number) {
    this.state = Machine.make(timeToLive, capacity)
  }

  step(kind: number, pick: number): void {
    const { pending, state } = this
    const one = <A>(list: Array<A>): A | undefined => list.splice(list.length === 0 ? 0 : pick % list.length, 1)[0]
    this.now += pick % 7
    switch (kind) {
      case 0:
      case 1: {
        const key = pick % 4 === 3 ? undefined : keys[pick % 4]
        if (!state.closed) this.holds.push(Machine.hold(state, key, () => new Live(key, 1 + pick % 5)))
        break
      }
      case 2: {
        const entry = one(this.holds)
        if (entry !== undefined) Machine.leave(state, entry, this.now)
        break
      }
      case 3: {
        const entry = one(pending.making)
        if (entry !== undefined) Machine.made(state, entry, entry.size)
        break
      }
      case 4: {
        const entry = one(pending.starting)
        if (entry !== undefined) Machine.ready(state, entry)
        break
      }
      case 5: {
        const entry = one(pick % 2 === 0 ? pending.making : pending.starting) ?? one(pending.refused)
        if (entry !== undefined) Machine.failed(state, entry)
        break
      }
      case 6: {
        const entry = one(pending.closing)
        if (entry !== undefined) Machine.closed(state, entry)
        break
      }
      case 7:
        Machine.invalidate(state, keys[pick % 3]!)
        break
      default:
        Machine.tick(state, this.now)
    }
    this.carryOut()
    this.check()
  }

  carryOut(): void {
    for (const action of this.state.actions.splice(0)) {
      if (action._tag === "Make") this.pending.making.push(action.entry)
      else if (action._tag === "Admit") this.pending.starting.push(action.entry)
      else if (action._tag === "Refuse") this.pending.refused.push(action.entry)
      else if (action._tag === "Close") {
        if (this.pending.closing.includes(action.entry)) throw new Error("closed twice")
        this.pending.closing.push(action.entry)
      }
    }
  }

  check(): void {
    const { state } = this
    const alive = [...state.alive]
    const admitted = alive.filter(({ phase }) => phase === "starting" || phase === "ready" || phase === "closing")
    const facts = {
      used: state.used === admitted.reduce((sum, { weight }) => sum + weight, 0),
      withinCapacity: state.used <= this.capacity,
      keysLeadToLivingEntries: [...state.current].every(([key, entry]) =>
        entry.key === key && entry.current && state.alive.has(entry) && entry.phase !== "closing"
      ),
      nothingIsCurrentButThose: alive.filter(({ current }) => current).length === state.current.size,
      holders: alive.every((entry) => entry.holders === this.holds.filter((held) => held === entry).length),
      nobodyHoldsWhatIsClosing: alive.every((entry) =>
        entry.phase !== "closing" || entry.holders === 0 || state.closed || this.failedBefore(entry)
      ),
      unheldGoesUnlessKept: alive.every((entry) =>
        entry.holders > 0 || entry.phase === "closing" ||
        (entry.phase === "ready" && entry.current && this.timeToLive > 0)
      ),
      counted: state.totals.created ===
        state.totals.made + state.totals.failed + state.totals.cancelled +
          alive.filter(({ phase }) => ["making", "admitting", "starting"].includes(phase)).length,
      whoWaitsForRoomWillHaveIt: state.line.length === 0 ||
        state.used - this.pending.closing.reduce((sum, { weight }) => sum + weight, 0) + state.line[0]!.weight <=
          this.capacity
    }
    expect(Object.entries(facts).filter(([, holds]) => !holds).map(([name]) => name)).toEqual([])
  }

  /** A creation that failed is closed with its waiters still on their way out. */
  private failedBefore(entry: Live): boolean {
    return !this.pending.starting.includes(entry) && this.state.totals.failed > 0
  }
}

const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.nat(1000)), { minLength: 20, maxLength: 60 })

describe("the engine map's state machine", () => {
  it("keeps its promises under any order of events", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 20, Infinity),
        fc.constantFrom(6, 12, Infinity),
        steps,
        (timeToLive, capacity, events) => {
          const world = new World(timeToLive, capacity)
          for (const [kind, pick] of events) world.step(kind, pick)
        }
      ),
      { seed, numRuns: 2000 }
    )
  })

  it("lets go of everything when it is shut down in any state", () => {
    fc.assert(
      fc.property(fc.constantFrom(0, 20), fc.constantFrom(6, Infinity), steps, (timeToLive, capacity, events) => {
        const world = new World(timeToLive, capacity)
        for (const [kind, pick] of events) world.step(kind, pick)
        Machine.shutdown(world.state)
        world.carryOut()
        expect([...world.state.alive].every(({ phase }) => phase === "closing")).toBe(true)
        for (const entry of world.pending.closing) Machine.closed(world.state, entry)
        world.carryOut()
        for (const entry of world.holds) Machine.leave(world.state, entry, world.now)
        expect([world.state.alive.size, world.state.used, world.state.line.length]).toEqual([0, 0, 0])
      }),
      { seed, numRuns: 500 }
    )
  })
})
