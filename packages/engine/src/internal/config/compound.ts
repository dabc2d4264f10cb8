/**
 * Options that have options in them, and the one place that compares an object with a table.
 */
import { nearest } from "../url/nearest.js"
import type { Problem } from "../url/problem.js"
import type { About, Option, OptionTable } from "./option.js"
import { fine, given, unlisted } from "./option.js"
import { isRecord, shown } from "./value.js"

/**
 * An object with options of its own, where a group will not do: in a list, or beside other forms of the same option.
 *
 * @since 0.1.0
 * @category constructors
 */
export const record = (
  table: OptionTable,
  about: About = unlisted,
  { expected = "an object", required = [] }: {
    readonly expected?: string
    /** The options that it cannot do without. */
    readonly required?: ReadonlyArray<string>
  } = {}
): Option<Readonly<Record<string, unknown>>> => ({
  ...given(isRecord, expected, about),
  problems: (value, field) => {
    const problems = problemsOf(table, value, field)
    if (!isRecord(value)) return problems
    const missing = required.filter((name) => value[name] === undefined)
    return [...problems, ...missing.map((name) => ({ field: `${field}.${name}`, problem: "is missing" }))]
  }
})

/**
 * A list, each part of which is described.
 *
 * @since 0.1.0
 * @category constructors
 */
export const list = (item: Option, about: About = unlisted): Option<ReadonlyArray<unknown>> => {
  const whole = given(
    (u): u is ReadonlyArray<unknown> => Array.isArray(u),
    `a list; each entry is ${item.expected}`,
    about
  )
  return {
    ...whole,
    problems: (value, field) =>
      Array.isArray(value)
        ? value.flatMap((one: unknown, at) => item.problems(one, `${field}[${at}]`))
        : whole.problems(value, field)
  }
}

/**
 * An object whose names are the caller's own, and whose values are all described alike.
 *
 * @since 0.1.0
 * @category constructors
 */
export const dictionary = (item: Option, about: About = unlisted): Option<Readonly<Record<string, unknown>>> => {
  const whole = given(isRecord, "an object", about)
  return {
    ...whole,
    problems: (value, field) =>
      isRecord(value)
        ? Object.entries(value).flatMap(([name, one]) =>
          one === undefined ? fine : item.problems(one, `${field}.${name}`)
        )
        : whole.problems(value, field)
  }
}

/**
 * Several forms of the same option. An object that none of them takes is judged as the last one, which says what is wrong
 * inside of it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const either = (
  forms: readonly [Option, ...ReadonlyArray<Option>],
  about: About = unlisted
): Option<unknown> => {
  const fits = (u: unknown): u is unknown => forms.some(({ problems }) => problems(u, "").length === 0)
  const whole = given(fits, forms.map(({ expected }) => expected).join(", or "), about)
  return {
    ...whole,
    problems: (value, field) =>
      isRecord(value) && !fits(value) ? forms.at(-1)!.problems(value, field) : whole.problems(value, field)
  }
}

const unknownOption = (name: string, table: OptionTable): string => {
  const near = nearest(name, Object.keys(table))
  return `is no option here (${
    near === undefined ? `there are ${Object.keys(table).join(", ")}` : `did you mean \`${near}\`?`
  })`
}

/**
 * The options that are in no table, for readers that have rules of their own for those that are.
 *
 * @since 0.1.0
 * @category readers
 */
export const unknownOptions = (table: OptionTable, options: object, at = ""): ReadonlyArray<Problem> =>
  Object.entries(options).flatMap(([name, value]) =>
    value === undefined || Object.hasOwn(table, name)
      ? []
      : [{ field: at === "" ? name : `${at}.${name}`, problem: unknownOption(name, table) }]
  )

/**
 * Everything that is wrong with options: unknown names, with the nearest known one, and values that do not fit. An option
 * that is `undefined` is absent. `at` is the name of the object, where it stands in another one.
 *
 * @since 0.1.0
 * @category readers
 */
export const problemsOf = (table: OptionTable, options: unknown, at = ""): ReadonlyArray<Problem> => {
  if (!isRecord(options)) {
    const problem = options === null ? "is null: leave it out, or give an object" : `must be an object${shown(options)}`
    return [{ field: at === "" ? "options" : at, problem }]
  }
  let found = fine
  for (const name of Object.keys(options)) {
    const value = options[name]
    if (value === undefined) continue
    const known = Object.hasOwn(table, name) ? table[name]! : undefined
    const field = at === "" ? name : `${at}.${name}`
    const wrong = known === undefined
      ? [{ field, problem: unknownOption(name, table) }]
      : known._tag === "Group"
      ? problemsOf(known.options, value, field)
      : known.problems(value, field)
    if (wrong.length > 0) found = [...found, ...wrong]
  }
  return found
}
