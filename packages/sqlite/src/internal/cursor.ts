/**
 * The rows of a stream, read from an open statement.
 *
 * better-sqlite3 counts open iterators and never forgets one, not even when it is collected as garbage: so a cursor ends
 * in exactly one of three ways, by its last row, by a failure of a step, or by `close`.
 */

/** An open statement and the row that opening it has already read. */
export class Cursor {
  #rows: IterableIterator<unknown> | undefined
  #ahead: IteratorResult<unknown>

  /** Takes the first step, which may find a lock taken: then nothing is left open. */
  constructor(rows: IterableIterator<unknown>, readonly onEnd: (cursor: Cursor) => void) {
    this.#ahead = rows.next()
    this.#rows = rows
  }

  /** Whether it was ended before its last row was read. */
  get isClosed(): boolean {
    return this.#rows === undefined && this.#ahead.done !== true
  }

  /** Up to `limit` more rows; fewer mean that these were the last. */
  read(limit: number): Array<unknown> {
    const batch: Array<unknown> = []
    while (batch.length < limit && this.#rows !== undefined && this.#ahead.done !== true) {
      batch.push(this.#ahead.value)
      this.#ahead = this.#step(this.#rows)
    }
    if (this.#ahead.done === true) this.#end()
    return batch
  }

  #step(rows: IterableIterator<unknown>): IteratorResult<unknown> {
    try {
      return rows.next()
    } catch (cause) {
      this.#end()
      throw cause
    }
  }

  #end(): void {
    this.#rows = undefined
    this.onEnd(this)
  }

  /** Lets go of the statement. May be called at any time, and again. */
  close(): void {
    if (this.#rows === undefined) return
    this.#rows.return!()
    this.#end()
  }
}
