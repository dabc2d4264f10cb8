/**
 * How rows are written and read many at a time.
 *
 * Many rows of a declared table travel as one array for each column, through `unnest`. The type of each array is that of
 * the column, which the server finds by its name: `coalesce` takes it from an array of the column's NULL. An array of arrays
 * would be taken apart to its last element, so a column of arrays travels as texts, which the input function of its type
 * reads. The statement's text is the same for any number of rows.
 *
 * Source: https://www.postgresql.org/docs/18/functions-array.html, https://www.postgresql.org/docs/18/typeconv-union-case.html
 */
import type { Rows, RowsColumn } from "effect-sql-engine/Dialect"
import { quoteIdentifier, quoteText } from "./quoting.js"
import { ColumnValues } from "./values/columns.js"
import { Elements } from "./values/encode.js"
import { Recordset } from "./values/recordset.js"

/** A column out of its array; in FROM, `unnest` would take a composite type apart. */
const unnested = (table: string, { list, name }: RowsColumn): readonly [before: string, after: string] => {
  const id = quoteIdentifier(name)
  return list
    ? ["pg_catalog.unnest(", `::pg_catalog.text[]) AS ${id}`]
    : ["pg_catalog.unnest(coalesce(", `, ARRAY[(NULL::${table}).${id}])) AS ${id}`]
}

const read = (table: string, { list, name }: RowsColumn): string => {
  const id = quoteIdentifier(name)
  if (!list) return `u.${id}`
  const object = `pg_catalog.json_build_object(${quoteText(name)}, u.${id})`
  return `(pg_catalog.json_populate_record(NULL::${table}, ${object})).${id}`
}

const relationOf = (table: string, columns: ReadonlyArray<RowsColumn>): ReadonlyArray<string> => {
  const texts = [`(SELECT ${columns.map((column) => read(table, column)).join(", ")} FROM (SELECT `]
  for (const [at, column] of columns.entries()) {
    const [before, after] = unnested(table, column)
    texts[at] += before
    texts.push(at + 1 < columns.length ? `${after}, ` : `${after}) AS u)`)
  }
  return texts
}

export const rows: Rows = {
  parameters: 65_535,
  rows: 10_000,
  parsesDocuments: true,
  columns: (table, columns, rows) => ({
    texts: relationOf(table, columns),
    values: columns.map(({ list, name }) => new ColumnValues(name, rows, list))
  }),
  relation: (table, rows) => ({
    before: `json_populate_recordset(NULL::${table}, `,
    value: new Recordset(rows),
    after: ")"
  }),
  // Compared with an array, the elements of an array of arrays are single values.
  among: (column, values) =>
    values.some(Array.isArray)
      ? undefined
      : { before: `${column} = ANY(`, value: new Elements(values), after: ")" },
  like: (column, pattern, anyCase) => ({
    before: `${column} ${anyCase ? "ILIKE" : "LIKE"} `,
    value: pattern,
    after: ""
  }),
  exact: (column, list) => `${column}::text${list === true ? "[]" : ""}`,
  lock: { update: " FOR UPDATE", share: " FOR SHARE" },
  overriding: "OVERRIDING SYSTEM VALUE ",
  defer: "SET CONSTRAINTS ALL DEFERRED",
  affected: (raw) => Number(raw?.rowCount ?? 0)
}
