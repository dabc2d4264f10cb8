/**
 * What differs between databases, as data: the words of a transaction, how a name is quoted, what a code means.
 *
 * A dialect opens nothing and sends nothing; a `Driver` does.
 *
 * @since 0.1.0
 */
import type { Script } from "./internal/migrations/words.js"
import type { Lock } from "./internal/mutex/words.js"
import type { Rows } from "./internal/repository/words.js"
import type { Seeding } from "./internal/seed/words.js"
import type { Ddl } from "./internal/table/ddl.js"
import type { StatementFailureTag } from "./SqlFailure.js"
import type { SqlSyntax } from "./SqlText.js"

export type { KeptSettings, KeySwitch, Script, ShellCommand } from "./internal/migrations/words.js"
export type { Lock, RowLock, SessionLock } from "./internal/mutex/words.js"
export type { Around, Cell, Interleaved, Rows, RowsColumn } from "./internal/repository/words.js"
export type { Bound, Seeding } from "./internal/seed/words.js"
export type { ColumnKind, Ddl, Literal, Query } from "./internal/table/ddl.js"
export type {
  Action,
  CheckShape,
  ColumnShape,
  DatabaseShape,
  Deferrable,
  ForeignKeyShape,
  IndexPart,
  IndexShape,
  KeyShape,
  TableName,
  TableShape
} from "./internal/table/shape.js"

/**
 * How strongly a transaction is kept apart from concurrent ones.
 *
 * @since 0.1.0
 * @category models
 */
export type Isolation = "read uncommitted" | "read committed" | "repeatable read" | "serializable"

/**
 * What a transaction asks of BEGIN. What is absent is left to the database's default.
 *
 * @since 0.1.0
 * @category models
 */
export interface BeginOptions {
  readonly isolation?: Isolation | undefined
  /** Writes are refused by the database. */
  readonly readOnly?: boolean | undefined
  /** PostgreSQL: wait for a snapshot in which a read-only serializable transaction can never fail. */
  readonly deferrable?: boolean | undefined
}

/**
 * The meaning of one of the database's own codes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Classification {
  readonly tag: StatementFailureTag
  /** May the whole unit of work be tried again? */
  readonly retryable: boolean
  /** May the connection be lent again? */
  readonly connection: "keep" | "discard"
}

/**
 * A database's way of saying things.
 *
 * @since 0.1.0
 * @category models
 */
export interface Dialect {
  /** `postgresql` or `sqlite`; a driver of another database brings its own name. */
  readonly name: string
  /** The isolation levels the database really gives; asking for another is refused, not rounded. */
  readonly isolations: ReadonlyArray<Isolation>
  readonly begin: (options: BeginOptions) => string
  readonly commit: string
  readonly rollback: string
  readonly savepoint: (name: string) => string
  readonly releaseSavepoint: (name: string) => string
  /** Undoes what was done since the savepoint, and removes it. */
  readonly rollbackToSavepoint: (name: string) => string
  /** Quotes an identifier so that it is only a name, whatever it holds. */
  readonly quoteIdentifier: (name: string) => string
  /** How a text is cut into tokens and statements. */
  readonly syntax: SqlSyntax
  /** A statement that answers with the version of the database as `version`; absent: a health check does not tell it. */
  readonly version?: string | undefined
  /** Total: every code means exactly one thing. */
  readonly classify: (code: string) => Classification
  /** How it declares, finds and drops tables; absent: `Tables` cannot be used on it. */
  readonly ddl?: Ddl | undefined
  /** How a lock over the whole database is taken; absent: `Mutex`, `Migrations` and `Seed` cannot be used on it. */
  readonly lock?: Lock | undefined
  /** How a table is looked for; absent: `Migrations` and `Seed` cannot be used on it. */
  readonly script?: Script | undefined
  /** How foreign keys wait until all rows are there; absent: `Seed` cannot be used on it. */
  readonly seeding?: Seeding | undefined
  /** How rows are written many at a time; absent: `Repository` and `Session.enqueue` cannot be used on it. */
  readonly rows?: Rows | undefined
}
