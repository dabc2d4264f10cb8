/**
 * A resource of a seed: which table its rows are for, and how one is read.
 */
import * as VariantSchema from "@effect/experimental/VariantSchema"
import { Effect, Schema } from "effect"
import type { ParseResult } from "effect"
import type { AnyTable } from "../table/model.js"
import { isTable } from "../table/table.js"
import { issuesOf } from "./issues.js"
import type { Issue } from "./issues.js"

/**
 * What a resource is: a declared table; a Schema, for a table that has the resource's name; or a Schema and the table's
 * name.
 *
 * What is written is what the Schema decodes to, with columns by the names of its fields: so a Schema may transform. Of a
 * declared table the rows stand in the source as they do in the database, which may fill what is left out.
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

/** A row, by columns. */
export type Columns = Readonly<Record<string, unknown>>

/** A resource, understood. */
export interface Reader {
  readonly table: string
  readonly schema: string | undefined
  readonly read: (value: unknown) => Effect.Effect<Columns, ReadonlyArray<Issue>>
}

const strictly = { errors: "all", onExcessProperty: "error" } as const

const issues = (error: ParseResult.ParseError): ReadonlyArray<Issue> => issuesOf(error.issue)

const ofSchema = (table: string, schema: string | undefined, rows: Schema.Schema<any, any>): Reader => {
  const decode = Schema.decodeUnknown(rows, strictly)
  return { table, schema, read: (value) => Effect.mapError(decode(value), issues) }
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

const ofTable = ({ columns, model, name, schema }: AnyTable): Reader => {
  const { all, insert } = fieldsOf(model)
  // What is left out is looked at afterwards, where the database and the model may know better.
  const optional = Object.fromEntries(
    Object.entries(all).map(([field, type]) => [field, Schema.isSchema(type) ? Schema.optional(type) : type])
  )
  const rows = Schema.Struct(optional) as unknown as Schema.Schema<any, any>
  const decode = Schema.decodeUnknown(rows, strictly)
  const encode = Schema.encodeUnknown(rows)
  const byKey = new Map(columns.map((column) => [column.key, column]))
  const required = columns.filter((column) => !column.generated && !column.nullable && column.default === undefined)
  return {
    table: name,
    schema,
    read: (value) =>
      Effect.gen(function*() {
        const row = yield* Effect.mapError(Effect.flatMap(decode(value), encode), issues)
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
            return column === undefined || value === undefined ? [] : [[column.name, value]]
          })
        )
      })
  }
}

/** Understands a resource. */
export const readerOf = (name: string, resource: Resource): Reader =>
  isTable(resource)
    ? ofTable(resource)
    : Schema.isSchema(resource)
    ? ofSchema(name, undefined, resource as Schema.Schema<any, any>)
    : ofSchema(resource.table, resource.schema, resource.rows)
