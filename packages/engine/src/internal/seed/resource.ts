/**
 * A resource of a seed: which table its rows are for, and how one is read.
 */
import * as VariantSchema from "@effect/experimental/VariantSchema"
import { Effect, Predicate, Schema, SchemaAST as AST } from "effect"
import type { ParseResult } from "effect"
import type { Dialect } from "../../Dialect.js"
import { Codec } from "../repository/codec.js"
import { propertiesOf } from "../repository/values.js"
import type { AnyTable } from "../table/model.js"
import { isTable } from "../table/table.js"
import type { Change } from "../value/deep.js"
import { issuesOf } from "./issues.js"
import type { Issue } from "./issues.js"
import { fromSource, words } from "./scalar.js"
import { untyped } from "./untyped.js"

/**
 * What a resource is: a declared table; a Schema, for a table that has the resource's name; or a Schema and the table's
 * name.
 *
 * What is written is what the Schema decodes to, with columns by the names of its fields: so a Schema may transform. Of a
 * declared table the rows stand in the source as on the encoded side of its Schema; a text may stand for a time or for bytes. The
 * database may fill what is left out.
 *
 * @since 0.1.0
 * @category models
 */
export type Resource =
  | AnyTable
  | Schema.Schema<any, any>
  | {
    readonly table: string
    /** Where the table stands, on databases that have schemas. */
    readonly schema?: string | undefined
    readonly rows: Schema.Schema<any, any>
  }

/** A row as it is bound, by columns. */
export type Columns = Readonly<Record<string, unknown>>

/** A resource, understood. */
export interface Reader {
  readonly table: string
  readonly schema: string | undefined
  readonly read: (value: unknown) => Effect.Effect<Columns, ReadonlyArray<Issue>>
}

const strictly = { errors: "all", onExcessProperty: "error" } as const

const issues = (error: ParseResult.ParseError): ReadonlyArray<Issue> => issuesOf(error.issue, words)

const ofSchema = (
  table: string,
  schema: string | undefined,
  rows: Schema.Schema<any, any>,
  { rows: many }: Dialect
): Reader => {
  const byColumn = many?.relation !== undefined
  const decode = Schema.decodeUnknown(rows, strictly)
  const change = fromSource(AST.encodedAST(rows.ast), undefined) ?? ((value: unknown) => value)
  return {
    table,
    schema,
    read: (value) =>
      Effect.mapBoth(Effect.suspend(() => decode(change(value))), {
        onFailure: issues,
        onSuccess: (row: object) =>
          Object.fromEntries(Object.entries(row).map(([name, one]) => [name, untyped(one, byColumn)]))
      })
  }
}

type Fields = Readonly<Record<string, Schema.Struct.Fields[string]>>

/** The fields of a model, as they are selected; and those that an insert fills by itself. */
const fieldsOf = (model: AnyTable["model"]): { readonly all: Fields; readonly insert: Fields } => {
  if (!VariantSchema.isStruct(model)) return { all: model.fields, insert: model.fields }
  const { insert, update } = model as unknown as Record<"insert" | "update", { readonly fields: Fields }>
  return { all: { ...insert.fields, ...update.fields, ...model.fields }, insert: insert.fields }
}

/** What an insert puts into a field of which nothing is said, if it does: the moment, an id. */
const filled = (field: string, key: string, schema: Fields[string] | undefined): Effect.Effect<unknown> => {
  if (schema === undefined) return Effect.succeed(undefined)
  const alone = Schema.Struct({ [field]: schema }) as unknown as Schema.Schema<any, any>
  return Effect.match(Schema.encodeUnknown(alone)({ [field]: undefined }), {
    onFailure: () => undefined,
    onSuccess: (row) => row[key]
  })
}

const ofTable = (table: AnyTable, dialect: Dialect): Reader => {
  const { columns, model, name, schema } = table
  const { all, insert } = fieldsOf(model)
  const codec = new Codec(table, dialect.name, dialect.rows)
  // What is left out is looked at afterwards, where the database and the model may know better.
  const optional = Object.fromEntries(
    Object.entries(all).map(([field, type]) => [field, Schema.isSchema(type) ? Schema.optional(type) : type])
  )
  const rows = Schema.Struct(optional) as unknown as Schema.Schema<any, any>
  const decode = Schema.decodeUnknown(rows, strictly)
  const encode = Schema.encodeUnknown(rows)
  const byKey = new Map(columns.map((column) => [column.key, column]))
  const changes = new Map<string, Change>()
  for (const [key, { type }] of propertiesOf(rows.ast)) {
    const column = byKey.get(key)
    const change = column === undefined ? undefined : fromSource(type, codec.formOf(column))
    if (change !== undefined) changes.set(key, change)
  }
  const meant = (row: unknown): unknown =>
    Predicate.isRecord(row)
      ? Object.fromEntries(
        Object.entries(row).map(([key, value]) => [key, value === null ? null : changes.get(key)?.(value) ?? value])
      )
      : row
  const required = columns.filter((column) => !column.generated && !column.nullable && column.default === undefined)
  return {
    table: name,
    schema,
    read: (value) =>
      Effect.gen(function*() {
        const row = yield* Effect.mapError(Effect.flatMap(decode(meant(value)), encode), issues)
        const given: Record<string, unknown> = { ...row }
        const missing: Array<Issue> = []
        for (const { field, key } of required) {
          given[key] ??= row[key] === null ? null : yield* filled(field, key, insert[field])
          if (given[key] === undefined) missing.push({ path: [key], problem: "is missing" })
        }
        if (missing.length > 0) return yield* Effect.fail(missing)
        return Object.fromEntries(
          Object.entries(given).flatMap(([key, value]) => {
            const column = byKey.get(key)
            return column === undefined || value === undefined ? [] : [[column.name, codec.bind(column, value)]]
          })
        )
      })
  }
}

/** Understands a resource, for a database. */
export const readerOf = (name: string, resource: Resource, dialect: Dialect): Reader =>
  isTable(resource)
    ? ofTable(resource, dialect)
    : Schema.isSchema(resource)
    ? ofSchema(name, undefined, resource as Schema.Schema<any, any>, dialect)
    : ofSchema(resource.table, resource.schema, resource.rows, dialect)
