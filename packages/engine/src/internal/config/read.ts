/**
 * Reads options that no type checker has seen: from a file, from JavaScript, for a database that is known only at run
 * time. Every mistake is listed, and nothing is dropped silently.
 */
import { Effect, Either, Schema } from "effect"
import { EngineConfigError } from "../failure/engine.js"
import type { Problem } from "../url/problem.js"
import { problemsOf } from "./compound.js"
import type { OptionTable } from "./option.js"
import { isRecord } from "./value.js"

/** What was made of options: those that fit, by name, and what is wrong with the others. */
export interface ReadOptions {
  readonly values: Readonly<Record<string, any>>
  readonly problems: ReadonlyArray<Problem>
}

/** The values of options that fit, as their schemas read them. */
const valuesOf = (table: OptionTable, options: unknown): Readonly<Record<string, unknown>> => {
  const values: Record<string, unknown> = {}
  if (!isRecord(options)) return values
  for (const [name, value] of Object.entries(options)) {
    const described = Object.hasOwn(table, name) ? table[name]! : undefined
    if (value === undefined || described === undefined) continue
    if (described._tag === "Group") values[name] = valuesOf(described.options, value)
    else if (described.problems(value, name).length === 0) {
      const read = Schema.decodeUnknownEither(described.schema)(value)
      if (Either.isRight(read)) values[name] = read.right
    }
  }
  return values
}

/**
 * Reads options by a table. An option that is `undefined` is absent. `at` is put before the names in the problems.
 *
 * @since 0.1.0
 * @category readers
 */
export const read = (table: OptionTable, options: unknown, at = ""): ReadOptions => ({
  values: valuesOf(table, options),
  problems: problemsOf(table, options, at)
})

/**
 * The failure of options that do not fit; nothing when they do. `what` opens the message.
 *
 * @since 0.1.0
 * @category readers
 */
export const refusal = (
  what: string,
  table: OptionTable,
  options: unknown,
  engine?: string | undefined
): EngineConfigError | undefined => {
  const problems = problemsOf(table, options)
  return problems.length === 0 ? undefined : configError(what, engine, problems)
}

/**
 * Runs what was made of options, or fails with what is wrong with them.
 *
 * @since 0.1.0
 * @category readers
 */
export const fitting = <A, E, R>(
  what: string,
  table: OptionTable,
  options: unknown,
  run: () => Effect.Effect<A, E, R>
): Effect.Effect<A, NoInfer<E> | EngineConfigError, R> =>
  Effect.suspend((): Effect.Effect<A, E | EngineConfigError, R> => refusal(what, table, options) ?? run())

/**
 * For what is made without an effect: options that do not fit are a mistake in the program, and thrown.
 *
 * @since 0.1.0
 * @category readers
 */
export const insist = (what: string, table: OptionTable, options: unknown): void => {
  const refused = refusal(what, table, options)
  if (refused !== undefined) throw refused
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
