/**
 * How the rows of several tables depend on each other: which fields are free, which refer to a row, which have to differ.
 */
import { Option } from "effect"
import * as Table from "effect-sql-engine/Table"
import { type Field, fieldOf, insertFields } from "./field.js"
import type { AnyArbitrary } from "./storable.js"

/** What can be said of the rows of a table beside its declaration. */
export interface RowOptions {
  readonly min: number
  readonly max: number
  readonly fields: Readonly<Record<string, AnyArbitrary>>
  readonly filter: ((row: any) => boolean) | undefined
}

/** Fields of a row that name a row of a table. */
export interface Link {
  readonly to: number
  readonly columns: ReadonlyArray<Table.Column>
  /** The fields there. */
  readonly target: ReadonlyArray<string>
  readonly nullable: boolean
  /**
   * When it is known whom it names: `before` its own row is inserted; `after`, when all are, because the tables refer to
   * each other in a circle; `given`, from the start, because the key there is no database's doing.
   */
  readonly when: "before" | "after" | "given"
}

/** A table among others. */
export interface TablePlan {
  readonly name: string
  readonly table: Table.Any
  readonly fields: ReadonlyArray<Field>
  readonly links: ReadonlyArray<Link>
  /** Columns that together stand once. */
  readonly uniques: ReadonlyArray<ReadonlyArray<string>>
  /** Texts of these columns are one whatever the case of their letters. */
  readonly anyCase: ReadonlySet<string>
  readonly options: RowOptions
}

const refuse = (table: Table.Any, problem: string): never => {
  throw new Error(`No rows can be made for table "${table.name}": ${problem}.`)
}

type Reference = Table.Any["rules"]["references"][number]

const targetIndex = ({ table }: Reference, tables: ReadonlyArray<Table.Any>, own: Table.Any): number => {
  const target = typeof table === "function" && !Table.isTable(table) ? table() : table
  if (typeof target !== "string") {
    const exact = tables.indexOf(target)
    return exact >= 0 ? exact : tables.findIndex(({ declared }) => declared.name === target.declared.name)
  }
  if (target === own.name || target === own.declared.name) return tables.indexOf(own)
  return tables.findIndex(({ declared, name, schema }) =>
    [name, declared.name, `${schema ?? ""}.${name}`, `${declared.schema ?? ""}.${declared.name}`].includes(target)
  )
}

/** `lower(email)`, `lower("email")`: what makes texts differ only by more than their case. */
const lowered = (sql: string): string | undefined => /^\s*\(?\s*lower\s*\(\s*"?(\w+)"?\s*\)\s*\)?\s*$/i.exec(sql)?.[1]

const uniquesOf = ({ rules }: Table.Any) => {
  const anyCase = new Set<string>()
  const sets: Array<ReadonlyArray<string>> = [rules.primaryKey, ...rules.uniques.map(({ columns }) => columns)]
  for (const { parts, unique, where } of rules.indexes) {
    if (!unique || where !== undefined) continue
    const columns = parts.map((part) => {
      if ("column" in part) return part.column
      const column = typeof part.sql === "string" ? lowered(part.sql) : Object.values(part.sql).map(lowered)[0]
      if (column !== undefined) anyCase.add(column)
      return column
    })
    if (columns.every((column) => column !== undefined)) sets.push(columns as Array<string>)
  }
  return { anyCase, uniques: sets.filter((set) => set.length > 0) }
}

/** Whether whoever refers to these fields knows their values before the row is there. */
const isGiven = (table: Table.Any, fields: ReadonlyArray<string>): boolean => {
  const given = insertFields(table.model)
  return fields.every((field) => given[field] !== undefined)
}

/** The plan of several tables: the order they are inserted in, parents first. */
export const planOf = (
  tables: ReadonlyArray<readonly [name: string, table: Table.Any]>,
  optionsOf: (name: string) => RowOptions
): { readonly plans: ReadonlyArray<TablePlan>; readonly order: ReadonlyArray<number> } => {
  const all = tables.map(([, table]) => table)
  const drafts = all.map((table) =>
    table.rules.references.flatMap((reference) => {
      const columns = reference.columns.map((name) => table.columns.find((column) => column.name === name)!)
      const nullable = columns.some((column) => column.nullable)
      const to = targetIndex(reference, all, table)
      if (to < 0 && !nullable) refuse(table, `it refers to a table that is not among those given`)
      return [{ to, columns, nullable, target: reference.target ?? (to < 0 ? [] : all[to]!.primaryKey) }]
    })
  )
  const order: Array<number> = []
  // Whoever refers to nobody who is still to come; when all wait for each other, first whoever can be told later.
  while (order.length < all.length) {
    const waits = (index: number, hard: boolean) =>
      drafts[index]!.some(({ nullable, target, to }) =>
        to >= 0 && to !== index && !order.includes(to) && (!hard || (!nullable && !isGiven(all[to]!, target)))
      )
    const left = all.flatMap((_, index) => order.includes(index) ? [] : [index])
    const next = left.find((index) => !waits(index, false)) ?? left.find((index) => !waits(index, true)) ?? left[0]!
    if (waits(next, true)) {
      refuse(all[next]!, "it and another table cannot do without a row of each other, and the database makes the keys")
    }
    order.push(next)
  }
  const plans = tables.map(([name, table], index): TablePlan => {
    const options = optionsOf(name)
    const linked = drafts[index]!.flatMap(({ columns }) => columns)
    if (new Set(linked).size < linked.length) refuse(table, "a column is part of two references; give `fields`")
    const links = drafts[index]!.map((draft): Link => {
      const { nullable, target, to } = draft
      const given = to >= 0 && isGiven(all[to]!, target)
      if (to === index && !nullable && !given) refuse(table, "a row would refer to itself before it has its key")
      const earlier = order.indexOf(to) <= order.indexOf(index)
      return { ...draft, when: earlier ? "before" : given ? "given" : "after" }
    })
    const fields = insertFields(table.model)
    const free = table.columns.filter((column) => !linked.includes(column) && fields[column.field] !== undefined)
    return {
      name,
      table,
      links,
      options,
      fields: free.flatMap((column) =>
        Option.toArray(fieldOf(column, fields[column.field]!, options.fields[column.field]))
      ),
      ...uniquesOf(table)
    }
  })
  return { plans, order }
}
