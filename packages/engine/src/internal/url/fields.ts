/**
 * What an address holds.
 */
import type { Redacted } from "effect"
import type { Endpoint } from "./endpoints.js"
import type { PostgresParameters } from "./postgresParameters.js"
import type { Note } from "./problem.js"
import type { SqliteParameters } from "./sqliteParameters.js"

/** The parts of a PostgreSQL address; `undefined` where the text left them open. */
export interface PostgresFields {
  /** Where to try, in order. Never empty. */
  readonly endpoints: ReadonlyArray<Endpoint>
  readonly user: string | undefined
  readonly password: Redacted.Redacted<string> | undefined
  readonly database: string | undefined
  /** Everything else, by the names of the PostgreSQL manual. */
  readonly parameters: PostgresParameters
  /** What had better be looked at: parameters nobody knows, driver suffixes. */
  readonly notes: ReadonlyArray<Note>
}

/** The parts of an SQLite address. */
export interface SqliteFields {
  /** The path as SQLite wants it, `:memory:`, or the name of a database in memory. */
  readonly filename: string
  readonly parameters: SqliteParameters
  /** What had better be looked at: parameters nobody knows, driver suffixes. */
  readonly notes: ReadonlyArray<Note>
}
