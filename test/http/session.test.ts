/**
 * One session for each request, on a real HTTP server and both databases (capability 69).
 */
import { HttpRouter, HttpServerResponse } from "@effect/platform"
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Logger, LogLevel, Stream } from "effect"
import { Engine, EngineHttp, Session } from "effect-sql-engine"
import { type Place, places } from "../support/places.js"
import { checkSums, until } from "../support/quiescence.js"
import { serve } from "./server.js"

const ok = HttpServerResponse.empty({ status: 201 })

const insert = (k: number) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into t (k) values (${k})`)

const tables = [
  "create table t (k integer not null, session text)",
  "create table parent (id integer primary key)",
  "create table child (id integer references parent (id) deferrable initially deferred)"
]

/** A database with an engine on it, and what is committed in it. */
const opened = (open: Effect.Effect<Place, never, any>) =>
  Effect.gen(function*() {
    const place = yield* open
    yield* place.admin(...tables)
    const engine = yield* place.engine()
    const committed = Effect.map(place.admin("select k from t order by k"), (rows) => rows.map(({ k }) => Number(k)))
    /** Nothing is lent, nothing is open, and the sums are right. */
    const atRest = Effect.map(
      until(engine.stats, (stats) => stats.pool.inUse + stats.pool.returning + stats.sessions.open === 0),
      (stats) => {
        checkSums(stats)
        return stats
      }
    )
    return { ...place, engine, committed, atRest, live: Engine.layer(Effect.succeed(engine)) }
  })

type App = HttpRouter.HttpRouter<any, any>

/** The middleware around the router, or given to the server. */
const positions: ReadonlyArray<
  readonly [string, (app: App, options?: EngineHttp.RequestOptions) => ReturnType<typeof serve>]
> = [
  ["around a router", (app, options) => serve(HttpRouter.use(app, EngineHttp.session(options)))],
  ["around an app", (app, options) => serve(EngineHttp.session(options)(app))],
  ["given to the server", (app, options) => serve(app, EngineHttp.session(options))]
]

const quiet = Logger.minimumLogLevel(LogLevel.None)

describe.each(places)("a request on %s", (_, open) => {
  describe.each(positions)("with the session %s", (position, serveWith) => {
    const routes = (inside: Deferred.Deferred<void>) =>
      HttpRouter.empty.pipe(
        HttpRouter.get("/ok", Effect.as(insert(1), ok)),
        HttpRouter.get("/nothing", ok),
        HttpRouter.get("/failure", Effect.zipRight(insert(2), Effect.fail({ _tag: "Mine" }))),
        HttpRouter.get("/refused", Effect.zipRight(insert(3), Effect.fail(HttpServerResponse.empty({ status: 422 })))),
        HttpRouter.get("/defect", Effect.zipRight(insert(4), Effect.die("a bug"))),
        HttpRouter.get("/404", Effect.as(insert(5), HttpServerResponse.empty({ status: 404 }))),
        HttpRouter.get("/500", Effect.as(insert(6), HttpServerResponse.text("no", { status: 500 }))),
        HttpRouter.get("/redirect", Effect.as(insert(7), HttpServerResponse.redirect("/ok"))),
        HttpRouter.get(
          "/late",
          Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into child (id) values (1)`).pipe(
            Effect.zipRight(insert(8)),
            Effect.as(ok)
          )
        ),
        HttpRouter.get(
          "/stays",
          Effect.all([insert(9), Deferred.succeed(inside, undefined), Effect.never]).pipe(Effect.as(ok))
        )
      )

    it.scopedLive("is committed when it succeeds, and rolled back when it does not", () =>
      Effect.gen(function*() {
        const { atRest, committed, engine, live } = yield* opened(open)
        const inside = yield* Deferred.make<void>()
        const { get } = yield* Effect.provide(serveWith(routes(inside)), live)

        expect((yield* get("/nothing")).status).toBe(201)
        expect((yield* engine.stats).pool.created).toBe(0)

        expect((yield* get("/ok")).status).toBe(201)
        // Seen at once: it was committed before the response left.
        expect(yield* committed).toEqual([1])
        expect((yield* get("/redirect")).status).toBe(302)
        expect(yield* committed).toEqual([1, 7])

        expect((yield* get("/failure")).status).toBe(500)
        expect((yield* get("/refused")).status).toBe(422)
        expect((yield* get("/defect")).status).toBe(500)
        expect((yield* get("/404")).status).toBe(404)
        expect(yield* get("/500")).toMatchObject({ status: 500, body: "no" })
        // What COMMIT fails with is known before the response leaves.
        expect((yield* get("/late")).status).toBe(500)
        expect(yield* committed).toEqual([1, 7])
        expect((yield* atRest).sessions).toMatchObject({ opened: 9, committed: 3, rolledBack: 6 })
      }).pipe(Effect.provide(quiet)))

    it.scopedLive("is rolled back when the client goes", () =>
      Effect.gen(function*() {
        const { atRest, committed, live } = yield* opened(open)
        const inside = yield* Deferred.make<void>()
        const { get, leave } = yield* Effect.provide(serveWith(routes(inside)), live)
        const go = yield* leave("/stays")
        yield* Deferred.await(inside)
        go()
        expect((yield* atRest).sessions).toMatchObject({ opened: 1, rolledBack: 1 })
        expect((yield* get("/ok")).status).toBe(201)
        expect(yield* committed).toEqual([1])
      }).pipe(Effect.provide(quiet)))

    it.scopedLive("keeps what `commit` says", () =>
      Effect.gen(function*() {
        const { committed, live } = yield* opened(open)
        const inside = yield* Deferred.make<void>()
        const commit = ({ status }: HttpServerResponse.HttpServerResponse) => status < 500 && status !== 302
        const { get } = yield* Effect.provide(serveWith(routes(inside), { commit }), live)
        for (const path of ["/404", "/500", "/redirect", "/refused"]) yield* get(path)
        // The server tells failures by nothing but their responses, and what failed is never kept.
        expect(yield* committed).toEqual(position === "given to the server" ? [] : [5])
      }).pipe(Effect.provide(quiet)))

    it.scopedLive("keeps nothing of a request whose client goes, whatever `commit` says", () =>
      Effect.gen(function*() {
        const { atRest, committed, live } = yield* opened(open)
        const inside = yield* Deferred.make<void>()
        const { leave } = yield* Effect.provide(serveWith(routes(inside), { commit: () => true }), live)
        const go = yield* leave("/stays")
        yield* Deferred.await(inside)
        go()
        expect((yield* atRest).sessions).toMatchObject({ opened: 1, rolledBack: 1 })
        expect(yield* committed).toEqual([])
      }).pipe(Effect.provide(quiet)))

    it.scopedLive("is rolled back when `commit` throws", () =>
      Effect.gen(function*() {
        const { atRest, committed, live } = yield* opened(open)
        const inside = yield* Deferred.make<void>()
        const commit = () => {
          throw new Error("a bug")
        }
        const { get } = yield* Effect.provide(serveWith(routes(inside), { commit }), live)
        expect((yield* get("/ok")).status).toBe(500)
        expect((yield* atRest).sessions).toMatchObject({ opened: 1, rolledBack: 1 })
        expect(yield* committed).toEqual([])
      }).pipe(Effect.provide(quiet)))
  })

  it.scopedLive("side by side with 99 others has a session of its own, and no row crosses", () =>
    Effect.gen(function*() {
      const { admin, atRest, committed, live } = yield* opened(open)
      const app = HttpRouter.get(
        HttpRouter.empty,
        "/:k",
        Effect.gen(function*() {
          const sql = yield* SqlClient.SqlClient
          const { k } = yield* HttpRouter.params
          const { session } = yield* Session.info
          yield* sql`insert into t (k, session) values (${Number(k)}, ${session})`
          // Fibers of the request are in its session.
          const seen = yield* Effect.all(
            Array.from({ length: 3 }, () => Effect.zip(sql`select k from t where session = ${session}`, Session.info)),
            { concurrency: "unbounded" }
          )
          for (const [rows, info] of seen) {
            expect(rows).toEqual([{ k: Number(k) }])
            expect(info.session).toBe(session)
          }
          if (Number(k) % 3 === 0) return yield* Effect.fail("no")
          return HttpServerResponse.text(session)
        })
      )
      const { get } = yield* Effect.provide(serve(HttpRouter.use(app, EngineHttp.session())), live)
      const numbers = Array.from({ length: 100 }, (_, k) => k)
      const answers = yield* Effect.forEach(numbers, (k) => get(`/${k}`), { concurrency: "unbounded" })
      const kept = numbers.filter((k) => k % 3 !== 0)
      expect(answers.map(({ status }) => status)).toEqual(numbers.map((k) => k % 3 === 0 ? 500 : 200))
      expect(new Set(kept.map((k) => answers[k]!.body)).size).toBe(kept.length)
      expect(yield* committed).toEqual(kept)
      const rows = yield* admin("select k, session from t")
      expect(rows.every(({ k, session }) => answers[Number(k)]!.body === session)).toBe(true)
      expect((yield* atRest).sessions).toMatchObject({ opened: 100, committed: kept.length })
    }).pipe(Effect.provide(quiet)))

  describe("whose body is a stream", () => {
    const numbers = Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* sql`insert into t ${sql.insert(Array.from({ length: 2_000 }, (_, k) => ({ k })))}`
      const lines = sql<{ k: number }>`select k from t order by k`.stream.pipe(
        Stream.map(({ k }) => `${k}\n`),
        Stream.encodeText
      )
      return HttpServerResponse.stream(lines)
    })
    const endless = Effect.as(
      insert(1),
      HttpServerResponse.stream(Stream.repeatEffect(Effect.delay(Effect.succeed(new Uint8Array(10)), "1 millis")))
    )
    const broken = Effect.map(SqlClient.SqlClient, (sql) =>
      HttpServerResponse.stream(
        sql`insert into t (k) values (1)`.stream.pipe(
          Stream.concat(Stream.fail("no")),
          Stream.map(() => new Uint8Array(1))
        )
      ))
    const app = HttpRouter.empty.pipe(
      HttpRouter.get("/numbers", numbers),
      HttpRouter.get("/endless", endless),
      HttpRouter.get("/broken", broken)
    )

    it.scopedLive("has ended before the body begins, which sees what it has committed", () =>
      Effect.gen(function*() {
        const { atRest, engine, live } = yield* opened(open)
        for (const served of [serve(HttpRouter.use(app, EngineHttp.session())), serve(app, EngineHttp.session())]) {
          const { get } = yield* Effect.provide(served, live)
          const before = (yield* atRest).sessions.committed
          const answer = yield* get("/numbers")
          expect(answer.body.split("\n").length).toBe(2_001)
          expect((yield* atRest).sessions.committed).toBe(before + 1)
          yield* engine.sql`delete from t`
        }
      }).pipe(Effect.provide(quiet)))

    it.scopedLive("holds the session until it was sent whole, where that is asked for", () =>
      Effect.gen(function*() {
        const { atRest, committed, engine, live } = yield* opened(open)
        const inside = EngineHttp.session({ streams: "inside" })
        for (const served of [serve(HttpRouter.use(app, inside)), serve(app, inside)]) {
          const { get, leave } = yield* Effect.provide(served, live)
          const before = (yield* atRest).sessions.committed
          const answer = yield* get("/numbers")
          expect(answer.body.split("\n").length).toBe(2_001)
          expect((yield* atRest).sessions.committed).toBe(before + 1)
          expect((yield* committed).length).toBe(2_000)
          // Nobody reads it.
          expect((yield* get("/numbers", "HEAD")).status).toBe(200)
          const go = yield* leave("/endless")
          yield* until(engine.stats, ({ sessions }) => sessions.open === 1)
          go()
          yield* get("/broken")
          expect((yield* atRest).sessions.committed).toBe(before + 1)
          expect((yield* committed).length).toBe(2_000)
          yield* engine.sql`delete from t`
        }
      }).pipe(Effect.provide(quiet)))
  })
})
