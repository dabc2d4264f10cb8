/**
 * How rows are written and read many at a time.
 *
 * Many rows travel as one JSON text: `json_populate_recordset` reads each value with the input function of the column's
 * own type, whatever that is (an enum, a domain, an array), and the statement's text is the same for any number of rows.
 *
 * Source: https://www.postgresql.org/docs/18/functions-json.html
 */
import type { Rows } from "effect-sql-engine/Dialect"
import { Elements } from "./values/encode.js"
import { Recordset } from "./values/recordset.js"

export const rows: Rows = {
  parameters: 65_535,
  rows: 10_000,
  parsesDocuments: true,
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
