/**
 * A PostgreSQL database from outside: looked for by connecting to it, created and dropped from another database of the
 * same server.
 */
import { Effect } from "effect"
import type { Scope } from "effect"
import type { DatabaseAdmin, ServerOptions } from "effect-sql-engine/Database"
import { EngineConfigError, type SqlFailure } from "effect-sql-engine/SqlFailure"
import type { PgConfig } from "../PgConfig.js"
import { dialect } from "../PgDialect.js"
import * as PgDriver from "../PgDriver.js"
import { raced as racedDdl } from "./ddl/races.js"

const standard = ["postgres", "template1"]

/** PostgreSQL cuts a longer name, and would create another database than the one that was named. */
const longest = 63

const context = { engine: "database", onLost: () => {}, onServerGone: () => {} }

const refuse = (field: string, problem: string) =>
  new EngineConfigError({
    message: `The database cannot be used: \`${field}\` ${problem}.`,
    problems: [{ field, problem }]
  })

const isMissing = (failure: SqlFailure) => failure.code === "3D000"

/** A connection to a database of this name, for as long as the scope lasts. */
const connect = (config: PgConfig, database: string) =>
  Effect.flatMap(
    PgDriver.make({ ...config, database }),
    (driver) => Effect.acquireRelease(driver.connect(context), (connection) => connection.close)
  )

const run = (connection: PgDriver.PgConnection, sql: string, params: ReadonlyArray<unknown> = []) =>
  connection.execute({ sql, params, shape: "rows", prepare: false, prelude: [] })

/** The first of the databases for maintenance that is there. */
const maintaining = (
  config: PgConfig,
  candidates: ReadonlyArray<string>
): Effect.Effect<PgDriver.PgConnection, SqlFailure, Scope.Scope> => {
  const [first, ...others] = candidates
  if (first === undefined) {
    return refuse("maintenance", "names no database that is there and is not the one in question")
  }
  return Effect.catchIf(connect(config, first), isMissing, () => maintaining(config, others))
}

/**
 * Whether trying again may succeed: the template is in use (55006), somebody creates the same or changes the catalog, the
 * server is starting or full. Where nobody answers at all, that is the answer.
 */
const raced = (failure: SqlFailure): boolean =>
  failure.code === "55006" || failure.code === "42P04" ||
  (/^[0-9X][0-9A-Z]{4}$/.test(failure.code ?? "") && racedDdl(failure))

/** Whether waiting may help. A wrong name of a host may become right: containers get theirs when they start. */
const unready = (failure: SqlFailure): boolean =>
  (failure._tag === "ConnectionError" && failure.retryable) || failure.code === "57P03" || failure.code === "53300" ||
  failure._tag === "ServerShutdown"

const create = (name: string, { owner, template }: ServerOptions): string => {
  const words = [`CREATE DATABASE ${dialect.quoteIdentifier(name)}`]
  if (owner !== undefined) words.push(`OWNER ${dialect.quoteIdentifier(owner)}`)
  if (template !== undefined) words.push(`TEMPLATE ${dialect.quoteIdentifier(template)}`)
  return words.join(" ")
}

/** Somebody else created it between our look and our statement; the index of the catalog may find out first. */
const wasFirst = (failure: SqlFailure): boolean =>
  failure.code === "42P04" || (failure._tag === "UniqueViolation" && failure.schema === "pg_catalog")

/** The database of a configuration. */
export const databaseOf = (
  config: PgConfig,
  options: ServerOptions
): Effect.Effect<DatabaseAdmin, EngineConfigError, Scope.Scope> =>
  Effect.flatMap(PgDriver.make(config), (driver) => {
    const name = String(driver.attributes["db.namespace"])
    const bytes = new TextEncoder().encode(name).length
    if (bytes > longest) return refuse("database", `has a name of ${bytes} bytes; the longest is ${longest}`)
    const { maintenance = standard } = options
    const candidates = (typeof maintenance === "string" ? [maintenance] : maintenance).filter((other) => other !== name)
    const outside = <A>(body: (connection: PgDriver.PgConnection) => Effect.Effect<A, SqlFailure>) =>
      Effect.scoped(Effect.flatMap(maintaining(config, candidates), (connection) =>
        Effect.flatMap(
          run(connection, "SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1", [name]),
          (rows) => rows.length > 0 ? body(connection) : Effect.succeed(undefined)
        )))
    const presence = Effect.scoped(connect(config, name)).pipe(
      Effect.as("Present" as const),
      Effect.catchIf(isMissing, () => Effect.succeed("Missing" as const))
    )
    return Effect.succeed<DatabaseAdmin>({
      database: name,
      presence,
      create: Effect.scoped(Effect.flatMap(maintaining(config, candidates), (connection) =>
        run(connection, create(name, options)).pipe(
          Effect.as("Created" as const),
          Effect.catchIf(wasFirst, () => Effect.succeed("Existed" as const))
        ))),
      drop: (force) =>
        Effect.map(
          outside((connection) =>
            run(connection, `DROP DATABASE ${dialect.quoteIdentifier(name)}${force ? " WITH (FORCE)" : ""}`).pipe(
              Effect.as("Dropped" as const),
              // Somebody else dropped it first.
              Effect.catchIf(isMissing, () =>
                Effect.succeed(undefined))
            )
          ),
          (outcome) => outcome ?? "Missing"
        ),
      raced,
      unready
    })
  })
