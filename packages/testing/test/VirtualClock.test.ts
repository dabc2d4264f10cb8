import { describe, expect, it } from "@effect/vitest"
import { Cause, Clock, Deferred, Duration, Effect, Exit, Fiber, Queue, Schedule } from "effect"
import { VirtualClock } from "effect-sql-engine-testing"

describe("VirtualClock", () => {
  it.live("sleeping takes no real time, and exactly its own virtual time", () =>
    Effect.gen(function*() {
      const before = performance.now()
      const passed = yield* VirtualClock.run(Effect.map(Effect.timed(Effect.sleep("30 days")), ([passed]) => passed))
      expect(Duration.toDays(passed)).toBe(30)
      expect(performance.now() - before).toBeLessThan(1000)
    }))

  it.live("sleepers wake in the order of their time, and of their coming where that is the same", () =>
    VirtualClock.run(Effect.gen(function*() {
      const woken: Array<string> = []
      const sleeper = (name: string, millis: number) =>
        Effect.zipRight(Effect.sleep(millis), Effect.sync(() => woken.push(name)))
      yield* Effect.all([sleeper("c", 30), sleeper("a", 10), sleeper("d", 30), sleeper("b", 20), sleeper("now", 0)], {
        concurrency: "unbounded"
      })
      expect(woken).toEqual(["now", "a", "b", "c", "d"])
      expect(yield* Clock.currentTimeMillis).toBe(30)
    })))

  it.live("a thousand sleepers wake in order, also when some were interrupted", () =>
    VirtualClock.run(Effect.gen(function*() {
      const woken: Array<number> = []
      const fibers = yield* Effect.forEach(
        Array.from({ length: 1000 }, (_, i) => (i * 7919) % 1000),
        (millis) => Effect.fork(Effect.zipRight(Effect.sleep(millis + 1), Effect.sync(() => woken.push(millis))))
      )
      yield* Effect.yieldNow()
      yield* Fiber.interruptAll(fibers.filter((_, i) => i % 3 === 0))
      yield* Effect.forEach(fibers, Fiber.await)
      expect(woken).toHaveLength(666)
      expect(woken).toEqual([...woken].sort((a, b) => a - b))
    })))

  it.live("time stands still while a fiber can run", () =>
    VirtualClock.run(Effect.gen(function*() {
      const sleeping = yield* Effect.fork(Effect.sleep(1))
      yield* Effect.repeatN(Effect.yieldNow(), 10_000)
      expect(yield* Clock.currentTimeMillis).toBe(0)
      expect((yield* Fiber.poll(sleeping))._tag).toBe("None")
    })))

  it.live("time stands still while a promise is about to resolve", () =>
    VirtualClock.run(Effect.gen(function*() {
      const sleeping = yield* Effect.fork(Effect.sleep(1))
      yield* Effect.promise(async () => {
        for (let i = 0; i < 100; i++) {
          await Promise.resolve()
        }
      })
      expect(yield* Clock.currentTimeMillis).toBe(0)
      yield* Fiber.join(sleeping)
    })))

  it.live("timeouts, schedules and queues run in virtual time", () =>
    VirtualClock.run(
      Effect.gen(function*() {
        const queue = yield* Queue.unbounded<number>()
        yield* Effect.fork(Effect.repeat(Queue.offer(queue, 1), Schedule.spaced("1 minute")))
        const taken = yield* Effect.timeoutOption(Effect.forEach([1, 2, 3, 4], () => Queue.take(queue)), "10 minutes")
        expect(taken._tag).toBe("Some")
        expect(yield* Clock.currentTimeMillis).toBe(180_000)
      }),
      { startMillis: 0 }
    ))

  it.live("a program that can never go on ends as stuck, with the time it got to", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(VirtualClock.run(Effect.gen(function*() {
        yield* Effect.sleep("5 seconds")
        yield* Deferred.await(yield* Deferred.make<void>())
      })))
      expect(Exit.isFailure(exit) && VirtualClock.isStuck(exit.cause)).toBe(true)
      expect(Exit.isFailure(exit) && Cause.squash(exit.cause)).toMatchObject({ now: 5000 })
    }))

  it.live("a program that sleeps past its limit ends as stuck", () =>
    Effect.gen(function*() {
      const endless = Effect.repeat(Effect.void, Schedule.spaced("1 hour"))
      const exit = yield* Effect.exit(VirtualClock.run(endless, { limitMillis: Duration.toMillis("1 day") }))
      expect(Exit.isFailure(exit) && VirtualClock.isStuck(exit.cause)).toBe(true)
    }))

  it.live("failures, defects and interruption pass through", () =>
    Effect.gen(function*() {
      expect(yield* Effect.exit(VirtualClock.run(Effect.fail("no")))).toEqual(Exit.fail("no"))
      expect(yield* Effect.exit(VirtualClock.run(Effect.die("bug")))).toEqual(Exit.die("bug"))
      expect(yield* Effect.exit(VirtualClock.run(Effect.sync(() => 1)))).toEqual(Exit.succeed(1))
      const exit = yield* Effect.exit(VirtualClock.run(Effect.interrupt))
      expect(Exit.isInterrupted(exit)).toBe(true)
    }))

  it.live("interrupting a run interrupts what runs in it, finalizers included", () =>
    Effect.gen(function*() {
      const finalized = yield* Deferred.make<number>()
      const started = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(VirtualClock.run(
        Deferred.succeed(started, undefined).pipe(
          Effect.zipRight(Effect.yieldNow()),
          Effect.forever,
          Effect.onInterrupt(() =>
            Effect.zipRight(
              Effect.sleep("1 minute"),
              Effect.flatMap(Clock.currentTimeMillis, (now) => Deferred.succeed(finalized, now))
            )
          )
        )
      ))
      yield* Deferred.await(started)
      yield* Fiber.interrupt(fiber)
      expect(yield* Deferred.await(finalized)).toBe(60_000)
    }))
})
