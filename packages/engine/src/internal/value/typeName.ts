/**
 * What a value that has no form in a database is called in a message: its type, never what it holds.
 */
import { Inspectable, Predicate } from "effect"

/** Whether it is a data type of Effect's (`Option`, `Redacted`, `Chunk`): its `toJSON` is for people to read, and cannot be read back. */
export const isInspectable = (value: object): value is Inspectable.Inspectable =>
  Inspectable.NodeInspectSymbol in value && Predicate.hasProperty(value, "toJSON")

const ofEffect = (value: Inspectable.Inspectable): string | undefined => {
  try {
    const json = value.toJSON()
    if (json === "<redacted>") return "Redacted"
    return Predicate.hasProperty(json, "_id") && typeof json._id === "string" ? json._id : undefined
  } catch {
    return undefined
  }
}

/**
 * The name of a value's type, for a message that must not show the value.
 *
 * @since 0.1.0
 * @category values
 */
export const typeName = (value: unknown): string => {
  if (value === null) return "null"
  if (typeof value !== "object") return typeof value
  const known = isInspectable(value) ? ofEffect(value) : undefined
  if (known !== undefined) return known
  const tag = Object.prototype.toString.call(value).slice("[object ".length, -1)
  if (tag !== "Object") return tag
  const name: unknown = value.constructor?.name
  return typeof name === "string" && name !== "" ? name : tag
}
