/**
 * What a table is like in a database, whether it was declared, planned, or found there. Names are the database's own.
 */

/**
 * When a foreign key is checked: at each statement; at each statement unless a transaction defers it; at COMMIT.
 *
 * @since 0.1.0
 * @category shapes
 */
export type Deferrable = "no" | "initially immediate" | "initially deferred"

/**
 * What happens to a row when the one it refers to is deleted, or its key changed.
 *
 * @since 0.1.0
 * @category shapes
 */
export type Action = "no action" | "restrict" | "cascade" | "set null" | "set default"

/**
 * Where a table stands. `schema` is absent where a database has none, and where its default one is meant.
 *
 * @since 0.1.0
 * @category shapes
 */
export interface TableName {
  readonly schema: string | undefined
  readonly name: string
}

/**
 * @since 0.1.0
 * @category shapes
 */
export interface ColumnShape {
  readonly name: string
  /** In the database's words. */
  readonly type: string
  readonly nullable: boolean
  /** An SQL expression. */
  readonly default: string | undefined
  /** The database counts up: an identity column, a serial, SQLite's `INTEGER PRIMARY KEY`. */
  readonly generated: boolean
}

/**
 * @since 0.1.0
 * @category shapes
 */
export interface KeyShape {
  /** Absent where the database keeps none. */
  readonly name: string | undefined
  readonly columns: ReadonlyArray<string>
}

/**
 * A column, or an SQL expression, in an index.
 *
 * @since 0.1.0
 * @category shapes
 */
export interface IndexPart {
  readonly column: string | undefined
  readonly expression: string | undefined
  readonly descending: boolean
}

/**
 * @since 0.1.0
 * @category shapes
 */
export interface IndexShape {
  readonly name: string
  readonly parts: ReadonlyArray<IndexPart>
  readonly unique: boolean
  /** Only the rows for which this SQL holds. */
  readonly where: string | undefined
}

/**
 * @since 0.1.0
 * @category shapes
 */
export interface ForeignKeyShape extends KeyShape {
  readonly target: TableName
  readonly targetColumns: ReadonlyArray<string>
  readonly onDelete: Action
  readonly onUpdate: Action
  readonly deferrable: Deferrable
}

/**
 * @since 0.1.0
 * @category shapes
 */
export interface CheckShape {
  readonly name: string | undefined
  readonly expression: string
}

/**
 * A table, whole.
 *
 * @since 0.1.0
 * @category shapes
 */
export interface TableShape extends TableName {
  readonly columns: ReadonlyArray<ColumnShape>
  readonly primaryKey: KeyShape | undefined
  readonly uniques: ReadonlyArray<KeyShape>
  readonly indexes: ReadonlyArray<IndexShape>
  readonly foreignKeys: ReadonlyArray<ForeignKeyShape>
  readonly checks: ReadonlyArray<CheckShape>
}

/**
 * What was found in a live database.
 *
 * @since 0.1.0
 * @category shapes
 */
export interface DatabaseShape {
  /** The schema an unqualified name is created in; absent where a database has no schemas. */
  readonly defaultSchema: string | undefined
  readonly schemas: ReadonlyArray<string>
  readonly tables: ReadonlyArray<TableShape>
}

/** The name for a message. */
export const qualified = ({ name, schema }: TableName): string => schema === undefined ? name : `${schema}.${name}`
