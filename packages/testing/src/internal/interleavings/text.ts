/**
 * Values and results as text: to compare them, and to show them.
 */
import { Cause, Exit } from "effect"
import { fromSqlError, isSqlError } from "effect-sql-engine/SqlFailure"

/** A value as text, the same for equal values: rows are compared by it. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, found: unknown) => {
    if (typeof found === "bigint") return `${found}n`
    if (found === undefined) return null
    if (found instanceof Uint8Array) return { bytes: [...found] }
    if (found instanceof Map) return { map: [...found] }
    if (found instanceof Set) return { set: [...found] }
    return typeof found === "object" && found !== null && !Array.isArray(found)
      ? Object.fromEntries(Object.entries(found).sort(([a], [b]) => a < b ? -1 : 1))
      : found
  })

/** A text on one line. */
export const oneLine = (sql: string): string => sql.replace(/\s+/g, " ").trim()

/** The name of a failure, or of what else a program ended with. */
export const nameOf = (error: unknown): string => {
  if (typeof error === "object" && error !== null) {
    if ("_tag" in error && typeof error._tag === "string") return error._tag
    if (error instanceof Error) return error.name
  }
  return typeof error === "string" ? error : typeof error
}

const messageOf = (error: unknown): string => error instanceof Error && error.message !== "" ? `: ${error.message}` : ""

/** What a program failed with; a failed statement by its own name. */
const errorOf = (cause: Cause.Cause<unknown>): unknown => {
  const error = Cause.squash(cause)
  return isSqlError(error) ? fromSqlError(error) : error
}

/** How a program ended, in a word. */
export const ended = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "committed"
  if (Cause.isInterruptedOnly(exit.cause)) return "interrupted"
  return nameOf(errorOf(exit.cause))
}

/** How a program ended, in a sentence. */
export const told = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "committed"
  const error = errorOf(exit.cause)
  return `failed with ${ended(exit)}${messageOf(error)}`
}

/** What is wrong, out of whatever an invariant failed or died with. */
export const complaint = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  if (typeof error === "string") return error
  return error instanceof Error && error.message !== "" ? error.message : nameOf(error)
}
