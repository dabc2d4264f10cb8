/**
 * Takes bound values out of what the server says, and leaves it the numbers of its own: limits, sizes, how many there
 * are.
 *
 * Where a value can stand depends on who wrote the message. PostgreSQL itself shows values in data exceptions only
 * (`invalid input syntax for type integer: "…"`); elsewhere it names things of the schema. A function raises whatever it
 * was given.
 */

const blank = "…"

/** A text that is shorter may well be a word of the message. */
const shortest = 4

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")

const textOf = (value: unknown): string | undefined => {
  switch (typeof value) {
    case "string":
      return value
    case "number":
    case "bigint":
      return String(value)
    default:
      return undefined
  }
}

/** Whether a function has written this message, in whatever language. */
const isRaised = (code: string | undefined, routine: string | undefined): boolean =>
  code === undefined || /^(P0|38|XX)/.test(code) || routine === "exec_stmt_raise"

/** The message without the values that were bound to the statement. `routine` is the server's function that wrote it. */
export const scrub = (
  message: string,
  code: string | undefined,
  values: ReadonlyArray<unknown>,
  routine?: string | undefined
): string => {
  const isDataException = code?.startsWith("22") === true
  const raised = isRaised(code, routine)
  let clean = message
  if (isDataException) {
    // What stands in quotes or as bytes is the value that did not fit.
    clean = clean.replace(/"[^]*"/g, `"${blank}"`).replace(/0x[0-9a-f]{2}( 0x[0-9a-f]{2})*/gi, blank)
  }
  for (const value of values.flat(4)) {
    const text = textOf(value)
    if (text === undefined || text === "" || !clean.includes(text)) continue
    const isNumber = /^-?\d+(\.\d+)?$/.test(text)
    if (!raised && (isNumber ? !isDataException : text.length < shortest)) continue
    // The length in `character varying(3)` and `numeric(5,2)` is the type's.
    const before = raised || !isNumber ? "(?<![\\p{L}\\p{N}_])" : "(?<![\\p{L}\\p{N}_]|\\w\\((?:\\d+,\\s*)?)"
    // Whole words only: the value 1 is no reason to tear "100 ms" apart.
    clean = clean.replace(new RegExp(`${before}${escaped(text)}(?![\\p{L}\\p{N}_])`, "gu"), blank)
  }
  return clean
}
