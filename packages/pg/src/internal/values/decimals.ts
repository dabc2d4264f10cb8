/**
 * A `BigDecimal` with all of its digits.
 */
import type { BigDecimal } from "effect"

/** Beyond it the digits would be mostly zeros: PostgreSQL reads an exponent as well. */
const longest = 20_000

export const decimalText = ({ scale, value }: BigDecimal.BigDecimal): string => {
  if (Math.abs(scale) > longest) return `${value}e${-scale}`
  if (scale <= 0) return `${value}${value === 0n ? "" : "0".repeat(-scale)}`
  const digits = `${value < 0n ? -value : value}`.padStart(scale + 1, "0")
  return `${value < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}
