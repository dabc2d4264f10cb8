/**
 * Shapes as text: the statements that create and drop them.
 */
import type { Dialect } from "../../Dialect.js"
import type { Ddl } from "./ddl.js"
import type { Plan, Planned } from "./plan.js"
import type { ColumnShape, ForeignKeyShape, IndexShape, TableName } from "./shape.js"

/** Writes for one dialect. */
export class Writer {
  constructor(private readonly dialect: Dialect, private readonly ddl: Ddl) {}

  private id(name: string): string {
    return this.dialect.quoteIdentifier(name)
  }

  private ids(names: ReadonlyArray<string>): string {
    return names.map((name) => this.id(name)).join(", ")
  }

  table({ name, schema }: TableName): string {
    return schema === undefined || !this.ddl.schemas ? this.id(name) : `${this.id(schema)}.${this.id(name)}`
  }

  private named(name: string | undefined, rule: string): string {
    return name === undefined ? rule : `CONSTRAINT ${this.id(name)} ${rule}`
  }

  private column({ default: value, generated, name, nullable, type }: ColumnShape): string {
    if (generated) return `${this.id(name)} ${this.ddl.generated(type).definition}`
    const words = [this.id(name), type]
    if (!nullable) words.push("NOT NULL")
    if (value !== undefined) words.push(`DEFAULT (${value})`)
    return words.join(" ")
  }

  private foreignKey(key: ForeignKeyShape): string {
    const words = [
      `FOREIGN KEY (${this.ids(key.columns)}) REFERENCES ${this.table(key.target)} (${this.ids(key.targetColumns)})`
    ]
    if (key.onUpdate !== "no action") words.push(`ON UPDATE ${key.onUpdate.toUpperCase()}`)
    if (key.onDelete !== "no action") words.push(`ON DELETE ${key.onDelete.toUpperCase()}`)
    if (key.deferrable !== "no") words.push(`DEFERRABLE ${key.deferrable.toUpperCase()}`)
    return this.named(key.name, words.join(" "))
  }

  private index(table: TableName, { name, parts, unique, where }: IndexShape): string {
    const columns = parts.map(({ column, descending, expression }) =>
      `${column === undefined ? `(${expression})` : this.id(column)}${descending ? " DESC" : ""}`
    )
    const filter = where === undefined ? "" : ` WHERE ${where}`
    return `CREATE ${unique ? "UNIQUE " : ""}INDEX ${this.id(name)} ON ${this.table(table)} (${
      columns.join(", ")
    })${filter}`
  }

  /** The table and its indexes. */
  create({ later, shape }: Planned): ReadonlyArray<string> {
    const { checks, columns, foreignKeys, indexes, primaryKey, uniques } = shape
    const keyed = columns.some(({ generated, type }) => generated && this.ddl.generated(type).isKey)
    const lines = [
      ...columns.map((column) => this.column(column)),
      ...(primaryKey === undefined || keyed
        ? []
        : [this.named(primaryKey.name, `PRIMARY KEY (${this.ids(primaryKey.columns)})`)]),
      ...uniques.map(({ columns, name }) => this.named(name, `UNIQUE (${this.ids(columns)})`)),
      ...foreignKeys.filter((key) => !later.includes(key)).map((key) => this.foreignKey(key)),
      ...checks.map(({ expression, name }) => this.named(name, `CHECK (${expression})`))
    ]
    return [
      `CREATE TABLE ${this.table(shape)} (\n  ${lines.join(",\n  ")}\n)`,
      ...indexes.map((index) => this.index(shape, index))
    ]
  }

  /** The foreign keys that had to wait for a later table. */
  complete({ later, shape }: Planned): ReadonlyArray<string> {
    return later.map((key) => `ALTER TABLE ${this.table(shape)} ADD ${this.foreignKey(key)}`)
  }

  schema(name: string): string {
    return `CREATE SCHEMA ${this.id(name)}`
  }

  /** Children first. */
  drop(shapes: ReadonlyArray<TableName>): ReadonlyArray<string> {
    const names = [...shapes].reverse().map((shape) => this.table(shape))
    if (names.length === 0) return []
    return this.ddl.dropsTogether
      ? [`DROP TABLE ${names.join(", ")}`]
      : names.map((name) => `DROP TABLE ${name}`)
  }
}

/** Everything a plan creates on an empty database, in order. */
export const createAll = ({ ddl, dialect, tables }: Plan): ReadonlyArray<string> => {
  const writer = new Writer(dialect, ddl)
  const schemas = new Set(tables.flatMap(({ shape }) => shape.schema ?? []))
  return [
    ...[...schemas].map((name) => writer.schema(name)),
    ...tables.flatMap((table) => writer.create(table)),
    ...tables.flatMap((table) => writer.complete(table))
  ]
}
