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
      // A client's own result object travels where rows do; nobody looks into it on the way.
      return { rows, rowCount: count } as unknown as ReadonlyArray<any>
  }
}
