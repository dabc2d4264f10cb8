/**
 * Many rows of one table inside of one statement: as a relation called `v`, in a known order, with a column for each of
 * theirs and `effect_n`, which counts them from 1.
 */
import type { Segment } from "@effect/sql/Statement"
import type { Values } from "./codec.js"
import type { Layout } from "./layout.js"
import { between, bound, interleaved, segments } from "./text.js"

/** The rows as they are bound, in so many statements as it takes. */
export const portions = <A>(
  { rows }: Layout,
  columns: number,
  all: ReadonlyArray<A>,
  besides = 0
): ReadonlyArray<ReadonlyArray<A>> => {
  const most = rows.columns === undefined
    ? Math.min(rows.rows, Math.floor((rows.parameters - besides) / Math.max(1, columns)))
    : rows.rows
  if (all.length <= most) return all.length === 0 ? [] : [all]
  const found: Array<ReadonlyArray<A>> = []
  for (let from = 0; from < all.length; from += most) found.push(all.slice(from, from + most))
  return found
}

/** Rows in parentheses. */
export const valuesOf = (
  columns: ReadonlyArray<string>,
  rows: ReadonlyArray<Values>,
  counted = false
): ReadonlyArray<Segment> =>
  between(
    ", ",
    rows.map((row, at) =>
      segments(
        "(",
        between(", ", columns.map((column) => bound(row[column]))),
        counted ? `${columns.length === 0 ? "" : ", "}${at + 1}` : "",
        ")"
      )
    )
  )

/** The relation, as it stands behind FROM. */
export const relationOf = (
  layout: Layout,
  columns: ReadonlyArray<string>,
  rows: ReadonlyArray<Values>
): ReadonlyArray<Segment> => {
  const counter = layout.id("effect_n")
  if (layout.rows.columns !== undefined) {
    return segments(
      `(SELECT row_number() OVER () AS ${counter}, ${layout.list(columns, "r.")} FROM `,
      interleaved(layout.rows.columns(layout.name, columns.map((name) => layout.columnOf(name)), rows)),
      " AS r) AS v"
    )
  }
  const names = columns.map((column, at) => `column${at + 1} AS ${layout.id(column)}`)
  return segments(
    `(SELECT ${[...names, `column${columns.length + 1} AS ${counter}`].join(", ")} FROM (VALUES `,
    valuesOf(columns, rows, true),
    ")) AS v"
  )
}
