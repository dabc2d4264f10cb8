/**
 * The routes of the service. A handler knows nothing of tenants: it finds the engine and the session of the right one.
 */
import type { HttpApp } from "@effect/platform"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { SqlClient } from "@effect/sql"
import { Effect, Schema } from "effect"
import { Engine, EngineHttp } from "effect-sql-engine"
import { Tenant, Tenants } from "./Tenants.js"

const tenant = Effect.map(HttpRouter.schemaPathParams(Schema.Struct({ tenant: Tenant })), ({ tenant }) => tenant)

/** Runs a handler in one session on the database of the tenant in its path. */
const forTenant = <E, R>(handler: HttpApp.Default<E, R>) =>
  Effect.gen(function*() {
    const tenants = yield* Tenants
    // Held until the request is over: an engine in use is never closed.
    const engine = yield* tenants.engine(yield* tenant)
    return yield* Effect.provide(EngineHttp.session()(handler), Engine.layer(Effect.succeed(engine)))
  })

const signUp = Effect.gen(function*() {
  const tenants = yield* Tenants
  const outcome = yield* tenants.signUp(yield* tenant)
  return HttpServerResponse.empty({ status: outcome === "Created" ? 201 : 204 })
})

const list = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  return yield* HttpServerResponse.json(yield* sql`select text from note order by at, text`)
})

const add = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const note = yield* HttpServerRequest.schemaBodyJson(Schema.Struct({ text: Schema.NonEmptyTrimmedString }))
  yield* sql`insert into note ${sql.insert(note)}`
  return HttpServerResponse.empty({ status: 201 })
})

const statuses: Readonly<Record<string, number>> = {
  ParseError: 400,
  RequestError: 400,
  NoSuchTenant: 404,
  // All connections there may be are in use by other tenants, or the tenant's own are: later there may be one.
  TooManyConnections: 503,
  PoolTimeout: 503,
  ConnectionError: 503
}

const answer = (failure: { readonly _tag: string }) => {
  const status = statuses[failure._tag] ?? 500
  const response = HttpServerResponse.unsafeJson({ error: failure._tag }, { status })
  return status < 500 ? Effect.succeed(response) : Effect.as(Effect.logError("A request failed", failure), response)
}

export const routes = HttpRouter.empty.pipe(
  HttpRouter.put("/tenants/:tenant", signUp),
  HttpRouter.get("/tenants/:tenant/notes", forTenant(list)),
  HttpRouter.post("/tenants/:tenant/notes", forTenant(add)),
  HttpRouter.use(Effect.catchAll(answer))
)
