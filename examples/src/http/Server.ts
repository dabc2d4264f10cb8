/**
 * An HTTP server of Node's that stops gracefully.
 *
 * | when it is told to stop | |
 * | --- | --- |
 * | at once | no new connection; idle ones are closed |
 * | up to STOP_WITHIN | requests under way are answered, each as the last one of its connection |
 * | then | the rest are cut off: their sessions are rolled back |
 * | at last | the layers it stands on end: nobody uses the engine any more |
 */
import type { HttpApp } from "@effect/platform"
import { HttpServer } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { Config, Duration, Effect, Layer } from "effect"
import type { Server, ServerResponse } from "node:http"
import { createServer } from "node:http"

/** Serves an app on PORT (3000 where it is not set) for as long as the layer lasts. */
export const serve = <E, R>(app: HttpApp.Default<E, R>) =>
  Layer.unwrapEffect(Effect.gen(function*() {
    const port = yield* Config.withDefault(Config.integer("PORT"), 3000)
    const limit = yield* Config.withDefault(Config.duration("STOP_WITHIN"), Duration.seconds(10))
    const server = createServer()
    // Built last, and so the first to end: the app still answers while its last requests come to their end.
    return Layer.scopedDiscard(stopGracefully(server, limit)).pipe(
      Layer.provide(HttpServer.withLogAddress(HttpServer.serve(app))),
      Layer.provide(NodeHttpServer.layer(() => server, { port }))
    )
  }))

const stopGracefully = (server: Server, limit: Duration.Duration) => {
  const underWay = new Set<ServerResponse>()
  server.prependListener("request", (_, response: ServerResponse) => {
    underWay.add(response)
    response.once("close", () => underWay.delete(response))
    // A connection that was kept open brings one more request after the end has begun: it is the last.
    if (!server.listening) response.shouldKeepAlive = false
  })
  const closed = Effect.async<void>((resume) => {
    for (const response of underWay) response.shouldKeepAlive = false
    server.close(() => resume(Effect.void))
  })
  return Effect.addFinalizer(() =>
    Effect.log(`Stopping; requests under way have ${Duration.format(limit)}`).pipe(
      Effect.zipRight(Effect.interruptible(closed)),
      Effect.timeoutOption(limit),
      Effect.zipRight(Effect.sync(() => server.closeAllConnections()))
    )
  )
}
