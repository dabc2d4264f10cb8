/**
 * Proof 8: overload and fairness.
 *
 * On the scripted driver in virtual time, where thirty seconds of twice the load are exact to the millisecond and over in
 * a second or two. The load is open: nobody waits with asking until somebody else was answered.
 */
import { SqlClient } from "@effect/sql"
import { Effect, Fiber, Option, type Scope } from "effect"
import { Engine, Migrations, Session } from "effect-sql-engine"
import { Outcome, ScriptedDriver, VirtualClock } from "effect-sql-engine-testing"
import * as Pool from "effect-sql-engine/Pool"
import { refine, type SqlFailure } from "effect-sql-engine/SqlFailure"
import assert from "node:assert"
import { describe, it, vi } from "vitest"
import { evidence, percentile } from "../support/evidence.js"
import { places } from "../support/places.js"
import { type Chance, chance, quietly, size } from "../support/proof.js"
import { quiescent, until } from "../support/quiescence.js"

// At full size, beside others, on two cores.
vi.setConfig({ testTimeout: size(60_000, 180_000) })

const seed = 8_000_008
const max = 10
const holdMillis = 10
/** What the pool can do in a millisecond. */
const capacity = max / holdMillis
const target = 50
const interval = 1_000
const overload = { target, interval }

const now = Effect.clockWith((clock) => clock.currentTimeMillis)

const inVirtualTime = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) => () =>
  quietly(VirtualClock.run(Effect.scoped(effect)))

/** What became of one request: when it asked, when it was answered, and how. */
interface Answer {
  readonly asked: number
  readonly answered: number
  readonly outcome: "served" | SqlFailure["_tag"]
}

/** How many ask in a millisecond. */
type Arrivals = (load: number) => number

/** As regularly as can be. */
const regularly = (): Arrivals => {
  let due = 0
  return (load) => {
    due += load
    const count = Math.floor(due)
    due -= count
    return count
  }
}

/** By chance, each on its own: Poisson's distribution, drawn as Knuth does. */
const byChance = (from: Chance): Arrivals => (load) => {
  let count = 0
  for (let product = from.next(); product > Math.exp(-load); product *= from.next()) count++
  return count
}

/** Asks once; says when it was served. */
type Ask = (served: Effect.Effect<void>) => Effect.Effect<unknown, SqlFailure>

/** Asks in phases of so many times the capacity. Succeeds when everybody was answered. */
const openLoop = (
  ask: Ask,
  arrivals: Arrivals,
  phases: ReadonlyArray<{ readonly times: number; readonly millis: number }>
): Effect.Effect<ReadonlyArray<Answer>> =>
  Effect.gen(function*() {
    const answers: Array<Answer> = []
    const one = Effect.flatMap(now, (asked) => {
      const note = (outcome: Answer["outcome"]) =>
        Effect.map(now, (answered) => void answers.push({ asked, answered, outcome }))
      return Effect.catchAll(ask(note("served")), ({ _tag }) => note(_tag))
    })
    const fibers: Array<Fiber.RuntimeFiber<unknown>> = []
    for (const { millis, times } of phases) {
      for (let at = 0; at < millis; at++) {
        for (let count = arrivals(times * capacity); count > 0; count--) fibers.push(yield* Effect.fork(one))
        yield* Effect.sleep(1)
      }
    }
    yield* Effect.forEach(fibers, Fiber.join, { discard: true })
    return answers
  })

const waits = (answers: ReadonlyArray<Answer>): ReadonlyArray<number> =>
  answers.map(({ answered, asked }) => answered - asked)
const most = (numbers: ReadonlyArray<number>): number => numbers.reduce((most, one) => Math.max(most, one), 0)
const mean = (numbers: ReadonlyArray<number>): number =>
  numbers.reduce((sum, one) => sum + one, 0) / Math.max(1, numbers.length)
const of = (answers: ReadonlyArray<Answer>, outcome: Answer["outcome"]) =>
  answers.filter((answer) => answer.outcome === outcome)

const pool = (options: Pool.PoolOptions) =>
  Pool.make("proof", ScriptedDriver.unsafeMake({ record: false }).driver.write, {
    size: max,
    maxOverflow: 0,
    ...options
  })

/** Holds a connection for a while. */
const hold = (pool: Pool.Pool, priority?: Pool.Priority, millis: () => number = () => holdMillis): Ask => (served) =>
  Effect.suspend(() => {
    const request: Pool.Request = { session: undefined, statement: undefined, holds: [], priority, lease: undefined }
    return Effect.ensuring(
      pool.acquire(request).pipe(Effect.zipRight(served), Effect.zipRight(Effect.sleep(millis()))),
      Effect.sync(() => pool.release(request))
    )
  })

/** requests = served + timedOut + shed + interrupted + waiting, as the pool and as those who asked count them. */
const conserved = (pool: Pool.Pool, answers: ReadonlyArray<Answer>): void => {
  const { inUse, interrupted, refused, requests, served, shed, timedOut, waiting } = pool.stats()
  assert.equal(requests, served + timedOut + shed + interrupted + refused + waiting)
  assert.deepEqual(
    { served, shed, timedOut, interrupted, refused, waiting, inUse },
    {
      served: of(answers, "served").length,
      shed: of(answers, "PoolOverloaded").length,
      timedOut: of(answers, "PoolTimeout").length,
      interrupted: 0,
      refused: 0,
      waiting: 0,
      inUse: 0
    }
  )
}

describe("under twice the load, with shedding,", () => {
  const arrivals = { regularly, "by chance": () => byChance(chance(seed)) }
  const drawn = chance(seed + 1)
  const holds = {
    "10 ms each": () => holdMillis,
    "10 ms on the average": () => -Math.log(1 - drawn.next()) * holdMillis
  }
  const millis = size(4_000, 30_000)

  for (const [how, made] of Object.entries(arrivals)) {
    for (const [long, hold_] of Object.entries(holds)) {
      it(
        `who is served is served in time, the pool stays busy, and all is well soon after; asked ${how}, held ${long}`,
        inVirtualTime(Effect.gen(function*() {
          const one = yield* pool({ overload })
          const answers = yield* openLoop(hold(one, undefined, hold_), made(), [
            { times: 2, millis },
            { times: 0.5, millis: 5_000 }
          ])
          conserved(one, answers)
          const served = of(answers, "served")
          const shed = of(answers, "PoolOverloaded")
          // The interval begins with the first wait that is too long.
          const slow = served.find(({ answered, asked }) => answered - asked > target)!.answered
          const late = waits(served.filter(({ answered }) => answered > slow + interval && answered <= millis))
          const goodput = served.filter(({ answered }) => answered <= millis).length / (millis * capacity)
          const lastShed = most(shed.map(({ answered }) => answered))
          assert.ok(percentile(late, 0.99) <= 2 * target, `p99 ${percentile(late, 0.99)} ms`)
          assert.ok(goodput >= 0.95, `goodput ${goodput}`)
          assert.ok(shed.length > 0.3 * answers.length, "half of them is too much")
          assert.ok(most(waits(shed)) <= 2 * target + interval, `refused after ${most(waits(shed))} ms`)
          assert.ok(lastShed <= millis + interval, `still refused ${lastShed - millis} ms after the load has dropped`)
          assert.equal(served.length + shed.length, answers.length, "nobody had to wait for a timeout")
          evidence({
            proof: "8",
            size: `${millis / 1000} s of twice the capacity, asked ${how}, held ${long}, pool ${max}`,
            figures: {
              asked: answers.length,
              served: served.length,
              refused: shed.length,
              goodput: `${(goodput * 100).toFixed(1)} %`,
              "ms p99 wait of the served after the first interval": percentile(late, 0.99),
              "ms the longest of these": most(late),
              "ms until a refusal, at most": most(waits(shed)),
              "last refusal": `${Math.round(lastShed - millis)} ms after the drop`
            },
            seed
          })
        }))
      )
    }
  }

  it(
    "nobody is refused at nine tenths of the capacity, nor in a burst that is shorter than the interval",
    inVirtualTime(Effect.gen(function*() {
      const steady = yield* pool({ overload })
      const calm = yield* openLoop(hold(steady), byChance(chance(seed)), [{ times: 0.9, millis: size(10_000, 30_000) }])
      conserved(steady, calm)
      assert.equal(of(calm, "served").length, calm.length)
      const bursting = yield* pool({ overload })
      const bursts = yield* openLoop(
        hold(bursting),
        regularly(),
        Array.from({ length: 10 }, () => [{ times: 10, millis: 90 }, { times: 0, millis: 910 }]).flat()
      )
      conserved(bursting, bursts)
      assert.equal(of(bursts, "served").length, bursts.length)
      assert.ok(most(waits(bursts)) > 2 * target, "they are real bursts")
    }))
  )

  it(
    "a pool in which nothing moves at all refuses in time, and opening connections for long is no overload",
    inVirtualTime(Effect.gen(function*() {
      const stuck = yield* pool({ overload })
      yield* Effect.forEach(
        Array.from({ length: max }),
        () => Effect.fork(hold(stuck, undefined, () => 1e6)(Effect.void))
      )
      const answers = yield* openLoop(hold(stuck), regularly(), [{ times: 0.05, millis: 10_000 }])
      assert.equal(of(answers, "PoolOverloaded").length, answers.length)
      assert.ok(most(waits(answers)) <= 2 * target + interval)
      // Opening takes three seconds, and then everybody is served.
      const slow = ScriptedDriver.unsafeMake({
        record: false,
        script: ({ step }) => step === "connect" ? Outcome.slow(3_000) : undefined
      })
      const opening = yield* Pool.make("proof", slow.driver.write, { size: max, maxOverflow: 0, overload })
      const patient = yield* openLoop(hold(opening), regularly(), [{ times: 0.2, millis: 3_000 }])
      assert.equal(of(patient, "served").length, patient.length)
    }))
  )
})

describe("with shedding off,", () => {
  it(
    "the order of service is the order of asking, under twice the load",
    inVirtualTime(Effect.gen(function*() {
      const millis = size(5_000, 25_000)
      const one = yield* pool({})
      const answers = yield* openLoop(hold(one), byChance(chance(seed)), [{ times: 2, millis }])
      conserved(one, answers)
      assert.equal(of(answers, "served").length, answers.length)
      for (let i = 1; i < answers.length; i++) {
        assert.ok(answers[i]!.asked >= answers[i - 1]!.asked, "nobody is overtaken")
      }
      evidence({
        proof: "8",
        size: `${millis / 1000} s of twice the capacity without shedding, pool ${max}`,
        figures: { served: answers.length, overtaken: 0, "ms longest wait": most(waits(answers)) },
        seed
      })
    }))
  )

  it(
    "100 workers on 10 connections that hold them for 20 ms wait alike for a minute, and nobody times out",
    inVirtualTime(Effect.gen(function*() {
      const millis = 60_000
      const one = yield* pool({})
      const answers: Array<Answer> = []
      const work = Effect.flatMap(now, (asked) =>
        hold(one, undefined, () => 20)(
          Effect.map(now, (answered) => void answers.push({ asked, answered, outcome: "served" }))
        ))
      yield* Effect.forEach(
        Array.from({ length: 100 }),
        () => Effect.repeat(Effect.zipRight(work, now), { while: (at) => at < millis }),
        { concurrency: "unbounded", discard: true }
      )
      conserved(one, answers)
      assert.ok(answers.length >= (millis / 20) * max, `${answers.length} times`)
      assert.ok(most(waits(answers)) <= 2 * mean(waits(answers)))
      evidence({
        proof: "8",
        size: "100 workers on a pool of 10 that hold for 20 ms, 60 s",
        figures: {
          served: answers.length,
          timeouts: one.stats().timedOut,
          "ms mean wait": mean(waits(answers)),
          "ms longest wait": most(waits(answers))
        }
      })
    }))
  )
})

describe("priorities, under twice the load,", () => {
  for (const shedding of [true, false]) {
    const millis = size(3_000, shedding ? 30_000 : 10_000)
    it(
      `keep health checks and other urgent sessions alive, with shedding ${shedding ? "on" : "off"}`,
      inVirtualTime(Effect.gen(function*() {
        const server = ScriptedDriver.unsafeMake({
          record: false,
          script: ({ step }) => step === "statement" ? Outcome.slow(holdMillis) : undefined
        })
        const engine = yield* Engine.make(server.driver, {
          pool: { size: max, maxOverflow: 0, ...(shedding ? { overload } : {}) }
        })
        const { sql } = engine
        const insert = sql`insert into t values (1)`
        const session = (options: Session.SessionOptions): Ask => (served) =>
          engine.transaction(Effect.zipRight(insert, served), options)
        const alone = Session.withPriority(refine(Effect.provideService(isAlive, SqlClient.SqlClient, sql)), "high")

        const urgent = yield* Effect.fork(Effect.all([
          openLoop((served) => Effect.zipRight(alone, served), regularly(), [{ times: 0.01, millis }]),
          openLoop(session({ name: "migration", priority: "high" }), regularly(), [{ times: 0.01, millis }])
        ], { concurrency: "unbounded" }))
        const patient = yield* Effect.fork(
          openLoop(session({ name: "report", priority: "low" }), regularly(), [{ times: 0.05, millis }])
        )
        const normal = yield* openLoop(session({}), regularly(), [{ times: 2, millis }])
        const [health, migrations] = yield* Fiber.join(urgent)
        const reports = yield* Fiber.join(patient)

        for (const answers of [health, migrations]) {
          assert.equal(answers.length, millis / 100)
          assert.equal(of(answers, "served").length, answers.length, "none of them is refused")
          // One that holds a connection has to finish, then they are next: two times the hold, with their own.
          assert.ok(most(waits(answers)) <= 2 * holdMillis + 1, `${most(waits(answers))} ms`)
        }
        const last = most(of(normal, "served").map(({ answered }) => answered))
        const served = of(reports, "served")
        const early = served.filter(({ answered }) => answered > 2 * interval && answered < Math.min(last, millis))
        assert.equal(early.length, 0, "who can wait is served when nobody else waits")
        assert.ok(of(reports, "PoolOverloaded").length > 0 || !shedding)
        assert.equal((yield* engine.stats).pool.shed, of([...normal, ...reports], "PoolOverloaded").length)
        evidence({
          proof: "8",
          size: `${millis / 1000} s of twice the capacity in sessions, shedding ${shedding ? "on" : "off"}`,
          figures: {
            "health checks": health.length,
            "urgent sessions": migrations.length,
            "of both refused": 0,
            "ms until they were done, at most": most([...waits(health), ...waits(migrations)]),
            "ms longest wait of others": most(waits(of(normal, "served"))) - holdMillis
          }
        })
      }))
    )
  }
})

describe.each(places)("a pool of %s under a flood", (_, open) => {
  it("refuses some of it, and lets migrations and urgent statements through", () =>
    quietly(Effect.scoped(Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine({ pool: { overload: { target: "1 millis", interval: "20 millis" } } })
      const { sql } = engine
      yield* sql`create table work (k integer)`
      const shed = Effect.map(engine.stats, ({ pool }) => pool.shed)
      const drop = engine.transaction(Effect.zipRight(sql`insert into work values (1)`, Effect.sleep(5))).pipe(
        Effect.catchTag("PoolOverloaded", () => Effect.sleep(5))
      )
      const flood = yield* Effect.forEach(Array.from({ length: 100 }), () => Effect.fork(Effect.forever(drop)))
      const before = yield* until(shed, (count) => count > 100)
      const done = yield* Effect.provideService(Migrations.run(migrations), Engine.Engine, engine)
      assert.deepEqual(done.map(({ migration }) => migration), ["1_a", "2_b", "3_c"])
      for (let i = 0; i < 10; i++) {
        const [row] = yield* Session.withPriority(sql`select count(*) as n from c`, "high")
        assert.equal(Number(row?.["n"]), 2)
        yield* engine.transaction(sql`insert into a values (${i})`, { priority: "high" })
      }
      assert.ok((yield* shed) > before, "it is overloaded all the time")
      assert.deepEqual((yield* Effect.forEach(flood, Fiber.poll)).filter(Option.isSome), [])
      yield* Fiber.interruptAll(flood)
      yield* quiescent(engine)
    }))))
})

const migrations = Migrations.fromRecord({
  "1_a": "create table a (k integer)",
  "2_b": "create table b (k integer)",
  "3_c": "create table c (k integer); insert into c values (1); insert into c values (2)"
})

const isAlive = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select 1`)
