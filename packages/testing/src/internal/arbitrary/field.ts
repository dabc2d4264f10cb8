/**
 * The values of one field of a table, as they are inserted.
 */
import * as VariantSchema from "@effect/experimental/VariantSchema"
import { Arbitrary, Either, FastCheck, Option, Schema, SchemaAST as AST } from "effect"
import type { Any as AnyTable, AnyModel, Column } from "effect-sql-engine/Table"
import { type AnyArbitrary, filtered, hasDate, isStorable, narrowed } from "./storable.js"

/** Stands for a field that is left out. */
export const absent: unique symbol = Symbol.for("effect-sql-engine-testing/absent")

type FieldSchema = Schema.Struct.Fields[string]

/** A field of the rows that are inserted. */
export interface Field {
  readonly column: Column
  readonly arbitrary: AnyArbitrary
  /** What reaches the database, of a value that can be encoded. */
  readonly encode: (value: unknown) => Either.Either<unknown, unknown>
  /** The value that stands for what the database holds. */
  readonly decode: (encoded: unknown) => Either.Either<unknown, unknown>
}

/** The Schemas of the fields that a row is inserted with. */
export const insertFields = (model: AnyModel): Schema.Struct.Fields =>
  VariantSchema.isStruct(model)
    ? (model as unknown as { readonly insert: { readonly fields: Schema.Struct.Fields } }).insert.fields
    : model.fields

/** The fields that a row may be changed in, and those of them that change by themselves. */
export const updateFields = (
  model: AnyModel
): { readonly fields: ReadonlyArray<string>; readonly selfFilling: ReadonlyArray<string> } => {
  const fields = VariantSchema.isStruct(model)
    ? (model as unknown as { readonly update: { readonly fields: Schema.Struct.Fields } }).update.fields
    : model.fields
  const selfFilling = Object.keys(fields).filter((field) => {
    const { ast } = Schema.Struct({ it: fields[field]! })
    const type = propertyOf(AST.typeAST(ast))
    return fillsItself(type.type, propertyOf(AST.encodedAST(ast)).type, type.isOptional)
  })
  return { fields: Object.keys(fields), selfFilling }
}

const propertyOf = (struct: AST.AST): AST.PropertySignature => AST.getPropertySignatures(struct)[0]!

const takesUndefined = (ast: AST.AST): boolean =>
  ast._tag === "UndefinedKeyword" || (ast._tag === "Union" && ast.types.some(takesUndefined))

/** A field that makes its own value when it is given none, such as a moment of `Model.DateTimeInsert`. */
const fillsItself = (type: AST.AST, encoded: AST.AST, isOptional: boolean) =>
  takesUndefined(type) && !takesUndefined(encoded) && !isOptional

const through = (schema: FieldSchema) => {
  const struct = Schema.Struct({ it: schema }) as unknown as Schema.Schema<any, any>
  const encode = Schema.encodeEither(struct)
  const decode = Schema.decodeUnknownEither(struct)
  return {
    struct,
    encode: (value: unknown) =>
      value === absent ? Either.right(undefined) : Either.map(encode({ it: value }), (row) => Object.values(row)[0]),
    decode: (key: string, value: unknown) => Either.map(decode({ [key]: value }), (row) => row.it as unknown)
  }
}

const textOf = ({ name, type }: Column): string =>
  `Column "${name}" (${typeof type === "string" ? type : FastCheck.stringify(type.sql)})`

/** What is neither a plain value, a moment nor bytes becomes a text of JSON on its way. */
const asDocument = (encoded: unknown): unknown =>
  typeof encoded !== "object" || encoded === null || encoded instanceof Date || ArrayBuffer.isView(encoded)
    ? encoded
    : JSON.parse(JSON.stringify(encoded))

/** A field as it is inserted; `none` when it is not, or fills itself. */
export const fieldOf = (column: Column, schema: FieldSchema, given: AnyArbitrary | undefined): Option.Option<Field> => {
  const { decode, encode, struct } = through(schema)
  const type = propertyOf(AST.typeAST(struct.ast))
  const encoded = propertyOf(AST.encodedAST(struct.ast))
  if (given === undefined && fillsItself(type.type, encoded.type, type.isOptional)) return Option.none()
  const key = String(encoded.name)
  /** The value as it comes back: a document has no `undefined` in it, a text of JSON has no NaN. */
  const stored = (value: unknown) =>
    Either.flatMap(encode(value), (encoded): Either.Either<unknown, unknown> => {
      if (!isStorable(column.type, asDocument(encoded))) return Either.left("not storable")
      return decode(key, asDocument(encoded))
    })
  const own = (): AnyArbitrary => {
    // A moment in another form: nearly all that chance finds in it are of years no database knows.
    if (hasDate(encoded.type) && !hasDate(type.type)) {
      return Arbitrary.make(Schema.make<unknown>(narrowed(encoded.type, column.type)))
        .map((value) => decode(key, value))
        .filter(Either.isRight)
        .map(({ right }) => right)
    }
    return Arbitrary.make(Schema.make<unknown>(narrowed(type.type, column.type)))
  }
  const value = filtered(given ?? own(), (value) => Either.isRight(stored(value)), textOf(column))
    .map((value) => Either.getOrElse(stored(value), () => value))
  return Option.some({
    column,
    arbitrary: type.isOptional && given === undefined
      ? FastCheck.oneof({ arbitrary: value, weight: 3 }, { arbitrary: FastCheck.constant(absent), weight: 1 })
      : value,
    encode,
    decode: (value) => decode(key, value)
  })
}

/** The way of a field of rows that are read, for what refers to it. */
export const encodeSelected = (table: AnyTable, field: string) => through(table.model.fields[field]!).encode
