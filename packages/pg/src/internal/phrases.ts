/**
 * Phrases of PostgreSQL's SQL that say what a statement does beyond its answer, found in its tokens.
 */
import type { Token } from "effect-sql-engine/SqlText"

/** The tokens of one statement; it has at least one. */
export type Statement = ReadonlyArray<Token>

/** Whether a statement begins with these words. */
export const startsWith = (statement: Statement, ...words: ReadonlyArray<string>): boolean =>
  words.every((word, at) => statement[at]?.isWord(word))

/** Whether these words follow each other somewhere. */
export const holdsWords = (statement: Statement, ...words: ReadonlyArray<string>): boolean =>
  statement.some((_, from) => words.every((word, at) => statement[from + at]?.isWord(word)))

/** A word, or a name in quotes: what may be the name of a function or table. */
export const isName = (token: Token | undefined): token is Token => token?.kind === "word" || token?.kind === "name"

/** Whether this name stands somewhere. */
export const holdsName = (statement: Statement, name: string): boolean => names(statement, (found) => found === name)

const names = (statement: Statement, fits: (name: string) => boolean): boolean =>
  statement.some((token) => isName(token) && fits(token.text))

/** SET, but for its forms that end with the transaction. */
export const setsForSession = (statement: Statement): boolean => {
  const [, scope, next] = statement
  if (!startsWith(statement, "set")) return false
  // A setting may have one of these words for the first part of its own name.
  const isScope = scope?.isWord("local", "transaction", "constraints") && !next?.isSign(".") && !next?.isSign("=")
  return isScope !== true
}

/** PREPARE of a statement, which a two-phase commit is not. */
export const makesPrepared = (statement: Statement): boolean =>
  startsWith(statement, "prepare") && !startsWith(statement, "prepare", "transaction")

/** For how long `set_config` sets: `unknown` where its third argument is not plain. */
type ConfigScope = "transaction" | "session" | "unknown"

const configScopeAt = (statement: Statement, at: number): ConfigScope => {
  const open = statement[at + 1]
  if (open === undefined || !open.isSign("(")) return "unknown"
  const last: Array<Token> = []
  let commas = 0
  for (let i = at + 2; i < statement.length; i++) {
    const token = statement[i]!
    if (token.isSign(")") && token.depth === open.depth) {
      const [value] = last
      if (commas !== 2 || last.length !== 1) return "unknown"
      return value?.isWord("true") ? "transaction" : value?.isWord("false") ? "session" : "unknown"
    }
    if (token.isSign(",") && token.depth === open.depth + 1) {
      commas++
      last.length = 0
    } else last.push(token)
  }
  return "unknown"
}

/** Whether `set_config` is called, or named, so that what it sets has one of these scopes. */
export const configures = (statement: Statement, ...scopes: ReadonlyArray<ConfigScope>): boolean =>
  statement.some((token, at) =>
    isName(token) && token.text === "set_config" && scopes.includes(configScopeAt(statement, at))
  )

/** Whether anything temporary is made, or the schema of temporary objects is named. */
export const isTemporary = (statement: Statement): boolean =>
  names(statement, (name) => name.startsWith("pg_temp")) || statement.some((token, at) => {
    if (!token.isWord("temp", "temporary")) return false
    let before = at - 1
    while (statement[before]?.isWord("local", "global", "or", "replace")) before--
    return statement[before]?.isWord("create", "into") === true
  })

/** Whether a function is named that takes a lock, or opens a connection, for the session. */
export const locksOrLinks = (statement: Statement): boolean =>
  names(statement, (name) => /^(pg_(try_)?advisory_lock|dblink_connect)/.test(name))

/** The view turns an UPDATE into `set_config`. */
export const updatesSettings = (statement: Statement): boolean =>
  statement.some((token, at) => {
    if (!token.isWord("update")) return false
    let table = at + 1
    if (statement[table]?.isWord("only")) table++
    if (statement[table]?.text === "pg_catalog" && statement[table + 1]?.isSign(".")) table += 2
    return isName(statement[table]) && statement[table]!.text === "pg_settings"
  })

/** A name in escapes, `U&"…"`, may be any name: what it says is not read here. */
export const hasEscapedName = (statement: Statement, sql: string): boolean =>
  statement.some(({ kind, start }) => kind === "name" && sql[start] !== "\"")

/** Whether it asks for a read-only transaction. */
export const asksReadOnly = (statement: Statement): boolean =>
  holdsWords(statement, "read", "only") || names(statement, (name) => name.endsWith("transaction_read_only"))

/** COPY between the server and its client: the server takes either word for the client, whichever way the rows go. */
export const copiesWithClient = (statement: Statement): "FROM STDIN" | "TO STDOUT" | undefined => {
  if (!startsWith(statement, "copy")) return undefined
  const at = statement.findIndex((token) => token.depth === 0 && token.isWord("from", "to"))
  if (statement[at + 1]?.isWord("stdin", "stdout") !== true) return undefined
  return statement[at]!.isWord("from") ? "FROM STDIN" : "TO STDOUT"
}

/** What in it certainly outlives its transaction, by the name that users know. */
export const outlivesTransaction = (statement: Statement): string | undefined => {
  if (setsForSession(statement)) return "SET"
  if (startsWith(statement, "listen")) return "LISTEN"
  if (makesPrepared(statement)) return "PREPARE"
  if (startsWith(statement, "load")) return "LOAD"
  if (startsWith(statement, "declare") && holdsWords(statement, "with", "hold")) return "a cursor WITH HOLD"
  if (createsTemporaryTable(statement) && !holdsWords(statement, "on", "commit", "drop")) return "a temporary table"
  if (configures(statement, "session")) return "set_config for the session"
  const locks = startsWith(statement, "select") &&
    statement.some((token, at) =>
      isName(token) && /^pg_(try_)?advisory_lock(_shared)?$/.test(token.text) && statement[at + 1]?.isSign("(")
    )
  return locks ? "an advisory lock of the session" : undefined
}

const createsTemporaryTable = (statement: Statement): boolean => {
  const at = statement[1]?.isWord("local", "global") ? 2 : 1
  return startsWith(statement, "create") && statement[at]?.isWord("temp", "temporary") === true &&
    statement[at + 1]?.isWord("table") === true
}
