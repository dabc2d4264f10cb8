/**
 * What a statement does, and to which table: for the names of spans.
 */
import type { Token } from "./token.js"

/** The first word, in capitals. */
export const operationOf = (statement: ReadonlyArray<Token> | undefined): string => {
  const first = statement?.find((token) => !token.isSign("("))
  return first?.kind === "word" ? first.text.toUpperCase() : ""
}

/** The words in front of the table's name, for each operation. */
const leading: Readonly<Record<string, string>> = {
  SELECT: "from",
  DELETE: "from",
  INSERT: "into",
  UPDATE: "update",
  CREATE: "table",
  ALTER: "table",
  DROP: "table"
}

const isName = (token: Token | undefined): token is Token => token?.kind === "word" || token?.kind === "name"

/** The table, as it is written; nothing where there may be more than one. */
export const tableOf = (text: string, operation: string, statement: ReadonlyArray<Token>): string | undefined => {
  const lead = leading[operation]
  if (lead === undefined) return undefined
  let selects = 0
  let froms = 0
  let at = -1
  for (let i = 0; i < statement.length; i++) {
    const token = statement[i]!
    if (token.kind !== "word") continue
    if (token.text === lead && at === -1) at = i + 1
    if (token.text === "select") selects++
    else if (token.text === "from") froms++
    else if (token.text === "join" || token.text === "union") return undefined
  }
  if (at === -1 || froms > 1 || selects > (operation === "SELECT" ? 1 : 0)) return undefined
  while (statement[at]?.isWord("only", "if", "not", "exists")) at++
  if (operation === "UPDATE" && statement[at]?.isWord("or")) at += 2
  const first = statement[at]
  if (!isName(first)) return undefined
  while (statement[at + 1]?.isSign(".") && isName(statement[at + 2])) at += 2
  const last = statement[at]!
  const alias = statement[at + 1]?.isWord("as") ? at + 3 : isName(statement[at + 1]) ? at + 2 : at + 1
  if (operation === "SELECT" && statement[at + 1]?.isSign("(")) return undefined
  return statement[alias]?.isSign(",") || statement[at + 1]?.isSign(",") ? undefined : text.slice(first.start, last.end)
}
