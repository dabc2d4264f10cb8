/**
 * Values from the encoded side of a Schema to what is bound, and what is known of the properties of that side.
 */
import { DateTime, SchemaAST as AST } from "effect"
import { tell } from "../table/columnType.js"
import type { ColumnKind } from "../table/ddl.js"
import { Json } from "../value/json.js"
import type { ColumnForm } from "./columnForm.js"

/** Whether a type takes NULL. */
const takesNull = (ast: AST.AST): boolean =>
  ast._tag === "Union" ? ast.types.some(takesNull) : ast._tag === "Literal" && ast.literal === null

/** Whether a type takes `undefined`. */
export const takesUndefined = (ast: AST.AST): boolean =>
  ast._tag === "Union"
    ? ast.types.some(takesUndefined)
    : ast._tag === "UndefinedKeyword" || ast._tag === "VoidKeyword" || ast._tag === "AnyKeyword" ||
      ast._tag === "UnknownKeyword"

/** What stands for NULL on the encoded side. */
export type Nothing = "null" | "undefined" | "absent"

/** What is known of a property of an encoded row. */
export interface Property {
  readonly kind: ColumnKind | undefined
  readonly nothing: Nothing
  readonly type: AST.AST
  /** The type that is made of it. */
  readonly decoded: AST.AST
}

/** What the encoded side of a row is made of, by key. */
export const propertiesOf = (ast: AST.AST): ReadonlyMap<string, Property> => {
  const encoded = AST.encodedAST(ast)
  // The fields are in the same order on both sides.
  const decoded = AST.getPropertySignatures(AST.typeAST(ast))
  return new Map(
    AST.getPropertySignatures(encoded).map(({ isOptional, name, type }, at) => [
      String(name),
      {
        type,
        decoded: decoded[at]?.type ?? type,
        kind: tell(type).kind,
        nothing: takesNull(type) ? "null" : isOptional ? "absent" : takesUndefined(type) ? "undefined" : "null"
      }
    ])
  )
}

/** What is no value to bind: a document. Bytes and times are. */
const isStructure = (value: unknown): boolean =>
  Array.isArray(value) ||
  (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype)

/** The documents in an array of the database's own, which may hold arrays. NULL is NULL. */
const documents = (value: unknown): unknown =>
  Array.isArray(value) ? value.map((one) => one === null || one === undefined ? null : new Json(one)) : value

/** A time with its zone as a text that sorts by its instant, and that `DateTime.makeZonedFromString` reads exactly. */
const zonedText = (value: DateTime.Zoned): string =>
  `${DateTime.formatIso(value)}[${DateTime.zoneToString(value.zone)}]`

/**
 * From what the Schema encodes to what is bound. A time of Effect's is the `Date` of its instant, or, in a column of texts,
 * a text.
 */
export const bindable = (value: unknown, { arrays, document, kind, list }: ColumnForm): unknown => {
  if (value === undefined || value === null) return null
  if (document) return list ? documents(value) : new Json(value)
  if (typeof value !== "object") return value
  if (isStructure(value)) return arrays && Array.isArray(value) ? value : new Json(value)
  if (!DateTime.isDateTime(value)) return value
  return DateTime.isZoned(value) && kind === "text" ? zonedText(value) : DateTime.toDateUtc(value)
}
