/**
 * How rows are written and read many at a time: the part of a dialect that `Repository` and `Session.enqueue` need.
 */

/**
 * A piece of SQL around one bound value.
 *
 * @since 0.1.0
 * @category rows
 */
export interface Around {
  readonly before: string
  readonly value: unknown
  readonly after: string
}

/**
 * SQL around bound values: a text ahead of each, and one behind the last.
 *
 * @since 0.1.0
 * @category rows
 */
export interface Interleaved {
  readonly texts: ReadonlyArray<string>
  readonly values: ReadonlyArray<unknown>
}

/**
 * The value of a column in a row on its way to the database.
 *
 * @since 0.1.0
 * @category rows
 */
export interface Cell {
  readonly column: string
  readonly value: unknown
}

/**
 * A column of rows on their way to the database: its name, and whether it is an array of the database's own.
 *
 * @since 0.1.0
 * @category rows
 */
export interface RowsColumn {
  readonly name: string
  readonly list: boolean
}

/**
 * @since 0.1.0
 * @category rows
 */
export interface Rows {
  /** The most values that one statement binds. */
  readonly parameters: number
  /** The most rows that one statement takes. */
  readonly rows: number
  /** Whether a document comes back as a value, and not as its text. */
  readonly parsesDocuments: boolean
  /**
   * Rows of a declared table as a relation out of one bound value for each column, with the names and types of the table's
   * columns. The text is the same for any number of rows. Absent: as VALUES.
   */
  readonly columns?:
    | ((
      table: string,
      columns: ReadonlyArray<RowsColumn>,
      rows: ReadonlyArray<Readonly<Record<string, unknown>>>
    ) => Interleaved)
    | undefined
  /**
   * Rows of any table as a relation out of one bound value, of which every column is read by the type that the database
   * has for it: for rows whose table nobody has declared. A document that is `null` is NULL. Absent: as VALUES.
   */
  readonly relation?: ((table: string, rows: ReadonlyArray<ReadonlyArray<Cell>>) => Around) | undefined
  /** Whether a column is one of these values, bound as one. Absent, or nothing: as a list in parentheses. */
  readonly among: (column: string, values: ReadonlyArray<unknown>) => Around | undefined
  /** Whether a column has this form: `%` and `_` stand for texts and letters, behind `\` for themselves. */
  readonly like: (column: string, pattern: string, anyCase: boolean) => Around
  /**
   * A column in a form that loses nothing on its way through JavaScript and compares with the column; `list`: each element of an
   * array by itself. The column as it is where it is that already.
   */
  readonly exact: (column: string, list?: boolean) => string
  /** Stands behind a query whose rows are to be kept from others until the end of the transaction. */
  readonly lock: { readonly update: string; readonly share: string }
  /** Stands before the values of an insert, so that a column that counts up takes the value it is given. */
  readonly overriding: string
  /** Makes the foreign keys that can wait do so until the end of this transaction. */
  readonly defer: string
  /** How many rows a statement has written, by the client's own result object. */
  readonly affected: (raw: any) => number
}
