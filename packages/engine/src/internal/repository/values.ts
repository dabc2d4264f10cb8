/**
 * Values between the encoded side of a Schema and the database, which keeps some of them in another form: SQLite has
 * texts for moments and documents, and numbers for booleans; PostgreSQL gives back 64-bit numbers as texts.
 */
import { DateTime, SchemaAST as AST } from "effect"
import { tell } from "../table/columnType.js"
import type { ColumnKind } from "../table/ddl.js"
import type { Column } from "../table/model.js"

/** Whether a type takes NULL. */
const takesNull = (ast: AST.AST): boolean =>
  ast._tag === "Union" ? ast.types.some(takesNull) : ast._tag === "Literal" && ast.literal === null

/** Whether a type takes `undefined`. */
export const takesUndefined = (ast: AST.AST): boolean =>
  ast._tag === "Union"
    ? ast.types.some(takesUndefined)
    : ast._tag === "UndefinedKeyword" || ast._tag === "VoidKeyword" || ast._tag === "AnyKeyword" ||
      ast._tag === "UnknownKeyword"

const moment = (value: unknown): unknown => {
  if (typeof value !== "string" && typeof value !== "number") return value
  const found = DateTime.make(value)
  // What is none is the Schema's to refuse.
  return found._tag === "Some" ? DateTime.toDateUtc(found.value) : value
}

const number = (value: unknown): unknown =>
  typeof value === "bigint" || (typeof value === "string" && value.trim() !== "") ? Number(value) : value

const bigint = (value: unknown): unknown =>
  typeof value === "number" && Number.isInteger(value)
    ? BigInt(value)
    : typeof value === "string" && /^-?\d+$/.test(value)
    ? BigInt(value)
    : value

const boolean = (value: unknown): unknown =>
  typeof value === "number" || typeof value === "bigint" ? Number(value) !== 0 : value

const two = (part: number) => String(part).padStart(2, "0")

/** The drivers of PostgreSQL read a day as its midnight here. */
const day = (value: Date): string =>
  `${String(value.getFullYear()).padStart(4, "0")}-${two(value.getMonth() + 1)}-${two(value.getDate())}`

const document = (value: unknown): unknown => {
  if (typeof value !== "string") return value
  try {
    return JSON.parse(value)
  } catch {
    // The Schema will have something to say about it.
    return value
  }
}

/** From what the database gives to what the Schema decodes; NULL is none of its business. */
export const reader = (
  kind: ColumnKind | undefined,
  column: Column,
  parsesDocuments: boolean
): ((value: unknown) => unknown) | undefined => {
  const textual = !parsesDocuments || typeof column.type !== "string"
  switch (kind) {
    case "timestamp":
      return moment
    case "integer":
    case "number":
      return number
    case "bigint":
      return bigint
    case "boolean":
      return boolean
    case "json":
      return textual ? document : undefined
    case "text":
    case "uuid":
    case "date":
      return (value) =>
        value instanceof Date
          ? column.type === "date" ? day(value) : value.toISOString()
          : typeof value === "bigint"
          ? `${value}`
          : value
    default:
      return column.type === "json" && textual ? document : undefined
  }
}

/** What stands for NULL on the encoded side. */
export type Nothing = "null" | "undefined" | "absent"

/** What is known of a property of an encoded row. */
export interface Property {
  readonly kind: ColumnKind | undefined
  readonly nothing: Nothing
}

/** What the encoded side of a row is made of, by key. */
export const propertiesOf = (ast: AST.AST): ReadonlyMap<string, Property> => {
  const encoded = AST.encodedAST(ast)
  return new Map(
    AST.getPropertySignatures(encoded).map(({ isOptional, name, type }) => [
      String(name),
      {
        kind: tell(type).kind,
        nothing: takesNull(type) ? "null" : isOptional ? "absent" : takesUndefined(type) ? "undefined" : "null"
      }
    ])
  )
}

/** What is no value to bind: a document. Bytes and moments are. */
const isStructure = (value: unknown): boolean =>
  Array.isArray(value) ||
  (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype)

/** From what the Schema encodes to what is bound. */
export const bindable = (value: unknown, isDocument: boolean, listsAreValues: boolean): unknown =>
  value === undefined || value === null
    ? null
    : isDocument || (isStructure(value) && !(listsAreValues && Array.isArray(value)))
    ? JSON.stringify(value)
    : value
