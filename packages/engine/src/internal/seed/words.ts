/**
 * How foreign keys wait until all rows are there: the part of a dialect that `Seed` needs.
 */

/**
 * A statement with the values bound to it.
 *
 * @since 0.1.0
 * @category seeding
 */
export interface Bound {
  readonly sql: string
  readonly params: ReadonlyArray<unknown>
}

/**
 * What is done around the rows of a seed, in their transaction. Whatever happens, foreign keys are as before when that
 * transaction is over.
 *
 * @since 0.1.0
 * @category seeding
 */
export interface Seeding {
  /** Makes the foreign keys that can wait do so until the end of this transaction. */
  readonly defer: string
  /**
   * Finds the foreign keys between these tables that cannot wait. Rows: `child` and `parent`, places in the list from 1
   * on; `defer`, a statement that makes this one wait; `restore`, one to run behind `check`. Absent: all can.
   */
  readonly strict: ((tables: ReadonlyArray<string>) => Bound) | undefined
  /** Each fails, or answers with a row (`table`, `parent`) for each row that refers to nothing. */
  readonly check: (tables: ReadonlyArray<string>) => ReadonlyArray<string>
  /** Stands before VALUES, so that a column the database counts up takes the value it is given. */
  readonly overriding: string
  /** Rows with explicit keys do not move a counter. Rows: `run`, a statement that does. Absent: it need not be. */
  readonly advance: ((table: string) => Bound) | undefined
}
