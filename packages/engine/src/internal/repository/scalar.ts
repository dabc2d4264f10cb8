/**
 * Single values from what a database gives to what a Schema decodes: SQLite has texts for times and numbers for booleans;
 * PostgreSQL gives back 64-bit integers as texts. A value of another kind is left as it is, for the Schema to refuse.
 */
import { BigDecimal, DateTime, Option, SchemaAST as AST } from "effect"
import { tell } from "../table/columnType.js"
import type { ColumnKind } from "../table/ddl.js"
import type { Change } from "../value/deep.js"
import type { ColumnForm } from "./columnForm.js"

const date: Change = (value) => {
  if (typeof value !== "string" && typeof value !== "number") return value
  const found = DateTime.make(value)
  return found._tag === "Some" ? DateTime.toDateUtc(found.value) : value
}

const utc: Change = (value) => {
  const found = date(value)
  return found instanceof Date ? Option.getOrElse(DateTime.make(found), () => value) : value
}

const zoned: Change = (value) =>
  typeof value === "string" ? Option.getOrElse(DateTime.makeZonedFromString(value), () => value) : value

const decimal: Change = (value) =>
  typeof value === "bigint"
    ? BigDecimal.fromBigInt(value)
    : typeof value === "string" || (typeof value === "number" && Number.isFinite(value))
    ? Option.getOrElse(BigDecimal.fromString(`${value}`), () => value)
    : value

const number: Change = (value) =>
  typeof value === "bigint" || (typeof value === "string" && value.trim() !== "") ? Number(value) : value

const bigint: Change = (value) =>
  typeof value === "number" && Number.isInteger(value)
    ? BigInt(value)
    : typeof value === "string" && /^-?\d+$/.test(value)
    ? BigInt(value)
    : value

const boolean: Change = (value) => typeof value === "number" || typeof value === "bigint" ? Number(value) !== 0 : value

const two = (part: number) => String(part).padStart(2, "0")

/** The drivers of PostgreSQL read a day as its midnight here. */
const day = (value: Date): string =>
  `${String(value.getFullYear()).padStart(4, "0")}-${two(value.getMonth() + 1)}-${two(value.getDate())}`

const text = ({ local }: ColumnForm): Change => (value) =>
  value instanceof Date
    ? local === "day" ? day(value) : value.toISOString()
    : typeof value === "bigint"
    ? `${value}`
    : value

/** Types of JavaScript's and Effect's own, by the names their Schemas have. */
const declared: Readonly<Record<string, Change>> = {
  DateFromSelf: date,
  DateTimeUtcFromSelf: utc,
  DateTimeZonedFromSelf: zoned,
  BigDecimalFromSelf: decimal
}

/** What reads values of a type that is declared, as each of Effect's `…FromSelf` is; a union with NULL, too. */
export const ofDeclared = (ast: AST.AST): Change | undefined => {
  switch (ast._tag) {
    case "Declaration": {
      const name = Option.getOrElse(AST.getIdentifierAnnotation(ast), () => "")
      return Object.hasOwn(declared, name) ? declared[name] : undefined
    }
    case "Refinement":
      return ofDeclared(ast.from)
    case "Union": {
      const [read, other] = ast.types.flatMap((type) => ofDeclared(type) ?? [])
      return other === undefined ? read : undefined
    }
    default:
      return undefined
  }
}

/** What reads single values of a type; nothing where they are as the driver gives them. `kind`: what the type does not tell. */
export const scalar = (ast: AST.AST, form: ColumnForm, kind: ColumnKind | undefined): Change | undefined => {
  const special = ofDeclared(ast)
  if (special !== undefined) return special
  switch (tell(ast).kind ?? kind) {
    case "timestamp":
      return date
    case "integer":
    case "number":
      return number
    case "bigint":
      return bigint
    case "boolean":
      return boolean
    case "text":
    case "uuid":
    case "date":
      return text(form)
    default:
      return undefined
  }
}
