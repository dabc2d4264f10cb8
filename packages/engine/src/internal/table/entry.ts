/**
 * The tables of one plan under the names they will have, and the way from a reference to the table it means.
 */
import type { ColumnKind, Ddl } from "./ddl.js"
import type { AnyTable, Column, Problem, Reference } from "./model.js"
import { misnamed } from "./names.js"
import type { Sql } from "./options.js"
import type { TableName } from "./shape.js"
import { qualified } from "./shape.js"
import { isTable } from "./table.js"

/** A table in a plan. */
export interface Entry {
  readonly table: AnyTable
  readonly at: TableName
  readonly links: Array<Link>
  /** Types by column; a foreign key may have taken over another table's. */
  readonly types: Map<string, ColumnKind | Sql>
}

/** A reference whose table is found. */
export interface Link {
  readonly reference: Reference
  readonly to: Entry
  /** Columns there. */
  readonly target: ReadonlyArray<string>
}

/** Under which name a table is to stand. */
export type Translate = (
  name: TableName
) => { readonly name?: string | undefined; readonly schema?: string | undefined }

/** The entries of a plan; each name stands once. */
export const entriesOf = (
  tables: ReadonlyArray<AnyTable>,
  ddl: Pick<Ddl, "schemas" | "sameName">,
  translate: Translate | undefined,
  problems: Array<Problem>
): ReadonlyArray<Entry> => {
  const entries: Array<Entry> = []
  for (const table of new Set(tables)) {
    const own = { schema: table.schema, name: table.name }
    const { name, schema } = { ...own, ...translate?.(own) }
    const at = { name: name ?? own.name, schema: ddl.schemas ? schema : undefined }
    for (const part of [at.name, at.schema]) {
      const wrong = part === undefined ? undefined : misnamed(part)
      if (wrong !== undefined) problems.push({ table: qualified(table), field: "name", problem: wrong })
    }
    const other = entries.find((entry) => entry.at.schema === at.schema && ddl.sameName(entry.at.name, at.name))
    if (other !== undefined) {
      const problem = `is called ${qualified(at)}, as is another table (${qualified(other.table)})`
      problems.push({ table: qualified(table), field: "name", problem })
      continue
    }
    const types = new Map(table.columns.map((column) => [column.name, column.type]))
    entries.push({ table, at, links: [], types })
  }
  return entries
}

const same = (a: TableName, b: TableName) => a.name === b.name && a.schema === b.schema

/** The table a reference means: the one given, or what stands in its place; by a name, first in the same schema. */
const find = (entries: ReadonlyArray<Entry>, from: Entry, reference: Reference): Entry | undefined => {
  const target = typeof reference.table === "function" && !isTable(reference.table)
    ? reference.table()
    : reference.table
  if (typeof target !== "string") {
    return entries.find(({ table }) => same(table, target) && same(table.declared, target.declared)) ??
      entries.find(({ table }) => same(table.declared, target.declared))
  }
  if (target === from.table.declared.name || target === from.table.name) return from
  const named = entries.filter(({ table }) =>
    [table.name, table.declared.name, qualified(table), qualified(table.declared)].includes(target)
  )
  return named.find(({ table }) => table.schema === from.table.schema) ?? named[0]
}

const meant = ({ table }: Reference): string =>
  typeof table === "string" ? table : qualified(typeof table === "function" ? table() : table)

const columnIn = (entry: Entry, field: string): Column | undefined =>
  entry.table.columns.find((column) => column.field === field)

const sameSet = (a: ReadonlyArray<string>, b: ReadonlyArray<string>) =>
  a.length === b.length && a.every((column) => b.includes(column))

/** Follows every reference. */
export const link = (entries: ReadonlyArray<Entry>, problems: Array<Problem>): void => {
  for (const entry of entries) {
    entry.table.rules.references.forEach((reference, at) => {
      const problem = (problem: string) =>
        problems.push({ table: qualified(entry.table), field: `references[${at}]`, problem })
      const to = find(entries, entry, reference)
      if (to === undefined) return problem(`leads to "${meant(reference)}", which is not among the tables given`)
      const fields = reference.target ?? to.table.primaryKey
      if (fields.length !== reference.columns.length) {
        return problem(
          `has ${reference.columns.length} columns, and leads to ${fields.length} of ${qualified(to.table)}`
        )
      }
      const target: Array<string> = []
      for (const field of fields) {
        const column = columnIn(to, field)
        if (column === undefined) return problem(`leads to "${field}", which is no field of ${qualified(to.table)}`)
        target.push(column.name)
      }
      const { primaryKey, uniques } = to.table.rules
      if (![primaryKey, ...uniques.map(({ columns }) => columns)].some((columns) => sameSet(columns, target))) {
        return problem(`leads to ${fields.join(", ")} of ${qualified(to.table)}, where a value may stand twice`)
      }
      entry.links.push({ reference, to, target })
    })
  }
}
