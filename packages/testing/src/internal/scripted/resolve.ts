/**
 * What became of a transaction whose COMMIT was never answered, asked on a connection of its own.
 */
import { Duration, Effect, Exit } from "effect"
import type { DriverConnection } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import type { Outcome } from "../../Outcome.js"
import { failureOf, lostFailure } from "./dialect.js"
import type { Fate, Server } from "./server.js"

/** Asks the server after the last transaction of a connection; the step is `resolveCommit`. */
export const resolveCommit = (server: Server) => (connection: DriverConnection): Effect.Effect<Fate, SqlFailure> => {
  const counts = new Map()
  const told = server.peek("resolveCommit", connection.id, "write", counts)
  if (told._tag === "ThrowsOnCall") {
    server.take("resolveCommit", connection.id, "write", counts)
    throw told.error
  }
  return Effect.suspend(() =>
    answer(server, connection.id, server.take("resolveCommit", connection.id, "write", counts))
  )
}

const answer = (server: Server, connection: string, outcome: Outcome): Effect.Effect<Fate, SqlFailure> => {
  switch (outcome._tag) {
    case "Ok":
    case "Answer":
      return Effect.sync(() => server.fateOf(connection))
    case "Fail":
      return Exit.fail(failureOf(outcome.code, `The scripted server refused to say what became of a transaction.`))
    case "FailWith":
      return Exit.fail(outcome.failure)
    case "Hang":
    case "HangApplied":
      return Effect.never
    case "Slow":
      return Effect.flatMap(
        Effect.sleep(Duration.millis(outcome.millis)),
        () => answer(server, connection, outcome.then)
      )
    case "Throws":
    case "ThrowsOnCall":
      return Effect.suspend(() => {
        throw outcome.error
      })
    case "Dies":
      return Effect.die(outcome.defect)
    default:
      return Exit.fail(lostFailure("The link broke while a transaction was asked after.", "no"))
  }
}
