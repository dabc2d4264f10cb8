/**
 * What a live database has, and how a plan compares with it.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import { Effect } from "effect"
import { SchemaMismatch } from "../failure/schema.js"
import type { Ddl } from "./ddl.js"
import type { Difference, Verify } from "./diff.js"
import { differences } from "./diff.js"
import type { Plan } from "./plan.js"
import type { DatabaseShape, TableName, TableShape } from "./shape.js"

/** Looks at the database, through the client as it is: names of results are not transformed. */
export const look = (sql: SqlClient, ddl: Ddl, schemas: ReadonlyArray<string> | undefined) => {
  const { queries, read } = ddl.introspection(schemas)
  const plain = sql.withoutTransforms()
  return Effect.map(
    Effect.forEach(queries, ({ params, sql }) => plain.unsafe<any>(sql, params)),
    (answers): DatabaseShape => read(answers)
  )
}

/** The schemas a plan names. */
export const schemasOf = ({ tables }: Plan): ReadonlyArray<string> => [
  ...new Set(tables.flatMap(({ shape }) => shape.schema ?? []))
]

/** The table of a name, if it is there. */
export const tableIn = (found: DatabaseShape, { name, schema }: TableName, ddl: Ddl): TableShape | undefined =>
  found.tables.find((table) => table.schema === (schema ?? found.defaultSchema) && ddl.sameName(table.name, name))

/** The same shape with the schema that was left open; so is that of the tables it refers to. */
const inFull = (shape: TableShape, { defaultSchema }: DatabaseShape): TableShape => ({
  ...shape,
  schema: shape.schema ?? defaultSchema,
  foreignKeys: shape.foreignKeys.map((key) => ({
    ...key,
    target: { ...key.target, schema: key.target.schema ?? defaultSchema }
  }))
})

/** Every difference between the planned tables that are there and what they are like. */
export const compare = ({ ddl, tables }: Plan, found: DatabaseShape, verify: Verify): ReadonlyArray<Difference> =>
  tables.flatMap(({ shape }) => {
    const actual = tableIn(found, shape, ddl)
    return actual === undefined ? [] : differences(inFull(shape, found), actual, ddl, verify)
  })

const shown = ({ expected, found, name, part, table }: Difference): string =>
  found === undefined
    ? `${table} lacks the ${part} ${name} (${expected})`
    : expected === undefined
    ? `${table} has the ${part} ${name} (${found}), which is not declared`
    : `${part} of ${table === name ? table : `${table}.${name}`} is ${found}, declared is ${expected}`

const most = 10

/** The failure that lists the differences. */
export const mismatch = (engine: string, diff: ReadonlyArray<Difference>): SchemaMismatch =>
  new SchemaMismatch({
    engine,
    diff,
    message: `The tables in the database of engine "${engine}" differ from the declared ones in ${diff.length} ` +
      `${diff.length === 1 ? "place" : "places"}: ${diff.slice(0, most).map(shown).join("; ")}${
        diff.length > most ? "; and more" : ""
      }. Nothing was changed: migrate the database, or declare the tables as they are.`
  })
