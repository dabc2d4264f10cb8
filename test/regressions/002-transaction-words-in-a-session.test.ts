/**
 * COMMIT as a statement of a session committed its work, and the session then failed as "rolled back".
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Engine, Session, SqlFailure } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { admin, database } from "../support/postgres.js"
import { quiescent } from "../support/quiescence.js"

const engine = SqliteEngine.layer({ filename: ":memory:" })

const words = [
  "begin",
  "BEGIN IMMEDIATE",
  "start transaction",
  "commit",
  "; ;commit",
  " Commit Work",
  "-- done\ncommit",
  "/* a */ /* b */ commit;",
  "end",
  "abort",
  "prepare transaction 'x'",
  "rollback",
  "rollback transaction"
]

describe("statements that begin or end a transaction", () => {
  it.effect.each(words)("%s is refused inside of a session, before anything is sent", (word) =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* sql`create table t (k integer)`
      const failure = yield* Effect.flip(Session.transaction(Effect.zipRight(
        sql`insert into t values (1)`,
        sql.unsafe(word)
      )))
      expect(failure._tag).toBe("NestedRefused")
      expect(yield* sql`select k from t`).toEqual([])
    }).pipe(Effect.provide(engine)))

  it.effect("the body that ignores the refusal still decides", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* sql`create table t (k integer)`
      yield* Session.transaction(Effect.zipRight(sql`insert into t values (1)`, Effect.ignore(sql`rollback`)))
      expect(yield* sql`select k from t`).toEqual([{ k: 1 }])
    }).pipe(Effect.provide(engine)))

  it.effect("words that only look like one go through, and a savepoint of the body's own is its own", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* Session.transaction(Effect.gen(function*() {
        yield* sql`create table "end" (k integer)`
        yield* sql.unsafe(`/* commit */ insert into "end" values (1)`)
        yield* sql`savepoint mine`
        yield* sql.unsafe(`insert into "end" values (2)`)
        yield* sql`rollback to mine`
        yield* sql`ROLLBACK TRANSACTION TO SAVEPOINT mine`
      }))
      expect(yield* sql.unsafe(`select k from "end"`)).toEqual([{ k: 1 }])
    }).pipe(Effect.provide(engine)))

  it.effect("a reserved connection takes them", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* sql`create table t (k integer)`
      yield* SqlFailure.refine(Effect.scoped(Effect.gen(function*() {
        const connection = yield* sql.reserve
        for (const statement of ["begin", "insert into t values (1)", "commit"]) {
          yield* connection.executeUnprepared(statement, [], undefined)
        }
      })))
      expect(yield* sql`select k from t`).toEqual([{ k: 1 }])
    }).pipe(Effect.provide(engine)))
})

describe("words that are hidden from whoever does not read as PostgreSQL does", () => {
  const words = [
    "/* a /* b */ */ commit",
    "-- x\rrollback",
    "; -- x\n;commit",
    "start/**/transaction",
    "commit/**/and chain",
    "insert into t values (1); commit; insert into t values (2)",
    "select 1; rollback"
  ]
  it.scopedLive.each(words)("are refused, alone and in a batch: %j", (word) =>
    Effect.gen(function*() {
      const at = yield* database
      yield* admin(at.url, "create table t (k integer)")
      const engine = yield* PgEngine.make({ url: at.url, ssl: "disable" })
      const { sql } = engine
      const statements = [sql`insert into t values (1)`, sql.unsafe(word), sql`select 1`]
      const alone = engine.transaction(Effect.forEach(statements, (statement) => statement))
      const batch = Effect.provide(Session.batch(statements), Engine.layer(Effect.succeed(engine)))
      for (const work of [alone, batch]) {
        const failure: SqlFailure.SqlFailure = yield* Effect.flip(Effect.asVoid(work))
        expect(failure).toMatchObject({ _tag: "NestedRefused", sent: "no" })
      }
      expect(yield* admin(at.url, "select k from t")).toEqual([])
      yield* quiescent(engine, at)
    }))
})

/**
 * Where the words cannot be told from the text, the end of the transaction is seen, whichever statement it comes with: here
 * the server takes a backslash for an escape in every string, which only the server knows.
 */
describe("a transaction that a statement has ended all the same", () => {
  const hidden = [
    "insert into t values (1); select '\\' || '; commit; insert into t values (2) --'",
    "select 1; select '\\' || '; rollback --'"
  ]
  for (const first of [true, false]) {
    it.scopedLive.each(hidden)(
      `is told (as the session's ${first ? "first" : "second"} statement): %s`,
      (words) =>
        Effect.gen(function*() {
          const at = yield* database
          yield* admin(at.url, "create table t (k integer)")
          const settings = { standard_conforming_strings: "off" }
          const engine = yield* PgEngine.make({ url: at.url, ssl: "disable", settings })
          const { sql } = engine
          const failure = yield* Effect.flip(engine.transaction(Effect.gen(function*() {
            if (!first) yield* sql`insert into t values (0)`
            yield* sql.unsafe(words)
          })))
          expect(failure).toMatchObject({ _tag: "TransactionAborted", retryable: false })
          expect(failure.message).toContain("has ended its transaction")
          yield* quiescent(engine, at)
        })
    )
  }
})
