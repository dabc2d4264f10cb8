/**
 * The scripted database's language: a few words of its own, and the SQL that says the same.
 *
 * | own words | SQL | does |
 * | --- | --- | --- |
 * | `insert t k` | `insert into t (k) values (?), (?) returning k` | adds keys |
 * | `insert t k deferred` | | refused at COMMIT, unless deleted before |
 * | `delete t k`, `delete t` | `delete from t where k = ?` | removes keys |
 * | `select t`, `select t k` | `select k from t where k = ?`, `select count(*) from t` | reads |
 * | `fail CODE` | | is refused with this code |
 * | `set x` | `set x = y`, `set x to y` | leaves the connection dirty |
 * | `kill` | | the server ends the connection |
 * | `rollback-by-itself` | | is refused, and the server ends the transaction |
 * | | `select 1` | answers 1 |
 */
import type { Key } from "./store.js"

export type Value = { readonly literal: Key } | { readonly param: number }

export type Command =
  | {
    readonly _tag: "Insert"
    readonly table: string
    readonly values: ReadonlyArray<Value>
    readonly deferred: boolean
    readonly returning: boolean
  }
  | { readonly _tag: "Delete"; readonly table: string; readonly value: Value | undefined }
  | { readonly _tag: "Select"; readonly table: string; readonly value: Value | undefined; readonly count: boolean }
  | { readonly _tag: "One" }
  | { readonly _tag: "Fail"; readonly code: string }
  | { readonly _tag: "Set"; readonly name: string }
  | { readonly _tag: "Kill" }
  | { readonly _tag: "RollbackByItself" }
  | { readonly _tag: "Begin"; readonly readOnly: boolean }
  | { readonly _tag: "Savepoint"; readonly name: string }
  | { readonly _tag: "Release"; readonly name: string }
  | { readonly _tag: "RollbackTo"; readonly name: string }
  | { readonly _tag: "Commit" }
  | { readonly _tag: "Rollback" }
  | { readonly _tag: "Nonsense" }

const nonsense: Command = { _tag: "Nonsense" }
const value = String.raw`\?|\$\d+|'(?:[^']|'')*'|[\w-]+`
const name = String.raw`"?([\w.]+)"?`
const pattern = (source: string) => new RegExp(`^${source}$`, "is")

const insert = pattern(
  String
    .raw`insert\s+(?:into\s+)?${name}\s*(?:\(\s*"?\w+"?\s*\)\s*)?(?:values\s*)?(.+?)(\s+deferred)?(\s+returning\s+.+)?`
)
const remove = pattern(String.raw`delete\s+(?:from\s+)?${name}(?:\s+(?:where\s+"?\w+"?\s*=\s*)?(${value}))?`)
const select = pattern(
  String
    .raw`select\s+(?:([^;]+?)\s+from\s+)?${name}(?:\s+(?:where\s+"?\w+"?\s*=\s*)?(${value}))?(?:\s+order\s+by\s+.+)?`
)
const control: ReadonlyArray<readonly [RegExp, (match: RegExpExecArray) => Command]> = [
  [pattern(String.raw`select\s+1(?:\s+as\s+\w+)?`), () => ({ _tag: "One" })],
  [pattern(String.raw`begin\b(.*)`), (m) => ({ _tag: "Begin", readOnly: /\bread only\b/i.test(m[1] ?? "") })],
  [pattern(String.raw`savepoint\s+${name}`), (m) => ({ _tag: "Savepoint", name: m[1] ?? "" })],
  [pattern(String.raw`release\s+(?:savepoint\s+)?${name}`), (m) => ({ _tag: "Release", name: m[1] ?? "" })],
  [pattern(String.raw`rollback\s+to\s+(?:savepoint\s+)?${name}`), (m) => ({ _tag: "RollbackTo", name: m[1] ?? "" })],
  [pattern("commit"), () => ({ _tag: "Commit" })],
  [pattern("rollback"), () => ({ _tag: "Rollback" })],
  [pattern("rollback-by-itself"), () => ({ _tag: "RollbackByItself" })],
  [pattern("kill"), () => ({ _tag: "Kill" })],
  [pattern(String.raw`fail\s+(\w+)`), (m) => ({ _tag: "Fail", code: m[1] ?? "" })],
  [pattern(String.raw`set\s+${name}(?:\s*(?:=|\s+to\s).*)?`), (m) => ({ _tag: "Set", name: m[1] ?? "" })]
]

/** Reads the values of a text from left to right; `?` takes the next parameter, `$2` the second. */
const readValues = (text: string): ReadonlyArray<Value> => {
  let next = 0
  return (text.match(new RegExp(value, "g")) ?? []).map((token) => {
    if (token === "?") {
      return { param: next++ }
    }
    if (token.startsWith("$")) {
      return { param: Number(token.slice(1)) - 1 }
    }
    if (token.startsWith("'")) {
      return { literal: token.slice(1, -1).replaceAll("''", "'") }
    }
    return { literal: /^-?\d+$/.test(token) ? Number(token) : token }
  })
}

const read = (sql: string): Command => {
  const text = sql.trim().replace(/\s*;$/, "")
  for (const [regex, toCommand] of control) {
    const match = regex.exec(text)
    if (match !== null) {
      return toCommand(match)
    }
  }
  const inserted = insert.exec(text)
  if (inserted !== null) {
    const [, table = "", values = "", deferred, returning] = inserted
    // One key a row: a group of several values belongs to a table with several columns, which there are none of.
    return /\([^()]*,[^()]*\)/.test(values)
      ? nonsense
      : {
        _tag: "Insert",
        table,
        values: readValues(values),
        deferred: deferred !== undefined,
        returning: returning !== undefined
      }
  }
  const removed = remove.exec(text)
  if (removed !== null) {
    return { _tag: "Delete", table: removed[1] ?? "", value: readValues(removed[2] ?? "")[0] }
  }
  const selected = select.exec(text)
  if (selected !== null) {
    const [, columns, table = "", key] = selected
    return { _tag: "Select", table, value: readValues(key ?? "")[0], count: /^count\s*\(/i.test(columns ?? "") }
  }
  return nonsense
}

const known = new Map<string, Command>()

/** What a text means. Texts repeat, so their meanings are kept: bounded, because texts with literals do not repeat. */
export const parse = (sql: string): Command => {
  let command = known.get(sql)
  if (command === undefined) {
    command = read(sql)
    if (known.size >= 10_000) {
      known.clear()
    }
    known.set(sql, command)
  }
  return command
}
