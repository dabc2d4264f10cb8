/**
 * The values an address is read into: immutable, equal by content, and masked wherever they are shown.
 */
import { Equal, Hash, Inspectable, Redacted } from "effect"
import { percentEncode } from "./encoding.js"
import type { PostgresFields, SqliteFields } from "./fields.js"
import { printPostgres, printSqlite, type Secrets } from "./print.js"

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
export class PostgresUrl extends Address implements PostgresFields {
  readonly _tag = "PostgresUrl"
  readonly endpoints: PostgresFields["endpoints"]
  readonly user: PostgresFields["user"]
  readonly password: PostgresFields["password"]
  readonly database: PostgresFields["database"]
  readonly parameters: PostgresFields["parameters"]
  readonly notes: PostgresFields["notes"]

  constructor(fields: PostgresFields) {
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
export class SqliteUrl extends Address implements SqliteFields {
  readonly _tag = "SqliteUrl"
  readonly filename: SqliteFields["filename"]
  /** Whether the database lives in memory only. */
  readonly memory: boolean
  readonly parameters: SqliteFields["parameters"]
  readonly notes: SqliteFields["notes"]

  constructor(fields: SqliteFields) {
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
