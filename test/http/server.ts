/**
 * An HTTP server of Node's for a test, and a client that knows what can go wrong on the way.
 */
import type { HttpApp, HttpServerRequest } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { Effect, type Scope } from "effect"
import { createServer, request as send } from "node:http"

/** What a client gets. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
  /** Whether the answer came to its end. */
  readonly whole: boolean
}

/** A server, for as long as the scope lasts. */
export interface Served {
  readonly get: (path: string, method?: string) => Effect.Effect<Answer>
  /** Sends a request; what comes back ends the connection, whatever has come back so far. */
  readonly leave: (path: string) => Effect.Effect<() => void>
}

type Middleware = (app: HttpApp.Default<any, any>) => HttpApp.Default<any, any>

/** Serves an app; `around` is given to the server as its middleware. */
export const serve = <E, R>(
  app: HttpApp.Default<E, R>,
  around?: Middleware
): Effect.Effect<Served, never, Exclude<R, HttpServerRequest.HttpServerRequest> | Scope.Scope> =>
  Effect.gen(function*() {
    const server = yield* Effect.orDie(NodeHttpServer.make(() => createServer(), { port: 0, host: "127.0.0.1" }))
    yield* around === undefined ? server.serve(app) : server.serve(app, around)
    const { address } = server
    const port = address._tag === "TcpAddress" ? address.port : 0
    const open = (path: string, method: string) => send({ host: "127.0.0.1", port, path, method, agent: false })
    return {
      get: (path, method = "GET") =>
        Effect.async<Answer>((resume) => {
          const outgoing = open(path, method)
          const none: Answer = { status: 0, headers: {}, body: "", whole: false }
          outgoing.on("error", () => resume(Effect.succeed(none)))
          outgoing.on("response", (incoming) => {
            let body = ""
            const answer = () => ({ status: incoming.statusCode!, headers: incoming.headers, body })
            incoming.setEncoding("utf8").on("data", (chunk) => (body += chunk))
            incoming.on("end", () => resume(Effect.succeed({ ...answer(), whole: true })))
            incoming.on("error", () => resume(Effect.succeed({ ...answer(), whole: false })))
          })
          outgoing.end()
          return Effect.sync(() => outgoing.destroy())
        }),
      leave: (path) =>
        Effect.sync(() => {
          const outgoing = open(path, "GET")
          outgoing.on("error", () => {})
          outgoing.on("response", (incoming) => incoming.on("error", () => {}).resume())
          outgoing.end()
          return () => void outgoing.destroy()
        })
    }
  }) as Effect.Effect<Served, never, Exclude<R, HttpServerRequest.HttpServerRequest> | Scope.Scope>
