/**
 * Reads options that no type checker has seen: from a file, from JavaScript, for a database that is known only at run
 * time. Every mistake is listed, and nothing is dropped silently.
 */
import { Either, Schema } from "effect"
import { EngineConfigError } from "../failure/engine.js"
import { nearest } from "../url/nearest.js"
import type { Problem } from "../url/problem.js"
import { quoted } from "../url/problem.js"
import type { Option, OptionTable } from "./option.js"

/** What was made of options: those that fit, by name, and what is wrong with the others. */
export interface ReadOptions {
  readonly values: Readonly<Record<string, any>>
  readonly problems: ReadonlyArray<Problem>
}

const isRecord = (u: unknown): u is Readonly<Record<string, unknown>> => {
  if (typeof u !== "object" || u === null) return false
  const prototype = Object.getPrototypeOf(u)
  return prototype === Object.prototype || prototype === null
}

/** A value as a message may show it; a text only where it is short and plain, for a long one might be a secret. */
const shown = (value: unknown): string => {
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

const readOne = (option: Option, value: unknown): Either.Either<unknown, string> => {
  if (value === null) return Either.left("is null, which is not the same as absent: leave it out, or give a value")
  return Either.mapLeft(
    Schema.decodeUnknownEither(option.schema)(value),
    () => `must be ${option.expected}${option.secret ? "" : shown(value)}`
  )
}

const unknownOption = (name: string, table: OptionTable): string => {
  const near = nearest(name, Object.keys(table))
  return `is no option here (${
    near === undefined ? `there are ${Object.keys(table).join(", ")}` : `did you mean \`${near}\`?`
  })`
}

/**
 * Reads options by a table. An option that is `undefined` is absent. `at` is put before the names in the problems.
 *
 * @since 0.1.0
 * @category readers
 */
export const read = (table: OptionTable, options: unknown, at = ""): ReadOptions => {
  if (!isRecord(options)) {
    const problem = options === null ? "is null: leave it out, or give an object" : `must be an object${shown(options)}`
    return { values: {}, problems: [{ field: at === "" ? "options" : at.slice(0, -1), problem }] }
  }
  const values: Record<string, unknown> = {}
  const problems: Array<Problem> = []
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    const field = `${at}${name}`
    const described = Object.hasOwn(table, name) ? table[name]! : undefined
    if (described === undefined) problems.push({ field, problem: unknownOption(name, table) })
    else if (described._tag === "Group") {
      const inner = read(described.options, value, `${field}.`)
      values[name] = inner.values
      problems.push(...inner.problems)
    } else {
      Either.match(readOne(described, value), {
        onLeft: (problem) => problems.push({ field, problem }),
        onRight: (value) => {
          values[name] = value
        }
      })
    }
  }
  return { values, problems }
}

/** The failure that lists all problems. `what` opens the message: "The SQLite engine "main" cannot be made". */
export const configError = (
  what: string,
  engine: string | undefined,
  problems: ReadonlyArray<Problem>
): EngineConfigError =>
  new EngineConfigError({
    message: `${what}${problems.length > 1 ? ` (${problems.length} problems)` : ""}: ${
      problems.map(({ field, problem }) => `\`${field}\` ${problem}`).join("; ")
    }.`,
    problems,
    ...(engine === undefined ? undefined : { engine })
  })
