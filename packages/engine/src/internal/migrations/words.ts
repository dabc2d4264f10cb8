/**
 * How a table is looked for, and rebuilt, and what a file may hold that is no SQL: the part of a dialect that `Migrations` and
 * `Seed` need.
 */

/**
 * What the database's own shell does, and the server does not understand.
 *
 * @since 0.1.0
 * @category scripts
 */
export interface ShellCommand {
  /** The index of its first character in the statement. */
  readonly at: number
  /** Which command it is, and what to do instead: a phrase for a message, without a full stop. */
  readonly problem: string
}

/**
 * How the enforcement of foreign keys is turned off while a table that others refer to is rebuilt.
 *
 * @since 0.1.0
 * @category scripts
 */
export interface KeySwitch {
  /** Whether these statements rebuild a table, and have to run with foreign keys off. */
  readonly rebuilds: (statements: ReadonlyArray<string>) => boolean
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
  /** The first command of the database's own shell in a statement of a file. Absent: its files hold none. */
  readonly shellCommand?: ((statement: string) => ShellCommand | undefined) | undefined
}
