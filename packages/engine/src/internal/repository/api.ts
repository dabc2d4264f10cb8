/**
 * What a repository can do; the types of `Repository`.
 */
import type { Context, Effect, Option, Stream } from "effect"
import type { EngineService } from "../../Engine.js"
import type { SqlFailure } from "../failure/failure.js"
import type { InvalidPage, MultipleRows, RowDecodeError, RowEncodeError, RowNotFound } from "../failure/row.js"
import type { Table } from "../table/model.js"
import type { AnyModel } from "../table/options.js"
import type { Changes, FieldOrder, Insert, Key, Needs, OrderBy, Row, Target, Where } from "./types.js"

/** The fields that can count the versions of a row. */
export type VersionField<M> = {
  [F in keyof Row<M> & string]: Row<M>[F] extends number | bigint ? F : never
}[keyof Row<M> & string]

/**
 * What can be said of a repository.
 *
 * @since 0.1.0
 * @category options
 */
export interface Options<M extends AnyModel, Self, Version extends string> {
  /** The tag of an engine of its own. Default: the default engine. */
  readonly engine?: Context.Tag<Self, EngineService> | undefined
  /**
   * An optimistic lock: this field counts the changes of a row. A row is then changed and deleted by itself as it was
   * read, and no longer by its key alone; when it was changed meanwhile, that is `StaleRow`.
   */
  readonly version?: Version | undefined
  /**
   * Rows are marked and not removed: with the moment, in a field that may be NULL, or with `true`. Marked rows are not
   * found, counted, changed or deleted, but by `unscoped`.
   */
  readonly softDelete?: (keyof Row<M> & string) | undefined
}

/**
 * Which rows, in which order, how many.
 *
 * @since 0.1.0
 * @category options
 */
export interface Find<M> {
  readonly where?: Where<M> | undefined
  /** Default: none, which is the database's choice. */
  readonly orderBy?: OrderBy<M> | undefined
  readonly limit?: number | undefined
  readonly offset?: number | undefined
  /** Keeps others from changing what is found until the session ends. On SQLite nothing: there is one writer. */
  readonly lock?: "update" | "share" | undefined
}

/**
 * A page by its number. The order is made total by the key.
 *
 * @since 0.1.0
 * @category options
 */
export interface PageOptions<M> {
  /** From 1 on. */
  readonly page: number
  /** Rows in a page, at least 1. */
  readonly size: number
  readonly where?: Where<M> | undefined
  /** Default: by the key. */
  readonly orderBy?: OrderBy<M> | undefined
}

/**
 * @since 0.1.0
 * @category results
 */
export interface Page<A> {
  /** None behind the last page. */
  readonly items: ReadonlyArray<A>
  readonly page: number
  readonly size: number
  /** Rows in all pages. */
  readonly total: number
  /** 0 where there are no rows. */
  readonly pages: number
}

/**
 * A page from a place on: however far it is, it costs the same. The order is made total by the key.
 *
 * @since 0.1.0
 * @category options
 */
export interface SliceOptions<M> {
  /** The most rows, at least 1. */
  readonly size: number
  /** `next` of another slice of the same order. */
  readonly after?: string | undefined
  /** `previous` of another slice of the same order: the rows before it. */
  readonly before?: string | undefined
  readonly where?: Where<M> | undefined
  /** Default: by the key. */
  readonly orderBy?: FieldOrder<M> | ReadonlyArray<FieldOrder<M>> | undefined
}

/**
 * The places hold what stands in the fields of the order: encrypt them where these are secret.
 *
 * @since 0.1.0
 * @category results
 */
export interface Slice<A> {
  readonly items: ReadonlyArray<A>
  /** Where to go on; none where there is nothing more. */
  readonly next: Option.Option<string>
  /** Where to go back to. */
  readonly previous: Option.Option<string>
}

/**
 * How a row that is there already is met.
 *
 * @since 0.1.0
 * @category options
 */
export interface UpsertOptions<M> {
  /**
   * The fields of a unique rule, or of a unique index, which may be declared with `where`. Default: the key; where the
   * database makes that, the only other unique rule.
   */
  readonly on?: (keyof Row<M> & string) | ReadonlyArray<keyof Row<M> & string> | undefined
  /** Texts meet whatever the case of their letters. Needs a unique index on `lower(…)` of these columns. */
  readonly anyCase?: boolean | undefined
  /**
   * Which fields of the row that is there are set. Default: those that the new row mentions and a model's `update` variant
   * has, but for the key.
   */
  readonly update?: ReadonlyArray<keyof Row<M> & string> | undefined
}

/** What reading may fail with. */
type Read = SqlFailure | RowEncodeError | RowDecodeError

/**
 * Operations on the rows of a table.
 *
 * Each is one statement, unless it says otherwise, and runs in the session around it; outside of one it stands alone.
 *
 * @since 0.1.0
 * @category models
 */
export interface Repository<M extends AnyModel, K extends string, Version extends string, Self> {
  readonly table: Table<M, K>

  /** The row as it is in the database then, with what that has made. */
  readonly insert: (row: Insert<M>) => Effect.Effect<Row<M>, Read, Self | Needs<M>>
  /**
   * All or none, in as few statements as the database's limits allow: of 65,535 values on SQLite's half of that, of
   * 10,000 rows on PostgreSQL. Rows in the order given.
   */
  readonly insertMany: (rows: Iterable<Insert<M>>) => Effect.Effect<ReadonlyArray<Row<M>>, Read, Self | Needs<M>>
  /** Inserts, or changes the row that is there. Rivals wait for each other; none gets a `UniqueViolation` for it. */
  readonly upsert: (row: Insert<M>, options?: UpsertOptions<M>) => Effect.Effect<Row<M>, Read, Self | Needs<M>>
  /** All or none. A later row meets an earlier one, too. */
  readonly upsertMany: (
    rows: Iterable<Insert<M>>,
    options?: UpsertOptions<M>
  ) => Effect.Effect<ReadonlyArray<Row<M>>, Read, Self | Needs<M>>

  /**
   * Asked for in one batch (`Effect.forEach` with `batching: true`), any number of keys is one statement; sessions have
   * batches of their own.
   */
  readonly findByKey: (key: Key<M, K>) => Effect.Effect<Option.Option<Row<M>>, Read, Self | Needs<M>>
  /** As `findByKey`; fails with `RowNotFound`. */
  readonly getByKey: (
    key: Key<M, K>,
    options?: { readonly lock?: "update" | "share" | undefined }
  ) => Effect.Effect<Row<M>, Read | RowNotFound, Self | Needs<M>>
  /** The only one: several are `MultipleRows`. */
  readonly findOne: (
    where: Where<M>,
    options?: Pick<Find<M>, "lock">
  ) => Effect.Effect<Option.Option<Row<M>>, Read | MultipleRows, Self | Needs<M>>
  /** The first in an order. */
  readonly findFirst: (
    options: Omit<Find<M>, "limit">
  ) => Effect.Effect<Option.Option<Row<M>>, Read, Self | Needs<M>>
  readonly findMany: (options?: Find<M>) => Effect.Effect<ReadonlyArray<Row<M>>, Read, Self | Needs<M>>
  readonly count: (where?: Where<M>) => Effect.Effect<number, SqlFailure | RowEncodeError, Self | Needs<M>>
  readonly exists: (where?: Where<M>) => Effect.Effect<boolean, SqlFailure | RowEncodeError, Self | Needs<M>>
  /** A page by its number, and how many there are, as of one moment. */
  readonly page: (options: PageOptions<M>) => Effect.Effect<Page<Row<M>>, Read | InvalidPage, Self | Needs<M>>
  /** A page from a place on. */
  readonly slice: (options: SliceOptions<M>) => Effect.Effect<Slice<Row<M>>, Read | InvalidPage, Self | Needs<M>>
  /** Rows as they come, in bounded memory. */
  readonly stream: (options?: Omit<Find<M>, "lock">) => Stream.Stream<Row<M>, Read, Self | Needs<M>>

  /** Sets these fields; the row as it is then. */
  readonly update: (
    target: Target<M, K, Version>,
    changes: Changes<M>
  ) => Effect.Effect<Row<M>, Read | RowNotFound, Self | Needs<M>>
  /** How many rows that were. */
  readonly updateMany: (
    where: Where<M>,
    changes: Changes<M>
  ) => Effect.Effect<number, SqlFailure | RowEncodeError, Self | Needs<M>>
  /** Whether it was there. */
  readonly delete: (
    target: Target<M, K, Version>
  ) => Effect.Effect<boolean, SqlFailure | RowEncodeError, Self | Needs<M>>
  /** How many rows that were. */
  readonly deleteMany: (where: Where<M>) => Effect.Effect<number, SqlFailure | RowEncodeError, Self | Needs<M>>

  /** The same, with rows that are marked as deleted, and deleting for good. */
  readonly unscoped: Repository<M, K, Version, Self>
}
