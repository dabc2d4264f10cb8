/**
 * When prepared statements have to be prepared anew: what they return was fixed at their Parse, and the server refuses to
 * run one whose columns have changed since ("cached plan must not change result type"), which aborts the transaction.
 *
 * | seen | what is prepared is dropped |
 * | --- | --- |
 * | a command tag that may stand for a change of a table, a type, a view, …; in doubt every one | at once |
 * | a text that may change what a name stands for: `SET search_path`, `SET ROLE`, `SELECT … INTO`, … | at once |
 * | a reported setting has changed on which the meaning of a text depends | at once |
 * | ROLLBACK TO, or the end of a transaction, after one of the above in it | again: all or some of it is undone |
 * | the connection is made as new after one of the above | again |
 *
 * What a function changes that is called in a SELECT is not seen: the server's refusal is (`outcome.ts`).
 */
import type { Reported } from "./dirt.js"
import type { PreparedStatements } from "./preparedStatements.js"
import type { Traits } from "./traits.js"

/** Tags of statements after which every text returns what it did before, whatever stands behind these words. */
const harmless =
  /^(SELECT|INSERT|UPDATE|DELETE|MERGE|BEGIN|SAVEPOINT|RELEASE|SET|RESET|SHOW|FETCH|MOVE|COPY|EXPLAIN|DECLARE|CLOSE|LOCK|LISTEN|UNLISTEN|NOTIFY|START|PREPARE|DEALLOCATE|TRUNCATE|ANALYZE|VACUUM|CHECKPOINT)\b/

/** Keeps account of what was changed. */
export class Shapes {
  /** In the transaction that is open. */
  inTransaction = false
  /** Since the connection was made as new. */
  private changed = false
  private meanings: number

  constructor(private readonly parameters: Reported, private readonly statements: PreparedStatements) {
    this.meanings = parameters.meanings
  }

  /** The server has answered with these command tags. */
  answered(tags: ReadonlyArray<string>, about: Traits): void {
    let now = about.reshapes
    for (const tag of tags) {
      if (harmless.test(tag)) continue
      switch (tag) {
        case "COMMIT":
        case "ROLLBACK":
          now ||= this.inTransaction
          break
        case "DISCARD TEMP":
        case "DISCARD SEQUENCES":
          now ||= this.changed
          break
        default:
          now = true
      }
    }
    if (this.meanings !== this.parameters.meanings) {
      this.meanings = this.parameters.meanings
      now = true
    }
    if (!now) return
    this.inTransaction = true
    this.changed = true
    this.statements.dropAll()
  }

  /** The transaction that was open is over: SET LOCAL ends with it, and a COMMIT that was refused undoes everything. */
  transactionEnded(): void {
    if (!this.inTransaction) return
    this.inTransaction = false
    this.statements.dropAll()
  }

  /** The connection was made as new. */
  undone(): void {
    this.meanings = this.parameters.meanings
    if (!this.changed) return
    this.changed = false
    this.statements.dropAll()
  }
}
