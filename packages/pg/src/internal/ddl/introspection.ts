/**
 * What tables a PostgreSQL database has, out of its catalog.
 *
 * Source: https://www.postgresql.org/docs/18/catalogs.html
 */
import type {
  Action,
  CheckShape,
  ColumnShape,
  DatabaseShape,
  Ddl,
  ForeignKeyShape,
  IndexPart,
  IndexShape,
  KeyShape,
  TableShape
} from "effect-sql-engine/Dialect"

/** With `$1`: the schemas asked for, as a JSON array, or NULL for all but the system's. */
const wanted = `(
  case when $1::text is null then n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  else n.nspname = current_schema() or n.nspname in (select pg_catalog.json_array_elements_text($1::json)) end
)`

const tables = `from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace`
const isTable = `c.relkind in ('r', 'p') and not c.relispartition and ${wanted}`

const names = (list: string, relation: string) =>
  `(select pg_catalog.json_agg(a.attname order by k.ord) from pg_catalog.unnest(${list}) with ordinality k(num, ord)
    join pg_catalog.pg_attribute a on a.attrelid = ${relation} and a.attnum = k.num)::text`

const schemas = `select n.nspname::text as name, (n.nspname = current_schema())::text as standard
  from pg_catalog.pg_namespace n where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by n.nspname`

const columns = `select n.nspname::text as schema, c.relname::text as "table", a.attname::text as name,
    pg_catalog.format_type(a.atttypid, a.atttypmod) as type, (not a.attnotnull)::text as nullable,
    pg_catalog.pg_get_expr(d.adbin, d.adrelid) as value, a.attidentity::text as identity
  ${tables}
  left join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_catalog.pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where ${isTable} order by n.nspname, c.relname, a.attnum`

const constraints = `select n.nspname::text as schema, c.relname::text as "table", o.conname::text as name,
    o.contype::text as kind, ${names("o.conkey", "o.conrelid")} as columns,
    fn.nspname::text as target_schema, f.relname::text as target, ${
  names("o.confkey", "o.confrelid")
} as target_columns,
    o.confdeltype::text as on_delete, o.confupdtype::text as on_update,
    case when o.condeferred then 'initially deferred' when o.condeferrable then 'initially immediate' else 'no' end as deferrable,
    pg_catalog.pg_get_expr(o.conbin, o.conrelid) as expression
  ${tables}
  join pg_catalog.pg_constraint o on o.conrelid = c.oid and o.contype in ('p', 'u', 'f', 'c')
  left join pg_catalog.pg_class f on f.oid = o.confrelid
  left join pg_catalog.pg_namespace fn on fn.oid = f.relnamespace
  where ${isTable} order by n.nspname, c.relname, o.conname`

const indexes = `select n.nspname::text as schema, c.relname::text as "table", i.relname::text as name,
    x.indisunique::text as is_unique, pg_catalog.pg_get_expr(x.indpred, x.indrelid) as filter,
    (select pg_catalog.json_agg(pg_catalog.json_build_object('column', a.attname, 'descending', (x.indoption[k.ord - 1] & 1) = 1,
        'expression', case when k.num = 0 then pg_catalog.pg_get_indexdef(x.indexrelid, k.ord::int, true) end) order by k.ord)
      from pg_catalog.unnest(x.indkey::int2[]) with ordinality k(num, ord)
      left join pg_catalog.pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.num and k.num <> 0
      where k.ord <= x.indnkeyatts)::text as parts
  ${tables}
  join pg_catalog.pg_index x on x.indrelid = c.oid and x.indisvalid
  join pg_catalog.pg_class i on i.oid = x.indexrelid
  where ${isTable} and not exists (
    select from pg_catalog.pg_constraint o where o.conindid = x.indexrelid and o.contype in ('p', 'u', 'x')
  ) order by n.nspname, c.relname, i.relname`

interface Row {
  readonly [column: string]: string | null
}

const actions: Readonly<Record<string, Action>> = {
  a: "no action",
  r: "restrict",
  c: "cascade",
  n: "set null",
  d: "set default"
}

const list = (json: string | null | undefined): Array<any> => json == null ? [] : JSON.parse(json)

const column = (row: Row): ColumnShape => {
  // What a serial column counts with, for the times before identity columns.
  const generated = (row["identity"] ?? "") !== "" || row["value"]?.startsWith("nextval(") === true
  return {
    name: row["name"]!,
    type: row["type"]!,
    nullable: row["nullable"] === "true",
    default: generated ? undefined : row["value"] ?? undefined,
    generated
  }
}

const key = (row: Row): KeyShape => ({ name: row["name"]!, columns: list(row["columns"]) })

const foreignKey = (row: Row): ForeignKeyShape => ({
  ...key(row),
  target: { schema: row["target_schema"]!, name: row["target"]! },
  targetColumns: list(row["target_columns"]),
  onDelete: actions[row["on_delete"]!]!,
  onUpdate: actions[row["on_update"]!]!,
  deferrable: row["deferrable"] as ForeignKeyShape["deferrable"]
})

const check = (row: Row): CheckShape => ({ name: row["name"]!, expression: row["expression"] ?? "" })

const index = (row: Row): IndexShape => ({
  name: row["name"]!,
  unique: row["is_unique"] === "true",
  where: row["filter"] ?? undefined,
  parts: list(row["parts"]).map((part): IndexPart => ({
    column: part.column ?? undefined,
    expression: part.expression ?? undefined,
    descending: part.descending
  }))
})

const at = (row: Row) => JSON.stringify([row["schema"], row["table"]])

const read = ([schemas = [], columns = [], constraints = [], indexes = []]: ReadonlyArray<
  ReadonlyArray<Row>
>): DatabaseShape => {
  const rowsOf = (rows: ReadonlyArray<Row>, table: Row, kind?: string) =>
    rows.filter((row) => at(row) === at(table) && (kind === undefined || row["kind"] === kind))
  const firsts = columns.filter((row, nth) => nth === 0 || at(row) !== at(columns[nth - 1]!))
  return {
    defaultSchema: schemas.find(({ standard }) => standard === "true")?.["name"] ?? undefined,
    schemas: schemas.map(({ name }) => name!),
    tables: firsts.map((row): TableShape => ({
      schema: row["schema"]!,
      name: row["table"]!,
      columns: rowsOf(columns, row).filter(({ name }) => name !== null).map(column),
      primaryKey: rowsOf(constraints, row, "p").map(key)[0],
      uniques: rowsOf(constraints, row, "u").map(key),
      foreignKeys: rowsOf(constraints, row, "f").map(foreignKey),
      checks: rowsOf(constraints, row, "c").map(check),
      indexes: rowsOf(indexes, row).map(index)
    }))
  }
}

export const introspection: Ddl["introspection"] = (asked) => {
  const params = [asked === undefined ? null : JSON.stringify(asked)]
  return {
    queries: [
      { sql: schemas, params: [] },
      ...[columns, constraints, indexes].map((sql) => ({ sql, params }))
    ],
    read
  }
}
