/**
 * Values that no type checker has seen: which are plain objects, and how a message shows them.
 */
import { quoted } from "../url/problem.js"

/** A plain object, from whichever realm. */
export const isRecord = (u: unknown): u is Readonly<Record<string, unknown>> => {
  if (typeof u !== "object" || u === null) return false
  const prototype = Object.getPrototypeOf(u)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** A value as a message may show it; a text only where it is short and plain, for a long one might be a secret. */
export const shown = (value: unknown): string => {
  switch (typeof value) {
    case "number":
    case "bigint":
    case "boolean":
      return `, not ${String(value)}`
    case "string":
      return quoted(value) === "the value" ? ", not this text" : `, not ${quoted(value)}`
    case "function":
      return ", not a function"
    default:
      return Array.isArray(value) ? ", not an array" : ", not an object"
  }
}
