/**
 * How rows are written and read many at a time.
 *
 * Many rows travel as one JSON text: `json_populate_recordset` reads each value with the input function of the column's
 * own type, whatever that is (an enum, a domain, an array), and the statement's text is the same for any number of rows.
 *
 * Source: https://www.postgresql.org/docs/18/functions-json.html
 */
import type { Cell, Rows } from "effect-sql-engine/Dialect"

const hex = (bytes: Uint8Array): string => {
  let text = "\\x"
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0")
  return text
}

const json = (value: unknown): string => {
  switch (typeof value) {
    case "undefined":
      return "null"
    case "bigint":
      return `"${value}"`
    case "number":
      // NaN and the infinities have no form in JSON, and one in PostgreSQL.
      return Number.isFinite(value) ? `${value}` : `"${value}"`
    default:
      return value instanceof Uint8Array ? JSON.stringify(hex(value)) : JSON.stringify(value)
  }
}

const cell = ({ column, isDocument, value }: Cell): string =>
  `${JSON.stringify(column)}:${isDocument && typeof value === "string" ? value : json(value)}`

export const rows: Rows = {
  parameters: 65_535,
  rows: 10_000,
  parsesDocuments: true,
  relation: (table, rows) => ({
    before: `json_populate_recordset(NULL::${table}, `,
    value: `[${rows.map((row) => `{${row.map(cell).join(",")}}`).join(",")}]`,
    after: ")"
  }),
  among: (column, values) => ({ before: `${column} = ANY(`, value: values, after: ")" }),
  like: (column, pattern, anyCase) => ({
    before: `${column} ${anyCase ? "ILIKE" : "LIKE"} `,
    value: pattern,
    after: ""
  }),
  exact: (column) => `${column}::text`,
  lock: { update: " FOR UPDATE", share: " FOR SHARE" },
  overriding: "OVERRIDING SYSTEM VALUE ",
  defer: "SET CONSTRAINTS ALL DEFERRED",
  affected: (raw) => Number(raw?.rowCount ?? 0)
}
