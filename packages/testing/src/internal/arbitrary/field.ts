/**
 * The values of one field of a table, as they are inserted.
 */
import * as VariantSchema from "@effect/experimental/VariantSchema"
import { Arbitrary, Either, FastCheck, Option, Schema, SchemaAST as AST } from "effect"
import type { AnyModel, Any as AnyTable, Column } from "effect-sql-engine/Table"
import { type AnyArbitrary, hasDate, isStorable, narrowed } from "./storable.js"

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

/** A field as it is inserted; `none` when it is not, or fills itself. */
export const fieldOf = (column: Column, schema: FieldSchema, given: AnyArbitrary | undefined): Option.Option<Field> => {
  const { decode, encode, struct } = through(schema)
  const type = propertyOf(AST.typeAST(struct.ast))
  const encoded = propertyOf(AST.encodedAST(struct.ast))
  if (given === undefined && fillsItself(type.type, encoded.type, type.isOptional)) return Option.none()
  const key = String(encoded.name)
  const fits = (value: unknown) => {
    const bound = encode(value)
    return Either.isRight(bound) && isStorable(column.type, bound.right)
  }
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
  const value = (given ?? own()).filter(fits)
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
