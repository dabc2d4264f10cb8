/**
 * One declared table as the shape it is to have in one database.
 */
import type { Dialect } from "../../Dialect.js"
import { counts } from "./columns.js"
import type { Ddl } from "./ddl.js"
import type { Entry } from "./entry.js"
import type { Column, Problem } from "./model.js"
import { constraintName, givenName } from "./names.js"
import type { SqlText } from "./options.js"
import type { ColumnShape, ForeignKeyShape, IndexShape, TableShape } from "./shape.js"
import { qualified } from "./shape.js"

/** The text for one dialect. */
const textFor = (dialect: Dialect, text: SqlText, missing: () => void): string => {
  const found = typeof text === "string" ? text : text[dialect.name]
  if (found === undefined) missing()
  return found ?? ""
}

/** The name of a rule: the one that was given, or one made of what it is about. */
const named = ({ at, table }: Entry, given: string | undefined, ...parts: ReadonlyArray<string>): string =>
  given === undefined ? constraintName(at.name, ...parts) : givenName(given, table.declared.name, at.name)

/** Makes shapes out of entries, and hears of what cannot be. */
export class Planner {
  readonly problems: Array<Problem> = []

  constructor(readonly dialect: Dialect, readonly ddl: Ddl) {}

  problem({ table }: Entry, field: string, problem: string): void {
    this.problems.push({ table: qualified(table), field, problem })
  }

  text(entry: Entry, field: string, text: SqlText): string {
    return textFor(this.dialect, text, () => this.problem(entry, field, `has no SQL for ${this.dialect.name}`))
  }

  typeOf(entry: Entry, column: string): string {
    const type = entry.types.get(column)!
    return typeof type === "string" ? this.ddl.columnType(type) : this.text(entry, column, type.sql)
  }

  default(entry: Entry, { default: value, name }: Column): string | undefined {
    if (value === undefined) return undefined
    if (typeof value !== "object" || value === null) return this.ddl.literal(value)
    if ("sql" in value) return this.text(entry, name, value.sql)
    if (value.made === "uuid") return this.ddl.uuid
    const type = entry.types.get(name)!
    return this.ddl.now(typeof type === "string" ? type : undefined)
  }

  column(entry: Entry, column: Column): ColumnShape {
    const generated = counts({ ...column, type: entry.types.get(column.name)! })
    const type = this.typeOf(entry, column.name)
    const key = entry.table.rules.primaryKey
    if (generated && this.ddl.generated(type).isKey && (key.length !== 1 || key[0] !== column.name)) {
      this.problem(
        entry,
        column.field,
        `cannot count up: ${this.dialect.name} counts in a primary key of one column only`
      )
    }
    const { name, nullable } = column
    return { name, type, nullable, default: this.default(entry, column), generated }
  }

  index(entry: Entry, at: number): IndexShape {
    const { name, parts, unique, where } = entry.table.rules.indexes[at]!
    const columns = parts.flatMap((part) => "column" in part ? [part.column] : [])
    return {
      name: named(entry, name, ...columns, "idx"),
      unique,
      where: where === undefined ? undefined : this.text(entry, `indexes[${at}].where`, where),
      parts: parts.map((part) =>
        "column" in part
          ? { column: part.column, expression: undefined, descending: part.descending }
          : { column: undefined, expression: this.text(entry, `indexes[${at}]`, part.sql), descending: false }
      )
    }
  }

  shape(entry: Entry, foreignKeys: ReadonlyArray<ForeignKeyShape>): TableShape {
    const { checks, indexes, primaryKey, uniques } = entry.table.rules
    return {
      ...entry.at,
      columns: entry.table.columns.map((column) => this.column(entry, column)),
      primaryKey: primaryKey.length === 0 ? undefined : { name: named(entry, undefined, "pkey"), columns: primaryKey },
      uniques: uniques.map(({ columns, name }) => ({ name: named(entry, name, ...columns, "key"), columns })),
      indexes: indexes.map((_, at) => this.index(entry, at)),
      foreignKeys,
      checks: checks.map(({ check, name }, at) => ({
        name: named(entry, name, `check${at === 0 ? "" : at}`),
        expression: this.text(entry, `checks[${at}]`, check)
      }))
    }
  }
}

/** The foreign keys of an entry; those in a circle are deferred, unless they say otherwise. */
export const foreignKeysOf = (entry: Entry, circular: (to: Entry) => boolean): ReadonlyArray<ForeignKeyShape> =>
  entry.links.map(({ reference, target, to }) => ({
    name: named(entry, reference.name, ...reference.columns, "fkey"),
    columns: reference.columns,
    target: to.at,
    targetColumns: target,
    onDelete: reference.onDelete,
    onUpdate: reference.onUpdate,
    deferrable: reference.deferrable ?? (circular(to) ? "initially deferred" : "no")
  }))

/** Names that would meet: of indexes in a schema, of constraints in a table. */
export const repeated = (entries: ReadonlyArray<Entry>, shapes: ReadonlyArray<TableShape>): ReadonlyArray<Problem> => {
  const seen = new Set<string>()
  return shapes.flatMap((shape, at) => {
    const table = qualified(entries[at]!.table)
    const { checks, foreignKeys, indexes, primaryKey, uniques } = shape
    const own = new Set<string>()
    return [...(primaryKey === undefined ? [] : [primaryKey]), ...uniques, ...indexes, ...foreignKeys, ...checks]
      .flatMap(({ name = "" }) => {
        const key = JSON.stringify([shape.schema, name])
        const twice = own.has(name) || (indexes.some((index) => index.name === name) && seen.has(key))
        own.add(name)
        seen.add(key)
        return twice ? [{ table, field: name, problem: "is the name of another constraint or index, too" }] : []
      })
  })
}
