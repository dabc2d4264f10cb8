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
 * @since 0.1.0
 * @category seeding
 */
export interface Seeding {
  /**
   * Makes every foreign key of these tables wait, inside of the transaction that writes the rows. `prepare` answers with
   * rows whose `defer` is a statement to run before, and whose `restore` one to run behind `check`.
   */
  readonly prepare: ((tables: ReadonlyArray<string>) => Bound) | undefined
  /** Run first: foreign keys that can wait do, until the end of this transaction. */
  readonly defer: string
  /**
   * Run behind the rows: fails, or answers with a row (`table`, `parent`) for each that refers to nothing. Whatever
   * happens, foreign keys are as before when the transaction is over.
   */
  readonly check: string
  /** Rows with explicit keys do not move a counter: moves those of this table behind them. Absent: it need not be. */
  readonly advance: ((table: string) => Bound) | undefined
}
