/**
 * Whether a statement outside of any session may run on a read-only connection. In doubt it may not: the writer can do
 * everything a reader can, only one at a time.
 */
import type { Statements, Token } from "effect-sql-engine/SqlText"

/** Words that answer for the connection they run on, or that change something from inside a SELECT. */
const bound: ReadonlySet<string> = new Set([
  "last_insert_rowid",
  "changes",
  "total_changes",
  "sqlite_temp_schema",
  "sqlite_temp_master",
  "load_extension",
  "fts3_tokenizer",
  // The FTS3 function of this name merges segments of its index: a SELECT that writes.
  "optimize"
])

const verbs: ReadonlySet<string> = new Set(["select", "values", "insert", "update", "delete", "replace"])
const reads: ReadonlySet<string> = new Set(["select", "values"])

const isBound = (token: Token, next: Token | undefined): boolean => {
  if (token.kind !== "word" && token.kind !== "name" && token.kind !== "string") return false
  const text = token.text.toLowerCase()
  // `pragma_…` tables show the settings of the connection that is asked.
  return bound.has(text) || text.startsWith("pragma_") || (text === "temp" && next?.text === ".")
}

/** The word a statement acts by: the first verb outside of parentheses, past `EXPLAIN` and the tables of a `WITH`. */
const verb = (all: ReadonlyArray<Token>): string | undefined => {
  const words = all.map((token) => token.kind === "word" ? token.text : undefined)
  let at = 0
  if (words[at] === "explain") at += words[at + 1] === "query" && words[at + 2] === "plan" ? 3 : 1
  if (words[at] !== "with") return words[at]
  return all.find(({ depth, kind, text }) => depth === 0 && kind === "word" && verbs.has(text))?.text
}

/** Whether a text is one statement that only reads, and answers the same on every connection. */
export const isRead = ([all, ...others]: Statements): boolean => {
  // SQLite takes a NUL for the end of the text.
  if (all === undefined || others.length > 0 || all.some((token) => token.isSign("\0"))) return false
  return reads.has(verb(all) ?? "") && !all.some((token, at) => isBound(token, all[at + 1]))
}
