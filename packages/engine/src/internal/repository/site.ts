/**
 * A table on an engine: where the statements of a repository run.
 */
import { SafeIntegers } from "@effect/sql/SqlClient"
import type { SqlClient } from "@effect/sql/SqlClient"
import { DateTime, Effect, Stream } from "effect"
import type { EngineService } from "../../Engine.js"
import type { SqlFailure } from "../failure/failure.js"
import { fromSqlError, refine } from "../failure/failure.js"
import type { Column } from "../table/model.js"
import { Filters } from "./filter.js"
import type { Layout } from "./layout.js"
import type { Piece } from "./text.js"
import { fragment, segments } from "./text.js"

/** What was asked of a repository. */
export interface Ways {
  readonly version: Column | undefined
  readonly deleted: Column | undefined
  /** Deleted rows are there, and deleting is for good. */
  readonly unscoped: boolean
}

export class Site {
  readonly sql: SqlClient
  readonly filters: Filters

  constructor(readonly engine: EngineService, readonly layout: Layout, readonly ways: Ways) {
    this.sql = engine.sql.withoutTransforms()
    this.filters = new Filters(layout, this.sql)
  }

  /** Runs a statement; its rows. */
  run(...pieces: ReadonlyArray<Piece>): Effect.Effect<ReadonlyArray<any>, SqlFailure> {
    const statement = refine(this.sql`${fragment(...pieces)}`)
    return this.layout.codec.large ? Effect.provideService(statement, SafeIntegers, true) : statement
  }

  /** Runs a statement; its rows, decoded. */
  read(...pieces: ReadonlyArray<Piece>) {
    return Effect.flatMap(this.run(...pieces), (rows) => this.layout.codec.decode(rows))
  }

  /** Runs a statement that returns no rows; how many it has written. */
  write(...pieces: ReadonlyArray<Piece>): Effect.Effect<number, SqlFailure> {
    return Effect.map(refine(this.sql`${fragment(...pieces)}`.raw), this.layout.rows.affected)
  }

  /** The rows of a statement as they come. */
  stream(...pieces: ReadonlyArray<Piece>): Stream.Stream<any, SqlFailure> {
    const rows = Stream.mapError(this.sql`${fragment(...pieces)}`.stream, fromSqlError)
    return this.layout.codec.large ? Stream.provideService(rows, SafeIntegers, true) : rows
  }

  /** Which rows there are for this repository. */
  alive(prefix = ""): string | undefined {
    const { deleted, unscoped } = this.ways
    if (deleted === undefined || unscoped) return undefined
    const name = prefix + this.layout.id(deleted.name)
    return deleted.type === "boolean" ? `${name} IS NOT TRUE` : `${name} IS NULL`
  }

  /** WHERE, or nothing. */
  where(where: unknown) {
    const alive = this.alive()
    const words = alive === undefined ? " WHERE " : ` WHERE ${alive} AND `
    if (where === undefined || (typeof where === "object" && where !== null && isEmpty(where))) {
      return Effect.succeed(segments(alive === undefined ? "" : ` WHERE ${alive}`))
    }
    return Effect.map(this.filters.where(where), (text) => segments(words, text))
  }

  /** What marks a row as deleted now. */
  get tombstone(): Effect.Effect<unknown> {
    const { deleted } = this.ways
    const kind = deleted === undefined ? undefined : this.layout.codec.kindOf(deleted)
    return Effect.map(DateTime.now, (now) =>
      kind === "boolean"
        ? true
        : kind === "integer" || kind === "number" || kind === "bigint"
        ? now.epochMillis
        : kind === "timestamp"
        ? DateTime.toDateUtc(now)
        : DateTime.formatIso(now))
  }
}

const isEmpty = (where: object) => Object.keys(where).length === 0 && Object.getPrototypeOf(where) === Object.prototype
