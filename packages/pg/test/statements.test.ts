import { describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as assert from "node:assert/strict"
import { statementName } from "../src/internal/statementName.js"
import { admin, connection, connectTo, database, run, statement } from "./support/connect.js"
import { proxy } from "./support/proxy.js"

/** A connection through a proxy, whose counters start at zero. */
const watched = (config = {}) =>
  Effect.gen(function*() {
    const at = yield* database
    const between = yield* proxy(at)
    const connection = yield* connectTo({ ...at, host: "127.0.0.1", port: between.port }, config)
    between.reset()
    return { at, between, connection }
  })

const preparedOnServer = "select count(*)::int as n from pg_prepared_statements"

describe("execute", () => {
  it.scoped("gives rows as objects, as arrays, or as the client's own result", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      const sql = "select $1::int as a, null as b, 'x' as c"
      assert.deepEqual(yield* run(c, sql, [1]), [{ a: 1, b: null, c: "x" }])
      assert.deepEqual(yield* run(c, sql, [2], { shape: "values" }), [[2, null, "x"]])
      const [raw] = yield* run(c, sql, [3], { shape: "raw" })
      assert.equal(raw.command, "SELECT")
      assert.equal(raw.rowCount, 1)
      assert.deepEqual(raw.fields.map((field: any) => field.name), ["a", "b", "c"])
      assert.deepEqual(raw.rows, [{ a: 3, b: null, c: "x" }])
    }))

  it.scoped("reads values by node-postgres's rules, and by the parsers it is given", () =>
    Effect.gen(function*() {
      const at = yield* database
      const sql =
        "select 9007199254740993::int8 as i, 1.10::numeric as n, true as t, '{1,2}'::int[] as l, '{\"a\":1}'::json as j, '\\x01'::bytea as b"
      const c = yield* connectTo(at)
      assert.deepEqual(yield* run(c, sql), [
        { i: "9007199254740993", n: "1.10", t: true, l: [1, 2], j: { a: 1 }, b: Buffer.from([1]) }
      ])
      const types = { getTypeParser: (oid: number) => oid === 20 ? BigInt : (text: string) => `text ${text}` }
      const other = yield* connectTo(at, { types: types as any })
      assert.deepEqual(yield* run(other, "select 1::int8 as i, true as t"), [{ i: 1n, t: "text t" }])
    }))

  it.scoped("gives the rows of each statement of a script", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      const sql = "create table s (a int); insert into s values (1), (2) returning a; select 3 as b"
      assert.deepEqual(yield* run(c, sql), [[], [{ a: 1 }, { a: 2 }], [{ b: 3 }]])
      assert.deepEqual(yield* run(c, "select 1 as a; select 2 as b", [], { shape: "values" }), [[[1]], [[2]]])
    }))

  it.scoped("runs a script behind its BEGIN, so that a failure in it leaves nothing", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      const failure = yield* Effect.flip(
        run(c, "create table s (a int); insert into s values (1 / 0)", [], { prelude: ["BEGIN"] })
      )
      assert.equal(failure._tag, "DataError")
      assert.equal(c.transaction(), "failed")
      yield* c.control("rollback", "ROLLBACK")
      assert.deepEqual(yield* run(c, "select to_regclass('s') as s"), [{ s: null }])
    }))

  it.scoped("refuses what the protocol cannot carry, and sends nothing of it", () =>
    Effect.gen(function*() {
      const { between, connection: c } = yield* watched()
      const circular: Record<string, unknown> = { secret: "s3cret" }
      circular["self"] = circular
      for (
        const [sql, params, tag] of [
          ["select 1 \0", [], "SqlSyntaxError"],
          ["select $1", Array.from({ length: 65_536 }, () => 1), "SqlSyntaxError"],
          ["select $1", [circular], "DataError"]
        ] as const
      ) {
        const failure = yield* Effect.flip(run(c, sql, params))
        assert.equal(failure._tag, tag)
        assert.equal(failure.sent, "no")
        assert.equal(failure.message.includes("s3cret"), false)
      }
      assert.equal(between.messages(), "")
      assert.deepEqual(yield* run(c, "select 1 as a"), [{ a: 1 }])
    }))

  it.scoped("fails typed when a parser of types throws, and goes on", () =>
    Effect.gen(function*() {
      const types = {
        getTypeParser: () => (text: string) => {
          if (text === "2") throw new Error("no twos")
          return text
        }
      }
      const c = yield* connection({ types: types as any })
      assert.equal((yield* Effect.flip(run(c, "select generate_series(1, 3)")))._tag, "DataError")
      assert.deepEqual(yield* run(c, "select 1 as a"), [{ a: "1" }])
    }))

  it.scoped("fails on a COPY through the client that could not be seen beforehand, and stays usable", () =>
    Effect.gen(function*() {
      const c = yield* connection({ trackTransactionId: true })
      yield* run(c, "create table s (a int)")
      // Where a backslash ends no literal for us and does for the server, a text is not read as the server reads it.
      yield* run(c, "set standard_conforming_strings = off")
      const unseen = (copy: string) => `select 1; select '\\''; ${copy}; select ''`
      const into = yield* Effect.flip(run(c, unseen("copy s from stdin")))
      assert.deepEqual([into._tag, into.sent, into.code], ["QueryCancelled", "yes", "57014"])
      assert.deepEqual(yield* run(c, "select 1 as a"), [{ a: 1 }])
      const out = yield* Effect.flip(run(c, unseen("copy s to stdout")))
      assert.deepEqual([out._tag, out.sent], ["DataError", "yes"])
      assert.deepEqual(yield* run(c, "select 2 as a"), [{ a: 2 }])
    }))

  it.scoped("passes an empty statement, a notice and a deferred failure at the end of an autocommitted statement", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      assert.deepEqual(yield* run(c, ""), [])
      assert.deepEqual(yield* run(c, "do $$ begin raise notice 'hello'; end $$"), [])
      yield* run(c, "create table d (a int unique deferrable initially deferred)")
      yield* run(c, "insert into d values (1)")
      // The INSERT itself is answered with success; only the commit at the Sync behind it fails.
      assert.equal((yield* Effect.flip(run(c, "insert into d values ($1)", [1])))._tag, "UniqueViolation")
      assert.deepEqual(yield* run(c, "select count(*)::int as n from d"), [{ n: 1 }])
    }))
})

describe("round trips", () => {
  it.scoped("a session of one statement takes two, with BEGIN and SAVEPOINT in front too", () =>
    Effect.gen(function*() {
      const { between, connection: c } = yield* watched()
      yield* run(c, "create table t (a int)")
      for (const prelude of [["BEGIN"], ["BEGIN ISOLATION LEVEL SERIALIZABLE", "SAVEPOINT a", "SAVEPOINT b"]]) {
        between.reset()
        yield* run(c, "insert into t values ($1)", [1], { prelude })
        yield* c.control("commit", "COMMIT")
        assert.equal(between.trips(), 2)
        assert.equal(c.condition(), "clean")
      }
      assert.deepEqual(yield* run(c, "select count(*)::int as n from t"), [{ n: 2 }])
    }))

  it.scoped("a transaction id is learnt without another one", () =>
    Effect.gen(function*() {
      const { between, connection: c } = yield* watched({ trackTransactionId: true })
      yield* run(c, "create table t (a int)")
      between.reset()
      yield* run(c, "select 1", [], { prelude: ["BEGIN"] })
      assert.equal(c.transactionId(), undefined)
      yield* run(c, "insert into t values (1)")
      assert.equal(between.trips(), 2)
      const [{ id }] = yield* run(c, "select pg_current_xact_id()::text as id")
      assert.equal(c.transactionId(), id)
      yield* c.control("commit", "COMMIT")
      yield* run(c, "select 1", [], { prelude: ["BEGIN"] })
      assert.equal(c.transactionId(), undefined)
      yield* c.control("rollback", "ROLLBACK")
    }))

  it.scoped("a ping is a single message and one trip", () =>
    Effect.gen(function*() {
      const { between, connection: c } = yield* watched()
      yield* c.ping
      assert.equal(between.messages(), "S")
      assert.equal(between.trips(), 1)
    }))
})

describe("a refused BEGIN", () => {
  it.scoped("leaves the statement behind it without effect, and is the one that is named", () =>
    Effect.gen(function*() {
      const { at, connection: c } = yield* watched()
      yield* run(c, "create table t (a int)")
      for (const prelude of [["BEGIN ISOLATION LEVEL NONSENSE"], ["BEGIN", "SAVEPOINT"], ["SAVEPOINT outside"]]) {
        const failure = yield* Effect.flip(run(c, "insert into t values (1)", [], { prelude }))
        assert.equal(failure._tag, "SqlSyntaxError")
        assert.equal(failure.sent, "no")
        assert.equal("statement" in failure && failure.statement, prelude.at(-1))
        if (c.transaction() !== "none") yield* c.control("rollback", "ROLLBACK")
      }
      assert.deepEqual(yield* admin(at.url, "select count(*)::int as n from t"), [{ n: 0 }])
    }))

  it.scoped("leaves a statement that was to be prepared unprepared, and able to run", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      yield* Effect.flip(run(c, "select 1 as a", [], { prelude: ["SAVEPOINT outside"] }))
      assert.deepEqual(yield* run(c, "select 1 as a", [], { prelude: ["BEGIN"] }), [{ a: 1 }])
      yield* c.control("commit", "COMMIT")
      assert.deepEqual(yield* run(c, "select 1 as a"), [{ a: 1 }])
    }))
})

describe("prepared statements", () => {
  it.scoped("are parsed once, described once, and run again by name", () =>
    Effect.gen(function*() {
      const { between, connection: c } = yield* watched()
      yield* run(c, "select $1::int as a", [1])
      // Whatever has its name is closed first: behind a pooler that may be another client's.
      assert.equal(between.messages(), "CPBDES")
      between.reset()
      assert.deepEqual(yield* run(c, "select $1::int as a", [2]), [{ a: 2 }])
      assert.equal(between.messages(), "BES")
      assert.deepEqual(
        yield* run(c, "select $1::int as a", [3], { shape: "raw" }).pipe(Effect.map((r) => r[0].fields[0].name)),
        "a"
      )
    }))

  it.scoped("never outnumber their bound on the server", () =>
    Effect.gen(function*() {
      const c = yield* connection({ preparedStatements: 5 })
      for (let i = 0; i < 40; i++) yield* run(c, `select ${i % 17}`)
      const [{ n }] = yield* run(c, preparedOnServer, [], { prepare: false })
      assert.equal(n, 5)
    }))

  it.scoped("are not made with prepare: false, of the statement or of the driver", () =>
    Effect.gen(function*() {
      const at = yield* database
      for (const [config, prepare] of [[{}, false], [{ prepare: false }, true], [{ pgbouncer: true }, true]] as const) {
        const c = yield* connectTo(at, config)
        for (let i = 0; i < 3; i++) yield* run(c, "select 1", [], { prepare })
        assert.deepEqual(yield* run(c, preparedOnServer, [], { prepare: false }), [{ n: 0 }])
      }
    }))

  it.scoped("whose table changed are prepared anew, unseen outside of a transaction", () =>
    Effect.gen(function*() {
      const { at, connection: c } = yield* watched()
      yield* run(c, "create table t (a int)")
      yield* run(c, "insert into t values (1)")
      assert.deepEqual(yield* run(c, "select * from t"), [{ a: 1 }])
      yield* admin(at.url, "alter table t add b text default 'x'")
      assert.deepEqual(yield* run(c, "select * from t"), [{ a: 1, b: "x" }])
    }))

  it.scoped("whose table changed are prepared anew unseen behind their own BEGIN, in two trips", () =>
    Effect.gen(function*() {
      const { at, between, connection: c } = yield* watched()
      yield* run(c, "create table t (a int)")
      yield* run(c, "select * from t")
      yield* admin(at.url, "alter table t add b int", "insert into t values (1, 2)")
      between.reset()
      assert.deepEqual(yield* run(c, "select * from t", [], { prelude: ["BEGIN", "SAVEPOINT a"] }), [{ a: 1, b: 2 }])
      assert.equal(between.trips(), 2)
      assert.equal(c.transaction(), "open")
      assert.equal(yield* c.control("rollbackTo", "ROLLBACK TO a"), "open")
      yield* c.control("commit", "COMMIT")
      assert.deepEqual(yield* run(c, "select * from t"), [{ a: 1, b: 2 }])
    }))

  it.scoped("whose table changed fail as retryable behind other work of a transaction, and work in the next", () =>
    Effect.gen(function*() {
      const { at, connection: c } = yield* watched()
      yield* run(c, "create table t (a int)")
      yield* run(c, "select * from t")
      yield* admin(at.url, "alter table t add b int")
      yield* run(c, "select 1", [], { prelude: ["BEGIN"] })
      const failure = yield* Effect.flip(run(c, "select * from t"))
      assert.equal(failure.code, "0A000")
      assert.equal(failure.retryable, true)
      assert.equal(failure.connection, "keep")
      yield* c.control("rollback", "ROLLBACK")
      assert.deepEqual(yield* run(c, "select * from t", [], { prelude: ["BEGIN"] }), [])
      yield* c.control("commit", "COMMIT")
    }))

  it.scoped("survive DEALLOCATE and DISCARD by the user", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      for (
        const sql of [
          "deallocate all",
          "discard all",
          `deallocate "${statementName("select 7 as a")}"`,
          "prepare s9 as select 1; deallocate s9"
        ]
      ) {
        assert.deepEqual(yield* run(c, "select 7 as a"), [{ a: 7 }])
        yield* Effect.ignore(run(c, sql, [], { prepare: false }))
        assert.deepEqual(yield* run(c, "select 7 as a"), [{ a: 7 }], sql)
      }
    }))

  it.scoped("have names that the user's own never meet", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      assert.deepEqual(yield* run(c, "select 7 as a"), [{ a: 7 }])
      const [{ name }] = yield* run(c, "select name from pg_prepared_statements", [], { prepare: false })
      assert.equal(name, statementName("select 7 as a"))
      for (const own of ["s1", "ese1", "ese_1", "ese"]) {
        yield* run(c, `prepare ${own} as select 1`, [], { prepare: false })
      }
      assert.deepEqual(yield* run(c, "execute s1", [], { prepare: false }), [{ "?column?": 1 }])
      assert.deepEqual(yield* run(c, "select 7 as a"), [{ a: 7 }])
      yield* c.reset
    }))

  it.scoped("outlive a rollback of the transaction they were made in", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      yield* run(c, "select 7 as a", [], { prelude: ["BEGIN"] })
      yield* c.control("rollback", "ROLLBACK")
      assert.deepEqual(yield* run(c, "select 7 as a"), [{ a: 7 }])
    }))
})

describe("control", () => {
  it.scoped("a COMMIT that the server answers by rolling back is TransactionAborted", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      yield* Effect.flip(run(c, "select 1 / 0", [], { prelude: ["BEGIN"] }))
      assert.equal(c.transaction(), "failed")
      const failure = yield* Effect.flip(c.control("commit", "COMMIT"))
      assert.equal(failure._tag, "TransactionAborted")
      assert.equal(c.transaction(), "none")
      assert.equal(c.condition(), "clean")
    }))

  it.scoped("a deferred constraint at COMMIT is the same failure as at the statement", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      yield* run(c, "create table d (a int, constraint d_a unique (a) deferrable initially deferred)")
      yield* run(c, "insert into d values (1), (1)", [], { prelude: ["BEGIN"] })
      const failure = yield* Effect.flip(c.control("commit", "COMMIT"))
      assert.ok(failure._tag === "UniqueViolation")
      assert.deepEqual(failure.columns, ["a"])
      assert.equal(failure.constraint, "d_a")
      assert.equal(c.transaction(), "none")
    }))

  it.scoped("a savepoint is undone in a failed transaction, which is open again", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      yield* run(c, "create table t (a int)", [], { prelude: ["BEGIN"] })
      yield* Effect.flip(run(c, "select 1 / 0", [], { prelude: ["SAVEPOINT \"s\""] }))
      assert.equal(yield* c.control("rollbackTo", "ROLLBACK TO SAVEPOINT \"s\"; RELEASE SAVEPOINT \"s\""), "open")
      yield* run(c, "insert into t values (1)", [], { prelude: ["SAVEPOINT \"s\""] })
      assert.equal(yield* c.control("release", "RELEASE SAVEPOINT \"s\""), "open")
      assert.equal(yield* c.control("commit", "COMMIT"), "none")
      assert.deepEqual(yield* run(c, "select a from t"), [{ a: 1 }])
    }))
})

describe("the startup message", () => {
  it.scoped("carries name, search path, limits and settings, and RESET returns to them", () =>
    Effect.gen(function*() {
      const at = yield* database
      yield* admin(at.url, "create schema \"odd name\"")
      const c = yield* connectTo(at, {
        applicationName: "billing",
        searchPath: ["odd name", "public"],
        statementTimeout: "1.5 seconds",
        lockTimeout: 700,
        idleInTransactionTimeout: "1 minute",
        options: "-c geqo=off",
        settings: { timezone: "Asia/Tokyo" },
        password: Effect.succeed(Redacted.make("unused"))
      })
      const names = [
        "application_name",
        "search_path",
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "geqo",
        "timezone"
      ]
      const read = run(c, `select ${names.map((name) => `current_setting('${name}') as ${name}`).join(", ")}`)
      const before = yield* read
      assert.deepEqual(before, [{
        application_name: "billing",
        search_path: "\"odd name\", \"public\"",
        statement_timeout: "1500ms",
        lock_timeout: "700ms",
        idle_in_transaction_session_timeout: "1min",
        geqo: "off",
        timezone: "Asia/Tokyo"
      }])
      yield* c.execute(
        statement("set search_path = public; set statement_timeout = 0; set timezone = 'UTC'; set application_name = x")
      )
      yield* c.reset
      assert.deepEqual(yield* read, before)
    }))
})
