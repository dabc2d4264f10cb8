/**
 * SQLite has one writer: what can go wrong there is what is read before the lock is taken.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { Effect, Exit } from "effect"
import { Session } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { Interleavings } from "effect-sql-engine-testing"
import { join } from "node:path"
import { folder } from "../support/places.js"
import * as bank from "./bank.js"

const file = Effect.map(folder, (folder) => join(folder, "app.db"))

const layerOf = (filename: string, journalMode: "wal" | "delete" = "wal") =>
  SqliteEngine.layer({ filename, synchronous: "off", journalMode, readers: journalMode === "wal" ? 4 : 0 })

const layer = Effect.map(file, (filename) => layerOf(filename))

const at70 = () => Effect.map(bank.balances, ([first]) => first!.balance === 70)

/** Runs statements outside of every engine. */
const sqliteAdmin = (filename: string, ...statements: ReadonlyArray<string>) =>
  Effect.sync(() => {
    const db = new Sqlite(filename)
    try {
      return statements.map((sql) => {
        const one = db.prepare(sql)
        return one.reader ? one.all() : one.run()
      }).at(-1)
    } finally {
      db.close()
    }
  })

/** Reads on a reader, then writes what it has computed. */
const readThenWrite = (amount: number) =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const [account] = yield* sql<{ balance: number }>`select balance from account where id = 1`
    yield* Session.transaction(sql`update account set balance = ${account!.balance - amount} where id = 1`)
  })

/** A transaction that was begun by hand, without the lock. */
const byHand = (amount: number) =>
  Effect.scoped(Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const connection = yield* sql.reserve
    yield* connection.executeUnprepared("BEGIN", [], undefined)
    const [account] = yield* connection.executeUnprepared("SELECT balance FROM account WHERE id = 1", [], undefined)
    yield* connection.executeUnprepared(
      "UPDATE account SET balance = ? WHERE id = 1",
      [account!["balance"] - amount],
      undefined
    )
    yield* connection.executeUnprepared("COMMIT", [], undefined)
  }))

const failures = (outcomes: Interleavings.Report["outcomes"]) =>
  [...new Set(outcomes.flatMap(({ results }) => results))].sort()

describe("SQLite", () => {
  it.scopedLive("loses an update that was computed from a read before the session, and none of a session's own", () =>
    Effect.gen(function*() {
      const options = { layer: yield* layer, setup: bank.accounts, invariant: at70 }
      const found = yield* Interleavings.explore([readThenWrite(10), readThenWrite(20)], options)
      expect(found.smallest).toMatchObject({ code: "abbbaa", anomaly: "lost update" })
      const inside = yield* Interleavings.check([bank.withdraw(10), bank.withdraw(20)], options)
      expect(failures(inside.outcomes)).toEqual(["committed"])
      const every = yield* Interleavings.check([bank.withdraw(10), bank.withdraw(20)], { ...options, prune: false })
      // Whoever comes second asks for the lock before the other's second, before its third statement, or after it.
      expect([inside.orders.covered, every.orders.explored]).toEqual([6, 6])
    }))

  it.scopedLive("a write waits for the writer, and says for whom", () =>
    Effect.gen(function*() {
      const options = { layer: yield* layer, setup: bank.accounts, names: ["ann", "bob"] }
      const order = yield* Interleavings.replay([bank.withdraw(10), bank.withdraw(20)], "abaabb", options)
      expect(order.steps.map(({ program, waitsFor }) => [program, waitsFor])).toEqual([
        ["ann", []],
        ["bob", ["ann"]],
        ["ann", []],
        ["ann", []],
        ["bob", []],
        ["bob", []]
      ])
      expect(order.steps[1]?.sql).toBe("BEGIN IMMEDIATE; select balance from account where id = 1")
    }))

  it.scopedLive("refuses a transaction whose snapshot is old when it begins to write", () =>
    Effect.gen(function*() {
      const options = {
        layer: yield* layer,
        setup: bank.accounts,
        invariant: Interleavings.serializable(bank.balances)
      }
      const report = yield* Interleavings.check([byHand(10), byHand(20)], options)
      expect(failures(report.outcomes)).toEqual(["SerializationError", "committed"])
    }))

  it.scopedLive("without a WAL keeps a reader that wants to write and a writer waiting for each other", () =>
    Effect.gen(function*() {
      const options = {
        layer: layerOf(yield* file, "delete"),
        setup: bank.accounts,
        invariant: Interleavings.serializable(bank.balances)
      }
      const report = yield* Interleavings.explore([byHand(10), byHand(20)], options)
      expect(report.anomalies).toEqual(["deadlock"])
      expect(failures(report.outcomes)).toEqual(["LockTimeoutError", "committed"])
    }))

  it.scopedLive("shows two states to lone reads, and one to a read-only session", () =>
    Effect.gen(function*() {
      const twice = Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        return [yield* sql`select * from account`, yield* sql`select * from account`]
      })
      const options = {
        layer: yield* layer,
        setup: bank.accounts,
        invariant: ([reader]: readonly [Exit.Exit<ReadonlyArray<unknown>, unknown>, Exit.Exit<unknown, unknown>]) =>
          Effect.succeed(Exit.isFailure(reader) || JSON.stringify(reader.value[0]) === JSON.stringify(reader.value[1]))
      }
      const lone = yield* Interleavings.explore([twice, bank.withdrawAtOnce(1)], options)
      expect(lone.smallest?.code).toBe("abba")
      yield* Interleavings.check([Session.transaction(twice, { readOnly: true }), bank.withdrawAtOnce(1)], options)
    }))

  it.scopedLive("begins every order with what setup made: rows, rowids, counters, triggers", () =>
    Effect.gen(function*() {
      const setup = Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table note (id integer primary key autoincrement, text text, length generated always as (length(text)))`
        yield* sql`create table log (what text)`
        yield* sql`create trigger noted after insert on note begin insert into log values (new.text); end`
        yield* sql`insert into note (text) values ('first'), ('second')`
        yield* sql`delete from note where id = 1`
        yield* sql`delete from log where rowid = 1`
      })
      const write = Effect.flatMap(
        SqlClient.SqlClient,
        (sql) => sql<{ id: number }>`insert into note (text) values ('more') returning id`
      )
      const state = Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        return [yield* sql`select * from note`, yield* sql`select rowid, * from log`]
      })
      const seen = new Set<string>()
      const report = yield* Interleavings.check([write, write], {
        layer: yield* layer,
        setup,
        prune: false,
        invariant: (results) =>
          Effect.map(state, (state) => {
            const ids = results.map((exit) => Exit.isSuccess(exit) ? exit.value[0]?.id : undefined).sort()
            seen.add(JSON.stringify([ids, state]))
          })
      })
      expect(report.orders.explored).toBe(2)
      expect([...seen]).toEqual([JSON.stringify([
        [3, 4],
        [
          [
            { id: 2, text: "second", length: 6 },
            { id: 3, text: "more", length: 4 },
            { id: 4, text: "more", length: 4 }
          ],
          [{ rowid: 2, what: "second" }, { rowid: 3, what: "more" }, { rowid: 4, what: "more" }]
        ]
      ])])
    }))

  it.scopedLive("makes the tables anew where programs have changed them", () =>
    Effect.gen(function*() {
      const alter = Session.transaction(Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql`alter table account add column owner text`
        yield* sql`create table extra (k int)`
      }))
      const report = yield* Interleavings.check([alter, bank.withdrawAtOnce(1)], {
        layer: yield* layer,
        setup: bank.accounts,
        invariant: Interleavings.serializable(
          Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select name from pragma_table_info('account')`)
        )
      })
      expect(failures(report.outcomes)).toEqual(["committed"])
    }))

  it.scopedLive("wants a file without tables, and leaves it without", () =>
    Effect.gen(function*() {
      const filename = yield* file
      const explore = Interleavings.explore([bank.withdraw(1)], { layer: layerOf(filename), setup: bank.accounts })
      yield* explore
      const left = sqliteAdmin(filename, "select name from sqlite_schema where name not like 'sqlite_%'")
      expect(yield* left).toEqual([])
      yield* sqliteAdmin(filename, "create table precious (k int)", "insert into precious values (1)")
      const failure = yield* Effect.flip(explore)
      expect(failure).toMatchObject({ _tag: "InterleavingsError", reason: "notEmpty" })
      expect(yield* sqliteAdmin(filename, "select * from precious")).toEqual([{ k: 1 }])
      const memory = yield* Effect.flip(
        Interleavings.explore([bank.withdraw(1)], { layer: layerOf(":memory:"), setup: bank.accounts })
      )
      expect(memory).toMatchObject({ _tag: "InterleavingsError", reason: "unsupported" })
    }))
})
