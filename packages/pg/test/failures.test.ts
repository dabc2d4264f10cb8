import { describe, it } from "@effect/vitest"
import { Effect, FastCheck, Fiber } from "effect"
import type { PgConnection } from "effect-sql-engine-pg/PgDriver"
import * as assert from "node:assert/strict"
import { inspect } from "node:util"
import { scrub } from "../src/internal/scrub.js"
import { active, until } from "./support/activity.js"
import { admin, connection, connectTo, database, recorder, run } from "./support/connect.js"

const failing = (c: PgConnection, sql: string, params: ReadonlyArray<unknown> = []) => Effect.flip(run(c, sql, params))

const facts = (failure: object) => {
  const { columns, constraint, schema, table, _tag } = failure as any
  return { _tag, schema, table, columns, constraint }
}

describe("constraint failures", () => {
  it.scoped("carry schema, table, columns and constraint", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      yield* run(
        c,
        `create extension if not exists btree_gist;
        create schema "odd, name";
        create table "odd, name"."a (b)" (
          id int primary key,
          "x, y" int, "q""t" text not null, parent int,
          span int4range,
          constraint "two" unique ("x, y", "q""t"),
          constraint "positive" check (id > 0),
          constraint "parent" foreign key (parent) references "odd, name"."a (b)",
          constraint "apart" exclude using gist (parent with =, span with &&)
        );
        create unique index "lower" on "odd, name"."a (b)" (lower("q""t"), ("x, y" + 1));
        insert into "odd, name"."a (b)" values (1, 1, 'One', null, null), (5, 5, 'p', 1, '[1,5)')`
      )
      const where = { schema: "odd, name", table: "a (b)" }
      const insert = (values: string) =>
        Effect.map(failing(c, `insert into "odd, name"."a (b)" values ${values}`), facts)
      assert.deepEqual(yield* insert("(2, 1, 'One', null, null)"), {
        _tag: "UniqueViolation",
        ...where,
        columns: ["x, y", "q\"t"],
        constraint: "two"
      })
      assert.deepEqual(yield* insert("(2, 1, 'oNE', null, null)"), {
        _tag: "UniqueViolation",
        ...where,
        columns: ["lower(\"q\"\"t\")", "(\"x, y\" + 1)"],
        constraint: "lower"
      })
      assert.deepEqual(yield* insert("(2, 2, null, null, null)"), {
        _tag: "NotNullViolation",
        ...where,
        columns: ["q\"t"],
        constraint: undefined
      })
      assert.deepEqual(yield* insert("(-2, 2, 'b', null, null)"), {
        _tag: "CheckViolation",
        ...where,
        columns: [],
        constraint: "positive"
      })
      assert.deepEqual(yield* insert("(2, 2, 'b', 99, null)"), {
        _tag: "ForeignKeyViolation",
        ...where,
        columns: ["parent"],
        constraint: "parent"
      })
      assert.deepEqual(yield* insert("(2, 2, 'b', 1, '[4,6)')"), {
        _tag: "ExclusionViolation",
        ...where,
        columns: ["parent", "span"],
        constraint: "apart"
      })
      const referenced = facts(yield* failing(c, "delete from \"odd, name\".\"a (b)\" where id = 1"))
      assert.equal(referenced._tag, "ForeignKeyViolation")
      assert.equal(referenced.constraint, "parent")
    }))
})

describe("messages", () => {
  const secret = "s3cret-value"

  it.scoped("never hold a bound value", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      yield* run(
        c,
        "create table t (id int primary key, name text unique check (name <> 'no-s3cret-value'), mood text not null)"
      )
      yield* run(c, "create type mood as enum ('ok')")
      yield* run(
        c,
        "create function scold(who text) returns void language plpgsql as $$ begin raise exception 'no %, not you', who; end $$"
      )
      yield* run(c, "insert into t values (1, $1, 'x')", [secret])
      const attempts: ReadonlyArray<readonly [sql: string, params: ReadonlyArray<unknown>, code: string]> = [
        ["select $1::text::int", [secret], "22P02"],
        ["select $1::text::mood", [secret], "22P02"],
        ["select $1::text::date", [secret], "22007"],
        ["select $1::text::json", [`{"a": ${secret}`], "22P02"],
        ["select $1::text::uuid", [secret], "22P02"],
        ["select $1::text::int4", ["98765432109876"], "22003"],
        ["select $1::text::timestamptz at time zone $2", ["2020-01-01", secret], "22023"],
        ["insert into t values (2, $1, 'x')", [secret], "23505"],
        ["insert into t values (3, $1, 'x')", [`no-${secret}`], "23514"],
        ["insert into t values (4, $1, null)", [secret], "23502"],
        ["select scold($1)", [secret], "P0001"],
        ["select scold($1)", [98765432109876n], "P0001"],
        ["select regexp_replace('a', $1, 'b')", [`${secret}(`], "2201B"],
        ["select convert_from($1, 'UTF8')", [Buffer.from("s3cret-value\xff", "latin1")], "22021"],
        ["select to_timestamp($1, 'YYYY')", [secret], "22007"]
      ]
      for (const [sql, params, code] of attempts) {
        const failure = yield* failing(c, sql, params)
        assert.equal(failure.code, code, failure.message)
        const shown = [failure.message, String(failure), inspect(failure), JSON.stringify(failure)].join("\n")
        for (const word of [secret, "98765432109876", "0xff"]) assert.equal(shown.includes(word), false, shown)
      }
    }))

  it("keep the names of the schema, and lose any value that is bound", () => {
    assert.equal(
      scrub("duplicate key value violates unique constraint \"users_email_key\"", "23505", [1, "a"]),
      "duplicate key value violates unique constraint \"users_email_key\""
    )
    const values = FastCheck.array(FastCheck.string({ minLength: 4, maxLength: 12 }), { minLength: 1, maxLength: 3 })
    const code = FastCheck.constantFrom("22P02", "P0001", "42601", "23505", undefined)
    FastCheck.assert(
      FastCheck.property(values, code, (values, code) => {
        const clean = scrub(
          `something about ${values.map((value) => `(${value})`).join(" and ")} is wrong`,
          code,
          values
        )
        for (const value of values) assert.equal(clean.includes(`(${value})`), false)
      }),
      { seed: 5, numRuns: 500 }
    )
  })

  it.scoped("of an unknown name carry the server's hint", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      yield* run(c, "create table users (email text)")
      const failure = yield* failing(c, "select emial from users")
      assert.equal(failure._tag, "SqlSyntaxError")
      assert.ok(failure.message.includes("users.email"), failure.message)
    }))
})

describe("57014", () => {
  it.live("is StatementTimeoutError by the server's limit and QueryCancelled by somebody's hand", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const c = yield* connectTo(at, { statementTimeout: 50 })
      const timedOut = yield* failing(c, "select pg_sleep(5)")
      assert.equal(timedOut._tag, "StatementTimeoutError")
      assert.equal(timedOut.connection, "keep")
      const other = yield* connectTo(at)
      const fiber = yield* Effect.fork(failing(other, "select pg_sleep(5)"))
      yield* until(active(at), (texts) => texts.some((text) => text.includes("pg_sleep")))
      yield* admin(at.url, `select pg_cancel_backend(${other.id})`)
      const cancelled = yield* Fiber.join(fiber)
      assert.equal(cancelled._tag, "QueryCancelled")
      assert.equal(other.condition(), "clean")
    })))
})

describe("locks and conflicts", () => {
  it.scoped("a lock that is not granted, a deadlock and a conflict are retryable, each by its own tag", () =>
    Effect.gen(function*() {
      const at = yield* database
      const [a, b] = [yield* connectTo(at, { lockTimeout: 50 }), yield* connectTo(at)]
      yield* run(a, "create table t (id int primary key, n int)")
      yield* run(a, "insert into t values (1, 0), (2, 0)")
      yield* run(b, "update t set n = 1 where id = 1", [], { prelude: ["BEGIN"] })
      const waited = yield* failing(a, "update t set n = 2 where id = 1")
      assert.equal(waited._tag, "LockTimeoutError")
      const c = yield* connectTo(at, { settings: { deadlock_timeout: "20ms" } })
      yield* run(c, "update t set n = 3 where id = 2", [], { prelude: ["BEGIN"] })
      const [one, other] = yield* Effect.all([
        Effect.either(run(c, "update t set n = 3 where id = 1")),
        Effect.either(run(b, "update t set n = 1 where id = 2"))
      ], { concurrency: 2 })
      const lefts = [one, other].filter((either) => either._tag === "Left").map((either) => (either as any).left)
      assert.deepEqual(lefts.map((failure) => failure._tag), ["DeadlockError"])
      for (const connection of [b, c]) yield* connection.reset
      const snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ"
      yield* run(b, "select * from t", [], { prelude: [snapshot] })
      yield* run(c, "update t set n = n + 1 where id = 1")
      const conflict = yield* failing(b, "update t set n = n + 1 where id = 1")
      assert.equal(conflict._tag, "SerializationError")
      for (const failure of [waited, lefts[0], conflict]) {
        assert.equal(failure.retryable, true)
        assert.equal(failure.connection, "keep")
      }
    }))
})

describe("a refused write", () => {
  it.scoped("in a transaction that asked for read only is the user's own affair", () =>
    Effect.gen(function*() {
      const seen = recorder()
      const c = yield* Effect.flatMap(database, (at) => connectTo(at, {}, seen.context))
      const failure = yield* Effect.flip(run(c, "create table t (a int)", [], { prelude: ["BEGIN READ ONLY"] }))
      assert.equal(failure._tag, "ReadOnlyTransaction")
      assert.equal(failure.connection, "keep")
      assert.deepEqual(seen.gone, [])
    }))

  it.scoped("that nobody asked for proves that the server is not the primary any more", () =>
    Effect.gen(function*() {
      const seen = recorder()
      const at = yield* database
      const c = yield* connectTo(at, {}, seen.context)
      yield* admin(at.url, `alter database ${at.database} set default_transaction_read_only = on`)
      const d = yield* connectTo(at, {}, seen.context)
      const failure = yield* Effect.flip(run(d, "create table t (a int)", [], { prelude: ["BEGIN"] }))
      assert.equal(failure._tag, "ReadOnlyTransaction")
      assert.equal(failure.connection, "discard")
      assert.equal(failure.retryable, true)
      assert.deepEqual(seen.gone, [failure])
      yield* run(c, `alter database ${at.database} reset default_transaction_read_only`)
    }))
})
