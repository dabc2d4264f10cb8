/**
 * Engines in an HTTP server of `@effect/platform`: a session for each request, and the routes that probes ask.
 *
 * @since 0.1.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Effect } from "effect"
import type { Scope } from "effect"
import type { Engine } from "./Engine.js"
import type { EngineReport } from "./Health.js"
import * as Health from "./Health.js"
import { list } from "./internal/config/compound.js"
import { aFunction, anEffect, anEngine } from "./internal/config/kinds.js"
import type { Described } from "./internal/config/option.js"
import { flag, oneOf, text } from "./internal/config/option.js"
import { insist } from "./internal/config/read.js"
import { tagIn } from "./internal/engine/onEngine.js"
import { toJson } from "./internal/http/healthJson.js"
import { inRequestSession } from "./internal/http/requestSession.js"
import type { OnEngine } from "./internal/mutex/model.js"
import { requestSessionOptions } from "./internal/session/options.js"
import { HostId } from "./internal/session/verbs.js"
import type { Session, SessionOptions } from "./Session.js"
import type { Refined } from "./SqlFailure.js"

/**
 * What may be asked of the session of a request.
 *
 * @since 0.1.0
 * @category options
 */
export interface RequestOptions<Self = Engine> extends Omit<SessionOptions, "nested">, OnEngine<Self> {
  /**
   * Whether the work of a request with this response is kept. Default: when its status is below 400, because an error is
   * often made a response before anybody here sees it. `(response) => response.status < 500` keeps what a request did that
   * was refused; given to the server, the middleware never keeps what has a status of 400 or more.
   */
  readonly commit?: ((response: HttpServerResponse.HttpServerResponse) => boolean) | undefined
  /**
   * What becomes of a response whose body is a stream:
   *
   * - `outside` (default): the session ends before the response begins; statements of the body are on their own.
   * - `inside`: the body is read in the session, which ends with it: committed when it was sent whole, rolled back when it
   *   fails or the client goes. The connection is the request's until then, however slowly the client reads, and
   *   a COMMIT that fails comes too late for a status.
   */
  readonly streams?: "outside" | "inside" | undefined
}

const requestOptions: Described<RequestOptions<any>> = {
  ...requestSessionOptions,
  engine: anEngine,
  commit: aFunction,
  streams: oneOf(["outside", "inside"])
}

/**
 * A middleware that gives each request one session: everything the app does on this engine, in whichever fiber of
 * the request, is one unit of work. It is committed before the response leaves, so that a client never sees the answer of
 * work that was not kept; it is rolled back on a failure, a defect, a response with an error, and when the client goes.
 * A request without a statement touches no server.
 *
 * Put it around an app or a router, with `HttpRouter.use` or `pipe`: then what the session fails with is the app's typed
 * failure, and its `SqlError`s are `SqlFailure`s. Given to the server (`HttpServer.serve`) it does the same, but sees
 * failures of the app only as the responses that were made of them. Session options hold, but for `nested`; a request
 * that is tried again (`retry`) reads its body again, which a streamed one does not allow. Leave it out for web sockets: their
 * session would last as long as they.
 *
 * @example
 * ```ts
 * import { HttpRouter, HttpServerResponse } from "@effect/platform"
 * import { SqlClient } from "@effect/sql"
 * import { Effect } from "effect"
 * import { EngineHttp } from "effect-sql-engine"
 *
 * export const app = HttpRouter.empty.pipe(
 *   HttpRouter.post(
 *     "/visits",
 *     Effect.gen(function*() {
 *       const sql = yield* SqlClient.SqlClient
 *       yield* sql`insert into visit (at) values (current_timestamp)`
 *       yield* sql`update total set visits = visits + 1`
 *       return HttpServerResponse.empty({ status: 201 })
 *     })
 *   ),
 *   HttpRouter.use(EngineHttp.session({ name: "request" }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category middleware
 */
export const session = <Self = Engine>(asked: RequestOptions<Self> = {}) =>
<E, R>(
  app: HttpApp.Default<E, R>
): HttpApp.Default<Refined<E>, Exclude<R, Session<Self>> | Self | Scope.Scope> => {
  insist("Requests cannot have sessions", requestOptions, asked)
  const { engine, ...options } = asked
  const tag = tagIn({ engine })
  const named = { name: "request", ...options }
  // The session's own requirement is provided, which only the type can tell.
  return Effect.flatMap(
    tag,
    (service) => inRequestSession(service[HostId], `${tag.key}/Session`, app, named)
  ) as HttpApp.Default<
    Refined<E>,
    Exclude<R, Session<Self>> | Self | Scope.Scope
  >
}

type AnyChecks = ReadonlyArray<Effect.Effect<EngineReport, never, any>>

/** What the checks need: of none, nothing. */
type Needs<Checks extends AnyChecks> = Checks[number] extends infer Check
  ? Check extends Effect.Effect<any, any, infer R> ? R : never
  : never

/**
 * What the routes of health tell, and where.
 *
 * @since 0.1.0
 * @category options
 */
export interface HealthOptions<Checks extends AnyChecks = readonly [Effect.Effect<EngineReport, never, Engine>]> {
  /** What has to be well for the program to be ready. Default: `Health.check()`, the default engine. */
  readonly checks?: Checks | undefined
  /** Before `/live` and `/ready`. Default `/health`. */
  readonly prefix?: HttpRouter.PathInput | undefined
  /**
   * Also tell the server's version, the numbers of the pools and sessions, and what failures say: names of hosts, users
   * and databases, never a password. Default `false`, for routes that anybody can ask.
   */
  readonly details?: boolean | undefined
}

const healthOptions: Described<HealthOptions<any>> = {
  checks: list(anEffect),
  prefix: text(),
  details: flag()
}

const answer = (body: unknown, status: number) =>
  HttpServerResponse.unsafeJson(body, { status, headers: { "cache-control": "no-store" } })

/**
 * The routes that probes ask, as JSON.
 *
 * | route | answer |
 * | --- | --- |
 * | `/health/live` | 200 as long as the program answers; asks no database |
 * | `/health/ready` | 200 when every check passes or warns, else 503 |
 *
 * A check has a limit and a connection of its own: pools in full use neither delay nor fail it. An engine that drains is
 * not ready any more, so a load balancer stops sending requests while the last ones end. Keep these routes outside of
 * `EngineHttp.session`.
 *
 * @example
 * ```ts
 * import { HttpRouter } from "@effect/platform"
 * import { Engine, EngineHttp, Health, Migrations } from "effect-sql-engine"
 *
 * class Reports extends Engine.Tag<Reports>()("app/Reports") {}
 *
 * const migrations = Migrations.fromRecord({ "0001_user": "create table app_user (id int primary key)" })
 *
 * export const router = HttpRouter.empty.pipe(
 *   HttpRouter.concat(EngineHttp.health({
 *     checks: [Health.check({ migrations }), Health.check({ engine: Reports })]
 *   }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category routes
 */
export const health = <const Checks extends AnyChecks = readonly [Effect.Effect<EngineReport, never, Engine>]>(
  options: HealthOptions<Checks> = {}
): HttpRouter.HttpRouter<never, HttpRouter.HttpRouter.ExcludeProvided<Needs<Checks>>> => {
  insist("The health routes cannot be made", healthOptions, options)
  const checks: AnyChecks = options.checks ?? [Health.check()]
  const ready = Effect.map(
    Health.all(checks) as Effect.Effect<Health.HealthReport, never, Needs<Checks>>,
    (report) => answer(toJson(report, options.details === true), report.status === "fail" ? 503 : 200)
  )
  return HttpRouter.empty.pipe(
    HttpRouter.get("/live", Effect.sync(() => answer({ status: "pass" }, 200))),
    HttpRouter.get("/ready", ready),
    HttpRouter.prefixAll(options.prefix ?? "/health")
  )
}
