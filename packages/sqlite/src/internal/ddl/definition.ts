/**
 * What only the text of a CREATE TABLE tells: the names and expressions of checks, and whether a foreign key is deferred.
 */
import type { CheckShape, Deferrable } from "effect-sql-engine/Dialect"
import { tokens } from "effect-sql-engine/SqlText"
import type { Token } from "effect-sql-engine/SqlText"
import { syntax } from "../syntax.js"

/** A foreign key in the text. Names are in lower case: SQLite does not look at theirs. */
export interface WrittenKey {
  readonly name: string | undefined
  readonly columns: ReadonlyArray<string>
  readonly target: string
  readonly deferrable: Deferrable
}

export interface Definition {
  readonly checks: ReadonlyArray<CheckShape>
  readonly foreignKeys: ReadonlyArray<WrittenKey>
  /** Names of unique constraints of the table, by their columns. */
  readonly uniques: ReadonlyArray<{ readonly name: string; readonly columns: ReadonlyArray<string> }>
}

const is = (token: Token | undefined, ...words: ReadonlyArray<string>): boolean =>
  token !== undefined && (token.kind === "word" || token.kind === "sign") && words.includes(token.text)

/** The index of the parenthesis that closes the one at `from`. */
const closing = (all: ReadonlyArray<Token>, from: number): number => {
  let depth = 0
  for (let at = from; at < all.length; at++) {
    if (is(all[at], "(")) depth++
    if (is(all[at], ")") && --depth === 0) return at
  }
  return all.length
}

/** The parts between the outermost parentheses, cut at their commas. */
const parts = (all: ReadonlyArray<Token>): ReadonlyArray<ReadonlyArray<Token>> => {
  const open = all.findIndex((token) => is(token, "("))
  if (open < 0) return []
  const found: Array<Array<Token>> = [[]]
  const end = closing(all, open)
  for (let at = open + 1, depth = 0; at < end; at++) {
    const token = all[at]!
    if (is(token, "(")) depth++
    if (is(token, ")")) depth--
    if (depth === 0 && is(token, ",")) found.push([])
    else found[found.length - 1]!.push(token)
  }
  return found
}

/** A token as it is read again: a string as it was written, because it may be one of bytes. */
const written = ({ end, kind, start, text }: Token, sql: string): string =>
  kind === "name" ? `"${text.replaceAll("\"", "\"\"")}"` : kind === "string" ? sql.slice(start, end) : text

/** Text again, for a reader: blanks between words, none inside of `>=`. */
const textOf = (all: ReadonlyArray<Token>, sql: string): string =>
  all.reduce((text, token, at) => {
    const before = all[at - 1]
    const tight = before === undefined || is(before, "(", ".") || is(token, ")", "(", ",", ".") ||
      (is(before, "<", ">", "=", "!", "|") && is(token, "=", ">", "|"))
    return text + (tight ? "" : " ") + written(token, sql)
  }, "")

const listed = (all: ReadonlyArray<Token>): ReadonlyArray<string> =>
  all.filter((token) => !is(token, ",")).map(({ text }) => text.toLowerCase())

const deferral = (all: ReadonlyArray<Token>, from: number): Deferrable => {
  const at = all.findIndex((token, at) => at >= from && is(token, "deferrable"))
  if (at < 0 || is(all[at - 1], "not")) return "no"
  return is(all[at + 1], "initially") && is(all[at + 2], "deferred") ? "initially deferred" : "initially immediate"
}

/** Reads the text of a CREATE TABLE, whoever has written it. */
export const definitionOf = (sql: string): Definition => {
  const checks: Array<CheckShape> = []
  const foreignKeys: Array<WrittenKey> = []
  const uniques: Array<{ name: string; columns: ReadonlyArray<string> }> = []
  for (const part of parts(tokens(sql, syntax))) {
    let name: string | undefined
    let columns: ReadonlyArray<string> = part[0] === undefined ? [] : [part[0].text.toLowerCase()]
    for (let at = 0; at < part.length; at++) {
      const token = part[at]
      const end = is(part[at + 1], "(") ? closing(part, at + 1) : at
      if (is(token, "constraint")) name = part[++at]?.text
      else if (is(token, "check")) {
        checks.push({ name, expression: textOf(part.slice(at + 2, end), sql) })
        name = undefined
      } else if (is(token, "unique") && end > at) {
        if (name !== undefined) uniques.push({ name, columns: listed(part.slice(at + 2, end)) })
        name = undefined
      } else if (is(token, "key") && is(part[at - 1], "foreign")) columns = listed(part.slice(at + 2, end))
      else if (is(token, "references")) {
        const target = part[at + 1]?.text.toLowerCase() ?? ""
        foreignKeys.push({ name, columns, target, deferrable: deferral(part, at) })
        name = undefined
        at++
        continue
      }
      // What stands inside of parentheses is no constraint.
      at = Math.max(at, is(token, "constraint") ? at : end)
    }
  }
  return { checks, foreignKeys, uniques }
}
