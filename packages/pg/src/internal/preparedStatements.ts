/**
 * The prepared statements of one connection: a bounded map, least recently used first out.
 *
 * A plain state machine. A statement counts as prepared from the moment its Parse was written, because the next message
 * may refer to it already; when the server then refuses it, it is dropped. What the server may already have under its name
 * is closed by the message ahead of its Parse.
 */

import type { Columns } from "./collect.js"
import { statementName } from "./statementName.js"
import { traits } from "./traits.js"

const none: ReadonlyArray<never> = []

/** A prepared statement. */
export interface Prepared {
  /** Its name on the server; the same for the same text. */
  readonly name: string
  readonly sql: string
  /** Whether its Parse was written. */
  parsed: boolean
  /** Whether the server has answered its Parse. */
  confirmed: boolean
  /** The columns of its rows as the server described them; absent until the first answer. */
  columns: Columns | undefined
  /** The types of its parameters, which do not change; absent until they were asked for. */
  parameters: ReadonlyArray<number> | undefined
  /** The server refuses to run it when its columns have changed: what is known of them can be kept. */
  readonly planned: boolean
  /** When it was used last, by the count of uses. */
  used: number
  /** The transaction it was used in last, by the count of transactions. */
  usedIn: number
  /** Whether it was used in that transaction before. */
  usedBefore: boolean
}

/** The map. */
export class PreparedStatements {
  private readonly statements = new Map<string, Prepared>()
  private readonly closing = new Set<string>()
  private readonly unsettled = new Set<string>()
  private uses = 0
  private transactions = 0

  constructor(readonly capacity: number) {}

  /** The statement of a text, made when there is none; nothing when it is not to be kept. */
  take(sql: string): Prepared | undefined {
    const known = this.statements.get(sql)
    if (known !== undefined) {
      known.used = ++this.uses
      known.usedBefore = known.usedIn === this.transactions
      known.usedIn = this.transactions
      return known
    }
    if (this.capacity <= 0 || this.unsettled.has(sql)) return undefined
    const name = statementName(sql)
    const fresh: Prepared = {
      name,
      sql,
      parsed: false,
      confirmed: false,
      columns: undefined,
      parameters: undefined,
      planned: traits(sql).planned,
      used: ++this.uses,
      usedIn: this.transactions,
      usedBefore: false
    }
    // Its own Parse closes it first.
    this.closing.delete(name)
    this.statements.set(sql, fresh)
    if (this.statements.size > this.capacity) this.drop(this.oldest(fresh))
    return fresh
  }

  /** The statement of a text, where there is one. */
  find(sql: string): Prepared | undefined {
    return this.statements.get(sql)
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
    this.closing.add(statement.name)
  }

  /**
   * The names to be closed on the server at the head of the exchange that is about to be written. Ask before `take`:
   * what is evicted by a statement of this exchange may be another statement of it, and is closed with the next.
   */
  toClose(): ReadonlyArray<string> {
    if (this.closing.size === 0) return none
    const names = [...this.closing]
    this.closing.clear()
    return names
  }

  /** Forgets everything; whatever the server may still have is closed with the next exchange. */
  dropAll(): void {
    for (const statement of this.statements.values()) this.closing.add(statement.name)
    this.statements.clear()
  }

  /** The server has dropped everything by itself. */
  clear(): void {
    this.statements.clear()
    this.closing.clear()
  }

  /** The transaction that was open is over. */
  transactionEnded(): void {
    this.transactions++
  }

  /**
   * The server refused a statement because what it returns has changed. Others may have changed with it. One that was used
   * in the same transaction before was changed by that transaction itself, out of sight: it would fail in the same way each
   * time it is tried again, and is not prepared any more.
   */
  outdated(statement: Prepared): void {
    if (statement.usedBefore) {
      if (this.unsettled.size >= this.capacity) this.unsettled.clear()
      this.unsettled.add(statement.sql)
    }
    this.dropAll()
  }

  get size(): number {
    return this.statements.size
  }
}
