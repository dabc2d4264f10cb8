/**
 * The columns of a table, out of the fields of its Schema and what was said of them.
 */
import * as VariantSchema from "@effect/experimental/VariantSchema"
import { Schema } from "effect"
import type { SchemaAST as AST } from "effect"
import { problemsOf } from "../config/compound.js"
import { annotated, tell } from "./columnType.js"
import type { ColumnKind } from "./ddl.js"
import { columnOptions } from "./declared.js"
import type { Column } from "./model.js"
import { misnamed, naming } from "./names.js"
import type { AnyModel, ColumnOptions, CommonOptions } from "./options.js"

interface Found {
  readonly field: string
  readonly schema: Schema.Struct.Fields[string]
  /** A model selects it, and does not insert it. */
  readonly left: boolean
}

/** The fields that are columns. A model has them by what is done with them; what only its JSON has is none. */
const fieldsOf = (model: AnyModel): ReadonlyArray<Found> => {
  const select = model.fields
  if (!VariantSchema.isStruct(model)) {
    return Object.entries(select).map(([field, schema]) => ({ field, schema, left: false }))
  }
  const { insert, update } = model as unknown as Record<"insert" | "update", { readonly fields: typeof select }>
  return Object.entries({ ...insert.fields, ...update.fields, ...select })
    .map(([field, schema]) => ({ field, schema, left: field in select && !(field in insert.fields) }))
    .sort((a, b) => order(model, a.field) - order(model, b.field))
}

/** Fields stand in the order in which the model names them. */
const order = (model: VariantSchema.Struct<any>, field: string) =>
  Object.keys(VariantSchema.fields(model)).indexOf(field)

/** The only property of a Schema's encoded side. */
const property = (schema: Schema.Struct.Fields[string]): AST.PropertySignature => {
  const { ast } = Schema.Struct({ it: schema })
  const literal = (ast._tag === "Transformation" ? ast.from : ast) as AST.TypeLiteral
  return literal.propertySignatures[0]!
}

type Tell = (field: string, problem: string) => void

/** A generated number that nobody has a type for is a key that counts up. */
const kindOf = (kind: ColumnKind | undefined, generated: boolean, isKey: boolean): ColumnKind | undefined =>
  kind === "number" && generated && isKey ? "integer" : kind

const columnOf = (
  { field, left, schema }: Found,
  given: ColumnOptions,
  rename: (name: string) => string,
  key: ReadonlyArray<string>,
  problem: Tell
): Column => {
  const { isOptional, name, type } = property(schema)
  const told = tell(type)
  const annotation = annotated(type)
  for (const unfit of problemsOf(columnOptions, annotation)) problem(`${field}.${unfit.field}`, unfit.problem)
  const options: ColumnOptions = { ...annotation, ...given }
  const generated = options.generated ?? left
  const encoded = name === "it" ? field : String(name)
  const kind = kindOf(told.kind, generated, key.includes(field))
  if (options.type === undefined && kind === undefined) {
    problem(field, `holds ${told.unfit ?? "nothing a column could hold"}: say its type, as \`columns.${field}.type\``)
  }
  const column: Column = {
    field,
    key: encoded,
    name: options.name ?? rename(encoded),
    type: options.type ?? kind ?? "text",
    typeDeclared: options.type !== undefined,
    nullable: options.nullable ?? (told.nullable || isOptional),
    generated,
    default: options.default ?? (generated && kind === "uuid" ? { made: "uuid" } : undefined)
  }
  const wrong = misnamed(column.name)
  if (wrong !== undefined) problem(field, wrong)
  return column
}

/** Whether the database counts the values of a column up. */
export const counts = ({ default: value, generated, type }: Column): boolean =>
  generated && value === undefined && (type === "integer" || type === "bigint")

/** The columns; `problem` hears of everything that is wrong with one. */
export const columnsOf = (
  model: AnyModel,
  options: CommonOptions<string>,
  key: ReadonlyArray<string>,
  problem: Tell
): ReadonlyArray<Column> => {
  const found = fieldsOf(model)
  const fields = new Set(found.map(({ field }) => field))
  for (const field of Object.keys(options.columns ?? {})) {
    if (!fields.has(field)) problem(`columns.${field}`, "is no field of the Schema")
  }
  const rename = naming(options.naming)
  const columns = found.map((one) => columnOf(one, options.columns?.[one.field] ?? {}, rename, key, problem))
  const names = new Map<string, string>()
  for (const column of columns) {
    const other = names.get(column.name.toLowerCase())
    if (other !== undefined) problem(column.field, `has the column "${column.name}", as has ${other}`)
    names.set(column.name.toLowerCase(), column.field)
    if (column.generated && column.default === undefined && !counts(column) && !column.nullable) {
      problem(
        column.field,
        `is left to the database, which has no value for it: say \`columns.${column.field}.default\``
      )
    }
  }
  if (columns.length === 0) problem("model", "has no fields")
  return columns
}
