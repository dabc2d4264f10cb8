/**
 * An SQL text without its literals: what may be shown of a statement whose values are in its text.
 */
import { Lexer } from "./lexer.js"
import type { SqlSyntax } from "./syntax.js"

/** The text with `?` for every string and number, and a blank for every comment. */
export const redact = (text: string, syntax: SqlSyntax): string => {
  const lexer = new Lexer(text, syntax)
  let shown = ""
  let from = 0
  for (let token = lexer.next(); token !== undefined; token = lexer.next()) {
    const { end, kind, start } = token
    if (kind !== "comment" && kind !== "string" && kind !== "number") continue
    shown += text.slice(from, start) + (kind === "comment" ? " " : "?")
    from = end
  }
  return (shown + text.slice(from)).trim()
}
