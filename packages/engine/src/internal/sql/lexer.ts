/**
 * Cuts an SQL text into tokens as the server's own lexer does: in one pass, in linear time, and without failing. What the
 * server would refuse comes out as signs.
 *
 * Sources: `src/backend/parser/scan.l` of PostgreSQL, `src/tokenize.c` of SQLite.
 */
import type { SqlSyntax } from "./syntax.js"
import { Token } from "./token.js"
import type { TokenKind } from "./token.js"

const code = (char: string): number => char.charCodeAt(0)

const quote = code("'")
const doubleQuote = code("\"")
const backslash = code("\\")
const dash = code("-")
const slash = code("/")
const star = code("*")
const dollar = code("$")
const dot = code(".")
const underscore = code("_")

const isDigit = (c: number): boolean => c >= 48 && c <= 57
/** A letter, an underscore, or anything outside of ASCII. */
const startsWord = (c: number): boolean => (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === underscore || c >= 128
const continuesWord = (c: number): boolean => startsWord(c) || isDigit(c) || c === dollar

/** As the servers fold names: only the letters of ASCII. */
const lower = (word: string): string =>
  // eslint-disable-next-line no-control-regex
  /^[\x00-\x7f]*$/.test(word) ? word.toLowerCase() : word.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())

/** Reads one text from its beginning to its end. */
export class Lexer {
  private at = 0
  private depth = 0

  constructor(private readonly text: string, private readonly syntax: SqlSyntax) {}

  /** The next token, comments among them; nothing at the end. */
  next(): Token | undefined {
    const { syntax: { blanks, nameQuotes, nestedComments, parameters }, text } = this
    while (this.at < text.length && blanks.includes(text[this.at]!)) this.at++
    const start = this.at
    if (start >= text.length) return undefined
    const first = text.charCodeAt(start)
    const second = start + 1 < text.length ? text.charCodeAt(start + 1) : 0
    if (startsWord(first)) return this.prefixed(start, first, second) ?? this.word(start)
    if (isDigit(first) || (first === dot && isDigit(second))) return this.number(start)
    switch (first) {
      case quote:
        return this.string(start, start + 1, false, true)
      case doubleQuote:
        return this.name(start, start + 1, "\"")
      case dash:
        if (second === dash) return this.token("comment", start, this.lineEnd(start))
        break
      case slash:
        if (second === star) return this.token("comment", start, nestedComments ? this.nested(start) : this.flat(start))
    }
    const char = text[start]!
    if (nameQuotes.includes(char)) return this.name(start, start + 1, char === "[" ? "]" : char)
    return (parameters === "named" ? this.namedParameter(start, char) : this.dollar(start, first, second)) ??
      this.sign(start, char)
  }

  private token(kind: TokenKind, start: number, end: number, text = this.text.slice(start, end)): Token {
    this.at = end
    return new Token(kind, text, start, end, this.depth)
  }

  private sign(start: number, char: string): Token {
    if (char === ")" && this.depth > 0) this.depth--
    const sign = this.token("sign", start, start + 1, char)
    if (char === "(") this.depth++
    return sign
  }

  private wordEnd(from: number): number {
    let at = from
    while (at < this.text.length && continuesWord(this.text.charCodeAt(at))) at++
    return at
  }

  private word(start: number): Token {
    const end = this.wordEnd(start + 1)
    return this.token("word", start, end, lower(this.text.slice(start, end)))
  }

  /** A string or name whose quote stands behind a letter. */
  private prefixed(start: number, first: number, second: number): Token | undefined {
    if (first >= 128 || (second !== quote && second !== 38)) return undefined
    const prefix = String.fromCharCode(first | 32)
    if (!this.syntax.stringPrefixes.includes(prefix)) return undefined
    if (prefix !== "u") {
      return second === quote
        ? this.string(start, start + 2, prefix === "e", prefix !== "b" && prefix !== "x")
        : undefined
    }
    if (second === quote) return undefined
    const third = this.text[start + 2]
    return third === "'"
      ? this.string(start, start + 3, false, true)
      : third === "\""
      ? this.name(start, start + 3, "\"")
      : undefined
  }

  private string(start: number, inside: number, escapes: boolean, doubles: boolean): Token {
    let { close, end } = this.quoted(inside, escapes, doubles)
    if (this.syntax.continuedStrings) {
      for (let next = this.continued(end); next !== undefined; next = this.continued(end)) {
        ;({ close, end } = this.quoted(next, escapes, doubles))
      }
    }
    return this.token("string", start, end, this.text.slice(inside, close).replaceAll("''", "'"))
  }

  /** Where the string whose first character is at `from` has its closing quote, and where it ends. */
  private quoted(from: number, escapes: boolean, doubles: boolean): { readonly close: number; readonly end: number } {
    const { text } = this
    for (let at = from; at < text.length; at++) {
      if (!escapes) {
        at = text.indexOf("'", at)
        if (at === -1) break
      } else if (text.charCodeAt(at) === backslash) {
        at++
        continue
      } else if (text.charCodeAt(at) !== quote) continue
      if (!doubles || text.charCodeAt(at + 1) !== quote) return { close: at, end: at + 1 }
      at++
    }
    return { close: text.length, end: text.length }
  }

  /** Where a string that was closed goes on: behind a quote on a later line, with nothing but comments of lines between. */
  private continued(from: number): number | undefined {
    const { syntax: { blanks, lineEnds }, text } = this
    let newLine = false
    let at = from
    while (at < text.length) {
      const char = text[at]!
      if (blanks.includes(char)) {
        newLine ||= lineEnds.includes(char)
        at++
      } else if (char === "-" && text[at + 1] === "-") at = this.lineEnd(at)
      else return newLine && char === "'" ? at + 1 : undefined
    }
    return undefined
  }

  /** A name in quotes; a doubled quote stands for itself, but for a bracket. */
  private name(start: number, inside: number, close: string): Token {
    const { text } = this
    let at = text.indexOf(close, inside)
    if (close !== "]") { while (at !== -1 && text[at + 1] === close) at = text.indexOf(close, at + 2) }
    const written = text.slice(inside, at === -1 ? undefined : at)
    return this.token(
      "name",
      start,
      at === -1 ? text.length : at + 1,
      close === "]" ? written : written.replaceAll(close + close, close)
    )
  }

  private number(start: number): Token {
    const { text } = this
    const hexadecimal = text[start] === "0" && (text[start + 1] === "x" || text[start + 1] === "X")
    let at = start
    for (; at < text.length; at++) {
      const c = text.charCodeAt(at)
      if (c === dot || (c < 128 && c !== dollar && continuesWord(c))) continue
      const exponent = !hexadecimal && (text[at - 1] === "e" || text[at - 1] === "E")
      if (!exponent || (c !== dash && text[at] !== "+") || !isDigit(text.charCodeAt(at + 1))) break
    }
    return this.token("number", start, at)
  }

  private lineEnd(from: number): number {
    const { syntax: { lineEnds }, text } = this
    let at = from
    while (at < text.length && !lineEnds.includes(text[at]!)) at++
    return at
  }

  private flat(start: number): number {
    const close = this.text.indexOf("*/", start + 2)
    return close === -1 ? this.text.length : close + 2
  }

  private nested(start: number): number {
    const { text } = this
    let open = 1
    for (let at = start + 2; at < text.length; at++) {
      const c = text.charCodeAt(at)
      if (c === star && text.charCodeAt(at + 1) === slash) {
        at++
        if (--open === 0) return at + 1
      } else if (c === slash && text.charCodeAt(at + 1) === star) {
        at++
        open++
      }
    }
    return text.length
  }

  /** `$1`, or a string in dollars. */
  private dollar(start: number, first: number, second: number): Token | undefined {
    if (first !== dollar) return undefined
    const { syntax: { dollarQuotes }, text } = this
    if (isDigit(second)) {
      let end = start + 2
      while (end < text.length && isDigit(text.charCodeAt(end))) end++
      return this.token("parameter", start, end)
    }
    if (!dollarQuotes) return undefined
    let open = start + 1
    if (startsWord(second)) {
      while (open < text.length && text.charCodeAt(open) !== dollar && continuesWord(text.charCodeAt(open))) open++
    }
    if (text.charCodeAt(open) !== dollar) return undefined
    const tag = text.slice(start, open + 1)
    const close = text.indexOf(tag, open + 1)
    return close === -1
      ? this.token("string", start, text.length, text.slice(open + 1))
      : this.token("string", start, close + tag.length, text.slice(open + 1, close))
  }

  private namedParameter(start: number, char: string): Token | undefined {
    const { text } = this
    if (char === "?") {
      let end = start + 1
      while (end < text.length && isDigit(text.charCodeAt(end))) end++
      return this.token("parameter", start, end)
    }
    if (!"$:@#".includes(char)) return undefined
    let end = start + 1
    let named = false
    for (;;) {
      const next = this.wordEnd(end)
      named ||= next > end
      end = next
      if (text[end] !== ":" || text[end + 1] !== ":") break
      end += 2
    }
    // What Tcl has in parentheses behind a name, without a blank.
    if (named && text[end] === "(") {
      let close = end + 1
      while (close < text.length && text[close] !== ")" && !this.syntax.blanks.includes(text[close]!)) close++
      end = text[close] === ")" ? close + 1 : close
    }
    return named ? this.token("parameter", start, end) : undefined
  }
}

/** The tokens of a text, in order, comments left out. */
export const tokens = (text: string, syntax: SqlSyntax): ReadonlyArray<Token> => {
  const lexer = new Lexer(text, syntax)
  const all: Array<Token> = []
  for (let token = lexer.next(); token !== undefined; token = lexer.next()) {
    if (token.kind !== "comment") all.push(token)
  }
  return all
}
