/**
 * What a Schema tells of a column: the kind of value that reaches the database, which is the Schema's encoded side, and
 * whether it may be NULL.
 */
import { Option, Schema, SchemaAST as AST } from "effect"
import type { ColumnKind } from "./ddl.js"
import type { ColumnOptions } from "./options.js"

/** Where a Schema keeps what it says of its column. */
export const ColumnAnnotationId: unique symbol = Symbol.for("effect-sql-engine/Table/Column")

export interface Told {
  /** Absent: the Schema does not tell. */
  readonly kind: ColumnKind | undefined
  readonly nullable: boolean
  /** What the Schema holds that no column can, in words. */
  readonly unfit: string | undefined
}

const only = (kind: ColumnKind): Told => ({ kind, nullable: false, unfit: undefined })

const unfit = (what: string): Told => ({ kind: undefined, nullable: false, unfit: what })

const nothing: Told = { kind: undefined, nullable: true, unfit: undefined }

const declared: Readonly<Record<string, ColumnKind>> = {
  DateFromSelf: "timestamp",
  DateTimeUtcFromSelf: "timestamp",
  DateTimeZonedFromSelf: "text",
  Uint8ArrayFromSelf: "bytes",
  BigIntFromSelf: "bigint"
}

const ofLiteral = (literal: AST.LiteralValue): Told => {
  switch (typeof literal) {
    case "string":
      return only("text")
    case "number":
      return only(Number.isInteger(literal) ? "integer" : "number")
    case "boolean":
      return only("boolean")
    case "bigint":
      return only("bigint")
    default:
      return nothing
  }
}

/** What all members agree on: texts and texts, whole numbers and numbers; else it is a document or nothing at all. */
const together = (members: ReadonlyArray<Told>): Told => {
  const kinds = new Set(members.flatMap(({ kind }) => kind ?? []))
  const nullable = members.some((member) => member.nullable)
  const bad = members.find((member) => member.unfit !== undefined)
  if (bad !== undefined) return { ...bad, nullable }
  if (kinds.size <= 1) return { kind: [...kinds][0], nullable, unfit: undefined }
  if ([...kinds].every((kind) => kind === "integer" || kind === "number")) {
    return { kind: "number", nullable, unfit: undefined }
  }
  // A UUID or some other text is a text.
  if ([...kinds].every((kind) => kind === "uuid" || kind === "text")) {
    return { kind: "text", nullable, unfit: undefined }
  }
  return { kind: undefined, nullable, unfit: `values of several kinds (${[...kinds].join(", ")})` }
}

const refined = (ast: AST.Refinement): Told => {
  const from = tell(ast.from)
  // A refinement speaks of the encoded value only where nothing is encoded below it.
  if (AST.encodedBoundAST(ast.from) !== ast.from) return from
  const id = Option.getOrUndefined(AST.getSchemaIdAnnotation(ast))
  if (from.kind === "number" && id === Schema.IntSchemaId) return { ...from, kind: "integer" }
  if (from.kind === "text" && id === Schema.UUIDSchemaId) return { ...from, kind: "uuid" }
  return from
}

/** What a Schema tells. */
export const tell = (ast: AST.AST): Told => {
  switch (ast._tag) {
    case "StringKeyword":
    case "TemplateLiteral":
      return only("text")
    case "NumberKeyword":
      return only("number")
    case "BooleanKeyword":
      return only("boolean")
    case "BigIntKeyword":
      return only("bigint")
    case "Literal":
      return ofLiteral(ast.literal)
    case "UndefinedKeyword":
    case "VoidKeyword":
      return nothing
    case "Enums":
      return together(ast.enums.map(([, value]) => ofLiteral(value)))
    case "Union":
      return together(ast.types.map(tell))
    case "Refinement":
      return refined(ast)
    case "Transformation":
      return tell(ast.from)
    case "TypeLiteral":
    case "TupleType":
    case "ObjectKeyword":
    case "Suspend":
      return only("json")
    case "Declaration": {
      const name = Option.getOrElse(AST.getIdentifierAnnotation(ast), () => "a declared type")
      const kind = Object.hasOwn(declared, name) ? declared[name] : undefined
      return kind === undefined ? unfit(name) : only(kind)
    }
    default:
      return unfit(ast._tag === "UnknownKeyword" || ast._tag === "AnyKeyword" ? "anything" : ast._tag)
  }
}

/** What was said of the column with {@link ColumnAnnotationId}, on the Schema or deeper in it; the outermost counts. */
export const annotated = (ast: AST.AST): ColumnOptions => {
  const own = (ast.annotations[ColumnAnnotationId] ?? {}) as ColumnOptions
  switch (ast._tag) {
    case "Refinement":
    case "Transformation":
      return { ...annotated(ast.from), ...own }
    case "Union":
      return { ...Object.assign({}, ...ast.types.map(annotated)), ...own }
    default:
      return own
  }
}
