/**
 * The PostgreSQL driver: connections of node-postgres in pipeline mode, one client each, without its pool.
 *
 * It owns sockets. BEGIN and SAVEPOINT travel with the statement behind them; an interrupted statement is cancelled over
 * a connection of its own; what a borrower leaves behind is seen and undone. `docs/postgresql.md` has the whole story.
 *
 * @since 0.1.0
 */
import { Effect, type Scope, Stream } from "effect"
import type { ConnectContext, Driver, DriverConnection, Statement } from "effect-sql-engine/Driver"
import type { EngineConfigError, SqlFailure } from "effect-sql-engine/SqlFailure"
import { type CommitOutcome as Outcome, commitOutcome } from "./internal/commitOutcome.js"
import { compiler } from "./internal/compiler.js"
import { connect } from "./internal/connect.js"
import { Connection } from "./internal/connection.js"
import { Listener, type ListenEvent as Event } from "./internal/listener.js"
import { renameRows } from "./internal/names.js"
import { refusedChannel } from "./internal/notification.js"
import { needsSession } from "./internal/pooled.js"
import { readSettings } from "./internal/settings.js"
import type { PgConfig } from "./PgConfig.js"
import { dialect } from "./PgDialect.js"

/**
 * A connection to PostgreSQL.
 *
 * @since 0.1.0
 * @category models
 */
export interface PgConnection extends DriverConnection {
  /**
   * The id of the transaction that is open, or was last. Known once it has written something, and only when the driver
   * was made with `trackTransactionId`.
   */
  readonly transactionId: () => string | undefined
}

/**
 * What a listener hears. `Listening` comes first, and again (`again: true`) after each loss; notifications that were
 * sent between `Interrupted` and the next `Listening` are gone, so read whatever they stand for anew.
 *
 * @since 0.1.0
 * @category models
 */
export type ListenEvent = Event

/**
 * How a transaction ended. `unknown`: the server does not know it (any more).
 *
 * @since 0.1.0
 * @category models
 */
export type CommitOutcome = Outcome

/**
 * The driver of one PostgreSQL database.
 *
 * @since 0.1.0
 * @category models
 */
export interface PgDriver extends Driver {
  /** What the `write` lane does, with the type of what comes out. */
  readonly connect: (context: ConnectContext) => Effect.Effect<PgConnection, SqlFailure>
  /**
   * What is notified on a channel, for as long as the stream is read. All channels share one connection, outside of any
   * pool, checked every 30 seconds. Fails when that can't be made at first, or later for a reason that will not pass (a
   * password); else it is made again after 0.1 to 5 seconds. Fails with `DataError` for a name that is empty, takes more than
   * 63 bytes in UTF-8, or holds a zero byte: the server would cut it short and hear nothing.
   */
  readonly listen: (channel: string, engine: string) => Stream.Stream<ListenEvent, SqlFailure>
  /**
   * What became of the transaction of that id, asked on a fresh connection. One that is still open after a second has
   * lost its client: its backend is ended, so that the answer is final. Takes at most 10 seconds.
   */
  readonly commitOutcome: (transactionId: string, engine: string) => Effect.Effect<CommitOutcome, SqlFailure>
}

/**
 * The statement that notifies a channel: an ordinary one, so that it belongs to the transaction it runs in. The payload
 * is a bound value of at most 7,999 bytes; the name of the channel takes 1 to 63. The server refuses others.
 *
 * @since 0.1.0
 * @category constructors
 */
export const notify = (channel: string, payload: string): Omit<Statement, "prelude"> => ({
  sql: "SELECT pg_catalog.pg_notify($1, $2)",
  params: [channel, payload],
  shape: "rows",
  prepare: true
})

/**
 * Makes a driver. Reads certificate files; opens no connection. Fails with `EngineConfigError`, which lists every option
 * that does not fit. The scope ends its listeners; connections belong to whoever asked for them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (config: PgConfig): Effect.Effect<PgDriver, EngineConfigError, Scope.Scope> =>
  Effect.gen(function*() {
    const settings = yield* readSettings(config)
    const scope = yield* Effect.scope
    const connectTo = (context: ConnectContext): Effect.Effect<Connection, SqlFailure> =>
      connect(settings, context, (link) => new Connection(link, settings, context))
    const listener = new Listener(connectTo, scope, settings.target)
    const first = settings.endpoints[0]!
    return {
      dialect,
      target: settings.target,
      attributes: {
        "db.system.name": "postgresql",
        "db.namespace": settings.database,
        "server.address": first.host,
        "server.port": first.port
      },
      compiler: compiler(config.transformQueryNames, config.transformJson !== false),
      transformRows: config.transformResultNames === undefined
        ? undefined
        : renameRows(config.transformResultNames, config.transformJson !== false),
      write: { connect: connectTo },
      connect: connectTo,
      listen: (channel, engine) => {
        const refused = settings.pgbouncer ? needsSession(engine, "LISTEN") : refusedChannel(channel, engine)
        return refused === undefined ? listener.listen(channel, engine) : Stream.fail(refused)
      },
      commitOutcome: (transactionId, engine) =>
        commitOutcome(connectTo({ engine, onLost: () => {}, onServerGone: () => {} }), transactionId)
    }
  })
