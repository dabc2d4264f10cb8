/**
 * What tables an SQLite database has, out of its schema table and its pragmas.
 *
 * Source: https://www.sqlite.org/pragma.html#pragfunc
 */
import type {
  Action,
  ColumnShape,
  DatabaseShape,
  Ddl,
  ForeignKeyShape,
  IndexShape,
  KeyShape,
  TableShape
} from "effect-sql-engine/Dialect"
import type { Definition } from "./definition.js"
import { definitionOf } from "./definition.js"

const own = `m.type = 'table' and m.name not glob 'sqlite_*' and m.sql not like 'create virtual%'`

const queries = [
  `select m.name as "table", m.sql as sql from sqlite_schema m where ${own} order by m.name`,
  `select m.name as "table", c.name as name, c.type as type, c."notnull" as required, c.dflt_value as value, c.pk as pk
    from sqlite_schema m join pragma_table_xinfo(m.name) c where ${own} and c.hidden <> 1 order by m.name, c.cid`,
  `select m.name as "table", l.name as name, l."unique" as is_unique, l.origin as origin, x.name as "column",
      x."desc" as descending, s.sql as sql
    from sqlite_schema m join pragma_index_list(m.name) l join pragma_index_xinfo(l.name) x
    left join sqlite_schema s on s.type = 'index' and s.name = l.name
    where ${own} and x.key = 1 order by m.name, l.name, x.seqno`,
  `select m.name as "table", k.id as id, k."table" as target, k."from" as "column", k."to" as target_column,
      k.on_update as on_update, k.on_delete as on_delete
    from sqlite_schema m join pragma_foreign_key_list(m.name) k where ${own} order by m.name, k.id desc, k.seq`
]

interface Row {
  readonly [column: string]: any
}

const by = (rows: ReadonlyArray<Row>, column: string): ReadonlyArray<ReadonlyArray<Row>> => {
  const groups = new Map<unknown, Array<Row>>()
  for (const row of rows) groups.set(row[column], [...groups.get(row[column]) ?? [], row])
  return [...groups.values()]
}

const lower = (names: ReadonlyArray<string>) => names.map((name) => name.toLowerCase()).join("\0")

/** `INTEGER PRIMARY KEY`, and no other spelling of the type, is the row's own number. */
const isRowId = (row: Row, rows: ReadonlyArray<Row>): boolean =>
  row["pk"] === 1 && rows.every(({ name, pk }) => pk === 0 || name === row["name"]) &&
  String(row["type"]).toUpperCase() === "INTEGER"

const columnsOf = (rows: ReadonlyArray<Row>): ReadonlyArray<ColumnShape> =>
  rows.map((row) => {
    const generated = isRowId(row, rows)
    return {
      name: row["name"],
      type: row["type"],
      nullable: row["required"] === 0 && !generated,
      default: row["value"] ?? undefined,
      generated
    }
  })

const primaryKeyOf = (rows: ReadonlyArray<Row>): KeyShape | undefined => {
  const columns = rows.filter(({ pk }) => pk > 0).sort((a, b) => a["pk"] - b["pk"]).map(({ name }) => name)
  return columns.length === 0 ? undefined : { name: undefined, columns }
}

const uniquesOf = (rows: ReadonlyArray<Row>, { uniques }: Definition): ReadonlyArray<KeyShape> =>
  by(rows.filter(({ origin }) => origin === "u"), "name").map((parts) => {
    const columns = parts.map(({ column }) => column)
    return { name: uniques.find((unique) => lower(unique.columns) === lower(columns))?.name, columns }
  })

const indexesOf = (rows: ReadonlyArray<Row>): ReadonlyArray<IndexShape> =>
  by(rows.filter(({ origin }) => origin === "c"), "name").map((parts) => ({
    name: parts[0]!["name"],
    unique: parts[0]!["is_unique"] === 1,
    where: /\swhere\s([^]*)$/i.exec(parts[0]!["sql"] ?? "")?.[1]?.trim(),
    parts: parts.map((row) => ({
      column: row["column"] ?? undefined,
      expression: row["column"] === null ? "an expression" : undefined,
      descending: row["descending"] === 1
    }))
  }))

const foreignKeysOf = (
  rows: ReadonlyArray<Row>,
  { foreignKeys }: Definition,
  keyOf: (table: string) => ReadonlyArray<string>
): ReadonlyArray<ForeignKeyShape> =>
  by(rows, "id").map((parts) => {
    const columns: ReadonlyArray<string> = parts.map(({ column }) => column)
    const [first] = parts as [Row]
    const target: string = first["target"]
    const written = foreignKeys.find((key) =>
      lower(key.columns) === lower(columns) && key.target === target.toLowerCase()
    )
    return {
      name: written?.name,
      columns,
      target: { schema: undefined, name: target },
      // Without columns a reference leads to the primary key.
      targetColumns: first["target_column"] === null ? keyOf(target) : parts.map((row) => row["target_column"]),
      onDelete: first["on_delete"].toLowerCase() as Action,
      onUpdate: first["on_update"].toLowerCase() as Action,
      deferrable: written?.deferrable ?? "no"
    }
  })

const read = ([tables = [], columns = [], indexes = [], keys = []]: ReadonlyArray<
  ReadonlyArray<Row>
>): DatabaseShape => {
  const of = (rows: ReadonlyArray<Row>, table: string) => rows.filter((row) => row["table"] === table)
  const keyOf = (table: string) =>
    primaryKeyOf(columns.filter((row) => row["table"].toLowerCase() === table.toLowerCase()))?.columns ?? []
  return {
    defaultSchema: undefined,
    schemas: [],
    tables: tables.map(({ sql, table }): TableShape => {
      const definition = definitionOf(sql)
      return {
        schema: undefined,
        name: table,
        columns: columnsOf(of(columns, table)),
        primaryKey: primaryKeyOf(of(columns, table)),
        uniques: uniquesOf(of(indexes, table), definition),
        indexes: indexesOf(of(indexes, table)),
        foreignKeys: foreignKeysOf(of(keys, table), definition, keyOf),
        checks: definition.checks
      }
    })
  }
}

/** SQLite has no schemas, so whatever schemas are asked for, these are the tables. */
export const introspection: Ddl["introspection"] = () => ({
  queries: queries.map((sql) => ({ sql, params: [] })),
  read
})
