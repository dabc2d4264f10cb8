/**
 * What a sandbox has to say to a database that a session on a connection of its own has not: at the point where the session
 * would commit, what COMMIT would check; and how a part of a transaction is read-only.
 *
 * | | PostgreSQL | SQLite |
 * | --- | --- | --- |
 * | deferred rules | `SET CONSTRAINTS ALL IMMEDIATE`, then each constraint as it was declared | `PRAGMA foreign_key_check` of the tables whose foreign keys are deferred |
 * | read only | `SET TRANSACTION READ ONLY`: ends with the savepoint | `PRAGMA query_only` |
 */
import { Effect } from "effect"
import type { Dialect, Isolation } from "effect-sql-engine/Dialect"
import type { DriverConnection } from "effect-sql-engine/Driver"
import { ForeignKeyViolation } from "effect-sql-engine/SqlFailure"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"

/** What is the same for every test of one engine, found out once. */
export interface Known {
  /** Words behind the release of a savepoint, so that constraints are as they were declared. */
  restore: string | undefined
  /** SQLite: the tables with foreign keys that wait for COMMIT. */
  deferred: ReadonlyArray<string> | undefined
  isolation: Isolation | undefined
}

export const nothingKnown = (): Known => ({ restore: undefined, deferred: undefined, isolation: undefined })

export interface Words {
  /** Ahead of the work: only reads from here on. */
  readonly readOnly: ReadonlyArray<string>
  /** Behind it. */
  readonly readWrite: ReadonlyArray<string>
  /** Ahead of the release of a savepoint that stands for a COMMIT: the words that make COMMIT's checks now. */
  readonly check: ReadonlyArray<string>
  /** What the checks are, where they are no words alone; and what has to be known for `restore`. */
  readonly verify: (connection: DriverConnection, known: Known) => Effect.Effect<void, SqlFailure>
  /** Behind the release. */
  readonly restore: (known: Known) => ReadonlyArray<string>
  /** A statement that may change what is known of the tables. */
  readonly changes: (sql: string) => boolean
  /** The isolation level of the transaction the connection is in. */
  readonly isolation: (connection: DriverConnection, known: Known) => Effect.Effect<Isolation | undefined, SqlFailure>
}

const rows = (connection: DriverConnection, sql: string) =>
  connection.execute({ sql, params: [], shape: "rows", prepare: false, prelude: [] })

const declares = /\b(create|alter|drop)\b/i

/** Deferrable, and immediate unless somebody defers them: what `SET CONSTRAINTS ALL DEFERRED` has not found that way. */
const immediate = `select n.nspname as schema, c.conname as name from pg_catalog.pg_constraint c
  join pg_catalog.pg_namespace n on n.oid = c.connamespace where c.condeferrable and not c.condeferred`

const postgresql = ({ quoteIdentifier }: Dialect): Words => ({
  readOnly: ["SET TRANSACTION READ ONLY"],
  readWrite: [],
  check: ["SET CONSTRAINTS ALL IMMEDIATE"],
  verify: (connection, known) =>
    known.restore !== undefined
      ? Effect.void
      : Effect.map(rows(connection, immediate), (found) => {
        const names = found.map(({ name, schema }) => `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`)
        const all = "SET CONSTRAINTS ALL DEFERRED"
        known.restore = names.length === 0 ? all : `${all}; SET CONSTRAINTS ${names.join(", ")} IMMEDIATE`
      }),
  restore: (known) => [known.restore ?? "SET CONSTRAINTS ALL DEFERRED"],
  changes: (sql) => declares.test(sql),
  isolation: (connection, known) =>
    known.isolation !== undefined
      ? Effect.succeed(known.isolation)
      : Effect.map(
        rows(connection, "select pg_catalog.current_setting('transaction_isolation') as level"),
        (found) => known.isolation = found[0]?.level as Isolation | undefined
      )
})

const waits = /\bdeferrable\s+initially\s+deferred\b/i

const sqlite = ({ quoteIdentifier }: Dialect): Words => ({
  readOnly: ["PRAGMA query_only = 1"],
  readWrite: ["PRAGMA query_only = 0"],
  check: [],
  verify: (connection, known) =>
    Effect.gen(function*() {
      if (known.deferred === undefined) {
        const tables = yield* rows(connection, "select name, sql from sqlite_schema where type = 'table'")
        known.deferred = tables.filter(({ sql }) => waits.test(sql)).map(({ name }) => name)
      }
      const on = known.deferred.length === 0 ? [] : yield* rows(connection, "pragma foreign_keys")
      if (on[0]?.foreign_keys !== 1) return
      for (const name of known.deferred) {
        const [wrong] = yield* rows(connection, `pragma foreign_key_check(${quoteIdentifier(name)})`)
        if (wrong === undefined) continue
        return yield* new ForeignKeyViolation({
          message: `COMMIT was refused: a row of ${name} refers to a row of ${wrong.parent} that is not there. The ` +
            "foreign key is deferred; it is checked where the session would commit.",
          code: "SQLITE_CONSTRAINT_FOREIGNKEY",
          statement: "COMMIT",
          table: name,
          columns: []
        })
      }
    }),
  restore: () => [],
  changes: (sql) => declares.test(sql),
  // It has one.
  isolation: () => Effect.succeed("serializable")
})

const plain: Words = {
  readOnly: [],
  readWrite: [],
  check: [],
  verify: () => Effect.void,
  restore: () => [],
  changes: () => false,
  isolation: () => Effect.succeed(undefined)
}

/** The words of a database. */
export const wordsOf = (dialect: Dialect): Words =>
  dialect.name === "postgresql" ? postgresql(dialect) : dialect.name === "sqlite" ? sqlite(dialect) : plain
