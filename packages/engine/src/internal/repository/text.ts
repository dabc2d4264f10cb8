/**
 * SQL as it is put together: texts, and between them values to bind. Fragments of `sql` fit in anywhere.
 */
import type { Fragment, Segment } from "@effect/sql/Statement"
import { FragmentId } from "@effect/sql/Statement"
import type { Around } from "./words.js"

/** A value to bind. */
export const bound = (value: unknown): Segment => ({ _tag: "Parameter", value })

/** A piece of a statement that is put together. */
export type Piece = string | Segment | ReadonlyArray<Segment> | Fragment | undefined

const literal = (value: string): Segment => ({ _tag: "Literal", value })

const isFragment = (piece: object): piece is Fragment => FragmentId in piece

/** Pieces as segments. */
export const segments = (...pieces: ReadonlyArray<Piece>): ReadonlyArray<Segment> => {
  const all: Array<Segment> = []
  for (const piece of pieces) {
    if (piece === undefined || piece === "") continue
    if (typeof piece === "string") all.push(literal(piece))
    else if (Array.isArray(piece)) all.push(...(piece as ReadonlyArray<Segment>))
    else if (isFragment(piece)) all.push(...piece.segments)
    else all.push(piece as Segment)
  }
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

/** Pieces with a text between them. */
export const between = (separator: string, pieces: ReadonlyArray<Piece>): ReadonlyArray<Segment> =>
  segments(...pieces.flatMap((piece, at) => at === 0 ? [piece] : [separator, piece]))
