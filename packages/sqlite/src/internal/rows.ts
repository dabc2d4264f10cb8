/**
 * How rows are written and read many at a time.
 *
 * Source: https://www.sqlite.org/limits.html#max_variable_number, https://www.sqlite.org/json1.html#jeach,
 * https://www.sqlite.org/lang_expr.html#glob
 */
import type { Rows } from "effect-sql-engine/Dialect"
import type { Stored } from "./bind.js"
import { stored } from "./bind.js"

/** The parts of a number: it is exactly the first times two to the power of the second. */
const partsOf = (value: number): readonly [number, number] => {
  if (!Number.isFinite(value)) return [Math.sign(value), 1024]
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const high = view.getUint32(0)
  const exponent = (high >>> 20) & 0x7ff
  const fraction = (high & 0xfffff) * 2 ** 32 + view.getUint32(4)
  const whole = exponent === 0 ? fraction : fraction + 2 ** 52
  return [value < 0 ? -whole : whole, Math.max(exponent, 1) - 1075]
}

const hexOf = ({ buffer, byteLength, byteOffset }: ArrayBufferView): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("hex")

/** Bytes, and numbers that may not be read exactly from decimal digits. */
const isTagged = (value: Stored): boolean =>
  (typeof value === "number" && !Number.isSafeInteger(value)) || (typeof value === "object" && value !== null)

/** A value in JSON, and where JSON has no form for it, what `untagged` makes it of. */
const json = (value: Stored): string => {
  if (typeof value === "bigint") return `${value}`
  if (typeof value === "number" && !Number.isSafeInteger(value)) return `[${partsOf(value).join(",")}]`
  return typeof value === "object" && value !== null ? `{"hex":"${hexOf(value)}"}` : JSON.stringify(value)
}

const untagged = "CASE type WHEN 'array' THEN (value ->> 0) * pow(2.0, value ->> 1) " +
  "WHEN 'object' THEN unhex(value ->> 'hex') ELSE value END"

/** The values as they are stored; nothing where one cannot be: bound alone, it is refused by its place. */
const all = (values: ReadonlyArray<unknown>): ReadonlyArray<Stored> | undefined => {
  try {
    return values.map(stored)
  } catch {
    return undefined
  }
}

/** Letters that are the same one in another case. Of some there is none that is a single letter. */
const casesOf = (letter: string): ReadonlyArray<string> =>
  [...new Set([letter, letter.toLowerCase(), letter.toUpperCase(), letter.toUpperCase().toLowerCase()])]
    .filter((one) => [...one].length === 1)

/**
 * A pattern of `LIKE` as one of `GLOB`, which looks at the case of letters, and has signs of its own. `anyCase` puts each
 * letter as a choice of its cases.
 */
const glob = (pattern: string, anyCase: boolean): string => {
  let text = ""
  let hidden = false
  for (const sign of pattern) {
    if (!hidden && sign === "\\") hidden = true
    else {
      if (!hidden && sign === "%") text += "*"
      else if (!hidden && sign === "_") text += "?"
      else if (/[*?[]/.test(sign)) text += `[${sign}]`
      else {
        const cases = anyCase ? casesOf(sign) : [sign]
        text += cases.length > 1 ? `[${cases.join("")}]` : sign
      }
      hidden = false
    }
  }
  return hidden ? `${text}\\` : text
}

const isAscii = (text: string): boolean => !/[^\0-\x7f]/.test(text)

export const rows: Rows = {
  parameters: 32_766,
  rows: 10_000,
  parsesDocuments: false,
  among: (column, values) => {
    const list = all(values)
    return list === undefined ? undefined : {
      before: `${column} IN (SELECT ${list.some(isTagged) ? untagged : "value"} FROM json_each(`,
      value: `[${list.map(json).join(",")}]`,
      after: "))"
    }
  },
  like: (column, pattern, anyCase) =>
    // `LIKE` of SQLite does not look at the case of ASCII letters, and only of these.
    anyCase && isAscii(pattern)
      ? { before: `${column} LIKE `, value: pattern, after: " ESCAPE '\\'" }
      : { before: `${column} GLOB `, value: glob(pattern, anyCase), after: "" },
  exact: (column) => column,
  lock: { update: "", share: "" },
  overriding: "",
  defer: "PRAGMA defer_foreign_keys = 1",
  affected: (raw) => Number(raw?.changes ?? 0)
}
