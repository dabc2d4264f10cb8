/**
 * What an engine logs of its statements: nothing, unless it is told to.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Logger, Stream } from "effect"
import { Session } from "effect-sql-engine"
import { Outcome, VirtualClock } from "effect-sql-engine-testing"
import { withBench } from "./support/scripted.js"
import { logged } from "./support/sight.js"

const insert = (key: number) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into t values (${key})`)

/** One of everything. */
const work = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* Session.transaction(Effect.zipRight(insert(41), Session.transaction(insert(42))), { name: "work" })
  yield* sql`select k from t where k = ${41}`
  yield* Effect.ignore(sql.unsafe("fail 23505"))
  yield* Stream.runDrain(sql`select k from t`.stream)
  yield* Effect.ignore(Session.transaction(Effect.zipRight(insert(43), Effect.fail("no")), { name: "undone" }))
})

describe("echo", () => {
  it.scoped("off, nothing at all is logged while sessions commit, roll back and fail", () => {
    const { layer, lines } = logged()
    return withBench(() => work).pipe(Effect.provide(layer), Effect.andThen(() => expect(lines).toEqual([])))
  })

  it.effect("off, no statement is timed, and none is once nobody listens to the events any more", () => {
    let timed = 0
    return Effect.clockWith((clock) =>
      Effect.scoped(withBench(({ engine }) =>
        Effect.gen(function*() {
          /** How often the clock is asked meanwhile: limits ask it too, as often each time. */
          const asked = Effect.suspend(() => {
            const before = timed
            return Effect.map(work, () => timed - before)
          })
          yield* work
          const unwatched = yield* asked
          const listening = yield* Effect.fork(Stream.runDrain(engine.events))
          yield* Effect.sleep(1)
          expect(yield* asked).toBeGreaterThan(unwatched)
          yield* Fiber.interrupt(listening)
          expect(yield* asked).toBe(unwatched)
        })
      )).pipe(Effect.withClock(
        new Proxy(clock, {
          get: (target, name) => {
            if (name === "unsafeCurrentTimeNanos") timed++
            const value: unknown = Reflect.get(target, name)
            return typeof value === "function" ? value.bind(target) : value
          }
        })
      ))
    ).pipe(VirtualClock.run)
  })

  it.scoped("on, each statement is one line with its facts, and no value", () => {
    const { layer, lines } = logged()
    return withBench(() => work, {}, { name: "app", echo: true }).pipe(
      Effect.provide(layer),
      Effect.andThen(() => {
        expect(
          lines.map(({ facts, level, message }) => [level, message, facts["session"], facts["outcome"], facts["rows"]])
        )
          .toEqual([
            ["INFO", "insert into t values (?)", "work#1", "success", 0],
            ["INFO", "insert into t values (?)", "work#1", "success", 0],
            ["INFO", "RELEASE effect_1", "work#1", "success", undefined],
            ["INFO", "COMMIT", "work#1", "success", undefined],
            ["INFO", "select k from t where k = ?", undefined, "success", 1],
            ["INFO", "fail ?", undefined, "failure", undefined],
            ["INFO", "select k from t", undefined, "success", 2],
            ["INFO", "insert into t values (?)", "undone#2", "success", 0],
            ["INFO", "ROLLBACK", "undone#2", "success", undefined]
          ])
        for (const { facts } of lines) {
          expect(facts).toMatchObject({
            engine: "app",
            connection: "1",
            durationMillis: expect.any(Number),
            waitedMillis: expect.any(Number)
          })
        }
        expect(lines.map(({ facts }) => facts["ahead"])).toEqual([
          "BEGIN",
          "SAVEPOINT effect_1",
          undefined,
          undefined,
          undefined,
          undefined,
          undefined,
          "BEGIN",
          undefined
        ])
        expect(lines[5]?.facts["failure"]).toBe("UniqueViolation")
        expect(JSON.stringify(lines)).not.toMatch(/4[123]/)
      })
    )
  })

  it.scoped.each([[true, "delete from t where k = ?"], ["values", "delete from t where k = 'pa''ss'"]] as const)(
    "%s, a statement without bound values reads %s",
    ([echo, text]) => {
      const { layer, lines } = logged()
      const secret = Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe("delete from t where k = 'pa''ss'"))
      return withBench(() => secret, {}, { echo }).pipe(
        Effect.provide(layer),
        Effect.andThen(() => expect(lines.map(({ message }) => message)).toEqual([text]))
      )
    }
  )

  it.scoped("with values, each is shown as a text that no logger chokes on", () => {
    const { layer, lines } = logged()
    return withBench(
      () =>
        Effect.flatMap(SqlClient.SqlClient, (sql) =>
          Effect.ignore(sql.unsafe("insert into t values (?)", [
            "it's",
            7,
            2n,
            null,
            true,
            new Date(0),
            new Uint8Array(3),
            { a: [1n] },
            "x".repeat(300)
          ]))),
      {},
      { echo: "values" }
    ).pipe(
      Effect.provide(layer),
      Effect.andThen(() => {
        expect(lines[0]?.facts["values"]).toEqual([
          "\"it's\"",
          "7",
          "2n",
          "null",
          "true",
          "1970-01-01T00:00:00.000Z",
          "<3 bytes>",
          "{\"a\":[\"1n\"]}",
          `"${"x".repeat(199)}…"`
        ])
      })
    )
  })

  it.scoped("an interrupted statement is told as such, and one that was never sent has no connection", () => {
    const { layer, lines } = logged()
    return withBench(
      ({ server }) =>
        Effect.gen(function*() {
          const sql = yield* SqlClient.SqlClient
          server.next("statement", Outcome.hang)
          const running = yield* Effect.fork(sql`select k from t`)
          yield* Effect.yieldNow()
          const waiting = yield* Effect.fork(sql`select k from u`)
          yield* Effect.yieldNow()
          yield* Fiber.interrupt(waiting)
          yield* Fiber.interrupt(running)
        }),
      {},
      { echo: true, pool: { mode: "single" } }
    ).pipe(
      Effect.provide(layer),
      Effect.andThen(() =>
        expect(lines.map(({ facts, message }) => [message, facts["outcome"], facts["connection"]])).toEqual([
          ["select k from u", "interrupted", undefined],
          ["select k from t", "interrupted", "1"]
        ])
      )
    )
  })

  it.scoped("a logger that fails changes nothing of what becomes of a statement", () =>
    withBench(() => Session.transaction(insert(1)), {}, { echo: true, slowStatement: 0 }).pipe(
      Effect.provide(Logger.replace(
        Logger.defaultLogger,
        Logger.make(() => {
          throw new Error("the logger is broken")
        })
      )),
      Effect.andThen((rows) => expect(rows).toEqual([]))
    ))
})

describe("slowStatement", () => {
  it.effect("a statement the database takes that long for is one warning, and the wait for a connection does not count", () => {
    const { layer, lines } = logged()
    return Effect.scoped(withBench(
      ({ server }) =>
        Effect.gen(function*() {
          server.next("statement", Outcome.slow("499 millis"), Outcome.slow("500 millis"), Outcome.ok)
          const sql = yield* SqlClient.SqlClient
          yield* Effect.all([
            sql`select k from a where k = ${91}`,
            sql`select k from b where k = ${92}`,
            sql`select k from c where k = ${93}`
          ], { concurrency: "unbounded" }).pipe(Effect.withSpan("request"))
        }),
      {},
      { name: "app", slowStatement: "500 millis", pool: { mode: "single" } }
    )).pipe(
      VirtualClock.run,
      Effect.provide(layer),
      Effect.andThen(() => {
        expect(lines).toMatchObject([{
          level: "WARN",
          message: "Slow statement on engine \"app\": 500 ms, 500 ms or more is slow: select k from b where k = ?",
          facts: { engine: "app", durationMillis: 500, waitedMillis: 499, span: expect.stringMatching(/^request \(/) }
        }])
      })
    )
  })

  it.effect("a COMMIT counts as well, with its session", () => {
    const { layer, lines } = logged()
    return Effect.scoped(withBench(
      ({ server }) =>
        Effect.gen(function*() {
          server.next("commit", Outcome.slow("2 seconds"))
          yield* Session.transaction(insert(1), { name: "work" })
        }),
      {},
      { slowStatement: "1 second" }
    )).pipe(
      VirtualClock.run,
      Effect.provide(layer),
      Effect.andThen(() =>
        expect(lines).toMatchObject([{ level: "WARN", facts: { session: "work#1", durationMillis: 2000 } }])
      )
    )
  })

  it.effect("of a stream only the time it was waited for counts, not what its reader does meanwhile", () => {
    const { layer, lines } = logged()
    return Effect.scoped(withBench(
      () =>
        Effect.gen(function*() {
          const sql = yield* SqlClient.SqlClient
          yield* Session.transaction(Stream.runForEach(sql`select k from t`.stream, () => Effect.sleep("1 minute")))
        }),
      { tables: { t: [1, 2, 3] } },
      { slowStatement: "1 second" }
    )).pipe(VirtualClock.run, Effect.provide(layer), Effect.andThen(() => expect(lines).toEqual([])))
  })
})
