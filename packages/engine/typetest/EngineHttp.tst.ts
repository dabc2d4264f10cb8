/**
 * Sessions of requests, health routes and sessions by key, as a caller's type checker sees them.
 */
import type { HttpApp, HttpRouter, HttpServerResponse } from "@effect/platform"
import type { SqlError } from "@effect/sql/SqlError"
import type { Effect, Scope } from "effect"
import { Engine, EngineHttp, Health, Session } from "effect-sql-engine"
import type { EngineMissing, Refined, SqlFailure } from "effect-sql-engine/SqlFailure"
import { describe, expect, test } from "tstyche"

class Main extends Engine.Tag<Main>()("app/Main") {}
class Reports extends Engine.Tag<Reports>()("app/Reports") {}

declare const app: HttpApp.Default<SqlError | "mine", "service" | Session.Session<Engine.Engine>>
declare const ofMain: HttpApp.Default<never, Session.Session<Main>>

describe("EngineHttp.session", () => {
  test("provides the session, refines SqlError, and asks for its engine", () => {
    expect(EngineHttp.session()(app)).type.toBe<
      HttpApp.Default<SqlFailure | "mine", "service" | Engine.Engine | Scope.Scope>
    >()
    expect(EngineHttp.session({ engine: Main })(ofMain)).type.toBe<HttpApp.Default<SqlFailure, Main | Scope.Scope>>()
  })

  test("of one engine leaves the session of another one to be provided", () => {
    expect(EngineHttp.session({ engine: Reports })(ofMain)).type.toBe<
      HttpApp.Default<SqlFailure, Session.Session<Main> | Reports | Scope.Scope>
    >()
  })

  test("takes the options of a session but for `nested`, and none that are not", () => {
    type Options = NonNullable<Parameters<typeof EngineHttp.session>[0]>
    expect<{ isolation: "serializable"; retry: "conflicts"; timeout: "1 second" }>().type.toBeAssignableTo<Options>()
    expect<"nested">().type.not.toBeAssignableTo<keyof Options>()
    expect<NonNullable<Options["commit"]>>().type.toBe<(response: HttpServerResponse.HttpServerResponse) => boolean>()
  })
})

describe("EngineHttp.health", () => {
  test("asks for the engines of its checks, which can be several", () => {
    expect(EngineHttp.health()).type.toBe<HttpRouter.HttpRouter<never, Engine.Engine>>()
    expect(EngineHttp.health({ checks: [Health.check({ engine: Main }), Health.check({ engine: Reports })] })).type
      .toBe<
        HttpRouter.HttpRouter<never, Main | Reports>
      >()
  })

  test("without checks, the routes need nothing", () => {
    expect(EngineHttp.health({ checks: [] })).type.toBe<HttpRouter.HttpRouter<never, never>>()
  })

  test("a check cannot fail", () => {
    expect(Health.check()).type.toBe<Effect.Effect<Health.EngineReport, never, Engine.Engine>>()
    expect(Health.all([Health.check(), Health.check({ engine: Main })])).type.toBe<
      Effect.Effect<Health.HealthReport, never, Engine.Engine | Main>
    >()
    expect(Main.health).type.toBe<Effect.Effect<Engine.EngineHealth, never, Main>>()
  })
})

test("an engine that may not be there is a typed failure, and no requirement", () => {
  expect(Main.lookup).type.toBe<Effect.Effect<Engine.EngineService, EngineMissing>>()
})

test("sessions by key ask for what the key needs, and provide their session", () => {
  const key = {} as Effect.Effect<string, "no key", "request">
  expect(Session.keyed(key)).type.toBe<
    Effect.Effect<
      Session.KeyedSessions<Engine.Engine, string, "no key", "request">,
      never,
      Engine.Engine | Scope.Scope
    >
  >()
  const sessions = {} as Session.KeyedSessions<Main, string, "no key", "request">
  const work = {} as Effect.Effect<number, SqlError, "service" | Session.Session<Main>>
  expect(sessions.transaction(work)).type.toBe<
    Effect.Effect<number, Refined<SqlError | "no key">, "request" | "service">
  >()
})
