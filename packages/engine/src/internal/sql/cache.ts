/**
 * Infos by their texts: a program has few texts, and runs each of them often.
 */
import { StatementInfo } from "./info.js"
import type { SqlSyntax } from "./syntax.js"

/** How many are kept before the older half is forgotten. */
const capacity = 1_000

/** A longer text is not worth keeping: it is a bulk insert, and the next one is of another length. */
const longestKept = 16_384

/** The infos of one syntax. */
export class InfoCache {
  private recent = new Map<string, StatementInfo>()
  private older = new Map<string, StatementInfo>()

  constructor(readonly syntax: SqlSyntax) {}

  /** The info of a text. */
  of(sql: string): StatementInfo {
    const known = this.recent.get(sql)
    if (known !== undefined) return known
    const info = this.older.get(sql) ?? new StatementInfo(sql, this.syntax)
    if (sql.length > longestKept) return info
    if (this.recent.size >= capacity) {
      this.older = this.recent
      this.recent = new Map()
    }
    this.recent.set(sql, info)
    return info
  }
}

const caches = new WeakMap<SqlSyntax, InfoCache>()

/** The cache of a syntax: one for all who read it. */
export const infosOf = (syntax: SqlSyntax): InfoCache => {
  const known = caches.get(syntax)
  if (known !== undefined) return known
  const fresh = new InfoCache(syntax)
  caches.set(syntax, fresh)
  return fresh
}
