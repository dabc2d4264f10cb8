/**
 * A driver without a database: an in-memory server with transactions and savepoints, whose every step can be told to
 * fail, hang, be slow, be lost or throw.
 *
 * It obeys the laws of `Driver`, needs no real time (`Effect.sleep` only), and notes everything that reaches the server,
 * so that engines and sessions can be tried by the ten thousand.
 *
 * @since 0.1.0
 */
import * as SqlStatement from "@effect/sql/Statement"
import { Effect } from "effect"
import type { Dialect } from "effect-sql-engine/Dialect"
import type { ConnectContext, Driver, Lane } from "effect-sql-engine/Driver"
import * as EngineConfig from "effect-sql-engine/EngineConfig"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { scriptedOptions } from "./internal/options.js"
import { ScriptedConnection } from "./internal/scripted/connection.js"
import * as words from "./internal/scripted/dialect.js"
import { parse } from "./internal/scripted/language.js"
import { Link } from "./internal/scripted/link.js"
import { resolveCommit } from "./internal/scripted/resolve.js"
import { type Breach as ServerBreach, Server, type WireEntry as ServerWireEntry } from "./internal/scripted/server.js"
import type { Key as StoreKey } from "./internal/scripted/store.js"
import type { Outcome } from "./Outcome.js"
import { type Moment, type Script, type Step, toFunction } from "./Script.js"

/**
 * What stands in a table of the scripted database: its only column, `k`.
 *
 * @since 0.1.0
 * @category models
 */
export type Key = StoreKey

/**
 * Something that reached the server, in the order of arrival. `transaction` is the transaction it ran in (for BEGIN: the
 * one it began); `outcome` is what the script said of it.
 *
 * @since 0.1.0
 * @category models
 */
export type WireEntry = ServerWireEntry

/**
 * Something no engine may do: a step while another one runs on the connection (`overlap`) or after `close`
 * (`afterClose`), BEGIN inside a transaction, a savepoint name that is live already, a savepoint that is not there, a
 * COMMIT or ROLLBACK without a transaction.
 *
 * @since 0.1.0
 * @category models
 */
export type Breach = ServerBreach

/**
 * How the server and its connections stand.
 *
 * @since 0.1.0
 * @category models
 */
export interface Counts {
  /** Connections the server ever had, and those it still has. */
  readonly opened: number
  readonly open: number
  /** The most the server had at one moment. */
  readonly mostOpen: number
  /** Connections handed out by `connect` that the client has not closed, alive or not. */
  readonly handles: number
  /** Transactions ever begun, and those that are neither committed nor rolled back. */
  readonly begun: number
  readonly committed: number
  readonly rolledBack: number
  readonly openTransactions: number
}

/**
 * How the scripted server behaves.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** What each step is told. A function may be asked twice about one moment: it must be pure. Default: all is well. */
  readonly script?: Script | undefined
  /** Told of each step at the moment it happens, and what it is told to do. */
  readonly onStep?: ((moment: Moment, outcome: Outcome) => void) | undefined
  /**
   * What a refused statement does to its transaction. `abort`: it fails, and COMMIT answers with ROLLBACK (PostgreSQL).
   * `continue`: nothing, and a refused COMMIT leaves it open (SQLite). `rollback`: the server ends it. Default `abort`.
   */
  readonly onFailure?: "abort" | "continue" | "rollback" | undefined
  /** Whether a key may stand in a table only once. Default `false`. */
  readonly unique?: boolean | undefined
  /** Whether read-only work has a lane of its own. Default `false`. */
  readonly readLane?: boolean | undefined
  /** Whether the driver can find out what became of a COMMIT whose answer was lost. Default `false`. */
  readonly resolveCommit?: boolean | undefined
  /** `Lane.connections` of the two lanes. Default: absent. */
  readonly writeConnections?: number | undefined
  readonly readConnections?: number | undefined
  /** Connections the server accepts at once; one more is refused with `TooManyConnections`. Default: no limit. */
  readonly maxConnections?: number | undefined
  /** Committed rows to begin with. */
  readonly tables?: Readonly<Record<string, ReadonlyArray<Key>>> | undefined
  /** Whether `wire` is kept. Default `true`. */
  readonly record?: boolean | undefined
}

/**
 * A driver, and the view from behind the server.
 *
 * @since 0.1.0
 * @category models
 */
export interface ScriptedDriver {
  readonly driver: Driver
  /** Everything that reached the server so far; a live view. */
  readonly wire: ReadonlyArray<WireEntry>
  /** What no engine may do, and somebody did; a live view. */
  readonly breaches: ReadonlyArray<Breach>
  /** The committed keys of a table, in the order of their first commit. */
  readonly rows: (table: string) => ReadonlyArray<Key>
  /** The committed keys of every table that was ever written. */
  readonly tables: () => Readonly<Record<string, ReadonlyArray<Key>>>
  readonly counts: () => Counts
  /** Tells the next steps of a kind what to do, one outcome each; goes before the script. */
  readonly next: (step: Step, ...outcomes: ReadonlyArray<Outcome>) => void
  /** The server ends a connection now; `false` when it has none of this id. An unused one is reported by `onLost`. */
  readonly kill: (connection: string) => boolean
  /** The server ends every connection now and says that it is gone (`onServerGone`); new ones are accepted. */
  readonly crash: () => void
}

/**
 * The words of the scripted database. A code is the tag of a statement failure, or one of a few SQLSTATEs.
 *
 * @since 0.1.0
 * @category dialects
 */
export const dialect: Dialect = words.dialect

const shutdown = (): SqlFailure =>
  words.failureOf("57P01", "The scripted server ended the connection.", { sent: "maybe" })

/**
 * Makes a scripted server and the driver that talks to it.
 *
 * The server lives as long as somebody holds it; there is nothing to close.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<ScriptedDriver> => Effect.sync(() => unsafeMake(options))

/**
 * {@link make}, outside of an effect.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unsafeMake = (options: Options = {}): ScriptedDriver => {
  EngineConfig.insist(
    "The scripted driver cannot be made",
    scriptedOptions satisfies EngineConfig.Described<Options>,
    options
  )
  const server = new Server({
    script: toFunction(options.script),
    onStep: options.onStep,
    onFailure: options.onFailure ?? "abort",
    unique: options.unique ?? false,
    record: options.record ?? true,
    maxConnections: options.maxConnections ?? Infinity
  })
  for (const [table, keys] of Object.entries(options.tables ?? {})) {
    server.store.commit(keys.map((key) => ({ _tag: "Insert", table, key, deferred: false })))
  }
  return {
    driver: driverOf(server, options),
    wire: server.wire,
    breaches: server.breaches,
    rows: (table) => server.rows(table),
    tables: () => {
      server.catchUp()
      return Object.fromEntries(server.store.tables().map((table) => [table, server.store.keys(table)]))
    },
    counts: () => countsOf(server),
    next: (step, ...outcomes) => server.plan(step, outcomes),
    kill: (connection) => {
      const peer = [...server.open].find((peer) => peer.id === connection)
      peer?.cut(shutdown())
      return peer !== undefined
    },
    crash: () => server.crash(shutdown())
  }
}

const laneOf = (server: Server, lane: "write" | "read", connections: number | undefined): Lane => ({
  connections,
  connect: (context: ConnectContext) => {
    const told = server.peek("connect", "", lane, new Map())
    if (told._tag === "ThrowsOnCall") {
      server.take("connect", "", lane, new Map())
      throw told.error
    }
    return Effect.suspend(() => new ScriptedConnection(new Link(server, server.nextConnection(), lane, context)).open)
  }
})

const driverOf = (server: Server, options: Options): Driver => {
  const write = laneOf(server, "write", options.writeConnections)
  const shared = {
    dialect,
    target: "scripted://memory",
    attributes: { "db.system.name": "scripted" },
    compiler: SqlStatement.makeCompilerSqlite(),
    write,
    ...(options.resolveCommit === true ? { resolveCommit: resolveCommit(server) } : undefined)
  }
  return options.readLane === true
    ? {
      ...shared,
      read: laneOf(server, "read", options.readConnections),
      isRead: (sql) => {
        const command = parse(sql)._tag
        return command === "Select" || command === "One"
      }
    }
    : shared
}

const countsOf = (server: Server): Counts => {
  server.catchUp()
  const { begun, committed, rolledBack } = server.transactions
  return {
    opened: server.opened,
    open: server.open.size,
    mostOpen: server.mostOpen,
    handles: server.handles,
    begun,
    committed,
    rolledBack,
    openTransactions: begun - committed - rolledBack
  }
}
