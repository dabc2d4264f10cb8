/**
 * Rows in the shape that was asked for.
 */
import type { Statement } from "effect-sql-engine/Driver"

export const shapeRows = (
  rows: ReadonlyArray<Readonly<Record<string, unknown>>>,
  count: number,
  shape: Statement["shape"]
): ReadonlyArray<any> => {
  switch (shape) {
    case "rows":
      return rows
    case "values":
      return rows.map((row) => Object.values(row))
    case "raw":
      // The client's own result object is the only row.
      return [{ rows, rowCount: count }]
  }
}
