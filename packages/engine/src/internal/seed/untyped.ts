/**
 * Values of rows whose columns are not declared: only the database knows the types of these.
 */
import { Json } from "../value/json.js"

const isPlain = (value: object): boolean => {
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Whether JSON has the value, and everything in it, just as it is. */
const isJson = (value: unknown): boolean => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0)
    case "object":
      if (value === null) return true
      return Array.isArray(value) ? value.every(isJson) : isPlain(value) && Object.values(value).every(isJson)
    default:
      return false
  }
}

/**
 * A value as it is bound. `byColumn`: rows are read from JSON, and each value by the type of its column. There a list is a
 * document in a column of documents, and an array in one of arrays; elsewhere it is a document.
 */
export const untyped = (value: unknown, byColumn: boolean): unknown => {
  if (value === undefined || value === null) return null
  if (byColumn && isJson(value)) return new Json(value)
  if (typeof value !== "object") return value
  return (Array.isArray(value) ? !byColumn : isPlain(value)) ? new Json(value) : value
}
