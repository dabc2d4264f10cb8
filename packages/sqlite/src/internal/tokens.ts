/**
 * SQL text cut into tokens the way SQLite's own tokenizer does it: as much of the language as is needed to see what a
 * statement is, never what it means.
 */

/** A piece of SQL. Blanks and comments are left out; `text` of a name is unquoted, that of a word is in lower case. */
export interface Token {
  readonly kind: "word" | "name" | "string" | "sign"
  readonly text: string
}

// A byte order mark is a blank to SQLite; other Unicode blanks are letters.
const pattern = new RegExp(
  [
    "(?<blank>[ \\t\\n\\f\\r\\uFEFF]+|--[^\\n]*|/\\*[^]*?(?:\\*/|$))",
    "(?<string>'(?:[^']|'')*'?)",
    "(?<name>\"(?:[^\"]|\"\")*\"?|`(?:[^`]|``)*`?|\\[[^\\]]*\\]?)",
    "(?<word>[A-Za-z_\\u0080-\\uFFFF][\\w$\\u0080-\\uFFFF]*)",
    "(?<sign>\\d[\\w.]*|[^])"
  ].join("|"),
  "g"
)

const unquote = (quoted: string): string => {
  const close = quoted[0] === "[" ? "]" : quoted[0]!
  const end = quoted.length > 1 && quoted.endsWith(close) ? -1 : undefined
  const inside = quoted.slice(1, end)
  return close === "]" ? inside : inside.replaceAll(close + close, close)
}

/** The tokens of a text, in order. Never fails: what SQLite would refuse comes out as signs. */
export function* tokens(sql: string): Generator<Token> {
  for (const match of sql.matchAll(pattern)) {
    const { blank, name, string, word } = match.groups!
    if (blank !== undefined) continue
    if (word !== undefined) yield { kind: "word", text: word.toLowerCase() }
    else if (name !== undefined) yield { kind: "name", text: unquote(name) }
    else if (string !== undefined) yield { kind: "string", text: unquote(string) }
    else yield { kind: "sign", text: match[0] }
  }
}
