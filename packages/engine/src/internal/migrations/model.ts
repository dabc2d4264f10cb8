/**
 * What a migration is, wherever it comes from.
 */
import type { Effect } from "effect"
import type { MigrationSourceError } from "../../SqlFailure.js"
import type { SqlSyntax } from "../../SqlText.js"
import type { Named } from "./id.js"
import type { Section } from "./sections.js"

/** What a step does: statements of a text, and the file it is in, where it is in one; or code. */
export type Body<R> =
  | { readonly _tag: "Sql"; readonly section: Section; readonly file: string | undefined }
  | { readonly _tag: "Code"; readonly effect: Effect.Effect<unknown, unknown, R> }

/** A migration, read whole. */
export interface Loaded<R> {
  /** Whether it runs in a transaction, together with its row in the ledger. */
  readonly transaction: boolean
  readonly up: Body<R>
  readonly down: Body<R> | undefined
}

/** A migration. */
export interface Migration<R> extends Named {
  /** Of what it does; absent where that cannot be seen, as in code. */
  readonly checksum: string | undefined
  /** Reads the rest of it: only what is to run is read. */
  readonly load: Effect.Effect<Loaded<R>, MigrationSourceError, R>
}

/** A row of the ledger. */
export interface Entry extends Named {
  readonly checksum: string | undefined
  /** `applying` and `reverting`: begun without a transaction, and not ended. */
  readonly state: "applied" | "applying" | "reverting"
  /** Statements that are known to be done, while it is not `applied`. */
  readonly done: number
  /** When it was begun, in ISO 8601. */
  readonly startedAt: string
  readonly millis: number | undefined
}

/**
 * Migrations that are applied in the order of their ids, and the ledger of those that have been.
 *
 * @since 0.1.0
 * @category models
 */
export interface MigrationSet<out R = never> {
  /** Appears in messages and results. */
  readonly name: string
  /** The ledger's table. */
  readonly table: string
  /** Where the ledger stands, on databases that have schemas; absent: where an unqualified name is created. */
  readonly schema: string | undefined
  /** A table of `@effect/sql`'s migrator whose rows are taken over when the ledger is made. */
  readonly takeOver: string | undefined
  /** In the order of their ids, read as the database of this syntax reads them. */
  readonly migrations: (syntax: SqlSyntax) => Effect.Effect<ReadonlyArray<Migration<R>>, MigrationSourceError, R>
}

/**
 * What can be said of a set.
 *
 * @since 0.1.0
 * @category options
 */
export interface SetOptions {
  /** Default `main`. Several sets on one database need a name each. */
  readonly name?: string | undefined
  /** The ledger's table. Default `migration_ledger`; for a set with another name `migration_ledger_<name>`. */
  readonly table?: string | undefined
  /** The schema the ledger stands in, which is created when it is missing. SQLite has none, and leaves it out. */
  readonly schema?: string | undefined
  /**
   * The table in which `@effect/sql`'s migrator kept what it had applied: it is taken over when the ledger is made.
   * Default `effect_sql_migrations` for the set `main`, none for others; `false`: none.
   */
  readonly takeOver?: string | false | undefined
}
