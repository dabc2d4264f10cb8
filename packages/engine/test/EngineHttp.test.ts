/**
 * The session of a request on the scripted driver: what is tried again, limits, and other middleware around it.
 */
import { HttpApp, HttpRouter, HttpServerResponse } from "@effect/platform"
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schedule, type Scope } from "effect"
import type { Engine } from "effect-sql-engine"
import { EngineHttp, Session } from "effect-sql-engine"
import { Outcome } from "effect-sql-engine-testing"
import { withBench } from "./support/scripted.js"

const insert = (key: number) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into t values (${key})`)
const ok = HttpServerResponse.empty({ status: 201 })

/** Sends a request to an app as a platform does, and gives back what a client gets. */
const ask = <E>(
  app: HttpApp.Default<E, Engine.Engine | SqlClient.SqlClient | Scope.Scope>,
  around?: Parameters<typeof HttpApp.toHandled>[2]
) =>
  Effect.flatMap(
    Effect.runtime<Engine.Engine | SqlClient.SqlClient>(),
    (runtime) => Effect.promise(() => HttpApp.toWebHandlerRuntime(runtime)(app, around)(new Request("http://test/")))
  )

describe("the session of a request", () => {
  it.scoped("is tried again whole, and headers of a failed attempt are forgotten", () =>
    withBench(({ engine, server }) =>
      Effect.gen(function*() {
        let tries = 0
        const app = Effect.gen(function*() {
          const now = ++tries
          yield* HttpApp.appendPreResponseHandler((_, response) =>
            Effect.succeed(HttpServerResponse.setHeader(response, `x-try-${now}`, "yes"))
          )
          yield* insert(now)
          return ok
        })
        server.next("commit", Outcome.fail("40001"))
        const answer = yield* ask(EngineHttp.session({ retry: Schedule.recurs(2) })(app))
        expect(answer.status).toBe(201)
        expect([...answer.headers.keys()].filter((name) => name.startsWith("x-try"))).toEqual(["x-try-2"])
        expect(server.rows("t")).toEqual([2])
        expect((yield* engine.stats).sessions).toMatchObject({ opened: 2, committed: 1, retried: 1 })
      })
    ))

  it.scoped("is not tried again once a response of it was sent", () =>
    withBench(({ engine, server }) =>
      Effect.gen(function*() {
        server.next("commit", Outcome.fail("40001"))
        const answer = yield* ask(Effect.as(insert(1), ok), EngineHttp.session({ retry: Schedule.recurs(2) }))
        expect(answer.status).toBe(500)
        expect(server.rows("t")).toEqual([])
        expect((yield* engine.stats).sessions).toMatchObject({ opened: 1, rolledBack: 1 })
      })
    ))

  it.scoped("fails typed where it stands around the app: a handler further out can answer", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        server.next("commit", Outcome.fail("23505"))
        const app = Effect.as(insert(1), ok).pipe(
          EngineHttp.session(),
          Effect.catchTag("UniqueViolation", () => HttpServerResponse.empty({ status: 409 }))
        )
        expect((yield* ask(app)).status).toBe(409)
      }), { onFailure: "continue" }))

  it.scopedLive("ends within its timeout", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        const app = EngineHttp.session({ timeout: "10 millis" })(
          Effect.as(Effect.zipRight(insert(1), Effect.never), ok)
        )
        expect((yield* ask(HttpRouter.get(HttpRouter.empty, "/", app))).status).toBe(500)
        expect(server.rows("t")).toEqual([])
      })
    ))

  it.scoped("inside of another one is a savepoint of it", () =>
    withBench(({ engine, server }) =>
      Effect.gen(function*() {
        const twice = EngineHttp.session()(
          Effect.zipRight(insert(1), Effect.ignore(EngineHttp.session()(Effect.zipRight(insert(2), Effect.fail("no")))))
            .pipe(
              Effect.as(ok)
            )
        )
        expect((yield* ask(twice)).status).toBe(201)
        expect(server.rows("t")).toEqual([1])
        expect((yield* engine.stats).sessions).toMatchObject({ opened: 1 })
      })
    ))

  it.scoped("is what code that requires a session finds, with its hooks", () =>
    withBench(() =>
      Effect.gen(function*() {
        const ran: Array<string> = []
        const app = (status: number) =>
          Effect.gen(function*() {
            yield* Session.afterCommit(Effect.sync(() => ran.push("kept")))
            yield* Session.afterRollback(Effect.sync(() => ran.push("undone")))
            expect(yield* Session.info).toMatchObject({ session: expect.stringMatching(/^request#/), readOnly: true })
            return HttpServerResponse.empty({ status })
          }).pipe(EngineHttp.session({ readOnly: true }))
        yield* ask(app(200))
        yield* ask(app(500))
        expect(ran).toEqual(["kept", "undone"])
      })
    ))

  it.scoped("of a request whose fiber is interrupted is rolled back, also by a web handler", () =>
    withBench(({ engine, server }) =>
      Effect.gen(function*() {
        const inside = yield* Deferred.make<void>()
        const app = Effect.interruptible(
          Effect.all([insert(1), Deferred.succeed(inside, undefined), Effect.never]).pipe(Effect.as(ok))
        ).pipe(EngineHttp.session())
        const runtime = yield* Effect.runtime<Engine.Engine | SqlClient.SqlClient>()
        const client = new AbortController()
        const answer = yield* Effect.fork(Effect.promise(() =>
          HttpApp.toWebHandlerRuntime(runtime)(app)(new Request("http://test/", { signal: client.signal }))
        ))
        yield* Deferred.await(inside)
        client.abort()
        expect((yield* Fiber.join(answer)).status).toBe(499)
        expect(server.rows("t")).toEqual([])
        expect((yield* engine.stats).sessions).toMatchObject({ open: 0, rolledBack: 1 })
      })
    ))
})
