/**
 * The HTTP example under load, told to stop: who was answered finds their work in the database, who was not has done
 * nothing, and nothing is left of the service on the server.
 */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import type { Scope } from "effect"
import { Agent, request } from "node:http"
import type { Place } from "../support/places.js"
import { places } from "../support/places.js"
import { backends } from "../support/quiescence.js"
import { origin, start, useExamples } from "./programs.js"
import type { Program } from "./programs.js"

useExamples()

const application = "example-http"

interface Answer {
  /** 0: the connection ended before there was one. */
  readonly status: number
  readonly body: any
}

/** A client with one connection, which it keeps for as long as the server does. */
const client = (base: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => new Agent({ keepAlive: true, maxSockets: 1 })),
      (agent) => Effect.sync(() => agent.destroy())
    ),
    (agent) => (method: string, path: string, body?: object) =>
      Effect.async<Answer>((resume) => {
        const outgoing = request(`${base}${path}`, { agent, method, headers: { "content-type": "application/json" } })
        outgoing.on("error", () => resume(Effect.succeed({ status: 0, body: undefined })))
        outgoing.on("response", (incoming) => {
          let text = ""
          incoming.setEncoding("utf8").on("data", (chunk) => (text += chunk))
          incoming.on("error", () => resume(Effect.succeed({ status: 0, body: undefined })))
          incoming.on("end", () =>
            resume(
              Effect.succeed({ status: incoming.statusCode!, body: text === "" ? undefined : JSON.parse(text) })
            ))
        })
        outgoing.end(body === undefined ? undefined : JSON.stringify(body))
        return Effect.sync(() => outgoing.destroy())
      })
  )

const accounts = 8
const each = 10_000

/** Moves money to and fro until the service does not answer any more. Notes what it was told. */
const load = (base: string, acknowledged: Array<number>, statuses: Set<number>) =>
  Effect.scoped(Effect.gen(function*() {
    const send = yield* client(base)
    for (let n = 0;; n++) {
      // From a lower number to a higher one: no two meet crosswise. 1 and 2 are left to the test itself.
      const source = 3 + n % (accounts - 3)
      const { body, status } = yield* send("POST", "/transfers", { source, target: source + 1, amount: 1 })
      if (status === 0) return
      statuses.add(status)
      if (status === 201) acknowledged.push(body.id)
    }
  }))

/** The service on a place, with accounts opened, and clients that keep it busy. */
const busy = (place: Place, variables: Readonly<Record<string, string>>) =>
  Effect.gen(function*() {
    const url = place.kind === "postgres" ? `${place.url}?application_name=${application}` : place.url
    const service = yield* start("http", { DATABASE_URL: url, PORT: "0", LOG_LEVEL: "debug", ...variables })
    const base = yield* origin(service)
    const send = yield* client(base)
    for (let n = 1; n <= accounts; n++) {
      expect(yield* send("POST", "/accounts", { owner: `owner ${n}`, balance: each })).toMatchObject({
        status: 201,
        body: { id: n, balance: each }
      })
    }
    expect((yield* send("GET", "/health/ready")).status).toBe(200)
    expect((yield* send("POST", "/accounts", { owner: "owner 1", balance: 1 })).body).toEqual({ error: "OwnerTaken" })
    const acknowledged: Array<number> = []
    const statuses = new Set<number>()
    const clients = yield* Effect.forEach(
      Array.from({ length: 12 }),
      () => Effect.fork(load(base, acknowledged, statuses))
    )
    while (acknowledged.length < 100) yield* Effect.sleep(5)
    return { service, send, acknowledged, statuses, clients: Fiber.joinAll(clients) }
  })

/** Keeps a row locked, and on SQLite the whole file, until it is let go. */
const locked = (place: Place) =>
  Effect.gen(function*() {
    const engine = yield* place.engine()
    const [held, enough] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
    const holder = yield* Effect.fork(engine.transaction(Effect.all([
      engine.sql`update account set balance = balance where id = 1`,
      Deferred.succeed(held, undefined),
      Deferred.await(enough)
    ])))
    yield* Deferred.await(held)
    return Effect.zipRight(Deferred.succeed(enough, undefined), Fiber.join(holder))
  })

/** What the database has, against what the clients were told. */
const assertKept = (place: Place, acknowledged: ReadonlyArray<number>) =>
  Effect.gen(function*() {
    const kept = (yield* place.admin("select id from transfer order by id")).map(({ id }) => Number(id))
    expect(kept).toEqual([...acknowledged].sort((a, b) => a - b))
    const [sum] = yield* place.admin("select sum(balance) as sum, count(*) as n from account")
    expect([Number(sum!["sum"]), Number(sum!["n"])]).toEqual([accounts * each, accounts])
  })

/** The end of the log: the last session ends, then the engine does, and nothing was taken from anybody. */
const assertOrder = ({ lines }: Program) => {
  const steps = lines.flatMap((line) => / (commit|rollback|release|dispose)$/.exec(line)?.[1] ?? [])
  expect(steps.filter((step) => step === "commit").length).toBeGreaterThan(100)
  expect(steps.indexOf("dispose")).toBe(steps.length - 1)
  expect(lines.filter((line) => /ERROR|cancelled/.test(line))).toEqual([])
}

const [[, postgres], [, sqlite]] = places as [
  readonly [string, Effect.Effect<Place, never, Scope.Scope>],
  readonly [string, Effect.Effect<Place, never, Scope.Scope>]
]

describe("the HTTP example that gets SIGTERM under load", () => {
  it.scopedLive("on PostgreSQL answers what it can, rolls back what it cannot, and leaves no session behind", () =>
    Effect.gen(function*() {
      const place = yield* postgres
      const { acknowledged, clients, send, service, statuses } = yield* busy(place, { STOP_WITHIN: "1 second" })
      const release = yield* locked(place)
      const stuck = yield* Effect.fork(send("POST", "/transfers", { source: 1, target: 2, amount: 5 }))
      const waits = place.admin(
        `select count(*) as n from pg_stat_activity where application_name = '${application}'
          and datname = current_database() and wait_event_type = 'Lock' and query like '%account%'`
      )
      while (Number((yield* waits)[0]!["n"]) === 0) yield* Effect.sleep(5)
      yield* service.kill("SIGTERM")
      expect(yield* service.ended).toEqual({ code: 0, signal: null })
      const sessions = yield* backends({ url: place.url } as Parameters<typeof backends>[0], application)
      expect(sessions).toBe(0)
      expect((yield* Fiber.join(stuck)).status).toBe(0)
      yield* release
      yield* clients
      expect([...statuses]).toEqual([201])
      yield* assertKept(place, acknowledged)
      assertOrder(service)
    }))

  it.scopedLive("on SQLite answers everybody, also those who wait for a lock when the signal comes", () =>
    Effect.gen(function*() {
      const place = yield* sqlite
      const { acknowledged, clients, service, statuses } = yield* busy(place, { STOP_WITHIN: "30 seconds" })
      const release = yield* locked(place)
      const before = acknowledged.length
      yield* service.kill("SIGTERM")
      yield* service.said(/Stopping/)
      yield* release
      yield* clients
      expect(yield* service.ended).toEqual({ code: 0, signal: null })
      expect(acknowledged.length).toBeGreaterThan(before)
      expect([...statuses]).toEqual([201])
      yield* assertKept(place, acknowledged)
      assertOrder(service)
    }))
})
