/**
 * The routes that probes ask, on a real HTTP server and both databases (capability 32).
 */
import { HttpRouter } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Redacted, type Scope } from "effect"
import { Engine, EngineHttp, Health, Migrations, Session } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import * as net from "node:net"
import { places } from "../support/places.js"
import * as postgres from "../support/postgres.js"
import { backends, until } from "../support/quiescence.js"
import { serve } from "./server.js"

class Reports extends Engine.Tag<Reports>()("test/Reports") {}

const migrations = Migrations.fromRecord({ "1_one": "create table one (k integer)" })
const newer = Migrations.fromRecord({
  "1_one": "create table one (k integer)",
  "2_two": "create table two (k integer)"
})

const json = ({ body, status }: { readonly status: number; readonly body: string }) => ({
  status,
  body: JSON.parse(body) as any
})

/** A server that accepts, and never says a word. */
const silent: Effect.Effect<number, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.async<{ readonly server: net.Server; readonly sockets: Set<net.Socket> }>((resume) => {
      const sockets = new Set<net.Socket>()
      const server = net.createServer((socket) => sockets.add(socket.on("error", () => {})))
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, sockets })))
    }),
    ({ server, sockets }) =>
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of sockets) socket.destroy()
      })
  ),
  ({ server }) => (server.address() as net.AddressInfo).port
)

describe.each(places)("the routes of health on %s", (kind, open) => {
  it.scopedLive("are live without asking anybody, and ready as long as the database answers", () =>
    Effect.gen(function*() {
      const engine = yield* (yield* open).engine({ name: "shop" })
      const { get } = yield* Effect.provideService(serve(EngineHttp.health()), Engine.Engine, engine)
      const live = yield* get("/health/live")
      expect(json(live)).toEqual({ status: 200, body: { status: "pass" } })
      expect(live.headers).toMatchObject({ "content-type": "application/json", "cache-control": "no-store" })
      const ready = json(yield* get("/health/ready"))
      expect(ready).toEqual({
        status: 200,
        body: {
          status: "pass",
          engines: [{
            engine: "shop",
            status: "pass",
            connectMillis: expect.any(Number),
            latencyMillis: expect.any(Number)
          }]
        }
      })
      expect((yield* get("/health/other")).status).toBe(404)

      yield* engine.drain
      expect(json(yield* get("/health/live")).status).toBe(200)
      expect(json(yield* get("/health/ready"))).toMatchObject({
        status: 503,
        body: { status: "fail", engines: [{ status: "fail", failure: { tag: "EngineClosed" } }] }
      })
    }))

  it.scopedLive("with details show the version and the numbers, and several engines in one report", () =>
    Effect.gen(function*() {
      const [one, two] = [yield* open, yield* open]
      const main = yield* one.engine({ name: "main" })
      const reports = yield* two.engine({ name: "reports" })
      const routes = EngineHttp.health({
        checks: [Health.check(), Health.check({ engine: Reports })],
        details: true,
        prefix: "/_"
      })
      const { get } = yield* serve(HttpRouter.concat(HttpRouter.empty, routes)).pipe(
        Effect.provideService(Engine.Engine, main),
        Effect.provideService(Reports, reports)
      )
      const { body, status } = json(yield* get("/_/ready"))
      expect(status).toBe(200)
      expect(body.engines.map(({ engine }: { engine: string }) => engine)).toEqual(["main", "reports"])
      expect(body.engines[0]).toMatchObject({
        serverVersion: expect.stringMatching(/^\d+\.\d+/),
        stats: { pool: { inUse: 0 }, sessions: { opened: 0 } }
      })
      yield* reports.drain
      expect(json(yield* get("/_/ready"))).toMatchObject({
        status: 503,
        body: { engines: [{ status: "pass" }, { status: "fail" }] }
      })
    }))

  it.scopedLive("answer within their limit while every connection of the pool is in use", () =>
    Effect.gen(function*() {
      const engine = yield* (yield* open).engine({ pool: { size: 2, maxOverflow: 0 } })
      yield* engine.sql`create table t (k integer)`
      const go = yield* Deferred.make<void>()
      const holders = yield* Effect.forEach([1, 2, 3, 4], (k) =>
        Effect.fork(engine.transaction(Effect.zipRight(engine.sql`insert into t values (${k})`, Deferred.await(go)))))
      const busy = kind === "SQLite" ? 1 : 2
      yield* until(engine.stats, ({ pool }) =>
        pool.inUse === busy && pool.waiting === 4 - busy)
      const before = (yield* engine.stats).pool.requests
      const { get } = yield* Effect.provideService(serve(EngineHttp.health()), Engine.Engine, engine)
      for (let i = 0; i < 3; i++) {
        expect((yield* get("/health/ready")).status).toBe(200)
      }
      const { pool } = yield* engine.stats
      expect(pool).toMatchObject({ inUse: busy, waiting: 4 - busy, requests: before })
      yield* Deferred.succeed(go, undefined)
      yield* Effect.forEach(holders, Fiber.join)
    }))

  it.scopedLive("know the version of the schema: older than the program is not ready, newer is", () =>
    Effect.gen(function*() {
      const engine = yield* (yield* open).engine()
      const on = Effect.provideService(Engine.Engine, engine)
      const routes = (sets: typeof migrations) =>
        on(serve(EngineHttp.health({ checks: [Health.check({ migrations: sets })] })))
      const [old, fresh] = [yield* routes(migrations), yield* routes(newer)]
      const ready = (served: typeof old) => Effect.map(served.get("/health/ready"), json)

      expect(yield* ready(old)).toMatchObject({
        status: 503,
        body: {
          engines: [{
            status: "fail",
            failure: { tag: "MigrationPending" },
            schema: [{ set: "main", version: null, current: false, notApplied: 1 }]
          }]
        }
      })
      yield* on(Migrations.run(migrations))
      expect(yield* ready(old)).toMatchObject({
        status: 200,
        body: { status: "pass", engines: [{ schema: [{ version: "1", current: true, notApplied: 0 }] }] }
      })
      expect((yield* ready(fresh)).status).toBe(503)
      // The next version of the program is rolled out: this one goes on.
      yield* on(Migrations.run(newer))
      expect(yield* ready(fresh)).toMatchObject({ status: 200, body: { status: "pass" } })
      expect(yield* ready(old)).toMatchObject({
        status: 200,
        body: { status: "warn", engines: [{ failure: { tag: "MigrationMissing" }, schema: [{ version: "2" }] }] }
      })
    }))

  it.scopedLive("know it while the pool is in full use", () =>
    Effect.gen(function*() {
      const engine = yield* (yield* open).engine({ pool: { size: 1, maxOverflow: 0 } })
      const on = Effect.provideService(Engine.Engine, engine)
      yield* on(Migrations.run(migrations))
      const [inside, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const holder = yield* Effect.fork(engine.transaction(
        Effect.all([engine.sql`insert into one values (1)`, Deferred.succeed(inside, undefined), Deferred.await(go)])
      ))
      yield* Deferred.await(inside)
      const check = Health.check({ migrations })
      expect(yield* on(check)).toMatchObject({ status: "pass", schema: [{ version: "1" }] })
      // Also when it is asked for inside of a session.
      const within = Effect.zipRight(Session.info, check)
      expect(yield* on(Session.transaction(within, { readOnly: true }))).toMatchObject({ status: "pass" })
      yield* Deferred.succeed(go, undefined)
      yield* Fiber.join(holder)
      expect((yield* engine.stats).pool.waiting).toBe(0)
    }))
})

describe("a check on PostgreSQL", () => {
  it.scopedLive("leaves no connection, however often it is made", () =>
    Effect.gen(function*() {
      const at = yield* postgres.database
      const engine = yield* PgEngine.make({ url: at.url })
      yield* engine.sql`select 1`
      for (let i = 0; i < 20; i++) expect((yield* engine.health).status).toBe("pass")
      yield* Effect.all(Array.from({ length: 20 }, () => engine.health), { concurrency: "unbounded" })
      yield* until(backends(at), (count) => count === 1)
    }))

  it.scopedLive("fails where nobody answers or listens, within its limit; no password shows anywhere", () =>
    Effect.gen(function*() {
      const password = "Zx81-secret"
      const port = yield* silent
      // Nothing is waited for at the end: nobody will answer.
      const config = {
        drainTimeout: 0,
        host: "127.0.0.1",
        username: "shop",
        database: "shop",
        password: Redacted.make(password)
      }
      const hangs = yield* PgEngine.make({ ...config, port, name: "hangs" })
      const closed = yield* PgEngine.make({ ...config, port: 1, name: "closed" })
      const check = (engine: Engine.EngineService) =>
        Effect.provideService(Health.check({ timeout: "300 millis" }), Engine.Engine, engine)
      const routes = EngineHttp.health({ checks: [check(hangs), check(closed)], details: true })
      const { get } = yield* serve(routes)
      const answer = yield* get("/health/ready")
      expect(json(answer)).toMatchObject({
        status: 503,
        body: {
          engines: [
            { engine: "hangs", failure: { tag: "ConnectionError" } },
            { engine: "closed", failure: { tag: "ConnectionError" } }
          ]
        }
      })
      expect(answer.body).toContain(`${port}`)
      expect(answer.body).not.toContain(password)
      const plain = yield* Effect.flatMap(
        serve(EngineHttp.health({ checks: [check(closed)] })),
        ({ get }) => get("/health/ready")
      )
      expect(plain.body).not.toMatch(/127\.0\.0\.1|shop/)
    }))
})

describe("a check on SQLite in memory", () => {
  it.scopedLive("leaves the database as it is, and warns while it is busy", () =>
    Effect.gen(function*() {
      const engine = yield* SqliteEngine.make({ filename: ":memory:" })
      yield* engine.sql`create table t (k integer)`
      expect(yield* engine.health).toMatchObject({ status: "pass", serverVersion: expect.stringMatching(/^3\./) })
      yield* engine.transaction(Effect.gen(function*() {
        yield* engine.sql`insert into t values (1)`
        const check = Effect.provideService(Health.check({ timeout: "50 millis" }), Engine.Engine, engine)
        expect(yield* check).toMatchObject({ status: "warn", failure: { _tag: "ConnectionError" } })
      }))
      expect((yield* engine.health).status).toBe("pass")
      expect(yield* engine.sql`select k from t`).toEqual([{ k: 1 }])
      yield* engine.drain
      expect(yield* engine.health).toMatchObject({ status: "fail", failure: { _tag: "EngineClosed" } })
    }))

  it.scopedLive("fails where the file is gone", () =>
    Effect.gen(function*() {
      const engine = yield* SqliteEngine.make({ filename: "/no/such/folder/app.db" })
      expect(yield* engine.health).toMatchObject({ status: "fail", failure: { _tag: "EngineConfigError" } })
    }))
})
