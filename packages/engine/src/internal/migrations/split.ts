/**
 * Cuts a text into its statements, as the database's own shell would: a semicolon ends one, unless it stands in a
 * string, a quoted name, a comment, a dollar quote, or in the body of a trigger or function.
 */
import type { Script } from "./words.js"

const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y
const wordAt = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y

const matchAt = (pattern: RegExp, text: string, at: number): string | undefined => {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

/** Behind the next `close` from `at` on, or the end. A doubled one stands for itself. */
const quoted = (text: string, at: number, close: string, escapes: boolean): number => {
  for (let i = at; i < text.length; i++) {
    if (escapes && text[i] === "\\") i++
    else if (text[i] === close) {
      if (text[i + 1] !== close || close === "]") return i + 1
      i++
    }
  }
  return text.length
}

const comment = (text: string, at: number, nested: boolean): number => {
  let depth = 1
  for (let i = at + 2; i < text.length; i++) {
    if (text.startsWith("*/", i)) {
      i++
      if (--depth === 0) return i + 1
    } else if (nested && text.startsWith("/*", i)) {
      i++
      depth++
    }
  }
  return text.length
}

const behind = (text: string, found: string, from: number): number => {
  const at = text.indexOf(found, from)
  return at === -1 ? text.length : at + found.length
}

/** Behind what begins here and holds no statement's end; `at`: nothing of the kind. `blank`: it says nothing. */
const skip = (text: string, at: number, script: Script): { readonly to: number; readonly blank: boolean } => {
  const char = text[at]!
  const solid = (to: number) => ({ to, blank: false })
  if (/\s|\uFEFF/.test(char)) return { to: at + 1, blank: true }
  if (text.startsWith("--", at)) return { to: behind(text, "\n", at), blank: true }
  if (text.startsWith("/*", at)) return { to: comment(text, at, script.nestedComments), blank: true }
  if (char === "'") {
    const escapes = script.escapeStrings && /[eE]/.test(text[at - 1] ?? "") && !/[\w$]/.test(text[at - 2] ?? "")
    return solid(quoted(text, at + 1, "'", escapes))
  }
  if (char === "\"") return solid(quoted(text, at + 1, "\"", false))
  if (script.bracketNames && char === "`") return solid(quoted(text, at + 1, "`", false))
  if (script.bracketNames && char === "[") return solid(quoted(text, at + 1, "]", false))
  if (script.dollarQuotes && char === "$" && !/[\w$]/.test(text[at - 1] ?? "")) {
    const tag = matchAt(dollarTag, text, at)
    if (tag !== undefined) return solid(behind(text, tag, at + tag.length))
  }
  return solid(at)
}

/** The statements of a text, without the blanks and comments before and the semicolon behind each. */
export const split = (text: string, script: Script): ReadonlyArray<string> => {
  const statements: Array<string> = []
  let start = -1
  let words: Array<string> = []
  let depth = 0
  const end = (at: number) => {
    if (start !== -1) statements.push(text.slice(start, at).trimEnd())
    start = -1
    words = []
    depth = 0
  }
  for (let at = 0; at < text.length;) {
    const { blank, to } = skip(text, at, script)
    if (!blank && start === -1 && text[at] !== ";") start = at
    if (to > at) {
      at = to
      continue
    }
    const word = matchAt(wordAt, text, at)
    if (word !== undefined) {
      at += word.length
      const lower = word.toLowerCase()
      words.push(lower)
      if (depth > 0) depth += lower === "begin" || lower === "case" ? 1 : lower === "end" ? -1 : 0
      else if ((lower === "begin" || lower === "atomic") && script.body.test(words.join(" "))) depth = 1
      continue
    }
    if (text[at] === ";" && depth === 0) end(at)
    at++
  }
  end(text.length)
  return statements
}

/** The first words of a statement, in lower case. */
export const firstWords = (statement: string): string => statement.slice(0, 60).toLowerCase().replace(/\s+/g, " ")
