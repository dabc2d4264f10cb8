/**
 * The life of connections and sessions as lines of a log.
 */
import { Effect, LogLevel, Runtime } from "effect"
import type { LifecycleEvent, Sight } from "./sight.js"

/** What a line says, and its facts; nothing where the engine itself has logged it. */
const told = (event: LifecycleEvent): readonly [string, Readonly<Record<string, unknown>>] | undefined => {
  switch (event._tag) {
    case "Connected":
      return ["connect", { connection: event.connection, durationMillis: event.millis, outcome: "success" }]
    case "ConnectFailed":
      return ["connect", { durationMillis: event.millis, outcome: "failure", failure: event.failure._tag }]
    case "Acquired":
      return ["acquire", {
        connection: event.connection,
        session: event.session,
        durationMillis: event.waitedMillis,
        outcome: "success"
      }]
    case "Refused":
      return ["acquire", { session: event.session, outcome: "failure", failure: event.failure._tag }]
    case "Released":
      return ["release", {
        connection: event.connection,
        session: event.session,
        durationMillis: event.heldMillis,
        outcome: "success"
      }]
    case "Destroyed":
      return ["close", { connection: event.connection, outcome: event.reason, failure: event.failure?._tag }]
    case "Retired":
      return ["retire", { generation: event.generation, outcome: event.reason }]
    case "SessionBegan":
      return ["begin", {
        session: event.session,
        connection: event.connection,
        durationMillis: event.millis,
        outcome: "success"
      }]
    case "SessionCommitted":
      return ["commit", { session: event.session, durationMillis: event.millis, outcome: "success" }]
    case "SessionRolledBack":
      return ["rollback", {
        session: event.session,
        durationMillis: event.millis,
        outcome: "success",
        failure: event.failure?._tag
      }]
    case "SessionUnknown":
      return ["commit", {
        session: event.session,
        durationMillis: event.millis,
        outcome: "unknown",
        failure: event.failure._tag
      }]
    case "SessionRetried":
      return ["retry", { session: event.session, attempts: event.attempts, failure: event.failure._tag }]
    case "CleanUpFailed":
      return ["clean up", { session: event.session, outcome: "failure", failure: event.failure._tag }]
    case "Drained":
      return ["dispose", {
        durationMillis: event.millis,
        outcome: event.cancelled.length === 0 ? "success" : "cancelled",
        cancelled: event.cancelled.length === 0 ? undefined : event.cancelled
      }]
    case "LeakSuspected":
    case "LeakReturned":
      return undefined
  }
}

/** Logs what happens in an engine to its end. Who listens here is told at once, so nothing is lost and the order is kept. */
export const logLifecycle = (
  engine: string,
  sight: Sight,
  level: LogLevel.Literal,
  runtime: Runtime.Runtime<never>
): void => {
  const run = Runtime.runFork(runtime)
  sight.listen({
    tell: (event) => {
      const line = told(event)
      if (line === undefined) return
      const facts = Object.fromEntries(Object.entries(line[1]).filter(([, fact]) => fact !== undefined))
      run(Effect.annotateLogs(Effect.logWithLevel(LogLevel.fromLiteral(level), line[0]), { engine, ...facts }))
    }
  })
}
