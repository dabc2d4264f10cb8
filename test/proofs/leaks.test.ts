/**
 * Proof 18, the first half: a leak is found while it happens. Every connection that is held for longer than
 * `leakDetection` is reported, once, in time, with whoever holds it; none that is held for less ever is.
 */
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Deferred, Effect, Fiber, FiberId, Scope, Stream } from "effect"
import * as ScriptedDriver from "effect-sql-engine-testing/ScriptedDriver"
import * as VirtualClock from "effect-sql-engine-testing/VirtualClock"
import * as Engine from "effect-sql-engine/Engine"
import * as Session from "effect-sql-engine/Session"
import { logged } from "../../packages/engine/test/support/sight.js"
import { evidence } from "../support/evidence.js"
import { chance, size } from "../support/proof.js"

const threshold = 2_000

/** An engine that looks for leaks, what it reports, and its end. */
const watched = (connections: number, options: Engine.EngineOptions = {}) =>
  Effect.gen(function*() {
    const server = yield* ScriptedDriver.make({ tables: { t: [1, 2, 3] }, record: false })
    const scope = yield* Scope.make()
    const engine = yield* Scope.extend(
      Engine.make(server.driver, {
        name: "watched",
        leakDetection: threshold,
        pool: { size: connections, maxOverflow: 0, acquireTimeout: "1 hour" },
        ...options
      }),
      scope
    )
    const reports: Array<Extract<Engine.EngineEvent, { readonly _tag: "LeakSuspected" | "LeakReturned" }>> = []
    yield* Effect.forkDaemon(Stream.runForEach(engine.events, (event) =>
      Effect.sync(() => {
        if (event._tag === "LeakSuspected" || event._tag === "LeakReturned") reports.push(event)
      })))
    yield* Effect.yieldNow()
    return {
      engine,
      reports,
      close: (exit: Effect.Effect<unknown>) => Effect.flatMap(Effect.exit(exit), (exit) => Scope.close(scope, exit))
    }
  })

/** Ways to keep a connection, until `enough`. */
const leaks: Readonly<
  Record<
    string,
    (engine: Engine.EngineService, enough: Effect.Effect<void>, name: string) => Effect.Effect<unknown, unknown>
  >
> = {
  "a session that waits": (engine, enough, name) =>
    engine.transaction(Effect.zipRight(engine.sql`insert into t values (9)`, enough), { name }),
  "a nested session that waits": (engine, enough, name) =>
    engine.transaction(engine.transaction(Effect.zipRight(engine.sql`insert into t values (9)`, enough)), { name }),
  "a session opened by hand": (engine, enough, name) =>
    Effect.gen(function*() {
      const session = yield* Session.open({ name })
      yield* session.run(engine.sql`insert into t values (9)`)
      yield* enough
    }).pipe(Effect.scoped, Effect.provideService(Engine.Engine, engine)),
  "a reserved connection": (engine, enough) =>
    Effect.scoped(Effect.gen(function*() {
      const connection = yield* engine.sql.reserve
      yield* connection.execute("insert into t values (9)", [], undefined)
      yield* enough
    })),
  "a stream that is read half": (engine, enough) => Stream.runForEach(engine.sql`select k from t`.stream, () => enough)
}

describe("leak detection", () => {
  it.effect("reports each of the leaks once, in time, with its holder, and that it came back after all", () => {
    const count = size(100, 1_000)
    const seed = 18_000_018
    const { layer, lines } = logged()
    return Effect.gen(function*() {
      const { next, below, pick } = chance(seed)
      const { close, engine, reports } = yield* watched(count)
      const ways = Object.keys(leaks)
      const enough = yield* Deferred.make<void>()
      const began = new Map<string, { readonly at: number; readonly way: string }>()
      const clock = yield* Effect.clock
      const fibers = yield* Effect.forEach(Array.from({ length: count }, (_, n) => n), (n) => {
        const way = pick(ways)
        const after = below(5_000) + Math.floor(next() * 2)
        return Effect.fork(
          Effect.gen(function*() {
            yield* Effect.sleep(after)
            began.set(FiberId.threadName(yield* Effect.fiberId), { at: clock.unsafeCurrentTimeMillis(), way })
            // They come back one after another, so that whoever listens keeps up.
            yield* leaks[way]!(engine, Effect.zipRight(Deferred.await(enough), Effect.sleep(n)), `leak-${n}`)
          }).pipe(Effect.withSpan(`request-${n}`))
        )
      })
      yield* Effect.sleep(5_000 + threshold + 100)
      const suspected = reports.filter(({ _tag }) => _tag === "LeakSuspected")
      expect(suspected.length).toBe(count)
      let late = 0
      for (const [n, fiber] of fibers.entries()) {
        const id = FiberId.threadName(fiber.id())
        const own = suspected.filter((report) =>
          report._tag === "LeakSuspected" && report.span?.startsWith(`request-${n} (`)
        )
        expect(own.length).toBe(1)
        const [report] = own
        if (report?._tag !== "LeakSuspected") throw new Error("unreachable")
        late = Math.max(late, report.heldMillis - threshold)
        const { way } = began.get(id)!
        // Effect runs a stream in a fiber of its own.
        if (way === "a stream that is read half") expect(report.fiber).toMatch(/^#\d+$/)
        else expect(report.fiber).toBe(id)
        expect(report.statement).toBe(
          way === "a stream that is read half" ? "select k from t" : "insert into t values (?)"
        )
        expect(report.site).toContain("leaks.test.ts")
        expect(report.session ?? "").toContain(
          way.startsWith("a reserved") ? "reserved#" : way.startsWith("a stream") ? "" : `leak-${n}#`
        )
      }
      expect(late).toBeLessThanOrEqual(100)
      // Nobody is told twice, however much longer it takes.
      yield* Effect.sleep("1 hour")
      expect(reports.length).toBe(count)
      yield* Deferred.succeed(enough, undefined)
      yield* Effect.forEach(fibers, Fiber.await)
      const returned = reports.filter(({ _tag }) => _tag === "LeakReturned")
      expect(new Set(returned.map(({ connection }) => connection)).size).toBe(count)
      expect(returned.length).toBe(count)
      yield* close(Effect.void)
      const warnings = lines.filter(({ level }) => level === "WARN")
      expect(warnings.length).toBe(2 * count)
      expect(warnings.every(({ facts }) => facts["engine"] === "watched")).toBe(true)
      evidence({
        proof: "18",
        size: `${count} leaks of ${ways.length} kinds, threshold ${threshold} ms`,
        figures: { "reported once": count, "ms late at most": late, "came back and were told": returned.length },
        seed
      })
    }).pipe(VirtualClock.run, Effect.provide(layer))
  }, 600_000)

  it.effect("reports nobody who holds a connection for less, however long that is", () => {
    const count = size(500, 10_000)
    const seed = 18_000_019
    return Effect.gen(function*() {
      const { below, pick } = chance(seed)
      const { close, engine, reports } = yield* watched(50)
      const ways = Object.keys(leaks)
      let longest = 0
      yield* Effect.forEach(Array.from({ length: count }, (_, n) => n), (n) => {
        // A stream asks for each of its rows; all of them together are held for less.
        const way = pick(ways)
        const hold = threshold - 1 - (below(2) === 0 ? 0 : below(threshold))
        longest = Math.max(longest, hold)
        let waited = false
        const enough = Effect.suspend(() => {
          if (waited) return Effect.void
          waited = true
          return Effect.sleep(hold)
        })
        return leaks[way]!(engine, enough, `hold-${n}`)
      }, { concurrency: 60, discard: true })
      expect((yield* engine.stats).pool.served).toBe(count)
      expect(reports).toEqual([])
      yield* close(Effect.void)
      evidence({
        proof: "18",
        size: `${count} holds below the threshold of ${threshold} ms`,
        figures: { reports: reports.length, "ms the longest": longest },
        seed
      })
    }).pipe(VirtualClock.run)
  }, 600_000)

  it.effect("reports a connection again when it is lent again", () =>
    Effect.gen(function*() {
      const { close, engine, reports } = yield* watched(1)
      const hold = engine.transaction(Effect.zipRight(engine.sql`select k from t`, Effect.sleep(threshold + 1)))
      yield* hold
      yield* engine.sql`select k from t`
      yield* hold
      yield* Effect.sleep(1)
      expect(reports.map(({ _tag, heldMillis }) => [_tag, heldMillis])).toEqual([
        ["LeakSuspected", threshold],
        ["LeakReturned", threshold + 1],
        ["LeakSuspected", threshold],
        ["LeakReturned", threshold + 1]
      ])
      yield* close(Effect.void)
    }).pipe(Effect.provide(logged().layer), VirtualClock.run))

  it.effect("reports a session whose fiber was interrupted while it was served, and does not give back", () =>
    Effect.gen(function*() {
      const { close, engine, reports } = yield* watched(1)
      const first = yield* Effect.fork(
        engine.transaction(Effect.zipRight(engine.sql`select k from t`, Effect.sleep(1_000)))
      )
      yield* Effect.sleep(1)
      // In line for the connection, with a body that goes on when its statement is interrupted.
      const waiting = yield* Effect.fork(
        engine.transaction(
          Effect.zipRight(
            Effect.exit(Effect.timeout(engine.sql`select k from t`, 999)),
            Effect.zipRight(engine.sql`select k from t`, Effect.never)
          )
        )
      )
      yield* Effect.sleep(1_000 + threshold + 100)
      expect(reports.map(({ _tag }) => _tag)).toEqual(["LeakSuspected"])
      yield* Fiber.interrupt(waiting)
      yield* Fiber.join(first)
      yield* close(Effect.void)
    }).pipe(Effect.provide(logged().layer), VirtualClock.run))

  it.effect("off, nothing is reported and no place is noted", () =>
    Effect.gen(function*() {
      const { close, engine, reports } = yield* watched(1, { leakDetection: undefined })
      const limit = Error.stackTraceLimit
      yield* engine.transaction(Effect.zipRight(engine.sql`select k from t`, Effect.sleep("1 hour")))
      expect(Error.stackTraceLimit).toBe(limit)
      expect(reports).toEqual([])
      yield* close(Effect.void)
      expect(Chunk.size(yield* Stream.runCollect(engine.events))).toBe(0)
    }).pipe(VirtualClock.run))
})
