/**
 * The prepared statements of one connection: a bounded map, least recently used first out.
 *
 * A plain state machine. A statement counts as prepared from the moment its Parse was written, because the next message
 * may refer to it already; when the server then refuses it, it is dropped.
 */

import type { Columns } from "./collect.js"
import { traits } from "./sqlText.js"

const none: ReadonlyArray<never> = []

/** A user's own PREPARE never meets it: written without quotes, no name in SQL has a colon. */
const prefix = "ese:"

/** A prepared statement. */
export interface Prepared {
  /** Its name on the server; never used twice on one connection. */
  readonly name: string
  readonly sql: string
  /** Whether its Parse was written. */
  parsed: boolean
  /** The columns of its rows as the server described them; absent until the first answer. */
  columns: Columns | undefined
  /** The server refuses to run it when its columns have changed: what is known of them can be kept. */
  readonly planned: boolean
  /** When it was used last, by the count of uses. */
  used: number
}

/** The map. */
export class PreparedStatements {
  private readonly statements = new Map<string, Prepared>()
  private closing: Array<string> = []
  private made = 0
  private uses = 0

  constructor(readonly capacity: number) {}

  /** The statement of a text, made when there is none; nothing when statements are not kept. */
  take(sql: string): Prepared | undefined {
    if (this.capacity <= 0) return undefined
    const known = this.statements.get(sql)
    if (known !== undefined) {
      known.used = ++this.uses
      return known
    }
    const name = `${prefix}${++this.made}`
    const { planned } = traits(sql)
    const fresh: Prepared = { name, sql, parsed: false, columns: undefined, planned, used: ++this.uses }
    this.statements.set(sql, fresh)
    if (this.statements.size > this.capacity) this.drop(this.oldest(fresh))
    return fresh
  }

  /** The one that was not used for longest: looked for only when one too many is made, which costs a Parse anyway. */
  private oldest(fresh: Prepared): Prepared {
    let oldest = fresh
    for (const statement of this.statements.values()) if (statement.used < oldest.used) oldest = statement
    return oldest
  }

  /** Forgets a statement; the server is told with the next exchange. */
  drop(statement: Prepared): void {
    if (this.statements.get(statement.sql) !== statement) return
    this.statements.delete(statement.sql)
    this.closing.push(statement.name)
  }

  /**
   * The names to be closed on the server at the head of the exchange that is about to be written. Ask before `take`:
   * what is evicted by a statement of this exchange may be another statement of it, and is closed with the next.
   */
  toClose(): ReadonlyArray<string> {
    if (this.closing.length === 0) return none
    const names = this.closing
    this.closing = []
    return names
  }

  /** Forgets everything; whatever the server may still have is closed with the next exchange. */
  dropAll(): void {
    for (const statement of [...this.statements.values()]) this.drop(statement)
  }

  /** The server has dropped everything by itself. */
  clear(): void {
    this.statements.clear()
    this.closing = []
  }

  get size(): number {
    return this.statements.size
  }
}
