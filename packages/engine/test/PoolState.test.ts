/** The pool's state machine: random walks against the laws, and the rules one by one. */
import { FastCheck } from "effect"
import assert from "node:assert"
import { describe, it } from "vitest"
import { settings, step, steps } from "./pool/steps.js"
import { World } from "./pool/World.js"

const seed = 20_260_712

describe("the pool's state machine", () => {
  it("keeps its laws after every step of 300,000", () => {
    let taken = 0
    const reached = { served: 0, PoolTimeout: 0, PoolDeadlock: 0, EngineClosed: 0, other: 0, interrupted: 0 }
    const reasons: Record<string, number> = {}
    FastCheck.assert(
      FastCheck.property(settings, steps(400), (drawn, plan) => {
        const world = new World(drawn)
        for (const one of plan) step(world, one)
        world.finish()
        taken += plan.length
        for (const key of Object.keys(reached) as Array<keyof typeof reached>) reached[key] += world.outcomes[key]
        for (const [key, n] of Object.entries(world.state.destroyed)) reasons[key] = (reasons[key] ?? 0) + n
      }),
      { seed, numRuns: 1_000 }
    )
    console.log(taken, reached, reasons)
    assert.ok(taken > 250_000)
  })
})
