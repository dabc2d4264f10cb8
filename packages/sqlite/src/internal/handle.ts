/**
 * One open database: statements, prepared and cached; streams' cursors; what borrowers left. Plain and synchronous:
 * what goes wrong is thrown as better-sqlite3 threw it, and everything may be tried again after `SQLITE_BUSY`.
 *
 * better-sqlite3 refuses to write while one of its iterators is open ("busy executing a query"), which SQLite itself
 * allows. `unsafeMode` lifts the refusal, and SQLite's defensive mode with it: so it is on for the one call that writes
 * beside an open cursor, and off again when the call returns.
 */
import type { Database, Statement } from "better-sqlite3"
import { BoundedMap } from "./boundedMap.js"
import { Cursor } from "./cursor.js"
import { refuseInTransaction } from "./foreignKeys.js"
import { Leftovers } from "./leftovers.js"
import { traits } from "./traits.js"

/** What a statement's result looks like. */
export interface Reading {
  readonly shape: "rows" | "values" | "raw"
  /** Integers as `bigint`. */
  readonly safeIntegers: boolean
  readonly prepare: boolean
}

interface Prepared {
  readonly statement: Statement
  safeIntegers: boolean
  values: boolean
}

/** A text longer than this is not worth keeping: it is a bulk insert, and the next one is of another length. */
const longestCached = 16_384

/** A savepoint has a name of its own, and is not worth keeping. */
const unchanging = /^(BEGIN( (DEFERRED|IMMEDIATE|EXCLUSIVE))?|COMMIT|ROLLBACK)$/

/** An open database. */
export class Handle {
  readonly #prepared: BoundedMap<string, Prepared>
  readonly #words = new Map<string, Statement>()
  readonly #cursors = new Set<Cursor>()
  readonly #leftovers: Leftovers
  #refusesWrites = false

  /**
   * `readOnly`: the connection never writes, whatever is begun on it. `generation`: which file it has open, as
   * `WatchedFile` counts them.
   */
  constructor(
    readonly db: Database,
    readonly readOnly: boolean,
    statementCacheSize: number,
    readonly generation = 0
  ) {
    this.#prepared = new BoundedMap(statementCacheSize)
    this.#leftovers = new Leftovers(db, readOnly)
  }

  /** Whether something has to be taken back before somebody else may use it. */
  get isDirty(): boolean {
    return this.db.inTransaction || this.#cursors.size > 0 || this.#leftovers.any || this.#refusesWrites
  }

  /** Whether a read-only transaction is running on a connection that could write. */
  get isReadOnlyTransaction(): boolean {
    return this.#refusesWrites && this.db.inTransaction
  }

  /** Takes what is on the connection now as its own. */
  adopt(): void {
    this.#leftovers.forget()
  }

  /** Prepared statements kept now. */
  get cached(): number {
    return this.#prepared.size
  }

  /** Runs control statements: BEGIN, SAVEPOINT, COMMIT. The words that never differ are parsed once. */
  control(sql: string): void {
    let word = this.#words.get(sql)
    if (word === undefined && unchanging.test(sql)) {
      word = this.db.prepare(sql)
      this.#words.set(sql, word)
    }
    this.#besideCursors(() => word === undefined ? this.db.exec(sql) : word.run())
    if (this.#refusesWrites) this.#writeAgain()
  }

  /** Begins a transaction in which SQLite refuses to write. */
  beginReadOnly(sql: string): void {
    this.#besideCursors(() => this.db.exec(sql))
    if (this.readOnly) return
    this.#besideCursors(() => this.db.exec("PRAGMA query_only = 1"))
    this.#refusesWrites = true
  }

  /** Runs one statement to its end. */
  run(sql: string, bound: ReadonlyArray<unknown>, reading: Reading): ReadonlyArray<any> {
    const known = reading.prepare ? this.#prepared.get(sql) : undefined
    if (known !== undefined) return this.#result(known, bound, reading)
    const { mark } = traits(sql)
    refuseInTransaction(this.db, mark)
    this.#leftovers.before(mark)
    const prepared = this.#prepare(sql)
    if (reading.prepare && mark.cached && sql.length <= longestCached) this.#prepared.set(sql, prepared)
    const result = this.#result(prepared, bound, reading)
    this.#leftovers.after(mark)
    return result
  }

  /** Opens a statement whose rows are read bit by bit; one that returns none is run at once. */
  open(sql: string, bound: ReadonlyArray<unknown>, reading: Reading): Cursor | undefined {
    const { mark } = traits(sql)
    refuseInTransaction(this.db, mark)
    this.#leftovers.before(mark)
    // A statement of its own: the kept one could not be run again before the last row is read.
    const prepared = this.#prepare(sql)
    if (!prepared.statement.reader) {
      this.#result(prepared, bound, reading)
      this.#leftovers.after(mark)
      return undefined
    }
    this.#shape(prepared, reading)
    const cursor = new Cursor(prepared.statement.iterate(bound), (ended) => this.#cursors.delete(ended))
    this.#cursors.add(cursor)
    return cursor
  }

  /** Makes it as new. Throws when it cannot; after `SQLITE_BUSY` it may be called again. */
  reset(): void {
    this.#closeCursors()
    if (this.db.inTransaction) this.db.exec("ROLLBACK")
    if (this.#refusesWrites) this.#writeAgain()
    this.#leftovers.clear()
  }

  /** Makes it as new as can be, and gives up on the rest. */
  resetAsFarAsPossible(): void {
    try {
      this.reset()
    } catch {
      this.#leftovers.forget()
    }
  }

  /** Closes the database, and every cursor with it. */
  close(): void {
    this.#closeCursors()
    this.#prepared.clear()
    this.#words.clear()
    this.db.close()
  }

  #closeCursors(): void {
    for (const cursor of this.#cursors) cursor.close()
  }

  #besideCursors<A>(run: () => A): A {
    if (this.#cursors.size === 0) return run()
    this.db.unsafeMode(true)
    try {
      return run()
    } finally {
      this.db.unsafeMode(false)
    }
  }

  /** Lets the connection write again when its read-only transaction is over, however it ended. */
  #writeAgain(): void {
    if (this.db.inTransaction) return
    this.#besideCursors(() => this.db.exec("PRAGMA query_only = 0"))
    this.#refusesWrites = false
  }

  #prepare(sql: string): Prepared {
    if (sql.includes("\0")) throw new SyntaxError("The text holds a NUL character")
    return { statement: this.db.prepare(sql), safeIntegers: false, values: false }
  }

  /** Sets how the next rows look. A kept statement keeps the look of its last caller, so each call sets its own. */
  #shape(prepared: Prepared, { safeIntegers, shape }: Reading): void {
    const values = shape === "values"
    if (prepared.safeIntegers !== safeIntegers) prepared.statement.safeIntegers(safeIntegers)
    if (prepared.values !== values && prepared.statement.reader) prepared.statement.raw(values)
    prepared.safeIntegers = safeIntegers
    prepared.values = values
  }

  #result(prepared: Prepared, bound: ReadonlyArray<unknown>, reading: Reading): ReadonlyArray<any> {
    this.#shape(prepared, reading)
    const { statement } = prepared
    try {
      // The client's own result is the only row.
      const raw = reading.shape === "raw"
      if (statement.reader) return raw ? [statement.all(bound)] : statement.all(bound)
      const info = this.#besideCursors(() => statement.run(bound))
      return raw ? [info] : []
    } finally {
      if (this.#refusesWrites) this.#writeAgain()
    }
  }
}
