/**
 * Sessions and statements that wait for a connection: with which priority, under which name, and what their session's
 * end does to them.
 */
import { SqlClient, SqlResolver } from "@effect/sql"
import { expect, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Schedule, Schema, Stream } from "effect"
import type { Layer, Scope } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { Outcome, ScriptedDriver, VirtualClock } from "effect-sql-engine-testing"
import type { EngineOptions } from "effect-sql-engine/Engine"
import { refine } from "effect-sql-engine/SqlFailure"
import { withBench } from "./support/scripted.js"
import type { Bench, layerOf } from "./support/scripted.js"

const insert = (key: number) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into t values (${key})`)
const now = Clock.currentTimeMillis

/** One connection, which somebody has for 20 seconds. */
const whileHeld = <A, E>(
  test: (bench: Bench) => Effect.Effect<A, E, Layer.Layer.Success<ReturnType<typeof layerOf>> | Scope.Scope>,
  options: EngineOptions = {},
  driver: ScriptedDriver.Options = {}
) =>
  VirtualClock.run(Effect.scoped(withBench(
    (bench) =>
      Effect.gen(function*() {
        const holder = yield* Effect.fork(
          Session.transaction(Effect.zipRight(insert(0), Effect.sleep("20 seconds")), { name: "holder" })
        )
        yield* Effect.sleep("1 second")
        yield* test(bench)
        yield* Fiber.join(holder)
      }),
    driver,
    { ...options, pool: { size: 1, maxOverflow: 0, ...options.pool } }
  )))

const stray = (body: Effect.Effect<unknown, unknown, SqlClient.SqlClient>) =>
  Effect.zipLeft(Effect.forkDaemon(Effect.exit(body)), Effect.sleep("1 second"))

const failureOf = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.isFailure(exit) && exit.cause._tag === "Fail" ? exit.cause.error : exit

// --- the end of a session takes its stray out of the queue

const endings = {
  "a commit": (body: Effect.Effect<any, never, any>) => Session.transaction(body),
  "a rollback": (body: Effect.Effect<any, never, any>) =>
    Effect.flip(Session.transaction(Effect.flatMap(body, (fiber) => Effect.fail(fiber)))),
  "the end of a savepoint": (body: Effect.Effect<any, never, any>) => Session.transaction(Session.transaction(body))
}

for (const [name, ending] of Object.entries(endings)) {
  it.effect(`${name} waits for no stray that is still in line for a connection`, () =>
    whileHeld(({ engine, server }) =>
      Effect.gen(function*() {
        const strays = {
          statement: insert(1),
          savepoint: Session.transaction(insert(2)),
          stream: Effect.flatMap(SqlClient.SqlClient, (sql) => Stream.runDrain(sql`select k from t`.stream))
        }
        for (const [what, work] of Object.entries(strays)) {
          const before = yield* now
          const fiber: Fiber.RuntimeFiber<Exit.Exit<unknown, unknown>> = yield* ending(stray(work as any))
          expect([what, (yield* now) - before]).toEqual([what, 1_000])
          expect([what, (yield* engine.stats).pool.waiting]).toEqual([what, 0])
          const failure = failureOf(yield* Fiber.join(fiber)) as { readonly cause?: unknown }
          expect(failure.cause ?? failure).toMatchObject({
            _tag: "SessionClosed",
            closedBy: name === "a rollback" ? "rollback" : "commit"
          })
          expect((yield* now) - before).toBe(1_000)
        }
        expect(server.wire.filter(({ step }) => step === "statement").length).toBe(1)
        expect((yield* engine.stats).pool).toMatchObject({ requests: 4, served: 1, refused: 3 })
      })
    ))
}

it.effect("a session that ends while a connection is opened for its stray leaves that one to others", () =>
  VirtualClock.run(Effect.scoped(withBench(({ engine }) =>
    Effect.gen(function*() {
      const before = yield* now
      yield* Session.transaction(stray(insert(1)))
      expect((yield* now) - before).toBe(1_000)
      yield* Effect.sleep("5 seconds")
      expect((yield* engine.stats).pool).toMatchObject({ idle: 1, inUse: 0, connecting: 0 })
    }), { script: ({ step }) => step === "connect" ? Outcome.slow("3 seconds") : undefined }))))

it.effect("a stray in line at an engine that is made anew is taken out of its line, too", () =>
  VirtualClock.run(Effect.scoped(Effect.gen(function*() {
    const server = ScriptedDriver.unsafeMake()
    const resource = yield* Engine.resource(Engine.make(server.driver, { pool: { size: 1, maxOverflow: 0 } }), {})
    const engine = yield* resource
    yield* Effect.gen(function*() {
      const holder = yield* Effect.fork(Session.transaction(Effect.zipRight(insert(0), Effect.sleep("20 seconds"))))
      yield* Effect.sleep("1 second")
      const before = yield* now
      yield* Session.transaction(stray(insert(1)))
      expect((yield* now) - before).toBe(1_000)
      yield* Fiber.join(holder)
    }).pipe(Effect.provide(Engine.layer(Effect.succeed(engine))))
    expect(server.rows("t")).toEqual([0])
  }))))

it.effect("a stray that has its connection is waited for as before", () =>
  VirtualClock.run(Effect.scoped(withBench(({ server }) =>
    Effect.gen(function*() {
      server.next("statement", Outcome.slow("4 seconds"))
      const before = yield* now
      yield* Session.transaction(stray(insert(1)))
      expect((yield* now) - before).toBe(4_000)
      expect(server.rows("t")).toEqual([1])
    })
  ))))

// --- priorities

/** In which order those who wait are served. */
const order = (
  asks: Readonly<Record<string, (done: Effect.Effect<void>) => Effect.Effect<unknown, unknown, any>>>,
  options?: EngineOptions
) =>
  Effect.gen(function*() {
    const served: Array<string> = []
    yield* whileHeld(() =>
      Effect.gen(function*() {
        const fibers: Array<Fiber.RuntimeFiber<unknown, unknown>> = []
        for (const [name, ask] of Object.entries(asks)) {
          fibers.push(yield* Effect.fork(ask(Effect.sync(() => void served.push(name)))))
          yield* Effect.sleep(10)
        }
        yield* Effect.forEach(fibers, Fiber.join, { discard: true })
      }).pipe(Effect.orDie) as Effect.Effect<void>, options)
    return served
  })

type Ask = (done: Effect.Effect<void>) => Effect.Effect<unknown, unknown, any>

const inSession = (options?: Session.SessionOptions): Ask => (done) =>
  Session.transaction(Effect.zipRight(insert(1), done), options)

it.effect("a session's priority is its place in the queue", () =>
  Effect.gen(function*() {
    expect(
      yield* order({
        low: inSession({ priority: "low" }),
        first: inSession(),
        normal: inSession({ priority: "normal" }),
        high: inSession({ priority: "high" })
      })
    ).toEqual(["high", "first", "normal", "low"])
  }))

it.effect("whatever runs with a priority has it: sessions, and statements and streams outside of any", () =>
  Effect.gen(function*() {
    const high = Session.withPriority("high")
    const sql = SqlClient.SqlClient
    const asks: Record<string, Ask> = {
      session: inSession(),
      statement: (done) => Effect.zipRight(insert(2), done),
      stream: (done) => Effect.flatMap(sql, (sql) => Stream.runForEach(sql`select k from t`.stream, () => done)),
      reserved: (done) =>
        Effect.flatMap(
          sql,
          (sql) =>
            Effect.scoped(Effect.flatMap(sql.reserve, (connection) =>
              Effect.zipRight(connection.executeUnprepared("select 1", [], undefined), done)))
        ),
      opened: (done) =>
        Effect.scoped(Effect.flatMap(Session.open(), (session) => Effect.zipRight(session.run(insert(3)), done))),
      base: (done) => Effect.flatMap(sql, (sql) => sql.withTransaction(Effect.zipRight(insert(4), done))),
      savepoint: (done) => Session.transaction(high(Session.transaction(Effect.zipRight(insert(5), done))))
    }
    for (const [name, ask] of Object.entries(asks)) {
      const urgent: Ask = name === "savepoint" ? ask : (done) => high(ask(done))
      expect(yield* order({ normal: inSession(), [name]: urgent })).toEqual([name, "normal"])
    }
  }))

it.effect("sessions by hand and by layer have the priority they were opened with, wherever they are used", () =>
  Effect.gen(function*() {
    expect(
      yield* order({
        normal: inSession(),
        opened: (done) =>
          Effect.scoped(
            Effect.flatMap(Session.open({ priority: "high" }), (session) =>
              Effect.flatMap(Effect.fork(Effect.zipRight(session.run(insert(1)), done)), Fiber.join))
          ),
        layer: (done) => Effect.zipRight(insert(2), done).pipe(Effect.provide(Session.layer({ priority: "high" })))
      })
    ).toEqual(["opened", "layer", "normal"])
  }))

it.effect("a session has its priority also where its first statement runs without the context of its body", () =>
  Effect.gen(function*() {
    const find = Effect.flatMap(SqlClient.SqlClient, (sql) =>
      SqlResolver.findById("Find", {
        Id: Schema.Number,
        Result: Schema.Struct({ k: Schema.Number }),
        ResultId: ({ k }) => k,
        execute: () => sql`select k from t`
      }))
    expect(
      yield* order({
        normal: inSession(),
        batched: (done) =>
          Effect.flatMap(
            find,
            (find) => Session.transaction(Effect.zipRight(find.execute(0), done), { priority: "high" })
          ),
        opened: (done) =>
          Effect.scoped(
            Effect.flatMap(Session.withPriority(Session.open(), "high"), (session) =>
              Effect.zipRight(session.run(insert(1)), done))
          )
      })
    ).toEqual(["batched", "opened", "normal"])
  }))

it.effect("a session inside of another one has its priority, unless it says otherwise", () =>
  Effect.gen(function*() {
    const nested = (outer: Session.SessionOptions, inner: Session.SessionOptions): Ask => (done) =>
      Session.transaction(Session.transaction(Effect.zipRight(insert(1), done), { ...inner, nested: "new" }), outer)
    expect(
      yield* order({
        normal: inSession(),
        low: nested({ priority: "high" }, { priority: "low" }),
        high: nested({ priority: "high" }, {}),
        savepoint: (done) =>
          Session.transaction(Session.transaction(Effect.zipRight(insert(1), done), { priority: "high" }))
      })
    ).toEqual(["high", "savepoint", "normal", "low"])
  }))

// --- overload

const overload = { pool: { overload: { target: "50 millis", interval: "1 second" } } } as const

it.effect("a pool that is overloaded refuses normal work and keeps urgent work", () =>
  whileHeld(({ engine }) =>
    Effect.gen(function*() {
      const before = yield* now
      const urgent = yield* Effect.fork(Session.transaction(insert(1), { name: "health", priority: "high" }))
      const failure = yield* Effect.flip(Session.transaction(insert(2), { name: "page" }))
      expect(failure).toMatchObject({
        _tag: "PoolOverloaded",
        engine: "main",
        sent: "no",
        retryable: true,
        priority: "normal",
        waitedMillis: 1_050,
        slowMillis: 1_000,
        targetMillis: 50,
        max: 1,
        inUse: 1,
        waiting: 2
      })
      expect((yield* now) - before).toBe(1_050)
      expect((yield* engine.stats).pool).toMatchObject({ shed: 1, refused: 0, waiting: 1 })
      yield* Fiber.join(urgent)
    }), overload))

it.effect("`conflicts` does not try again what an overloaded pool has refused; a schedule does", () =>
  whileHeld(({ engine }) =>
    Effect.gen(function*() {
      const failure = yield* Effect.flip(Session.transaction(insert(1), { retry: "conflicts" }))
      expect(failure._tag).toBe("PoolOverloaded")
      expect((yield* engine.stats).sessions.retried).toBe(0)
      yield* Session.transaction(insert(2), { retry: Schedule.spaced("1 second") })
      expect((yield* engine.stats).sessions.retried).toBeGreaterThan(10)
    }), overload))

// --- names

it.effect("a statement outside of a session is called so", () =>
  whileHeld(() =>
    Effect.gen(function*() {
      const failure = yield* Effect.flip(refine(insert(1)))
      expect(failure).toMatchObject({ _tag: "PoolTimeout", oldestHolder: { session: "holder#1" } })
      expect(failure.message).toContain("became free for a statement outside of a session in 2 s")
    }), { pool: { acquireTimeout: "2 seconds" } }))

it.effect("the readers are connections of their engine, and not an engine of their own", () =>
  VirtualClock.run(Effect.scoped(Effect.gen(function*() {
    const server = ScriptedDriver.unsafeMake({ readLane: true, readConnections: 1 })
    const engine = yield* Engine.make(server.driver, { pool: { acquireTimeout: "1 second" } })
    yield* Effect.fork(engine.transaction(
      Effect.zipRight(engine.sql`select k from t`, Effect.sleep("5 seconds")),
      { readOnly: true, name: "report" }
    ))
    yield* Effect.sleep(100)
    const full = yield* Effect.flip(refine(engine.sql`select k from t`))
    expect(full).toMatchObject({ _tag: "PoolTimeout", engine: "main" })
    expect(full.message).toMatch(/^No read-only connection of engine "main" became free for a statement outside/)
    yield* Effect.sleep("20 seconds")
    yield* engine.drain
    const closed = yield* Effect.flip(refine(engine.sql`select k from t`))
    expect(closed).toMatchObject({ _tag: "EngineClosed", engine: "main" })
    expect(closed.message).toBe("Engine \"main\" is closed, or being drained: it takes no new work. Nothing was sent.")
  }))))
