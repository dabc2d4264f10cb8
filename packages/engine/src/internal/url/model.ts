/**
 * The values an address is read into: immutable, equal by content, and masked wherever they are shown.
 */
import { Equal, Hash, Inspectable, Redacted } from "effect"
import { percentEncode } from "./encoding.js"
import type { Endpoint } from "./endpoints.js"
import type { PostgresParameters } from "./postgresParameters.js"
import { printPostgres, printSqlite, type Secrets } from "./print.js"
import type { Note } from "./problem.js"
import type { SqliteParameters } from "./sqliteParameters.js"

/** Marks the values of this module. */
export const TypeId: unique symbol = Symbol.for("effect-sql-engine/EngineUrl")

/** The type of the mark. */
export type TypeId = typeof TypeId

const print: unique symbol = Symbol.for("effect-sql-engine/EngineUrl/print")

const reveal: Secrets = (secret) => percentEncode(Redacted.value(secret))

/** The address with its secrets. */
export const revealed = (url: Address): string => url[print](reveal)

/** The address with `***` for each of its secrets. */
export const masked = (url: Address): string => url[print](() => "***")

// Two addresses are equal when they print the same: neither notes nor the spelling they were read from count.
abstract class Address implements Equal.Equal, Inspectable.Inspectable {
  readonly [TypeId]: TypeId = TypeId

  abstract readonly _tag: "PostgresUrl" | "SqliteUrl"

  abstract [print](secrets: Secrets): string

  [Equal.symbol](that: unknown): boolean {
    return this === that || that instanceof Address && revealed(this) === revealed(that)
  }

  [Hash.symbol](): number {
    return Hash.string(revealed(this))
  }

  toString(): string {
    return masked(this)
  }

  toJSON(): unknown {
    return { _id: "EngineUrl", _tag: this._tag, url: masked(this) }
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/** The address of a PostgreSQL database. */
export class PostgresUrl extends Address {
  readonly _tag = "PostgresUrl"
  /** Where to try, in order. Never empty. */
  readonly endpoints: ReadonlyArray<Endpoint>
  readonly user: string | undefined
  readonly password: Redacted.Redacted<string> | undefined
  readonly database: string | undefined
  /** Everything else, by the names of the PostgreSQL manual. */
  readonly parameters: PostgresParameters
  /** What had better be looked at: parameters nobody knows, driver suffixes. */
  readonly notes: ReadonlyArray<Note>

  constructor(fields: {
    readonly endpoints: ReadonlyArray<Endpoint>
    readonly user: string | undefined
    readonly password: Redacted.Redacted<string> | undefined
    readonly database: string | undefined
    readonly parameters: PostgresParameters
    readonly notes: ReadonlyArray<Note>
  }) {
    super()
    this.endpoints = Object.freeze(fields.endpoints.map((endpoint) => Object.freeze(endpoint)))
    this.user = fields.user
    this.password = fields.password
    this.database = fields.database
    this.parameters = Object.freeze(fields.parameters)
    this.notes = Object.freeze(fields.notes)
    Object.freeze(this)
  }

  [print](secrets: Secrets): string {
    return printPostgres(this, secrets)
  }
}

/** The address of an SQLite database. */
export class SqliteUrl extends Address {
  readonly _tag = "SqliteUrl"
  /** The path as SQLite wants it, `:memory:`, or the name of a database in memory. */
  readonly filename: string
  /** Whether the database lives in memory only. */
  readonly memory: boolean
  readonly parameters: SqliteParameters
  /** What had better be looked at: parameters nobody knows, driver suffixes. */
  readonly notes: ReadonlyArray<Note>

  constructor(fields: {
    readonly filename: string
    readonly parameters: SqliteParameters
    readonly notes: ReadonlyArray<Note>
  }) {
    super()
    this.filename = fields.filename
    this.memory = fields.filename === ":memory:" || fields.parameters.mode === "memory"
    this.parameters = Object.freeze(fields.parameters)
    this.notes = Object.freeze(fields.notes)
    Object.freeze(this)
  }

  [print](secrets: Secrets): string {
    return printSqlite(this, secrets)
  }
}
