/**
 * A declared table as the statements of one dialect see it: names in quotes, and the way of a row in and out.
 */
import { Effect } from "effect"
import type { Dialect } from "../../Dialect.js"
import { EngineConfigError } from "../failure/engine.js"
import type { AnyTable, Column } from "../table/model.js"
import { Codec } from "./codec.js"
import type { Rows, RowsColumn } from "./words.js"

/** A table in a dialect. */
export class Layout {
  readonly codec: Codec
  /** The table's name, with its schema. */
  readonly name: string
  /** The columns of a row that is read, as they stand behind SELECT and RETURNING. */
  readonly columns: string
  readonly key: ReadonlyArray<Column>
  private readonly byField: ReadonlyMap<string, Column>
  private readonly quoted = new Map<string, string>()
  private readonly known = new Map<string, RowsColumn>()

  constructor(readonly table: AnyTable, readonly dialect: Dialect, readonly rows: Rows) {
    const { name, rules, schema } = table
    this.name = schema === undefined || dialect.ddl?.schemas === false
      ? dialect.quoteIdentifier(name)
      : `${dialect.quoteIdentifier(schema)}.${dialect.quoteIdentifier(name)}`
    this.codec = new Codec(table, dialect.name, rows)
    this.columns = this.selection()
    this.byField = new Map(table.columns.map((column) => [column.field, column]))
    this.key = rules.primaryKey.map((name) => table.columns.find((column) => column.name === name)!)
  }

  /** The columns of a row that is read, of a table that is called by the prefix. */
  selection(prefix = ""): string {
    return this.codec.selected.map(({ as, column, text }) => {
      const id = prefix + this.id(column.name)
      return text === undefined ? id : `${this.rows.exact(id, text === "list")} AS ${this.id(as)}`
    }).join(", ")
  }

  /** The name of a column in quotes. */
  id(column: string): string {
    let quoted = this.quoted.get(column)
    if (quoted === undefined) this.quoted.set(column, quoted = this.dialect.quoteIdentifier(column))
    return quoted
  }

  /** Names of columns, one after the other. */
  list(columns: ReadonlyArray<string>, prefix = ""): string {
    return columns.map((column) => prefix + this.id(column)).join(", ")
  }

  /** What many rows have to know of a column. */
  columnOf(name: string): RowsColumn {
    let known = this.known.get(name)
    if (known === undefined) {
      const { list } = this.codec.formOf(this.table.columns.find((column) => column.name === name)!)
      this.known.set(name, known = { name, list })
    }
    return known
  }

  /** The column of a field. */
  column(field: string): Column | undefined {
    return this.byField.get(field)
  }
}

const layouts = new WeakMap<AnyTable, Map<Dialect, Layout>>()

/** The table in this dialect; made once. Fails where the dialect has no words for rows. */
export const layoutOf = (
  table: AnyTable,
  dialect: Dialect,
  engine: string
): Effect.Effect<Layout, EngineConfigError> => {
  let known = layouts.get(table)
  if (known === undefined) layouts.set(table, known = new Map())
  const found = known.get(dialect)
  if (found !== undefined) return Effect.succeed(found)
  const { rows } = dialect
  if (rows === undefined) {
    const problem = `has no words for rows: the dialect ${dialect.name} lacks \`rows\``
    const message = `Engine "${engine}" cannot write rows of declared tables: its database ${problem}.`
    return Effect.fail(new EngineConfigError({ message, engine, problems: [{ field: "dialect", problem }] }))
  }
  const layout = new Layout(table, dialect, rows)
  known.set(dialect, layout)
  return Effect.succeed(layout)
}
