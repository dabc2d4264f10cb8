/**
 * A connection of its own for the statements of one migration, outside of any session.
 */
import { Effect } from "effect"
import type { EngineService } from "../../Engine.js"
import { refine } from "../../SqlFailure.js"
import type { EngineConnection } from "../client.js"
import type { Run } from "../mutex/model.js"

/** Runs a text on the connection. */
export type Send = (text: string) => ReturnType<Run>

/** Whether the connection is in a transaction that its statements began. */
export type InTransaction = () => boolean

/** Lends a connection to a body; whatever the body leaves on it is taken back with it. */
export const reserved = <A, E, R>(
  engine: EngineService,
  body: (send: Send, run: Run, inTransaction: InTransaction) => Effect.Effect<A, E, R>
) =>
  refine(Effect.scoped(Effect.flatMap(engine.sql.reserve, (connection) => {
    const send: Send = (text) => connection.executeUnprepared(text, [], undefined)
    const run: Run = (statement) => {
      const [text, params] = statement.compile(true)
      return connection.executeUnprepared(text, params, undefined)
    }
    return body(send, run, () => (connection as EngineConnection).transaction() !== "none")
  })))
