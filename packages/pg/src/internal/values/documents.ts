/**
 * Documents as JSON text.
 */
import { Json, jsonText } from "effect-sql-engine/Driver"
import { Unencodable } from "./unencodable.js"

/** The text of a document, whether it is marked as one or not. */
export const documentText = (value: unknown): string => {
  try {
    return jsonText(value instanceof Json ? value.value : value)
  } catch (cause) {
    throw new Unencodable(cause instanceof Error ? cause.message : "is no JSON document")
  }
}
