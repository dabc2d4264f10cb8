/**
 * Where in a statement SQLite found the mistake: its client tells only the message, which names the piece of the text that is
 * wrong. A piece that stands in several places is found for a syntax error alone, because the parser stops at the first one
 * it cannot take.
 */
import type { Database } from "better-sqlite3"
import { tokens } from "effect-sql-engine/SqlText"
import type { Token } from "effect-sql-engine/SqlText"
import { syntax } from "./syntax.js"

const syntaxError = /^near "([^]*)": syntax error$/

/** Messages that name a piece of the statement, in quotes or behind a colon. */
const named: ReadonlyArray<RegExp> = [
  syntaxError,
  /^(?:unrecognized token|no such column): "([^]*?)"(?: - should this be .*)?$/,
  /^(?:no such [a-z ]+|ambiguous column name|duplicate column name): ([^]*)$/,
  /^table [^]* has no column named ([^]*)$/,
  /^(?:table|view|index|trigger) ([^]*) already exists$/,
  /^there is already (?:a table|an index) named ([^]*)$/,
  /^wrong number of arguments to function ([^]*)\(\)$/
]

/** Every place where the piece stands, from the beginning of a token to the end of one. */
const placesOf = (sql: string, all: ReadonlyArray<Token>, piece: string): ReadonlyArray<number> => {
  const ends = new Set(all.map(({ end }) => end))
  const same = (text: string) => text.toLowerCase() === piece.toLowerCase()
  return all.flatMap(({ kind, start, text }) => {
    const end = start + piece.length
    return (kind === "name" && same(text)) || (ends.has(end) && same(sql.slice(start, end))) ? [start] : []
  })
}

/** Where the parser stops: the first place at which the text up to there is refused in the same way. */
const firstRefused = (db: Database, sql: string, places: ReadonlyArray<number>, piece: string, message: string) =>
  places.find((start) => {
    try {
      db.prepare(sql.slice(0, start + piece.length))
      return false
    } catch (cause) {
      return cause instanceof Error && cause.message === message
    }
  })

/** The index in the statement; `undefined`: it cannot be known. */
export const positionOf = (db: Database | undefined, sql: string, message: string): number | undefined => {
  if (message === "incomplete input") return sql.length
  const piece = named.map((pattern) => pattern.exec(message)?.[1]).find((found) => found !== undefined)
  if (piece === undefined || piece === "") return undefined
  const all = tokens(sql, syntax)
  const whole = placesOf(sql, all, piece)
  // A table may be named with its schema where the statement names none.
  const places = whole.length > 0 ? whole : placesOf(sql, all, piece.replace(/^.*\./, ""))
  if (places.length === 1) return places[0]
  // A pragma acts while it is prepared, and a part of one would.
  const isPragma = all.slice(0, 4).some((token) => token.isWord("pragma"))
  return db === undefined || isPragma || !syntaxError.test(message)
    ? undefined
    : firstRefused(db, sql, places, piece, message)
}
