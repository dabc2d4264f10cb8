/**
 * The types of writes that are enqueued.
 */
import type { Effect, Option } from "effect"
import type { SqlFailure } from "../failure/failure.js"
import type { RowDecodeError, RowEncodeError } from "../failure/row.js"
import type { Changes, Insert, Key, Needs, Row } from "../repository/types.js"
import type { Table } from "../table/model.js"
import type { AnyModel } from "../table/options.js"

declare const LaterId: unique symbol

/**
 * A value that is known when its row has been written, such as a key that the database makes. It stands for the value in
 * whatever is enqueued after it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Later<out A> {
  readonly [LaterId]: A
}

type OrLater<A> = A | Later<A | (A extends Option.Option<infer B> ? B : never)>

type WithLater<Fields> = { readonly [F in keyof Fields]: OrLater<Fields[F]> }

/**
 * What names a row that is to be changed or deleted: its key, or an object with the fields of its key.
 *
 * @since 0.1.0
 * @category models
 */
export type EnqueuedKey<M, K extends string> =
  | OrLater<Key<M, K>>
  | { readonly [F in K & keyof Row<M>]: OrLater<Row<M>[F]> }

/**
 * A row that waits to be inserted.
 *
 * @since 0.1.0
 * @category models
 */
export interface Enqueued<M extends AnyModel> {
  /** Its fields, for other writes. */
  readonly later: { readonly [F in keyof Row<M>]: Later<Row<M>[F]> }
  /**
   * The row as it is in the database; flushes, where it has not been written. After the session's COMMIT it is still
   * there; `SessionClosed` where the row was undone.
   */
  readonly row: Effect.Effect<Row<M>, SqlFailure | RowDecodeError, Needs<M>>
}

/**
 * Enqueues writes in a session, which `In` stands for. Nothing is sent by it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Enqueue<In> {
  /** A row to insert. Values of rows that are enqueued before may stand in it. */
  readonly insert: <M extends AnyModel, K extends string>(
    table: Table<M, K>,
    row: WithLater<Insert<M>>
  ) => Effect.Effect<Enqueued<M>, SqlFailure | RowEncodeError, In | Needs<M>>
  /** Fields to set in a row. When there is no such row, the flush fails with `StaleRow`. */
  readonly update: <M extends AnyModel, K extends string>(
    table: Table<M, K>,
    key: EnqueuedKey<M, K>,
    changes: WithLater<Changes<M>>
  ) => Effect.Effect<void, SqlFailure | RowEncodeError, In | Needs<M>>
  /** A row to delete, if it is there. */
  readonly delete: <M extends AnyModel, K extends string>(
    table: Table<M, K>,
    key: EnqueuedKey<M, K>
  ) => Effect.Effect<void, SqlFailure | RowEncodeError, In | Needs<M>>
}
