/** The pool's state machine: random walks against the laws, and the rules one by one. */
import { FastCheck } from "effect"
import assert from "node:assert"
import { describe, it } from "vitest"
import { endOfLife } from "../src/internal/pool/lifetime.js"
import * as Machine from "../src/internal/poolState.js"
import { ConnectionError } from "../src/SqlFailure.js"
import { settings, standard, step, steps } from "./pool/steps.js"
import { World } from "./pool/World.js"

const seed = 20_260_712

const small = (size: number, overflow = 0): World => new World({ ...standard, size, max: size + overflow })

/** A world with this many connections, all idle. */
const filled = (world: World, count: number): World => {
  const requests = Array.from({ length: count }, () => world.request())
  for (const request of requests) world.ask(request)
  while (world.attempts.length > 0) world.connected(world.attempts[0]!, 0.5)
  for (const request of requests) world.release(request, "clean", false)
  return world
}

const lentTo = (world: World) => {
  const request = world.request()
  world.ask(request)
  return request
}

describe("the pool's state machine", () => {
  it("keeps its laws after each of 200,000 random steps", () => {
    let taken = 0
    const outcomes: Record<string, number> = {}
    const destroyed: Record<string, number> = {}
    const add = (sums: Record<string, number>, counts: object): void => {
      for (const [key, count] of Object.entries(counts)) sums[key] = (sums[key] ?? 0) + count
    }
    FastCheck.assert(
      FastCheck.property(settings, steps(600), (drawn, plan) => {
        const world = new World(drawn)
        for (const one of plan) step(world, one)
        world.finish()
        taken += plan.length
        add(outcomes, world.outcomes)
        add(destroyed, world.state.destroyed)
      }),
      { seed, numRuns: 750, interruptAfterTimeLimit: 55_000, markInterruptAsFailure: true }
    )
    assert.ok(taken > 200_000, `${taken} steps`)
    // The walks reach every outcome and every way a connection can end.
    for (const [key, count] of Object.entries({ ...outcomes, ...destroyed })) assert.ok(count > 3, `${key}: ${count}`)
  })

  it("lends the connection that was used last, and serves whoever waits in the order of arrival", () => {
    const world = filled(small(3), 3)
    const first = lentTo(world)
    world.release(first, "clean", false)
    const top = world.state.idle.at(-1)!
    assert.equal(world.truthOf(lentTo(world)).slot, top)
    lentTo(world)
    const holder = lentTo(world)
    const waiters = [lentTo(world), lentTo(world), lentTo(world)]
    world.withdraw(world.waiting[1]!)
    world.release(holder, "clean", false)
    assert.deepEqual(waiters.map((waiter) => waiter.lease !== undefined), [true, false, false])
    world.release(waiters[0]!, "clean", false)
    assert.deepEqual(waiters.map((waiter) => waiter.lease !== undefined), [false, false, true])
  })

  it("gives the failure of an attempt to whoever waits longest, and the next one another attempt", () => {
    const world = small(1)
    const waiters = [world.ask(world.request())!, world.ask(world.request())!]
    const failure = new ConnectionError({ message: "refused" })
    world.connectFailed(world.attempts[0]!, failure)
    assert.equal(waiters[0]!.outcome!.failure, failure)
    assert.equal(waiters[1]!.outcome, undefined)
    assert.equal(world.attempts.length, 1)
    world.connected(world.attempts[0]!, 0)
    assert.notEqual(waiters[1]!.request.lease, undefined)
  })

  it("keeps a connection whose waiter is gone", () => {
    const world = small(1)
    world.withdraw(world.ask(world.request())!)
    world.connected(world.attempts[0]!, 0)
    assert.equal(world.state.idle.length, 1)
    world.finish()
  })

  it("closes a late connection where none is kept", () => {
    const world = new World({ ...standard, mode: "none" })
    world.withdraw(world.ask(world.request())!)
    world.connected(world.attempts[0]!, 0)
    world.finish(["late"])
  })

  it("closes a connection that arrives after its slot was given up", () => {
    const world = small(1)
    world.ask(world.request())
    const slot = world.attempts[0]!
    world.advance(standard.connectTimeout)
    assert.equal(world.outcomes.other, 1, "the attempt's deadline refuses its waiter")
    world.advance(standard.releaseTimeout)
    assert.equal(world.state.slots.size, 0)
    world.connected(slot, 0)
    assert.deepEqual(world.closes, [slot])
    world.finish(["late"])
  })

  it("opens a fresh connection for each borrower in mode none", () => {
    const world = new World({ ...standard, mode: "none", size: 1, max: 1 })
    for (let i = 0; i < 3; i++) {
      const request = lentTo(world)
      world.connected(world.attempts[0]!, 0)
      world.release(request, "clean", false)
      world.closed(world.closes[0]!)
    }
    assert.equal(Machine.stats(world.state).created, 3)
    assert.equal(Machine.stats(world.state).destroyed.overflow, 3)
  })

  it("replaces an old connection when it is idle, never while it is lent", () => {
    const world = filled(small(1), 1)
    const request = lentTo(world)
    world.advance(2 * standard.recycle)
    assert.equal(Machine.stats(world.state).inUse, 1)
    world.release(request, "clean", false)
    assert.equal(world.closes.length, 1)
    world.finish(["recycled"])
  })

  it("does not lend an old connection because the alarm is late", () => {
    const world = filled(new World({ ...standard, size: 1, max: 1, prePing: Infinity }), 1)
    world.advance(standard.recycle, 2 * standard.recycle)
    assert.equal(world.state.idle.length, 1)
    assert.equal(lentTo(world).lease, undefined)
    world.finish(["recycled"])
  })

  it("closes what is idle beyond size, the one used longest ago first, and keeps size", () => {
    const world = filled(small(2, 3), 5)
    const kept = world.state.idle.slice(3)
    world.advance(standard.idleTimeout - 1)
    assert.equal(world.state.idle.length, 5)
    world.advance(1)
    assert.deepEqual(world.state.idle, kept)
    world.advance(standard.idleTimeout)
    assert.deepEqual(world.state.idle, kept)
  })

  it("checks a connection after an idle spell, and replaces all that lay as long when it is dead", () => {
    const world = filled(small(3), 3)
    world.advance(standard.prePing)
    const request = lentTo(world)
    assert.equal(request.lease, undefined)
    assert.equal(world.jobs[0]!.work, "ping")
    world.worked(world.jobs[0]!, "clean", new ConnectionError({ message: "gone" }))
    assert.equal(world.closes.length, 3)
    world.closed(world.closes[0]!)
    world.connected(world.attempts[0]!, 0)
    assert.notEqual(request.lease, undefined)
    world.finish(["pingFailed"])
  })

  it("ends a generation: idle connections now, lent ones on return, opening ones on arrival", () => {
    const world = filled(small(3), 2)
    const held = lentTo(world)
    lentTo(world)
    const waiting = world.ask(world.request())!
    const [overtaken] = world.attempts
    world.retire()
    world.connected(overtaken!, 0)
    assert.equal(waiting.request.lease, undefined, "a connection of the old generation is lent to nobody")
    world.release(held, "clean", false)
    assert.equal(world.closes.length, 2)
    world.closed(world.closes[0]!)
    world.connected(world.attempts[0]!, 0)
    assert.notEqual(waiting.request.lease, undefined)
    world.finish(["retired"])
  })

  it("does not count on an attempt of the old generation: another is made at once, and its failure is nobody's", () => {
    const world = small(2)
    const waiter = world.ask(world.request())!
    const overtaken = world.attempts[0]!
    world.advance(1_000)
    world.retire()
    assert.equal(world.attempts.length, 2)
    world.advance(standard.connectTimeout - 1_000)
    assert.equal(waiter.outcome, undefined, "nor is its deadline")
    world.connectFailed(overtaken)
    assert.equal(waiter.outcome, undefined)
    world.connected(world.attempts[0]!, 0)
    assert.notEqual(waiter.request.lease, undefined)
    world.finish()
  })

  it("keeps the attempts under way when one of them finds that the server is gone", () => {
    const world = small(2)
    const waiters = [world.ask(world.request())!, world.ask(world.request())!]
    const [first] = world.attempts
    world.serverGone(first!)
    const failure = new ConnectionError({ message: "refused" })
    world.connectFailed(first!, failure)
    assert.equal(waiters[0]!.outcome!.failure, failure)
    assert.equal(world.attempts.length, 1)
    world.connected(world.attempts[0]!, 0)
    assert.notEqual(waiters[1]!.request.lease, undefined)
    world.finish()
  })

  it("settles a busy connection, resets a dirty one, in one budget", () => {
    const world = filled(small(1), 1)
    world.release(lentTo(world), "busy", false)
    assert.equal(world.jobs[0]!.work, "settle")
    world.advance(standard.releaseTimeout - 1)
    world.worked(world.jobs[0]!, "dirty", undefined)
    assert.equal(world.jobs[0]!.work, "reset")
    world.advance(1)
    assert.equal(world.closes.length, 1, "the budget is the same one")
    world.finish(["resetFailed"])
  })

  it("gives up a close that does not end, and the slot is free", () => {
    const world = filled(small(1), 1)
    world.release(lentTo(world), "lost", false)
    const waiting = world.request()
    world.ask(waiting)
    world.advance(standard.releaseTimeout)
    assert.equal(world.attempts.length, 1)
  })

  it("refuses the youngest holder when everybody waits for everybody", () => {
    const world = filled(small(2), 2)
    const [a, b] = [lentTo(world), lentTo(world)]
    const other = world.ask(world.request())!
    const first = world.ask(world.request(a))!
    const second = world.ask(world.request(b))!
    const failure = second.outcome?.failure
    assert.ok(failure?._tag === "PoolDeadlock")
    assert.equal(failure.max, 2)
    assert.deepEqual(Array.from(failure.holders).sort(), [a.session, b.session])
    assert.equal(first.outcome, undefined)
    assert.equal(other.outcome, undefined)
    world.release(b, "clean", false)
    assert.notEqual(other.request.lease, undefined, "the order of arrival holds all the same")
  })

  it("refuses as many as it takes when two wait under one lease", () => {
    const world = filled(small(2), 2)
    const [a, b] = [lentTo(world), lentTo(world)]
    const under = [world.ask(world.request(b))!, world.ask(world.request(b))!]
    const last = world.ask(world.request(a))!
    assert.deepEqual([...under, last].map((waiter) => waiter.outcome?.failure?._tag), [
      undefined,
      undefined,
      "PoolDeadlock"
    ])
    const again = world.ask(world.request(a))!
    assert.equal(again.outcome?.failure?._tag, "PoolDeadlock")
  })

  it("tells a timeout with the numbers and the one that holds longest", () => {
    const world = filled(small(1), 1)
    const holder = lentTo(world)
    holder.statement = "SELECT  *\n  FROM big"
    world.advance(5_000)
    const waiting = world.ask(world.request())!
    world.ask(world.request())
    world.advance(standard.acquireTimeout)
    const failure = waiting.outcome!.failure!
    assert.ok(failure._tag === "PoolTimeout")
    assert.deepEqual(
      { max: failure.max, inUse: failure.inUse, idle: failure.idle, waiting: failure.waiting },
      { max: 1, inUse: 1, idle: 0, waiting: 2 }
    )
    assert.deepEqual(failure.oldestHolder, { session: holder.session, heldMillis: 35_000, statement: holder.statement })
    assert.equal(failure.waitedMillis, 30_000)
    for (const part of ["1 of 1", "30 s", "35 s", "SELECT * FROM big", holder.session!]) {
      assert.ok(failure.message.includes(part), failure.message)
    }
  })

  it("keeps the place and the deadline of a request whose connection was dead, and says which connections are new", () => {
    const world = small(1)
    const request = world.request()
    const asked = world.now
    world.ask(request)
    world.advance(10_000 - 1)
    world.connected(world.attempts[0]!, 0)
    assert.deepEqual([request.lease!.isNew, request.lease!.askedAt], [true, asked])
    world.release(request, "clean", false)

    const again = world.request()
    world.ask(again)
    assert.equal(again.lease!.isNew, false)
    const [high, behind] = [world.request(undefined, undefined, "high"), world.request()]
    world.advance(1)
    world.ask(behind)
    world.ask(high)
    const waiter = world.askAgain(again)!
    assert.deepEqual([waiter.since, waiter.deadline], [again.askedAt!, again.askedAt! + standard.acquireTimeout])
    world.closed(world.closes[0]!)
    world.connected(world.attempts[0]!, 0)
    assert.notEqual(high.lease, undefined)
    assert.equal(again.lease, undefined)
    world.release(high, "clean", false)
    assert.notEqual(again.lease, undefined)
    assert.equal(again.lease!.isNew, false)
    assert.equal(behind.lease, undefined)
    world.release(again, "clean", false)
    assert.notEqual(behind.lease, undefined)
    world.finish(["lost"])
  })

  it("ends the wait for another connection when the first one would have ended", () => {
    const world = filled(small(1), 1)
    const request = world.request()
    world.ask(request)
    world.advance(standard.acquireTimeout - 1)
    const waiter = world.askAgain(request)!
    assert.equal(waiter.outcome, undefined)
    world.advance(1)
    assert.equal(waiter.outcome!.failure!._tag, "PoolTimeout")
    world.finish()
  })

  it("holds on to an absolute deadline however often it is asked again", () => {
    const world = filled(small(1), 1)
    lentTo(world)
    const request = world.request(undefined, world.now + 100)
    const first = world.ask(request)!
    world.advance(60)
    world.withdraw(first)
    const second = world.ask(request)!
    world.advance(39)
    assert.equal(second.outcome, undefined)
    world.advance(1)
    assert.equal(second.outcome!.failure!._tag, "PoolTimeout")
    assert.equal(world.ask(request)!.outcome!.failure!._tag, "PoolTimeout", "past its deadline it does not wait at all")
  })
})

describe("the life of connections", () => {
  /** 50 connections born within 100 ms, kept for generations; when do they end? */
  const ends = (random: () => number): ReadonlyArray<number> => {
    const life = 30 * 60_000
    const alive = new Set<number>()
    const all: Array<number> = []
    const bear = (now: number): void => {
      const at = endOfLife(now, life, alive, random())
      assert.ok(at - now <= life && at - now >= 0.8 * life - 1)
      alive.add(at)
      all.push(at)
    }
    for (let i = 0; i < 50; i++) bear(2 * i)
    for (let i = 0; i < 50 * 20; i++) {
      const next = Math.min(...alive)
      alive.delete(next)
      bear(next)
    }
    return all.sort((a, b) => a - b)
  }

  it("never ends more than 10 % of 50 connections within 1 % of a lifetime, for 20 generations", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.infiniteStream(FastCheck.double({ min: 0, max: 0.999, noNaN: true })), (chance) => {
        const all = ends(() => chance.next().value)
        for (let i = 0; i + 5 < all.length; i++) {
          assert.ok(all[i + 5]! - all[i]! > 0.01 * 30 * 60_000, `6 ends within 1 % at ${i}`)
        }
      }),
      { seed, numRuns: 50 }
    )
  })

  it("is for ever without a limit", () => {
    assert.equal(endOfLife(5, Infinity, [7], 0.5), Infinity)
  })
})
