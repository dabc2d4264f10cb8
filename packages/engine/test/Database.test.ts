/**
 * Making sure of a database and waiting for one, on a database made up for it: capabilities 34, 37 and 48.
 */
import { describe, expect, it } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, Fiber, Random, Schedule, TestClock } from "effect"
import { Database } from "effect-sql-engine"
import { AuthenticationError, ConnectionError, UnknownError } from "effect-sql-engine/SqlFailure"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"

const refused = new ConnectionError({ message: "nothing listens there" })
const wrongPassword = new AuthenticationError({ message: "no" })
const inUse = new UnknownError({ message: "the template is in use", code: "55006" })

/** A database that answers as told, one answer for each question; the last one stays. */
const madeUp = (
  answers: ReadonlyArray<Database.Presence | SqlFailure>,
  creations: ReadonlyArray<"Created" | SqlFailure> = []
) => {
  const asked: Array<number> = []
  const created: Array<number> = []
  const next = <A>(list: ReadonlyArray<A | SqlFailure>, times: Array<number>): Effect.Effect<A, SqlFailure> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const answer = list[Math.min(times.length, list.length - 1)]!
      times.push(now)
      return typeof answer === "object" && answer !== null && "_tag" in answer
        ? Effect.fail(answer)
        : Effect.succeed(answer as A)
    })
  const admin: Database.DatabaseAdmin = {
    database: "shop",
    presence: next(answers, asked),
    create: next(creations, created),
    drop: () => Effect.succeed("Dropped"),
    raced: (failure) => failure.code === "55006",
    unready: (failure) => failure._tag === "ConnectionError"
  }
  return { target: Effect.succeed(admin), asked, created }
}

/** Runs an effect while the test clock moves on for a minute and more. */
const inTime = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(Effect.exit(effect))
    yield* TestClock.adjust("90 seconds")
    return yield* Fiber.join(fiber)
  })

const failureOf = <A, E>(exit: Exit.Exit<A, E>) =>
  Exit.match(exit, {
    onFailure: (cause) => cause._tag === "Fail" ? cause.error : cause,
    onSuccess: (value) => value
  })

describe("Database.wait", () => {
  it.effect("asks as often as its schedule says: two tries, ten seconds apart, and then the last failure", () =>
    Effect.gen(function*() {
      const { asked, target } = madeUp([refused])
      const twice = Schedule.intersect(Schedule.spaced("10 seconds"), Schedule.recurs(1))
      expect(failureOf(yield* inTime(Database.wait(target, { schedule: twice })))).toBe(refused)
      expect(asked).toEqual([0, 10_000])
    }))

  it.effect("goes on for a minute by default, with pauses of up to 2.4 seconds", () =>
    Effect.gen(function*() {
      const { asked, target } = madeUp([refused])
      const exit = yield* Effect.withRandom(inTime(Database.wait(target)), Random.make("seed 20260725"))
      expect(failureOf(exit)).toBe(refused)
      const pauses = asked.slice(1).map((at, nth) => at - asked[nth]!)
      expect(pauses[0]).toBeLessThanOrEqual(120)
      expect(Math.max(...pauses)).toBeLessThanOrEqual(2400)
      expect(asked[asked.length - 1]).toBeGreaterThan(57_000)
      expect(asked[asked.length - 1]).toBeLessThan(63_000)
    }))

  it.effect("waits for a missing database, too, unless it is the server that is waited for", () =>
    Effect.gen(function*() {
      const coming = [refused, "Missing", "Missing", "Present"] as const
      const schedule = Schedule.spaced("1 second")
      expect(failureOf(yield* inTime(Database.wait(madeUp(coming).target, { schedule })))).toBe("Present")
      expect(failureOf(yield* inTime(Database.wait(madeUp(coming).target, { schedule, until: "server" })))).toBe(
        "Missing"
      )
      const never = Database.wait(madeUp(["Missing"]).target, { schedule: Schedule.recurs(3) })
      expect(failureOf(yield* inTime(never))).toMatchObject({ _tag: "DatabaseMissing", database: "shop" })
    }))

  it.effect("does not wait for what waiting does not change", () =>
    Effect.gen(function*() {
      const { asked, target } = madeUp([refused, wrongPassword])
      expect(failureOf(yield* inTime(Database.wait(target, { schedule: Schedule.spaced(10) })))).toBe(wrongPassword)
      expect(asked).toEqual([0, 10])
    }))
})

describe("Database.ensure", () => {
  it.effect("creates nothing unless it may", () =>
    Effect.gen(function*() {
      const { created, target } = madeUp(["Missing"], ["Created"])
      expect(yield* Effect.flip(Database.ensure(target))).toMatchObject({
        _tag: "NotAllowed",
        database: "shop",
        sent: "no"
      })
      expect(created).toEqual([])
      expect(yield* Database.ensure(target, { allowCreate: true })).toBe("Created")
      expect(yield* Database.ensure(madeUp(["Present"]).target)).toBe("Existed")
    }))

  it.effect("tries again what a rival explains, at most 4,270 ms, and nothing else", () =>
    Effect.gen(function*() {
      const busy = madeUp(["Missing"], [inUse, inUse, "Created"])
      expect(failureOf(yield* inTime(Database.ensure(busy.target, { allowCreate: true })))).toBe("Created")
      expect(busy.created).toHaveLength(3)
      const always = madeUp(["Missing"], [inUse])
      const began = yield* Clock.currentTimeMillis
      const run = Effect.withRandom(Database.ensure(always.target, { allowCreate: true }), Random.fixed([1]))
      expect(failureOf(yield* inTime(run))).toBe(inUse)
      expect(always.created).toHaveLength(11)
      expect(always.created[10]! - began).toBe(Duration.toMillis("4270 millis"))
      const dead = madeUp([refused])
      expect(failureOf(yield* inTime(Database.ensure(dead.target, { allowCreate: true })))).toBe(refused)
      expect(dead.asked).toHaveLength(1)
    }))
})

describe("a target", () => {
  it.effect("that is an address needs a driver; options for a server do not go with one that is made", () =>
    Effect.gen(function*() {
      expect(yield* Effect.flip(Database.status("postgres://h/shop"))).toMatchObject({ _tag: "DriverMissing" })
      expect(yield* Effect.flip(Database.status("nothing at all"))).toMatchObject({ _tag: "EngineUrlError" })
      const both = Database.status(madeUp(["Present"]).target, { maintenance: "admin", owner: "me" })
      expect(yield* Effect.flip(both)).toMatchObject({
        _tag: "EngineConfigError",
        problems: [{ field: "maintenance" }, { field: "owner" }]
      })
    }))
})
