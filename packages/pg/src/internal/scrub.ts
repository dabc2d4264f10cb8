/**
 * Takes bound values out of what the server says. PostgreSQL quotes the offending value in many messages
 * (`invalid input syntax for type integer: "…"`), and a function may raise whatever it was given.
 */

const blank = "…"

/** Codes whose messages name things of the schema, never values: short values are left alone there. */
const namesOnly = /^(42|23|40|25|55|3|0A)/

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

/** The message without the values that were bound to the statement. */
export const scrub = (message: string, code: string | undefined, values: ReadonlyArray<unknown>): string => {
  let clean = message
  if (code?.startsWith("22") === true) {
    // Data exceptions: what stands in quotes or as bytes is the value that did not fit.
    clean = clean.replace(/"[^]*"/g, `"${blank}"`).replace(/0x[0-9a-f]{2}( 0x[0-9a-f]{2})*/gi, blank)
  }
  const shortest = code !== undefined && namesOnly.test(code) ? 4 : 1
  for (const value of values.flat(4)) {
    const text = textOf(value)
    if (text === undefined || text.length < shortest || !clean.includes(text)) continue
    // Whole words only: the value 1 is no reason to tear "100 ms" apart.
    clean = clean.replace(new RegExp(`(?<![\\p{L}\\p{N}_])${escaped(text)}(?![\\p{L}\\p{N}_])`, "gu"), blank)
  }
  return clean
}
