/**
 * The words of an SQL text, as far as telling tables from other things needs them.
 */

/** A word is in lower case; a quoted name is as it was written. */
export interface Token {
  readonly kind: "word" | "name" | "string" | "sign"
  readonly text: string
}

const pattern = new RegExp(
  [
    "\\s+",
    "--[^\\n]*",
    "/\\*(?:[^*]|\\*(?!/))*\\*/",
    // A text in dollars ends with the same dollars it began with.
    "(\\$(?:[A-Za-z_]\\w*)?\\$)[\\s\\S]*?\\1",
    "(?:[eE]'(?:[^'\\\\]|''|\\\\[\\s\\S])*')",
    "(?:[bBxXnN]?'(?:[^']|'')*')",
    "\"(?:[^\"]|\"\")*\"",
    "`(?:[^`]|``)*`",
    "\\$\\d+",
    "\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?",
    "[A-Za-z_\\u0080-\\uffff][\\w$\\u0080-\\uffff]*",
    "[\\s\\S]"
  ].join("|"),
  "g"
)

/** Cuts a text into its words, names, texts and signs; spaces, comments and numbers are left out. */
export const tokens = (sql: string): ReadonlyArray<Token> => {
  const found: Array<Token> = []
  for (const [text] of sql.matchAll(pattern)) {
    const first = text[0]!
    if (/^(?:\s|--|\/\*|\d)/.test(text) || /^\$\d/.test(text)) continue
    if (text.length > 1 && (first === "\"" || first === "`")) {
      found.push({ kind: "name", text: text.slice(1, -1).replaceAll(first + first, first) })
    } else if (text.length > 1 && /^(?:[a-z]?'|\$)/i.test(text)) {
      found.push({ kind: "string", text: text.replace(/^[a-z]?'|'$/gi, "") })
    } else if (/^[A-Za-z_\u0080-\uffff]/.test(text)) found.push({ kind: "word", text: text.toLowerCase() })
    else found.push({ kind: "sign", text })
  }
  return found
}
