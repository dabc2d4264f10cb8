/**
 * A vitest global setup: one throwaway PostgreSQL server for a whole run, started by the first test file that asks.
 *
 * Test files run in other processes, so this one keeps the server and answers over a loopback port: `server` with the
 * server's URL, `drop NAME` with the same, and the database of that name is dropped when the run is over. A run that
 * needs no server starts none.
 */
import { Effect, Exit, Redacted, Scope } from "effect"
import { PgServer } from "effect-sql-engine-testing"
import * as net from "node:net"
import { Client } from "pg"
import type { TestProject } from "vitest/node"

declare module "vitest" {
  export interface ProvidedContext {
    /** The port on which the broker answers with the server's URL. */
    readonly postgresBroker: number
  }
}

const drop = async (server: string, databases: ReadonlyArray<string>): Promise<void> => {
  const client = new Client({ connectionString: server })
  await client.connect()
  for (const name of databases) await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
  await client.end()
}

export default async (project: TestProject): Promise<() => Promise<void>> => {
  const scope = Effect.runSync(Scope.make())
  const url = Effect.runSync(Effect.cached(Scope.extend(PgServer.url(), scope)))
  const databases: Array<string> = []
  const broker = net.createServer({ allowHalfOpen: true }, (socket) => {
    let question = ""
    socket.on("error", () => socket.destroy())
    socket.on("data", (chunk) => (question += chunk))
    socket.on("end", () => {
      if (question.startsWith("drop ")) databases.push(question.slice("drop ".length))
      Effect.runCallback(url, {
        onExit: (exit) => {
          const answer = Exit.isSuccess(exit) ? { url: Redacted.value(exit.value) } : { failure: String(exit.cause) }
          socket.end(JSON.stringify(answer))
        }
      })
    })
  })
  await new Promise<void>((resolve) => broker.listen(0, "127.0.0.1", resolve))
  project.provide("postgresBroker", (broker.address() as net.AddressInfo).port)
  return async () => {
    await new Promise((resolve) => broker.close(resolve))
    // The server may be one that outlives the run.
    if (databases.length > 0) await drop(Redacted.value(await Effect.runPromise(url)), databases)
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
}
