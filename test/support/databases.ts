/**
 * The databases a session proof runs on: one suite, several drivers.
 *
 * Each has a table `t` with one column `k`, which takes no null, and a table `me` with one row that says which database
 * it is.
 */
import { expect } from "@effect/vitest"
import { Effect, Redacted, type Scope } from "effect"
import { PgDriver } from "effect-sql-engine-pg"
import { SqliteDriver } from "effect-sql-engine-sqlite"
import { ScriptedDriver, VirtualClock } from "effect-sql-engine-testing"
import type { Script } from "effect-sql-engine-testing"
import type { Driver } from "effect-sql-engine/Driver"
import * as Engine from "effect-sql-engine/Engine"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as postgres from "./postgres.js"
import { quietly } from "./proof.js"
import { recorded, type Wire } from "./recorded.js"

/** How an engine of a proof is made. */
export interface Wishes {
  /** The key in `me`. Default 0. */
  readonly me?: number
  readonly engine?: Engine.EngineOptions
  /** What a scripted server is told; other servers are as they are. */
  readonly script?: Script.Script
}

/** An engine under test, and the view from outside of it. */
export interface Bench {
  readonly engine: Engine.EngineService
  readonly wire: Wire
  /** What is committed in `t`, in ascending order, read by a connection outside of the engine. */
  readonly rows: Effect.Effect<ReadonlyArray<number>>
}

/** A place for databases of one kind, for the time of a suite. */
export interface Site {
  /** A fresh database and an engine on it. When the scope ends, everything must have come back. */
  readonly open: (wishes?: Wishes) => Effect.Effect<Bench, never, Scope.Scope>
}

/** A kind of database. */
export interface Database {
  readonly name: string
  /** What a refused statement does to its transaction. */
  readonly onFailure: "abort" | "continue"
  /** Transactions that can write at the same time. */
  readonly writers: number
  /** Time is virtual: it passes when everybody waits. */
  readonly virtual: boolean
  /** A statement the database refuses with `refusal`. */
  readonly broken: string
  readonly refusal: string
  /** A statement that asks the server how many subtransactions are open on this connection, as `n`. */
  readonly subtransactions?: string
  readonly prepare: Effect.Effect<Site, never, Scope.Scope>
  /** Runs an effect in the time the database lives in. */
  readonly run: <A, E>(effect: Effect.Effect<A, E>) => Promise<A>
}

const ascending = (keys: ReadonlyArray<unknown>): ReadonlyArray<number> => keys.map(Number).sort((a, b) => a - b)

/** What must hold when an engine is done: all came back, nothing overlapped, the sums are right. */
const atRest = (engine: Engine.EngineService, wire: Wire): Effect.Effect<void> =>
  Effect.map(engine.stats, ({ pool, readers, sessions }) => {
    expect(wire.overlaps).toEqual([])
    expect(sessions.opened).toBe(sessions.committed + sessions.rolledBack + sessions.unknown)
    expect(sessions.open).toBe(0)
    for (const stats of readers === undefined ? [pool] : [pool, readers]) {
      expect(stats).toMatchObject({ inUse: 0, waiting: 0 })
      expect(stats.open).toBeLessThanOrEqual(stats.max)
      expect(stats.requests).toBe(stats.served + stats.timedOut + stats.shed + stats.interrupted + stats.refused)
      expect(stats.served).toBe(stats.released)
      expect(stats.created).toBe(stats.open + Object.values(stats.destroyed).reduce((a, b) => a + b, 0))
    }
  })

const benchOn = (driver: Driver, wishes: Wishes | undefined) =>
  Effect.gen(function*() {
    const { driver: watched, wire } = recorded(driver)
    const engine = yield* Effect.orDie(Engine.make(watched, wishes?.engine))
    yield* Effect.addFinalizer(() => atRest(engine, wire))
    return { engine, wire }
  })

const inVirtualTime = <A, E>(effect: Effect.Effect<A, E>): Promise<A> => quietly(VirtualClock.run(effect))

const scripted = (onFailure: "abort" | "continue"): Database => ({
  name: `scripted (${onFailure})`,
  onFailure,
  writers: 50,
  virtual: true,
  broken: "fail 23502",
  refusal: "NotNullViolation",
  run: inVirtualTime,
  prepare: Effect.succeed({
    open: (wishes) =>
      Effect.gen(function*() {
        const server = yield* ScriptedDriver.make({
          onFailure,
          record: false,
          tables: { me: [wishes?.me ?? 0] },
          script: wishes?.script
        })
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            expect(server.breaches).toEqual([])
            expect(server.counts().openTransactions).toBe(0)
          })
        )
        const engine = { ...wishes?.engine, pool: { size: 50, ...wishes?.engine?.pool } }
        return {
          ...(yield* benchOn(server.driver, { ...wishes, engine })),
          rows: Effect.sync(() => ascending(server.rows("t")))
        }
      })
  })
})

const tables = (me: number): ReadonlyArray<string> => [
  "create table t (k integer not null)",
  "create table me (k integer not null)",
  `insert into me (k) values (${me})`
]

/** Runs statements on a connection of the driver's own, without an engine. */
const directly = (driver: Driver, lane: "write" | "read", ...statements: ReadonlyArray<string>) =>
  Effect.acquireUseRelease(
    driver[lane]!.connect({ engine: "outside", onLost: () => {}, onServerGone: () => {} }),
    (connection) =>
      Effect.reduce(
        statements,
        [] as ReadonlyArray<any>,
        (_, sql) => connection.execute({ sql, params: [], shape: "rows", prepare: false, prelude: [] })
      ),
    (connection) => connection.close
  )

const sqlite: Database = {
  name: "SQLite in WAL",
  onFailure: "continue",
  writers: 1,
  virtual: true,
  broken: "insert into t (k) values (null)",
  refusal: "NotNullViolation",
  run: inVirtualTime,
  prepare: Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "session-proof-"))),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
    ),
    (folder): Site => {
      let files = 0
      return {
        open: (wishes) =>
          Effect.gen(function*() {
            const filename = join(folder, `${++files}.db`)
            const driver = yield* SqliteDriver.make({ filename, synchronous: "off" })
            yield* directly(driver, "write", ...tables(wishes?.me ?? 0))
            const rows = Effect.orDie(directly(driver, "read", "select k from t"))
            return {
              ...(yield* benchOn(driver, wishes)),
              rows: Effect.map(rows, (rows) => ascending(rows.map((row) => row.k)))
            }
          }).pipe(Effect.orDie)
      }
    }
  )
}

const postgresql: Database = {
  name: "PostgreSQL",
  onFailure: "abort",
  writers: 10,
  virtual: false,
  broken: "insert into t (k) values (null)",
  refusal: "NotNullViolation",
  // Each transaction and subtransaction that has written and is alive holds a lock on its own number.
  subtransactions:
    "select count(*)::int - 1 as n from pg_locks where locktype = 'transactionid' and pid = pg_backend_pid()",
  run: quietly,
  prepare: Effect.map(postgres.database, (database): Site => ({
    open: (wishes) =>
      Effect.gen(function*() {
        yield* postgres.admin(database.url, "drop table if exists t, me", ...tables(wishes?.me ?? 0))
        const driver = yield* PgDriver.make({
          hosts: [{ host: database.host, port: database.port }],
          username: database.username,
          password: database.password === undefined ? undefined : Redacted.make(database.password),
          database: database.database,
          ssl: "disable"
        })
        const rows = postgres.admin(database.url, "select k from t")
        return {
          ...(yield* benchOn(driver, wishes)),
          rows: Effect.map(rows, (rows) => ascending(rows.map((row) => row.k)))
        }
      }).pipe(Effect.orDie)
  })).pipe(Effect.orDie)
}

/** Every kind of database. */
export const databases: ReadonlyArray<Database> = [scripted("abort"), scripted("continue"), sqlite, postgresql]
