/** Load shedding and priorities in the pool's state machine, rule by rule; the random walks are in PoolState. */
import assert from "node:assert"
import { describe, it } from "vitest"
import type { Priority, Request } from "../src/internal/pool/model.js"
import * as Machine from "../src/internal/poolState.js"
import { standard } from "./pool/steps.js"
import { World } from "./pool/World.js"

const overload = { target: 50, interval: 1_000 }

/** One connection, and somebody who has it. */
const held = (more: Partial<typeof standard> = {}): { readonly world: World; readonly holder: Request } => {
  const world = new World({ ...standard, size: 1, max: 1, overload, ...more })
  const holder = world.request()
  world.ask(holder)
  world.connected(world.attempts[0]!, 0.5)
  return { world, holder }
}

const ask = (world: World, priority?: Priority, deadline?: number) =>
  world.ask(world.request(undefined, deadline, priority))!

const outcomeOf = (waiter: Machine.Waiter): string =>
  waiter.outcome === undefined ? "waits" : waiter.outcome.failure?._tag ?? "served"

/** The connection goes to whoever is next. */
const handOn = (world: World): void => world.release(world.lent[0]!, "clean", false)

describe("overload", () => {
  it("refuses nobody where it is not switched on", () => {
    const { world } = held({ overload: undefined })
    const waiter = ask(world)
    world.advance(20_000)
    assert.equal(outcomeOf(waiter), "waits")
  })

  it("begins an interval after somebody has waited longer than the target", () => {
    const { world } = held()
    const waiter = ask(world)
    world.advance(overload.target + overload.interval - 1)
    assert.equal(outcomeOf(waiter), "waits")
    world.advance(1)
    const failure = waiter.outcome?.failure
    assert.ok(failure?._tag === "PoolOverloaded")
    const { inUse, max, message, priority, retryable, sent, slowMillis, targetMillis, waitedMillis, waiting } = failure
    assert.deepEqual(
      { inUse, max, priority, retryable, sent, slowMillis, targetMillis, waitedMillis, waiting },
      {
        inUse: 1,
        max: 1,
        priority: "normal",
        retryable: true,
        sent: "no",
        slowMillis: 1_000,
        targetMillis: 50,
        waitedMillis: 1_050,
        waiting: 1
      }
    )
    assert.match(message, /^Engine "test" is overloaded: s3 waited 1.1 s .* 1 of 1 are in use, 0 other requests wait,/)
    assert.match(message, /for 1 s nobody of priority "normal" was served within 50 ms \(`overload.target`\)/)
  })

  it("goes on while nobody is served in time: who comes later waits twice the target, and not the interval", () => {
    const { world } = held()
    ask(world)
    world.advance(1_050)
    world.advance(500)
    const later = ask(world)
    world.advance(2 * overload.target)
    assert.equal(outcomeOf(later), "waits")
    // Nothing moves, so the pool takes its time to look.
    world.advance(overload.target / 2)
    assert.equal(outcomeOf(later), "PoolOverloaded")
  })

  it("refuses who has waited twice the target before it serves the next one", () => {
    const { world } = held()
    ask(world)
    world.advance(1_050)
    const early = ask(world)
    world.advance(30)
    const late = ask(world)
    world.advance(70)
    handOn(world)
    assert.deepEqual([outcomeOf(early), outcomeOf(late)], ["PoolOverloaded", "served"])
  })

  it("is also where everybody is served, and for an interval nobody within the target", () => {
    const { world } = held()
    for (let i = 0; i < 3; i++) ask(world)
    let shed = -1
    for (let at = 0; at <= 2_000 && shed < 0; at += 100) {
      world.advance(100)
      ask(world)
      handOn(world)
      assert.ok(world.waiting.every(({ since }) => world.now - since < 400))
      if (world.outcomes.PoolOverloaded > 0) shed = at + 100
    }
    // The first wait was too long 50 ms after it began, and everyone after it.
    assert.equal(shed, 1_100)
  })

  it("ends with the first who is served within the target", () => {
    const { world } = held()
    ask(world)
    world.advance(1_050)
    ask(world)
    const patient = ask(world)
    world.advance(40)
    handOn(world)
    world.advance(1_000)
    assert.equal(outcomeOf(patient), "waits")
    world.advance(50)
    assert.equal(outcomeOf(patient), "PoolOverloaded")
  })

  it("is not there where the queue runs empty again and again, however long each one waits", () => {
    const { world } = held()
    for (let i = 0; i < 20; i++) {
      const waiter = ask(world)
      world.advance(300)
      handOn(world)
      assert.equal(outcomeOf(waiter), "served")
    }
    assert.equal(Machine.stats(world.state).shed, 0)
  })

  it("is judged for each priority by itself, and never for `high`", () => {
    const { world } = held()
    const [high, low] = [ask(world, "high"), ask(world, "low")]
    world.advance(900)
    const normal = ask(world)
    world.advance(150)
    assert.deepEqual([high, normal, low].map(outcomeOf), ["waits", "waits", "PoolOverloaded"])
    world.advance(900)
    assert.deepEqual([high, normal].map(outcomeOf), ["waits", "PoolOverloaded"])
    world.advance(20_000)
    assert.equal(outcomeOf(high), "waits")
  })

  it("does not count the time in which the database opens the first connection", () => {
    const world = new World({ ...standard, size: 1, max: 1, connectTimeout: 10_000, overload })
    const waiters = [ask(world), ask(world), ask(world)]
    world.advance(5_000)
    assert.deepEqual(waiters.map(outcomeOf), ["waits", "waits", "waits"])
    world.connected(world.attempts[0]!, 0.5)
    world.advance(overload.interval - 1)
    assert.deepEqual(waiters.map(outcomeOf), ["served", "waits", "waits"])
    world.advance(1)
    assert.deepEqual(waiters.map(outcomeOf), ["served", "PoolOverloaded", "PoolOverloaded"])
  })

  it("keeps no connection that was opened for somebody who was refused, where none is kept", () => {
    const { world } = held({ mode: "none", max: 2 })
    const waiter = ask(world)
    world.advance(1_050)
    assert.equal(outcomeOf(waiter), "PoolOverloaded")
    world.connected(world.attempts[0]!, 0.5)
    world.finish(["late"])
  })
})

describe("priorities", () => {
  it("go before the order of arrival", () => {
    const { world } = held()
    const waiters = (["low", "normal", "high", "low", "high", "normal"] as const).map((one) => ask(world, one))
    const served: Array<number> = []
    while (world.waiting.length > 0) {
      handOn(world)
      served.push(waiters.findIndex(({ request }) => request === world.lent[0]))
    }
    assert.deepEqual(served, [2, 4, 1, 5, 0, 3])
  })

  it("change nothing about deadlines", () => {
    const { world } = held()
    const low = ask(world, "low", world.now + 70)
    const high = ask(world, "high")
    world.advance(70)
    assert.deepEqual([outcomeOf(low), outcomeOf(high)], ["PoolTimeout", "waits"])
    world.advance(standard.acquireTimeout)
    assert.equal(outcomeOf(high), "PoolTimeout")
  })

  it("that nobody knows are normal", () => {
    const { world } = held()
    const waiters = [ask(world, "low"), ask(world, "urgent" as Priority), ask(world, "normal")]
    assert.equal(waiters[1]!.line.priority, "normal")
    world.withdraw(waiters[1]!)
    handOn(world)
    assert.deepEqual(waiters.map(outcomeOf), ["waits", "waits", "served"])
  })
})
