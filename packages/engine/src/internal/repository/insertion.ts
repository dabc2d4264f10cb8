/**
 * INSERT of many rows, as few statements as their columns and the database's limits allow.
 */
import type { Segment } from "@effect/sql/Statement"
import type { Values } from "./codec.js"
import type { Layout } from "./layout.js"
import { portions, relationOf, valuesOf } from "./relation.js"
import type { Piece } from "./text.js"
import { segments } from "./text.js"

/** Rows that have the same columns. */
export type Alike = readonly [columns: ReadonlyArray<string>, rows: Array<Values>]

/** Whether a row has these columns, and no others. The codec names columns in one order. */
const hasColumns = (row: Values, columns: ReadonlyArray<string>): boolean => {
  let at = 0
  for (const name in row) if (name !== columns[at++]) return false
  return at === columns.length
}

/** Rows that have the same columns, next to each other. */
export const runs = (rows: ReadonlyArray<Values>): ReadonlyArray<Alike> => {
  const found: Array<Alike> = []
  for (const row of rows) {
    const last = found.at(-1)
    if (last !== undefined && hasColumns(row, last[0])) last[1].push(row)
    else found.push([Object.keys(row), [row]])
  }
  return found
}

/** Rows that have the same columns, wherever they stand; the groups in the order of their first. */
export const groups = (rows: ReadonlyArray<Values>): ReadonlyArray<Alike> => {
  const found: Array<Alike> = []
  let last: Alike | undefined
  for (const row of rows) {
    if (last === undefined || !hasColumns(row, last[0])) last = found.find(([columns]) => hasColumns(row, columns))
    if (last === undefined) found.push(last = [Object.keys(row), []])
    last[1].push(row)
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
  return rows.length === 1 || layout.rows.columns === undefined
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
