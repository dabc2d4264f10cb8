/**
 * Random walks through a world: numbers become steps, whatever the state is, so that every list of numbers is a plan and
 * shrinks to a smaller one.
 */
import { FastCheck } from "effect"
import type { Condition } from "../../src/Driver.js"
import type { Settings } from "../../src/internal/pool/settings.js"
import { discard, type World } from "./World.js"

export const standard: Settings = {
  mode: "queue",
  size: 5,
  max: 15,
  acquireTimeout: 30_000,
  connectTimeout: 10_000,
  recycle: 3_600_000,
  idleTimeout: 600_000,
  prePing: 30_000,
  releaseTimeout: 5_000
}

/** Pools of every mode, small ones above all, with limits near to each other and far apart. */
export const settings: FastCheck.Arbitrary<Settings> = FastCheck.record({
  mode: FastCheck.constantFrom("queue" as const, "queue" as const, "queue" as const, "none" as const),
  size: FastCheck.integer({ min: 1, max: 4 }),
  overflow: FastCheck.integer({ min: 0, max: 3 }),
  acquireTimeout: FastCheck.constantFrom(50, 1_000, 30_000, 30_000),
  connectTimeout: FastCheck.constantFrom(40, 1_000, 10_000, 10_000),
  recycle: FastCheck.constantFrom(100, 300, 5_000, 3_600_000, Infinity),
  idleTimeout: FastCheck.constantFrom(0, 20, 200, 600_000, Infinity),
  prePing: FastCheck.constantFrom(0, 10, 60, 30_000, Infinity),
  releaseTimeout: FastCheck.constantFrom(30, 5_000, 5_000),
  overload: FastCheck.constantFrom(
    undefined,
    { target: 5, interval: 20 },
    { target: 10, interval: 10 },
    { target: 50, interval: 1_000 }
  )
}).map(({ overflow, ...rest }) => ({ ...rest, max: rest.size + overflow }))

/** One step: what, which one, and a number that decides the rest. */
export type Step = readonly [kind: number, which: number, how: number]

export const steps = (length: number): FastCheck.Arbitrary<ReadonlyArray<Step>> =>
  FastCheck.array(FastCheck.tuple(FastCheck.nat(99), FastCheck.nat(999), FastCheck.nat(999)), {
    minLength: 1,
    maxLength: length,
    size: "max"
  })

const conditions: ReadonlyArray<Condition> = ["clean", "clean", "clean", "clean", "dirty", "dirty", "busy", "lost"]

const priorities = ["high", "low", "low", "normal"] as const

const spans = [0, 0, 0, 1, 1, 2, 2, 5, 5, 10, 20, 20, 50, 100, 1_000, 20_000]

/** Takes one step; one that makes no sense where the world stands is passed over. */
export const step = (world: World, [kind, which, how]: Step): void => {
  const pick = <A>(from: ReadonlyArray<A>): A | undefined => from[which % from.length]
  const condition = conditions[how % conditions.length]!
  if (kind < 28) {
    const parent = how % 3 === 0 ? pick(world.lent) : undefined
    const deadline = how % 5 === 0 ? world.now + (how % 400) - 10 : undefined
    world.ask(world.request(parent, deadline, priorities[how % 7]))
  } else if (kind < 48) {
    const request = pick(world.lent)
    if (request === undefined) return
    if (how % 17 === 0 && request.lease!.revoked === undefined) world.askAgain(request)
    else world.release(request, condition, how % 11 === 0)
  } else if (kind < 60) {
    const slot = pick(world.attempts)
    if (slot === undefined) return
    if (how % 5 === 0) world.connectFailed(slot)
    else world.connected(slot, how / 1000)
  } else if (kind < 70) {
    const job = pick(world.jobs)
    if (job !== undefined) world.worked(job, condition, how % 7 === 0 ? discard : undefined)
  } else if (kind < 80) {
    const slot = pick(world.closes)
    if (slot !== undefined) world.closed(slot)
  } else if (kind < 85) {
    const waiter = pick(world.waiting)
    if (waiter !== undefined) world.withdraw(waiter)
  } else if (kind < 87) {
    const request = pick(world.lent)
    if (request !== undefined) world.destroy(request)
  } else if (kind < 89) {
    const slot = pick(Array.from(world.state.slots))
    if (slot !== undefined) world.lost(slot)
  } else if (kind < 90) {
    const slot = pick(Array.from(world.state.slots))
    if (slot !== undefined) world.serverGone(slot)
  } else if (kind < 91) {
    if (how % 2 === 0) world.retire()
  } else if (kind < 92) {
    // One walk in a few is closed on its way.
    if (how < 30) world.close(how % 3 === 0 ? 0 : how * 30)
  } else world.advance(spans[which % spans.length]! + how % 10, how % 3 === 0 ? how % 90 : 0)
}
