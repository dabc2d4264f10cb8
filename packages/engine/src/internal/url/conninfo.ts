/**
 * The syntax of libpq's key/value strings (`conninfo_parse` in fe-connect.c):
 *
 *     host=localhost dbname='my db' password = it\'s
 *
 * Blanks around `=` are allowed; a value is bare or in single quotes; a backslash takes the next character as it is.
 */
import { isBlank } from "./encoding.js"
import type { Pair, Problem, Reading } from "./problem.js"

/** A pair, and whether its value was in quotes. */
export interface Token extends Pair {
  readonly quoted: boolean
}

/** The tokens up to the first thing that is none, and that thing's problem. */
export const tokens = (text: string): { readonly found: ReadonlyArray<Token>; readonly problem?: Problem } => {
  const found: Array<Token> = []
  let position = 0
  const skipBlanks = () => {
    while (isBlank(text[position])) position++
  }
  for (;;) {
    skipBlanks()
    if (position >= text.length) return { found }
    const nameStart = position
    while (position < text.length && text[position] !== "=" && !isBlank(text[position])) position++
    const name = text.slice(nameStart, position)
    skipBlanks()
    if (text[position] !== "=") {
      return {
        found,
        problem: {
          field: found.at(-1)?.name === "password" ? "password" : "parameters",
          problem: "a word is not followed by =; a value with blanks or quotes is written in single quotes, " +
            "with \\' and \\\\ for ' and \\"
        }
      }
    }
    position++
    skipBlanks()
    const quoted = text[position] === "'"
    if (quoted) position++
    let value = ""
    for (;;) {
      const char = text[position]
      if (char === undefined) {
        if (!quoted) break
        return { found, problem: { field: fieldOf(name), problem: "a value in single quotes does not end" } }
      }
      position++
      if (quoted ? char === "'" : isBlank(char)) break
      if (char === "\\") {
        value += text[position] ?? ""
        position++
      } else {
        value += char
      }
    }
    found.push({ name, value, quoted })
  }
}

const fieldOf = (name: string): string => /^[a-z_]{1,40}$/.test(name) ? name : "parameters"

/** Reads a key/value string. */
export const readConninfo = (text: string): Reading => {
  const { found, problem } = tokens(text)
  const problems: Array<Problem> = problem === undefined ? [] : [problem]
  if (found.some((token) => token.name === "")) {
    problems.push({ field: "parameters", problem: "a parameter has no name before its =" })
  }
  if (found.some((token) => !token.quoted && /;\s*[A-Za-z][\w ]*=/.test(token.value))) {
    // host=h;password=p would otherwise become a host named "h;password=p".
    problems.push({
      field: "parameters",
      problem: "the parameters are separated by semicolons; PostgreSQL separates them by blanks"
    })
  }
  return { pairs: found, problems }
}
