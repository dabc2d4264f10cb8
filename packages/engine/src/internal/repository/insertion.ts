/**
 * INSERT of many rows, as few statements as their columns and the database's limits allow.
 */
import type { Segment } from "@effect/sql/Statement"
import type { Values } from "./codec.js"
import type { Layout } from "./layout.js"
import { portions, relationOf, valuesOf } from "./relation.js"
import type { Piece } from "./text.js"
import { segments } from "./text.js"

/** Rows that have the same columns, next to each other. */
export const runs = (
  rows: ReadonlyArray<Values>
): ReadonlyArray<readonly [columns: ReadonlyArray<string>, rows: ReadonlyArray<Values>]> => {
  const found: Array<[ReadonlyArray<string>, Array<Values>]> = []
  let last = ""
  for (const row of rows) {
    const columns = Object.keys(row)
    // The codec names columns in one order.
    const name = JSON.stringify(columns)
    if (found.length > 0 && name === last) found[found.length - 1]![1].push(row)
    else found.push([columns, [row]])
    last = name
  }
  return found
}

/**
 * INSERT of rows with the same columns. What is returned comes in the order of the rows: both databases write, and
 * return, one row after the other as the relation gives them.
 */
export const insertion = (
  layout: Layout,
  columns: ReadonlyArray<string>,
  rows: ReadonlyArray<Values>,
  tail: Piece
): ReadonlyArray<Segment> => {
  const returning = layout.columns === "" ? "" : ` RETURNING ${layout.columns}`
  if (columns.length === 0) return segments(`INSERT INTO ${layout.name} DEFAULT VALUES`, tail, returning)
  const counted = layout.table.columns.some(({ generated, name }) => generated && columns.includes(name))
  const into = `INSERT INTO ${layout.name} AS t (${layout.list(columns)}) ${counted ? layout.rows.overriding : ""}`
  return rows.length === 1 || layout.rows.relation === undefined
    ? segments(into, "VALUES ", valuesOf(columns, rows), tail, returning)
    : segments(
      into,
      `SELECT ${layout.list(columns, "v.")} FROM `,
      relationOf(layout, columns, rows),
      ` ORDER BY v.${layout.id("effect_n")}`,
      tail,
      returning
    )
}

/** The statements that insert rows, in order. */
export const insertions = (
  layout: Layout,
  rows: ReadonlyArray<Values>,
  tail?: (columns: ReadonlyArray<string>) => Piece
) =>
  runs(rows).flatMap(([columns, rows]) =>
    // Without a column, each row is a statement.
    (columns.length === 0 ? rows.map((row) => [row]) : portions(layout, columns.length, rows)).map((rows) => ({
      rows,
      text: insertion(layout, columns, rows, tail?.(columns))
    }))
  )
