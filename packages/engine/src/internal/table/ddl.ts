/**
 * How a database says what its tables are like: the part of a dialect that `Table`, `Tables` and `Database` need.
 */
import type { SqlFailure } from "../../SqlFailure.js"
import type { DatabaseShape } from "./shape.js"

/**
 * The kinds of columns every database has, each under a name of its own.
 *
 * | kind | holds |
 * | --- | --- |
 * | `integer`, `bigint` | whole numbers of 32 and of 64 bits |
 * | `number` | what a number of JavaScript holds |
 * | `text`, `boolean`, `bytes` | |
 * | `json` | a document; on SQLite its text |
 * | `uuid` | on SQLite its text |
 * | `timestamp` | a moment, with its time zone |
 * | `date` | a day |
 *
 * @since 0.1.0
 * @category tables
 */
export type ColumnKind =
  | "integer"
  | "bigint"
  | "number"
  | "text"
  | "boolean"
  | "bytes"
  | "json"
  | "uuid"
  | "timestamp"
  | "date"

/**
 * A value that can stand in a DEFAULT.
 *
 * @since 0.1.0
 * @category tables
 */
export type Literal = string | number | bigint | boolean | null

/**
 * A question to the database.
 *
 * @since 0.1.0
 * @category tables
 */
export interface Query {
  readonly sql: string
  readonly params: ReadonlyArray<unknown>
}

/**
 * Its way of saying what tables are like.
 *
 * @since 0.1.0
 * @category tables
 */
export interface Ddl {
  /** Whether tables stand in schemas; where they do not, a declared schema is left out. */
  readonly schemas: boolean
  /** Whether two names are one: SQLite does not look at the case. */
  readonly sameName: (a: string, b: string) => boolean
  /** Whether a foreign key may be declared before the table it refers to is there. */
  readonly forwardReferences: boolean
  /** Whether a statement can drop several tables that refer to each other. */
  readonly dropsTogether: boolean
  readonly columnType: (kind: ColumnKind) => string
  /** Whether two types are one: `int4` and `integer`. */
  readonly sameType: (declared: string, found: string) => boolean
  /**
   * What stands behind the name of a column that the database counts up. `isKey`: it says PRIMARY KEY itself, so that
   * the column cannot be one part of several.
   */
  readonly generated: (type: string) => { readonly definition: string; readonly isKey: boolean }
  readonly literal: (value: Literal) => string
  /** An expression for the present moment, as a column of this kind holds it. */
  readonly now: (kind: ColumnKind | undefined) => string
  /** An expression for a new random UUID. */
  readonly uuid: string
  /** The isolation in which each look at the catalog sees what others have committed; absent: there is but one. */
  readonly isolation: "read committed" | undefined
  /**
   * What a transaction that changes tables says first: it takes the one lock of all that do, and limits its waits for
   * locks, where there is a limit.
   */
  readonly lock: (limitMillis: number | undefined) => ReadonlyArray<string>
  /** What a transaction that drops tables says first. */
  readonly beforeDrop: ReadonlyArray<string>
  /** Finds tables in these schemas and the default one; absent: in all but the system's. */
  readonly introspection: (schemas: ReadonlyArray<string> | undefined) => {
    readonly queries: ReadonlyArray<Query>
    /** Takes the rows of each query. */
    readonly read: (answers: ReadonlyArray<ReadonlyArray<any>>) => DatabaseShape
  }
  /** Whether a failure shows that somebody else was changing tables too, so that trying again may succeed. */
  readonly raced: (failure: SqlFailure) => boolean
}
