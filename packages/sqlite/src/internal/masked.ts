/**
 * SQLite's messages without the values that were bound: some of its functions quote what they were given (`fts5: syntax
 * error near "…"`, `bad JSON path: '…'`), and a trigger may put a column into its RAISE.
 */

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")

/** Places in a generic message where SQLite puts text it was given: in quotes, and after the last colon. */
const quoted = /"[^"]*"|'[^']*'|(?<=: )[^:"']+$/g

const asText = (value: unknown): string =>
  typeof value === "string" ?
    value :
    typeof value === "number" || typeof value === "bigint" ?
    `${value}` :
    value instanceof Uint8Array
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString()
    : ""

/** A value as a pattern: at a letter or a digit it must begin and end where a word does. */
const wholly = (text: string): string =>
  `${/^\w/.test(text) ? "(?<!\\w)" : ""}${escaped(text)}${/\w$/.test(text) ? "(?!\\w)" : ""}`

/**
 * Replaces every bound value in a message by `?`. With `fragments`, what SQLite quotes goes, too, when it is a piece of
 * a bound value.
 */
export const masked = (message: string, bound: ReadonlyArray<unknown>, fragments: boolean): string => {
  const values = bound.map(asText).filter((text) => text !== "")
  const whole = values.filter((text) => message.includes(text)).sort((a, b) => b.length - a.length).map(wholly)
  const withoutValues = whole.length === 0 ? message : message.replaceAll(new RegExp(whole.join("|"), "g"), "?")
  if (!fragments) return withoutValues
  const given = values.map((text) => text.toLowerCase())
  return withoutValues.replaceAll(quoted, (piece) => {
    const inside = piece.replaceAll(/^["']|["']$/g, "").toLowerCase()
    return given.some((text) => text.includes(inside)) ? "?" : piece
  })
}
