/**
 * A connection as the engine sees it.
 */
import { Effect, type Stream } from "effect"
import type { Control, DriverConnection, Statement, TransactionStatus } from "effect-sql-engine/Driver"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { Channel } from "./channel.js"
import { cleanUp } from "./cleanUp.js"
import { control } from "./control.js"
import { cursorStream } from "./cursor.js"
import { Ending } from "./describedPipeline.js"
import { execute } from "./execute.js"
import { pipeline } from "./pipeline.js"
import { traits } from "./traits.js"

/** One physical connection. */
export class Connection extends Channel implements DriverConnection {
  get id(): string {
    return String(this.link.processId)
  }

  /** The id of the transaction that is open, or was last: known once it has written, when it is kept track of. */
  transactionId(): string | undefined {
    return this.currentTransaction
  }

  execute(statement: Statement): Effect.Effect<ReadonlyArray<any>, SqlFailure> {
    return execute(this, statement)
  }

  pipeline(statements: ReadonlyArray<Statement>): Effect.Effect<ReadonlyArray<ReadonlyArray<any>>, SqlFailure> {
    return pipeline(this, statements)
  }

  /** The id of a transaction, where it is asked for, has to be known before COMMIT is sent. */
  get batch(): DriverConnection["batch"] {
    return this.settings.trackTransactionId ? undefined : this.sendBatch
  }

  private sendBatch(statements: ReadonlyArray<Statement>, commit: string, onCommitted: () => void) {
    return pipeline(this, statements, new Ending(commit, onCommitted))
  }

  stream(statement: Statement): Stream.Stream<any, SqlFailure> {
    return cursorStream(this, statement)
  }

  control(kind: Control, sql: string): Effect.Effect<TransactionStatus, SqlFailure> {
    return control(this, kind, sql)
  }

  get reset(): Effect.Effect<void, SqlFailure> {
    return cleanUp(this)
  }

  /** What `onConnect` has set and loaded is the connection's own; a transaction it left open is not. */
  adopt(): void {
    this.dirt.clear()
    this.dirt.spoiled = false
  }

  get ping(): Effect.Effect<void, SqlFailure> {
    return Effect.suspend(() => {
      if (this.link.death !== undefined) return Effect.fail(this.dead())
      // A Sync alone: the server answers with its status, and parses nothing.
      return Effect.flatMap(
        this.run(this.exchange([], []), traits("")),
        (outcome) => outcome.lost === undefined ? Effect.void : Effect.fail(this.dead())
      )
    })
  }

  get close(): Effect.Effect<void> {
    return Effect.async((resume) => {
      this.link.close(() => resume(Effect.void))
      return Effect.sync(() => this.link.end("closed"))
    })
  }
}
