/**
 * How PostgreSQL itself reads a text: libpg-query is its scanner and its parser, compiled to WebAssembly.
 */
import { expect } from "@effect/vitest"
import { SqlText } from "effect-sql-engine"
import { parseSync, scanSync } from "libpg-query"

/** Places in a text are in bytes there. */
const inCharacters = (text: string) => {
  const at: Array<number> = []
  let index = 0
  for (const char of text) {
    for (let byte = Buffer.byteLength(char); byte > 0; byte--) at.push(index)
    index += char.length
  }
  at.push(index)
  return at
}

interface Extent {
  readonly start: number
  readonly end: number
}

/** The statements; nothing where the parser refuses the text. */
const statementsOf = (text: string): ReadonlyArray<Extent> | undefined => {
  let stmts: ReadonlyArray<{ readonly stmt_location?: number; readonly stmt_len?: number }>
  try {
    stmts = parseSync(text).stmts ?? []
  } catch {
    return undefined
  }
  const at = inCharacters(text)
  return stmts.map(({ stmt_len: length = 0, stmt_location: start = 0 }) => ({
    start: at[start]!,
    end: length === 0 ? text.length : at[start + length]!
  }))
}

type ScannedToken = Extent & { readonly name: string }

/** The tokens; nothing where the scanner refuses the text. */
const tokensOf = (text: string): ReadonlyArray<ScannedToken> | undefined => {
  try {
    const at = inCharacters(text)
    return scanSync(text).tokens.map(({ end, start, tokenName }) => ({
      start: at[start]!,
      end: at[end]!,
      name: tokenName
    }))
  } catch {
    return undefined
  }
}

const isComment: ReadonlySet<string> = new Set(["SQL_COMMENT", "C_COMMENT"])

/** An operator, or another character that stands for itself. */
const operator = /^[-~!@#^&|`?+*/%<>=,()[\].;:]+$|^[^\w\u0080-\uffff'"]$/

/** `N'…'` is a word and a string there, one token here. */
const joined = (all: ReadonlyArray<ScannedToken>, text: string): ReadonlyArray<Extent> =>
  all.flatMap((token, i) => {
    const { end, start } = token
    const next = all[i + 1]
    if (next?.start === end && next.name === "SCONST" && /^n$/i.test(text.slice(start, end)) && text[end] === "'") {
      return [{ start, end: next.end }]
    }
    const before = all[i - 1]
    const isSecond = before?.end === start && token.name === "SCONST" && text[start] === "'" &&
      /^n$/i.test(text.slice(before.start, before.end))
    return isSecond ? [] : [token]
  })

/**
 * Whether a comment stands in a string that goes on behind it. The server takes the two for one string; libpg-query does not,
 * because its scanner returns comments.
 */
const hasCommentInString = (all: ReadonlyArray<ScannedToken>, text: string): boolean =>
  all.some(({ end, start }, i) => {
    if (text[end - 1] !== "'" || !/^(?:[ebxn]|u&)?'/i.test(text.slice(start, end))) return false
    let next = i + 1
    while (all[next]?.name === "SQL_COMMENT") next++
    return next > i + 1 && next < all.length && text[all[next]!.start] === "'"
  })

/** Compares our reading with its. */
export const postgresOracle = (syntax: SqlText.SqlSyntax) => {
  const counts = { parsed: 0, scanned: 0, statements: 0 }

  const sameStatements = (text: string): boolean => {
    const theirs = statementsOf(text)
    if (theirs === undefined) return false
    const ours = SqlText.split(text, syntax)
    // The blanks between a statement and its semicolon are theirs.
    const trimmed = (all: ReadonlyArray<Extent>) =>
      all.map(({ end, start }) => [start, text.slice(start, end).replace(/[ \t\n\r\f\v]+$/, "")])
    expect(trimmed(ours), JSON.stringify(text)).toEqual(trimmed(theirs))
    counts.statements += theirs.length
    return true
  }

  const sameTokens = (text: string, theirs: ReadonlyArray<ScannedToken> | undefined): boolean => {
    if (theirs === undefined) return false
    const ours = SqlText.tokens(text, syntax).filter(({ kind }) => kind !== "sign")
    const words = theirs.filter(({ end, name, start }) =>
      !isComment.has(name) && !operator.test(text.slice(start, end))
    )
    const extents = (all: ReadonlyArray<Extent>) => all.map(({ end, start }) => text.slice(start, end))
    expect(extents(ours), JSON.stringify(text)).toEqual(extents(joined(words, text)))
    return true
  }

  return {
    /** Fails where they differ. Whether its parser takes the text at all. */
    agrees: (text: string): boolean => {
      const tokens = tokensOf(text)
      if (tokens !== undefined && hasCommentInString(tokens, text)) return false
      if (sameTokens(text, tokens)) counts.scanned++
      const parses = sameStatements(text)
      if (parses) counts.parsed++
      return parses
    },
    counts: () => ({ ...counts })
  }
}
