/**
 * What a scalar of YAML or JSON means for a column: the value that the column's Schema has on its encoded side. What is not
 * meant for it stays as it is, and the Schema refuses it.
 */
import { BigDecimal, DateTime, Encoding, Option, SchemaAST as AST } from "effect"
import type { ColumnForm } from "../repository/columnForm.js"
import type { Change } from "../value/deep.js"
import { deep } from "../value/deep.js"
import type { Words } from "./issues.js"
import { timeOf } from "./time.js"

/** What is asked for, in words of a source. */
export const words: Words = {
  DateFromSelf: "a time in ISO 8601, to the millisecond",
  DateTimeUtcFromSelf: "a time in ISO 8601, to the millisecond",
  DateTimeZonedFromSelf: "a time in ISO 8601 with its zone in brackets",
  Uint8ArrayFromSelf: "bytes in base64",
  BigDecimalFromSelf: "a decimal number as a text, or a whole number",
  bigint: "a whole number, or a text of its digits"
}

const whole = /^-?\d+$/

const onText = (change: (text: string) => unknown): Change => (value) => {
  if (typeof value !== "string") return value
  const changed = change(value)
  return changed === undefined ? value : changed
}

const bytes = (text: string): Uint8Array | undefined => {
  const compact = text.replaceAll(/\s/g, "")
  const decoded = Encoding.decodeBase64(compact)
  // What is not written in the one form of base64 may be something else that looks like it.
  return decoded._tag === "Right" && Encoding.encodeBase64(decoded.right) === compact ? decoded.right : undefined
}

const bigint: Change = (value) =>
  typeof value === "string" && whole.test(value)
    ? BigInt(value)
    : typeof value === "number" && Number.isSafeInteger(value)
    ? BigInt(value)
    : value

/** An integer that a number holds exactly. */
const number: Change = (value) => typeof value === "bigint" && BigInt(Number(value)) === value ? Number(value) : value

const decimal: Change = (value) =>
  typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value))
    ? BigDecimal.fromBigInt(BigInt(value))
    : typeof value === "string"
    ? Option.getOrElse(BigDecimal.fromString(value), () => value)
    : value

const declared = (name: string, local: boolean): Change | undefined => {
  switch (name) {
    case "DateFromSelf":
      return onText((text) => timeOf(text, local))
    case "DateTimeUtcFromSelf": {
      const utc = (date: Date | undefined) => date === undefined ? undefined : DateTime.unsafeFromDate(date)
      return (value) => onText((text) => utc(timeOf(text, local)))(value instanceof Date ? utc(value) : value)
    }
    case "DateTimeZonedFromSelf":
      return onText((text) => Option.getOrUndefined(DateTime.makeZonedFromString(text)))
    case "Uint8ArrayFromSelf":
      return onText(bytes)
    case "BigDecimalFromSelf":
      return decimal
    default:
      return undefined
  }
}

/** From what a source has to the encoded side of a Schema. `form`: of its column, where there is one. */
export const fromSource = (ast: AST.AST, form: ColumnForm | undefined): Change | undefined =>
  deep(ast, (ast) => {
    switch (ast._tag) {
      case "BigIntKeyword":
        return bigint
      case "NumberKeyword":
        return number
      case "StringKeyword":
        // YAML 1.1 has times of its own.
        return (value) =>
          value instanceof Date && !Number.isNaN(value.getTime())
            ? form?.local === "day" ? value.toISOString().split("T")[0] : value.toISOString()
            : value
      case "Declaration":
        return declared(
          Option.getOrElse(AST.getIdentifierAnnotation(ast), () => ""),
          form?.local !== undefined
        )
      default:
        return undefined
    }
  })
