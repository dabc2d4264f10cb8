/**
 * Whether a statement may change what other texts return: the columns of a table, or what a name stands for. In doubt it may.
 */
import type { Token } from "effect-sql-engine/SqlText"
import { hasEscapedName, holdsName, isName, startsWith, type Statement } from "./phrases.js"

/** What changes no table, type or name. Of those that end a transaction the command tags tell what they undo. */
const keepsShapes: ReadonlySet<string> = new Set(
  ("select insert update delete merge with values table set reset show fetch move copy explain execute declare close lock " +
    "listen unlisten notify begin start commit end rollback abort savepoint release prepare truncate analyze vacuum checkpoint")
    .split(" ")
)

/** Settings on which depends what a name stands for, or how a literal is read. */
const meaningful: ReadonlySet<string> = new Set(
  "search_path schema role session_authorization standard_conforming_strings all".split(" ")
)

const isMeaningful = (token: Token | undefined): boolean => isName(token) && meaningful.has(token.text.toLowerCase())

/** SET or RESET of such a setting. */
const setsMeaning = (statement: Statement): boolean => {
  if (!startsWith(statement, "set") && !startsWith(statement, "reset")) return false
  if (startsWith(statement, "set", "session", "authorization")) return true
  if (startsWith(statement, "reset", "session", "authorization")) return true
  const scoped = statement[1]?.isWord("session", "local") === true
  return isMeaningful(statement[1]) ||
    (scoped && (isMeaningful(statement[2]) || statement[2]?.isWord("session") === true))
}

/** `set_config` of such a setting, or of one whose name is no plain literal. */
const configuresMeaning = (statement: Statement, sql: string): boolean =>
  statement.some((token, at) => {
    if (!isName(token) || token.text.toLowerCase() !== "set_config") return false
    const [open, name, comma] = statement.slice(at + 1, at + 4)
    const plain = open?.isSign("(") === true && name?.kind === "string" && sql[name.start] === "'" &&
      comma?.isSign(",") === true
    return !plain || meaningful.has(name.text.toLowerCase())
  })

/** SELECT INTO makes a table, whose name may hide another one. */
const selectsInto = (statement: Statement): boolean =>
  statement.some((token, at) => token.isWord("into") && statement[at - 1]?.isWord("insert", "merge") !== true)

/** Whether it may. */
export const reshapes = (statement: Statement, sql: string): boolean => {
  const first = statement.find((token) => !token.isSign("("))
  return first?.kind !== "word" || !keepsShapes.has(first.text) || setsMeaning(statement) ||
    (first.isWord("select", "with") && selectsInto(statement)) || configuresMeaning(statement, sql) ||
    holdsName(statement, "pg_settings") || hasEscapedName(statement, sql)
}
