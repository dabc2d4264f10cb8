/**
 * What a statement may leave on its connection, told from its first words before it is prepared: some pragmas act while
 * they are compiled, even behind EXPLAIN.
 */
import type { Statements } from "effect-sql-engine/SqlText"
import { leaves } from "./pragmas.js"

/** `cached`: whether a prepared statement may be kept for it. */
export type Mark =
  | { readonly leaves: "nothing"; readonly cached: boolean }
  | { readonly leaves: "temporary" | "attached"; readonly cached: false }
  | {
    readonly leaves: "setting" | "something"
    readonly cached: false
    readonly pragma: string
    /** What it is set to, in lower case. */
    readonly value: string
  }

const nothing: Mark = { leaves: "nothing", cached: true }
const uncached: Mark = { leaves: "nothing", cached: false }
const temporary: Mark = { leaves: "temporary", cached: false }
const attached: Mark = { leaves: "attached", cached: false }

/** The mark of a text's first statement: SQLite's client refuses to prepare more than one. */
export const markOf = ([statement = []]: Statements): Mark => {
  const at = statement.findIndex((token) => !token.isWord("explain", "query", "plan"))
  const first = statement[at]
  if (first?.kind !== "word") return nothing
  // Any CREATE may make a temporary object: `CREATE TABLE temp.t` has no word for it. The schema is looked at afterwards.
  if (first.text === "create") return temporary
  if (first.text === "attach") return attached
  if (first.text !== "pragma") return nothing
  const [one, dot, other] = statement.slice(at + 1)
  const schema = dot?.isSign(".") ? one?.text.toLowerCase() : undefined
  const name = schema === undefined ? one : other
  const [sign, value] = statement.slice(at + (schema === undefined ? 2 : 4))
  const pragma = name?.text.toLowerCase() ?? ""
  if (!(sign?.isSign("=") || sign?.isSign("(")) || leaves(pragma) === "nothing") return uncached
  const own = schema === undefined || schema === "main"
  return {
    leaves: own ? leaves(pragma) as "setting" | "something" : "something",
    cached: false,
    pragma,
    value: value?.text.toLowerCase() ?? ""
  }
}
