/**
 * COMMIT as a statement of a session committed its work, and the session then failed as "rolled back".
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Session, SqlFailure } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"

const engine = SqliteEngine.layer({ filename: ":memory:" })

const words = [
  "begin",
  "BEGIN IMMEDIATE",
  "start transaction",
  "commit",
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
