/**
 * How a table is looked for, and rebuilt: the part of a dialect that `Migrations` and `Seed` need.
 */

/**
 * How the enforcement of foreign keys is turned off while a table that others refer to is rebuilt.
 *
 * @since 0.1.0
 * @category scripts
 */
export interface KeySwitch {
  /** What a statement turns the enforcement to; `undefined`: it leaves it as it is. */
  readonly turnedTo: (sql: string) => boolean | undefined
  /** Turns it off, outside of a transaction. A connection that is given back has it as before. */
  readonly off: string
  /** Finds rows that refer to rows that are not there. Rows: `child`, `parent`, and how many as `orphans`. */
  readonly orphans: string
}

/**
 * Settings of a connection that a script may change, and that what is written behind it depends on.
 *
 * @since 0.1.0
 * @category scripts
 */
export interface KeptSettings {
  /** Reads them. One row. */
  readonly read: string
  /** Sets them to what such a row says, until the end of the transaction. */
  readonly restore: (row: Readonly<Record<string, unknown>>) => {
    readonly sql: string
    readonly params: ReadonlyArray<unknown>
  }
}

/**
 * @since 0.1.0
 * @category scripts
 */
export interface Script {
  /** Whether tables stand in schemas. */
  readonly schemas: boolean
  /** Asks whether there is a table or view. Row: `found`. */
  readonly tableExists: (
    table: string,
    schema: string | undefined
  ) => { readonly sql: string; readonly params: ReadonlyArray<unknown> }
  /** Absent: a table is changed in place, or the enforcement can be turned inside of a transaction. */
  readonly keySwitch?: KeySwitch | undefined
  /** Absent: a script sets nothing of the kind. */
  readonly settings?: KeptSettings | undefined
}
