/**
 * SQL as it is put together: texts, and between them values to bind. Fragments of `sql` fit in anywhere.
 */
import type { Fragment, Segment } from "@effect/sql/Statement"
import { FragmentId } from "@effect/sql/Statement"
import type { Around, Interleaved } from "./words.js"

/** A value to bind. */
export const bound = (value: unknown): Segment => ({ _tag: "Parameter", value })

/** A piece of a statement that is put together. */
export type Piece = string | Segment | ReadonlyArray<Segment> | Fragment | undefined

const literal = (value: string): Segment => ({ _tag: "Literal", value })

const isFragment = (piece: object): piece is Fragment => FragmentId in piece

/** One by one: an argument for each of a hundred thousand segments would overflow the stack. */
const add = (all: Array<Segment>, piece: Piece): void => {
  if (piece === undefined || piece === "") return
  if (typeof piece === "string") all.push(literal(piece))
  else if (Array.isArray(piece)) { for (const segment of piece as ReadonlyArray<Segment>) all.push(segment) }
  else if (isFragment(piece)) { for (const segment of piece.segments) all.push(segment) }
  else all.push(piece as Segment)
}

/** Pieces as segments. */
export const segments = (...pieces: ReadonlyArray<Piece>): ReadonlyArray<Segment> => {
  const all: Array<Segment> = []
  for (const piece of pieces) add(all, piece)
  return all
}

/** Pieces as a fragment. */
export const fragment = (...pieces: ReadonlyArray<Piece>): Fragment => ({
  [FragmentId]: () => FragmentId,
  segments: segments(...pieces)
})

/** A piece around a value. */
export const around = ({ after, before, value }: Around): ReadonlyArray<Segment> =>
  segments(before, bound(value), after)

/** Texts around values. */
export const interleaved = ({ texts, values }: Interleaved): ReadonlyArray<Segment> =>
  segments(...texts.flatMap((text, at) => at < values.length ? [text, bound(values[at])] : [text]))

/** Pieces with a text between them. */
export const between = (separator: string, pieces: ReadonlyArray<Piece>): ReadonlyArray<Segment> => {
  const all: Array<Segment> = []
  pieces.forEach((piece, at) => {
    if (at > 0) add(all, separator)
    add(all, piece)
  })
  return all
}

/** The most conditions that stand side by side. */
const widest = 100

/**
 * Conditions with a word between them, in parentheses. Many are put together in pairs, and these in pairs: a database reads
 * `a OR b OR c` as an expression that is as deep as the list is long, and SQLite takes a depth of 1,000.
 */
export const combined = (word: string, pieces: ReadonlyArray<Piece>): ReadonlyArray<Segment> => {
  if (pieces.length <= widest) return segments("(", between(word, pieces), ")")
  const middle = pieces.length >> 1
  return segments("(", combined(word, pieces.slice(0, middle)), word, combined(word, pieces.slice(middle)), ")")
}
