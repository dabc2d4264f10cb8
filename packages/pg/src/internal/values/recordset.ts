/**
 * Rows as one JSON text, for `json_populate_recordset`: it reads each value by its column's name with the input function of
 * the column's own type, whatever that is. So a value is the JSON string of its text, and a document is itself.
 *
 * Source: https://www.postgresql.org/docs/18/functions-json.html
 */
import { Json } from "effect-sql-engine/Driver"
import { Unencodable } from "./unencodable.js"

/** A value and the name of its column. */
interface Cell {
  readonly column: string
  readonly value: unknown
}

/** Rows to be bound as one value. */
export class Recordset {
  constructor(readonly rows: ReadonlyArray<ReadonlyArray<Cell>>) {}
}

/** Writes a value by itself. */
type Encode = (value: unknown, kind: "plain") => string | Buffer | null

const cellText = (value: unknown, encode: Encode): string => {
  // JSON has no form for NaN and the infinities; PostgreSQL has.
  if (typeof value === "boolean" || typeof value === "bigint" || Number.isFinite(value)) {
    return encode(value, "plain") as string
  }
  const text = encode(value, "plain")
  if (text === null) return "null"
  if (typeof text !== "string") return `"\\\\x${text.toString("hex")}"`
  return value instanceof Json ? text : JSON.stringify(text)
}

/** The JSON text of rows. */
export const recordsetText = ({ rows }: Recordset, encode: Encode): string => {
  let at = 0
  let column = ""
  const row = (cells: ReadonlyArray<Cell>) => {
    at++
    let text = ""
    for (const cell of cells) {
      column = cell.column
      text += `${text === "" ? "" : ","}${JSON.stringify(column)}:${cellText(cell.value, encode)}`
    }
    return `{${text}}`
  }
  try {
    return `[${rows.map(row).join(",")}]`
  } catch (cause) {
    if (!(cause instanceof Unencodable)) throw cause
    throw new Unencodable(`has in row ${at} a value for the column "${column}" that ${cause.message}`)
  }
}
