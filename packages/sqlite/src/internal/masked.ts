/**
 * SQLite's messages without the values that were bound, and with the numbers of their own: limits, positions, how many
 * columns there are.
 *
 * Where a value can stand depends on who wrote the message. SQLite itself quotes what some of its functions were given
 * (`fts5: syntax error near "…"`, `bad JSON path: '…'`), or puts it behind the last colon. A trigger may put a column
 * into its RAISE, and a function of an extension whatever it likes.
 */

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")

/** Places in a message of SQLite's own where it puts text it was given. */
const places = /"[^"]*"|'[^']*'|(?<=: )[^:"']+$/g

/** A text that is shorter may well be a word of the message. */
const shortest = 4

const asText = (value: unknown): string =>
  typeof value === "string" ?
    value :
    typeof value === "number" || typeof value === "bigint" ?
    `${value}` :
    value instanceof Uint8Array
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString()
    : ""

const isDistinct = (text: string): boolean => text.length >= shortest && !/^-?\d+(\.\d+)?$/.test(text)

/** A value as a pattern: at a letter or a digit it must begin and end where a word does. */
const wholly = (text: string): string =>
  `${/^\w/.test(text) ? "(?<!\\w)" : ""}${escaped(text)}${/\w$/.test(text) ? "(?!\\w)" : ""}`

const without = (message: string, values: ReadonlyArray<string>): string => {
  const found = values.filter((text) => message.includes(text)).sort((a, b) => b.length - a.length)
  return found.length === 0 ? message : message.replaceAll(new RegExp(found.map(wholly).join("|"), "g"), "?")
}

/**
 * Replaces bound values in a message by `?`. A message of SQLite's `own` words has them, and pieces of them, in certain
 * places only; what stands in the statement itself is a name. In `foreign` words they may stand anywhere.
 */
export const masked = (
  message: string,
  bound: ReadonlyArray<unknown>,
  words: "own" | "foreign",
  statement = ""
): string => {
  const values = bound.map(asText).filter((text) => text !== "")
  if (words === "foreign") return without(message, values)
  const given = values.map((text) => text.toLowerCase())
  return without(message, values.filter(isDistinct)).replaceAll(places, (piece) => {
    const inside = piece.replaceAll(/^["']|["']$/g, "")
    const isPiece = given.some((text) => text.includes(inside.toLowerCase()))
    return isPiece && !new RegExp(wholly(inside)).test(statement) ? "?" : piece
  })
}
