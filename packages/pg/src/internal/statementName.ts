/**
 * The name of a prepared statement: a digest of what its Parse message says.
 *
 * A name must never stand for another text. A pooler in transaction mode lends one connection of the server to many
 * clients, and names that each of them counts up would meet there: a `select` of one would run a `delete` of another.
 * With a digest, a statement that is found under a name is the one that was meant, whoever has prepared it.
 */
import { createHash } from "node:crypto"

/** A user's own PREPARE never meets it: written without quotes, no name in SQL has a colon. */
const prefix = "ese:"

/** Texts are few, and each is used on many connections. */
const remembered = new Map<string, string>()
const capacity = 2_000

/**
 * The name of a text, of 47 bytes; the server tells names apart by their first 63. Whatever else a Parse message comes to
 * hold, such as the types of parameters, belongs into the digest.
 */
export const statementName = (sql: string): string => {
  const known = remembered.get(sql)
  if (known !== undefined) return known
  const name = `${prefix}${createHash("sha256").update(sql).digest("base64url")}`
  if (remembered.size >= capacity) remembered.clear()
  remembered.set(sql, name)
  return name
}
