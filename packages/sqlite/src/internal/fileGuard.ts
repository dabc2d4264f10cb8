/**
 * Keeps a connection from working on a file that no new connection would open: nothing is begun in it, and nothing is
 * committed to it. A transaction that is only reading goes on with the snapshot it has.
 */
import { ConnectionError } from "effect-sql-engine/SqlFailure"
import type { Origin } from "./failure.js"
import type { Handle } from "./handle.js"
import type { WatchedFile } from "./watchedFile.js"

/** Another file stands at the path of the database than the one that is open here. */
export class Superseded extends Error {}

/** Words that end a transaction which was begun by hand. */
const commits = /^[\s;]*(?:commit|end)\b/i

export class FileGuard {
  constructor(readonly watched: WatchedFile, readonly handle: Handle, readonly origin: Origin) {}

  /**
   * To be called before a statement, and again before each new attempt: a lock may have been waited for since. Throws
   * `Superseded`.
   */
  beforeStatement(sql: string): void {
    if (!this.handle.db.inTransaction || commits.test(sql)) this.beforeCommit()
  }

  /** To be called before COMMIT. A file that is replaced between this look and its end takes the transaction along. */
  beforeCommit(): void {
    const { db, generation, isReadOnlyTransaction, readOnly } = this.handle
    if (db.inTransaction && (readOnly || isReadOnlyTransaction)) return
    if (this.watched.glance() !== generation) throw new Superseded()
  }

  /** What a statement fails with that is not sent for this reason. */
  failure(sql: string | undefined): ConnectionError {
    const { engine, file } = this.origin
    const gone = `${file} was replaced, moved or removed while`
    return new ConnectionError({
      engine,
      statement: sql,
      sent: "no",
      retryable: true,
      message: this.handle.db.inTransaction
        ? `${gone} a transaction was open on it. COMMIT was not sent, because it would change a file that is not opened ` +
          "any more: the transaction is rolled back. Run it again."
        : `${gone} it was open. Nothing was sent to the old file. Run the work again: a new connection opens the file ` +
          "that stands there now."
    })
  }
}
