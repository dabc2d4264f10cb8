/**
 * Places in an SQL text as a person counts them, and the line around one.
 */
import { tokens } from "./lexer.js"
import type { SqlSyntax } from "./syntax.js"
import type { Token } from "./token.js"

/**
 * A place in a text. Lines and columns count from 1.
 *
 * @since 0.1.0
 * @category models
 */
export interface Place {
  readonly line: number
  /** In UTF-16 code units, as editors count. */
  readonly column: number
}

/** The place of the character with this index. */
export const placeAt = (text: string, index: number): Place => {
  let line = 1
  let start = 0
  for (let end = text.indexOf("\n"); end !== -1 && end < index; end = text.indexOf("\n", start)) {
    line++
    start = end + 1
  }
  return { line, column: index - start + 1 }
}

/** The most characters that are shown of a line. */
const widest = 100

/** How many of them stand before the place. */
const before = 60

/** The text between the quotes of a string, as stars; line ends stay. */
const masked = (written: string): string => {
  const open = /^(?:[a-z]|u&)?'|^\$[^$]*\$/i.exec(written)?.[0] ?? ""
  const close = open.endsWith("'") ? "'" : open
  const closed = written.length >= open.length + close.length && written.endsWith(close)
  const end = closed ? written.length - close.length : written.length
  return open + written.slice(open.length, end).replace(/[^\r\n]/g, "*") + written.slice(end)
}

/**
 * The text with every string in it masked, its length unchanged. A body in dollar quotes that the place is in is code: only
 * the strings inside of it are masked.
 */
const withoutStrings = (text: string, index: number, syntax: SqlSyntax): string => {
  let shown = ""
  let from = 0
  const show = ({ end, start }: Token, written: string) => {
    shown += text.slice(from, start) + written
    from = end
  }
  for (const token of tokens(text, syntax)) {
    if (token.kind !== "string") continue
    const written = text.slice(token.start, token.end)
    const tag = /^\$[^$]*\$/.exec(written)?.[0]
    if (tag === undefined || index < token.start + tag.length || index >= token.end) show(token, masked(written))
    else {
      const inside = token.start + tag.length
      show(token, tag + withoutStrings(text.slice(inside, token.end), index - inside, syntax))
    }
  }
  return shown + text.slice(from)
}

/**
 * The line that holds the character with this index, and a caret below that character. Strings are masked: what is secret in
 * a text stands in one. `firstLine`: the number of the text's first line.
 */
export const excerpt = (text: string, index: number, syntax: SqlSyntax, firstLine = 1): string => {
  const { column, line } = placeAt(text, index)
  const start = index - column + 1
  const end = text.indexOf("\n", start)
  const whole = withoutStrings(text, index, syntax).slice(start, end === -1 ? undefined : end).trimEnd()
  const from = column > before && whole.length > widest ? column - 1 - before : 0
  const shown = `${from > 0 ? "…" : ""}${whole.slice(from, from + widest)}${whole.length > from + widest ? "…" : ""}`
  const number = `${firstLine + line - 1} | `
  // Tabs stay, so that the caret stands where the character does.
  const pad = whole.slice(from, column - 1).replace(/[^\t]/g, " ").padEnd(column - 1 - from)
  return `${number}${shown}\n${" ".repeat(number.length - 2)}| ${from > 0 ? " " : ""}${pad}^`
}
