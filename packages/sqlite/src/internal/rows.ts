/**
 * How rows are written and read many at a time.
 *
 * Source: https://www.sqlite.org/limits.html#max_variable_number, https://www.sqlite.org/json1.html#jeach,
 * https://www.sqlite.org/lang_expr.html#glob
 */
import type { Rows } from "effect-sql-engine/Dialect"
import type { Stored } from "./bind.js"
import { stored } from "./bind.js"

const json = (value: Stored): string => typeof value === "bigint" ? `${value}` : JSON.stringify(value)

/** The values as they are stored; nothing where one cannot be: bound alone, it is refused by its place. */
const all = (values: ReadonlyArray<unknown>): ReadonlyArray<Stored> | undefined => {
  try {
    return values.map(stored)
  } catch {
    return undefined
  }
}

/** Bytes, and numbers that would not be the same in JSON: SQLite reads `1.0` and `1e20` in its own way. */
const hasNoJson = (value: Stored): boolean =>
  (typeof value === "object" && value !== null) || (typeof value === "number" && !Number.isInteger(value))

/** `LIKE` of SQLite does not look at the case of ASCII letters; `GLOB` does, and has signs of its own. */
const glob = (pattern: string): string => {
  let text = ""
  for (let i = 0; i < pattern.length; i++) {
    const hidden = pattern[i] === "\\" && i + 1 < pattern.length
    const sign = hidden ? pattern[++i]! : pattern[i]!
    if (!hidden && sign === "%") text += "*"
    else if (!hidden && sign === "_") text += "?"
    else text += /[*?[]/.test(sign) ? `[${sign}]` : sign
  }
  return text
}

export const rows: Rows = {
  parameters: 32_766,
  rows: 10_000,
  parsesDocuments: false,
  among: (column, values) => {
    const texts = all(values)
    return texts === undefined || texts.some(hasNoJson) ? undefined : {
      before: `${column} IN (SELECT value FROM json_each(`,
      value: `[${texts.map(json).join(",")}]`,
      after: "))"
    }
  },
  like: (column, pattern, anyCase) =>
    anyCase
      ? { before: `${column} LIKE `, value: pattern, after: " ESCAPE '\\'" }
      : { before: `${column} GLOB `, value: glob(pattern), after: "" },
  exact: (column) => column,
  lock: { update: "", share: "" },
  overriding: "",
  defer: "PRAGMA defer_foreign_keys = 1",
  affected: (raw) => Number(raw?.changes ?? 0)
}
