/**
 * Declared tables as shapes without a database: for a diagram, where a column's kind says more than a database's type.
 */
import type { Entry } from "./entry.js"
import { entriesOf, link } from "./entry.js"
import type { AnyTable } from "./model.js"
import type { TableShape } from "./shape.js"
import { settle } from "./types.js"

const anywhere = { schemas: true, sameName: (a: string, b: string) => a === b }

const typeOf = ({ types }: Entry, column: string): string => {
  const type = types.get(column)!
  return typeof type === "string"
    ? type
    : typeof type.sql === "string"
    ? type.sql
    : Object.values(type.sql)[0] ?? "text"
}

/** Each table's shape; references that lead out of the list are left out. */
export const sketch = (tables: ReadonlyArray<AnyTable>): ReadonlyMap<AnyTable, TableShape> => {
  const entries = tables.flatMap((table) => entriesOf([table], anywhere, undefined, []))
  link(entries, [])
  settle(entries)
  return new Map(entries.map((entry) => {
    const { primaryKey, uniques } = entry.table.rules
    const shape: TableShape = {
      ...entry.at,
      columns: entry.table.columns.map(({ generated, name, nullable }) => ({
        name,
        type: typeOf(entry, name),
        nullable,
        default: undefined,
        generated
      })),
      primaryKey: primaryKey.length === 0 ? undefined : { name: undefined, columns: primaryKey },
      uniques,
      indexes: [],
      foreignKeys: entry.links.map(({ reference, target, to }) => ({
        name: reference.name,
        columns: reference.columns,
        target: to.at,
        targetColumns: target,
        onDelete: reference.onDelete,
        onUpdate: reference.onUpdate,
        deferrable: reference.deferrable ?? "no"
      })),
      checks: []
    }
    return [entry.table, shape]
  }))
}
