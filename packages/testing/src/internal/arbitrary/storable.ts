/**
 * Values a database gives back as it was given them, and Schemas narrowed down to those: no NUL in a text, no NaN, no
 * negative zero, whole numbers within the column's bits, moments of years that have four digits.
 */
import type { FastCheck } from "effect"
import { Schema, SchemaAST as AST } from "effect"
import type { ColumnKind } from "effect-sql-engine/Dialect"
import type { Sql } from "effect-sql-engine/Table"

const int32 = { min: -(2 ** 31), max: 2 ** 31 - 1 }
const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n }
const years = { min: new Date("0001-01-01T00:00:00.000Z"), max: new Date("9999-12-31T23:59:59.999Z") }

// Half of a pair is no character: it cannot be written as UTF-8. A NUL ends a text of PostgreSQL.
const half = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

const text = (value: string): boolean => !value.includes("\0") && !half.test(value)

const number = (value: number): boolean => Number.isFinite(value) && !Object.is(value, -0)

/** A document as JSON has it: nothing of it is lost on the way. */
const document = (value: unknown): boolean => {
  switch (typeof value) {
    case "string":
      return text(value)
    case "number":
      return number(value)
    case "boolean":
      return true
    case "object":
      if (value === null) return true
      if (Array.isArray(value)) return value.every(document)
      return Object.getPrototypeOf(value) === Object.prototype &&
        Object.entries(value).every(([key, value]) => text(key) && key !== "__proto__" && document(value))
    default:
      return false
  }
}

/** Whether a column of this type keeps the value, which is one of the encoded side, as it is. */
export const isStorable = (type: ColumnKind | Sql, value: unknown): boolean => {
  if (value === null || value === undefined) return true
  if (type === "json") return document(value)
  switch (typeof value) {
    case "string":
      return text(value) && (type !== "date" || /^\d{4}-\d\d-\d\d$/.test(value))
    case "number":
      return number(value) &&
        (type === "integer" ? Number.isInteger(value) && value >= int32.min && value <= int32.max : true) &&
        (type === "bigint" ? Number.isSafeInteger(value) : true)
    case "bigint":
      return value >= int64.min && value <= int64.max
    case "object":
      if (value instanceof Date) {
        return !(value.getTime() < years.min.getTime()) && value.getTime() <= years.max.getTime()
      }
      return ArrayBuffer.isView(value) || document(value)
    default:
      return typeof value === "boolean"
  }
}

/** Texts that have something in them that somebody forgot to quote. */
const hard = ["", " ", "'", "\"", "\\", "%", "_", "$1", "?", "--", ";", "null", "é", "日本", "👩‍👩‍👧", "a\nb", "İ"]

const texts = Schema.String.annotations({
  arbitrary: () => (fc) =>
    fc.oneof(
      { arbitrary: fc.string(), weight: 4 },
      { arbitrary: fc.string({ unit: "grapheme", maxLength: 8 }), weight: 2 },
      { arbitrary: fc.constantFrom(...hard), weight: 1 }
    )
})

/** What a refinement speaks of, when nothing is encoded below it. */
const base = (ast: AST.AST): AST.AST => ast._tag === "Refinement" ? base(ast.from) : ast

const identifier = (ast: AST.AST) => ast.annotations[AST.IdentifierAnnotationId]

/** The type narrowed down, where chance would hardly ever find a value that can be stored. */
export const narrowed = (ast: AST.AST, type: ColumnKind | Sql): AST.AST => {
  if (ast._tag === "Union") return AST.Union.make(ast.types.map((member) => narrowed(member, type)))
  const inner = base(ast)
  switch (inner._tag) {
    case "StringKeyword":
      return ast === inner ? texts.ast : ast
    case "NumberKeyword": {
      const schema = Schema.make<number>(ast)
      return type === "integer"
        ? schema.pipe(Schema.int(), Schema.between(int32.min, int32.max)).ast
        : type === "bigint"
        ? schema.pipe(Schema.int(), Schema.between(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)).ast
        : schema.pipe(Schema.finite()).ast
    }
    case "BigIntKeyword":
      return Schema.make<bigint>(ast).pipe(Schema.betweenBigInt(int64.min, int64.max)).ast
    case "Declaration":
      return identifier(inner) === "DateFromSelf"
        ? Schema.make<Date>(ast).pipe(Schema.validDate(), Schema.betweenDate(years.min, years.max)).ast
        : ast
    default:
      return ast
  }
}

/** Whether a type has a `Date` in it as it is. */
export const hasDate = (ast: AST.AST): boolean =>
  ast._tag === "Union" ? ast.types.some(hasDate) : identifier(base(ast)) === "DateFromSelf"

export type AnyArbitrary = FastCheck.Arbitrary<any>

/** So many in a row that are not taken are no chance any more. */
const mostRejected = 20_000

/** A filter that throws where it would look for ever: `what` it was that takes nothing. */
export const filtered = <A>(
  arbitrary: FastCheck.Arbitrary<A>,
  takes: (value: A) => boolean,
  what: string
): FastCheck.Arbitrary<A> => {
  let rejected = 0
  return arbitrary.filter((value) => {
    if (takes(value)) {
      rejected = 0
      return true
    }
    if (++rejected < mostRejected) return false
    throw new Error(
      `${what} takes none of ${
        mostRejected.toLocaleString("en")
      } values in a row that its Schema gives: give it values ` +
        "of its own (`fields`)."
    )
  })
}
