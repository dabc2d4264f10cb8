/**
 * Cuts a text into its statements.
 */
import { Boundary } from "./boundary.js"
import { Lexer } from "./lexer.js"
import type { SqlSyntax } from "./syntax.js"
import type { Token } from "./token.js"

/**
 * A statement of a text: without the semicolon behind it, and without the blanks and comments before it. Comments behind it
 * belong to it, up to its semicolon.
 *
 * @since 0.1.0
 * @category models
 */
export class Piece {
  constructor(
    readonly text: string,
    /** The index of its first character in the whole text. */
    readonly start: number,
    /** The index behind its last character. */
    readonly end: number
  ) {}
}

/** The statements of a text, in order. */
export const split = (text: string, syntax: SqlSyntax): ReadonlyArray<Piece> => {
  const lexer = new Lexer(text, syntax)
  const boundary = new Boundary(syntax)
  const pieces: Array<Piece> = []
  let start = -1
  let end = -1
  const add = () => {
    if (start !== -1) pieces.push(new Piece(text.slice(start, end), start, end))
    start = -1
  }
  for (let token = lexer.next(); token !== undefined; token = lexer.next()) {
    if (token.kind !== "comment") {
      if (boundary.ends(token)) {
        add()
        continue
      }
      if (start === -1) start = token.start
    }
    end = token.end
  }
  add()
  return pieces
}

/** The tokens of each statement, comments and the semicolons between them left out. */
export const statements = (text: string, syntax: SqlSyntax): ReadonlyArray<ReadonlyArray<Token>> => {
  const lexer = new Lexer(text, syntax)
  const boundary = new Boundary(syntax)
  const all: Array<ReadonlyArray<Token>> = []
  let current: Array<Token> = []
  for (let token = lexer.next(); token !== undefined; token = lexer.next()) {
    if (token.kind === "comment") continue
    if (!boundary.ends(token)) current.push(token)
    else if (current.length > 0) {
      all.push(current)
      current = []
    }
  }
  if (current.length > 0) all.push(current)
  return all
}
