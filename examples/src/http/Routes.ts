/**
 * The routes of the service. The session of a request is around all of them; what is made of a failure is around that, so
 * that whatever fails, COMMIT included, is answered in one place.
 */
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { Effect } from "effect"
import { EngineHttp } from "effect-sql-engine"
import { Accounts } from "../accounts/Accounts.js"
import { Account, Transfer } from "../accounts/tables.js"

const list = Effect.gen(function*() {
  const accounts = yield* Accounts
  return yield* HttpServerResponse.json(yield* accounts.list)
})

const open = Effect.gen(function*() {
  const { balance, owner } = yield* HttpServerRequest.schemaBodyJson(Account.jsonCreate)
  const accounts = yield* Accounts
  return yield* HttpServerResponse.json(yield* accounts.open(owner, balance), { status: 201 })
})

const transfer = Effect.gen(function*() {
  const { amount, source, target } = yield* HttpServerRequest.schemaBodyJson(Transfer.jsonCreate)
  const accounts = yield* Accounts
  return yield* HttpServerResponse.json(yield* accounts.transfer(source, target, amount), { status: 201 })
})

/** The status for a failure by its tag; for whatever is not here, 500. */
const statuses: Readonly<Record<string, number>> = {
  ParseError: 400,
  RequestError: 400,
  NoSuchAccount: 404,
  OwnerTaken: 409,
  InsufficientFunds: 409,
  // The database, or the way to it, is busy or gone: the same request may work a little later.
  ConnectionError: 503,
  EngineClosed: 503,
  LockTimeoutError: 503,
  PoolOverloaded: 503,
  PoolTimeout: 503,
  RetryExhausted: 503
}

/** Callers get the tag and no more: messages are for us, and may name hosts and tables. */
const answer = (failure: { readonly _tag: string }) => {
  const status = statuses[failure._tag] ?? 500
  const response = HttpServerResponse.unsafeJson({ error: failure._tag }, { status })
  return status < 500 ? Effect.succeed(response) : Effect.as(Effect.logError("A request failed", failure), response)
}

export const routes = HttpRouter.empty.pipe(
  HttpRouter.get("/accounts", list),
  HttpRouter.post("/accounts", open),
  HttpRouter.post("/transfers", transfer),
  // Two transfers that meet crosswise are a deadlock, of which one loses: it runs again.
  HttpRouter.use(EngineHttp.session({ retry: "conflicts" })),
  HttpRouter.use(Effect.catchAll(answer))
)
