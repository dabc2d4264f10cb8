/**
 * Decimal fractions as whole numbers, exactly.
 */
import { ParseResult, Schema } from "effect"

const decimal = /^(-?)([0-9]+)(?:\.([0-9]+))?(?:e([+-]?[0-9]+))?$/i

/** The number times ten to the `by`; nothing when that is not whole, or too large. */
const shifted = (value: number, by: number): number | undefined => {
  const match = decimal.exec(String(value))
  if (match === null) return undefined
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match
  const places = by + Number(exponent) - fraction.length
  const digits = BigInt(whole + fraction)
  const divisor = 10n ** BigInt(Math.max(0, -places))
  if (digits % divisor !== 0n) return undefined
  const scaled = Number(digits / divisor * 10n ** BigInt(Math.max(0, places)))
  return Number.isSafeInteger(scaled) ? (sign === "-" && scaled !== 0 ? -scaled : scaled) : undefined
}

/**
 * A decimal fraction that is kept as a whole number of its last digit's place: with 7 digits, 37.756503 is 377565030,
 * exactly. A number with more digits does not fit.
 *
 * @since 0.1.0
 * @category schemas
 */
export const scaled = (digits: number): Schema.Schema<number, number> =>
  Schema.transformOrFail(Schema.Number, Schema.Int, {
    strict: true,
    decode: (value, _, ast) => {
      const scaled = shifted(value, digits)
      return scaled === undefined ? ParseResult.fail(new ParseResult.Type(ast, value)) : ParseResult.succeed(scaled)
    },
    encode: (value) => ParseResult.succeed(Number(`${value}e-${digits}`))
  }).annotations({ identifier: `a number with at most ${digits} decimal places` })
