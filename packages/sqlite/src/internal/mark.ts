/**
 * What a statement may leave on its connection, told from its first words before it is prepared: some pragmas act while
 * they are compiled, even behind EXPLAIN.
 */
import { leaves } from "./pragmas.js"
import { type Token, tokens } from "./tokens.js"

/** `cached`: whether a prepared statement may be kept for it. */
export type Mark =
  | { readonly leaves: "nothing"; readonly cached: boolean }
  | { readonly leaves: "temporary" | "attached"; readonly cached: false }
  | { readonly leaves: "setting" | "something"; readonly cached: false; readonly pragma: string }

const nothing: Mark = { leaves: "nothing", cached: true }
const uncached: Mark = { leaves: "nothing", cached: false }
const temporary: Mark = { leaves: "temporary", cached: false }
const attached: Mark = { leaves: "attached", cached: false }

const isSign = (token: Token | undefined, ...signs: ReadonlyArray<string>) =>
  token?.kind === "sign" && signs.includes(token.text)

/** The mark of a statement. */
export const markOf = (sql: string): Mark => {
  const source = tokens(sql)
  const next = (): Token | undefined => source.next().value ?? undefined
  let first = next()
  while (first?.kind === "word" && ["explain", "query", "plan"].includes(first.text)) first = next()
  if (first?.kind !== "word") return nothing
  // Any CREATE may make a temporary object: `CREATE TABLE temp.t` has no word for it. The schema is looked at afterwards.
  if (first.text === "create") return temporary
  if (first.text === "attach") return attached
  if (first.text !== "pragma") return nothing
  let name = next()
  let sign = next()
  const schema = isSign(sign, ".") ? name?.text.toLowerCase() : undefined
  if (schema !== undefined) {
    name = next()
    sign = next()
  }
  const pragma = name?.text.toLowerCase() ?? ""
  if (!isSign(sign, "=", "(") || leaves(pragma) === "nothing") return uncached
  const own = schema === undefined || schema === "main"
  return { leaves: own ? leaves(pragma) as "setting" | "something" : "something", cached: false, pragma }
}
