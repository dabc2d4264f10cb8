/**
 * A vitest global setup: one throwaway PostgreSQL server for a whole run, started by the first test file that asks.
 *
 * Test files run in processes of their own, so this one keeps the server and tells its address over a loopback port. A
 * run that needs no server starts none.
 */
import { Effect, Exit, Redacted, Scope } from "effect"
import { PgServer } from "effect-sql-engine-testing"
import * as net from "node:net"
import type { TestProject } from "vitest/node"

declare module "vitest" {
  export interface ProvidedContext {
    /** The port on which the broker answers with the server's URL. */
    readonly postgresBroker: number
  }
}

export default async (project: TestProject): Promise<() => Promise<void>> => {
  const scope = Effect.runSync(Scope.make())
  const url = Effect.runSync(Effect.cached(Scope.extend(PgServer.url(), scope)))
  const broker = net.createServer((socket) => {
    socket.on("error", () => socket.destroy())
    Effect.runCallback(url, {
      onExit: (exit) => {
        const answer = Exit.isSuccess(exit) ? { url: Redacted.value(exit.value) } : { failure: String(exit.cause) }
        socket.end(JSON.stringify(answer))
      }
    })
  })
  await new Promise<void>((resolve) => broker.listen(0, "127.0.0.1", resolve))
  project.provide("postgresBroker", (broker.address() as net.AddressInfo).port)
  return async () => {
    await new Promise((resolve) => broker.close(resolve))
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
}
