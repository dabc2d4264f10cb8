/**
 * The statements that begin and end transactions and savepoints.
 */
import type { Token } from "./token.js"

/**
 * What a statement does to the transaction it runs in. `prepare`: the first half of a two-phase commit.
 *
 * @since 0.1.0
 * @category models
 */
export type TransactionControl =
  | "begin"
  | "commit"
  | "rollback"
  | "prepare"
  | "savepoint"
  | "rollbackTo"
  | "release"

/** What this statement does, if anything. */
export const controlOf = (statement: ReadonlyArray<Token>): TransactionControl | undefined => {
  const [first, second, third, fourth] = statement
  if (first?.kind !== "word") return undefined
  switch (first.text) {
    case "begin":
    case "savepoint":
    case "release":
      return first.text
    case "start":
      return second?.isWord("transaction") ? "begin" : undefined
    case "commit":
    case "end":
      return "commit"
    case "abort":
      return "rollback"
    case "prepare":
      return second?.isWord("transaction") ? "prepare" : undefined
    case "rollback":
      if (second?.isWord("to")) return "rollbackTo"
      if (!second?.isWord("work", "transaction")) return "rollback"
      // SQLite takes a name behind TRANSACTION, and does nothing with it.
      return third?.isWord("to") || (third !== undefined && fourth?.isWord("to")) ? "rollbackTo" : "rollback"
    default:
      return undefined
  }
}
