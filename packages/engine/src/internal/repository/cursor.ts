/**
 * The place of a row in an order, as a text to hand out: what stands in the columns of the order, and which these are.
 */
import { Either, Encoding } from "effect"
import type { Field } from "./order.js"

/** Which order it is a place in. */
const orderOf = (steps: ReadonlyArray<Field>): string =>
  steps.map(({ column, descending }) => `${descending ? "-" : "+"}${column.name}`).join("")

const outward = (value: unknown): unknown =>
  typeof value === "bigint"
    ? { i: `${value}` }
    : value instanceof Uint8Array
    ? { b: Encoding.encodeBase64(value) }
    : value instanceof Date
    ? value.toISOString()
    : value

/** Any other form is none of ours. */
const inward = (value: any): unknown => {
  if (value === null || typeof value === "string" || typeof value === "number") return value
  if (typeof value?.i === "string" && /^-?\d+$/.test(value.i)) return BigInt(value.i)
  const bytes = Either.getRight(Encoding.decodeBase64(String(value?.b)))
  if (bytes._tag === "Some") return bytes.value
  throw new TypeError("no value")
}

/** The place of these values. */
export const print = (steps: ReadonlyArray<Field>, values: ReadonlyArray<unknown>): string =>
  Encoding.encodeBase64Url(JSON.stringify([orderOf(steps), ...values.map(outward)]))

/** The values of a place in this order; nothing, where it is none. */
export const parse = (steps: ReadonlyArray<Field>, text: string): ReadonlyArray<unknown> | undefined => {
  const json = Either.getOrUndefined(Encoding.decodeBase64UrlString(text))
  if (json === undefined) return undefined
  try {
    const [order, ...values] = JSON.parse(json) as ReadonlyArray<unknown>
    return order === orderOf(steps) && values.length === steps.length ? values.map(inward) : undefined
  } catch {
    return undefined
  }
}
