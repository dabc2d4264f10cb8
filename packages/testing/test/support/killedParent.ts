// A program that starts a server, says where it is, and never ends by itself.
import { Effect } from "effect"
import { PgServer } from "effect-sql-engine-testing"

Effect.runFork(Effect.scoped(Effect.gen(function*() {
  const server = yield* PgServer.start()
  process.stdout.write(`${JSON.stringify({ pid: server.pid(), folder: server.socketDirectory })}\n`)
  return yield* Effect.never
})))
