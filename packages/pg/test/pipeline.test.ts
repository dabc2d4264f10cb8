import { describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import type { Statement } from "effect-sql-engine/Driver"
import * as assert from "node:assert/strict"
import { active, until } from "./support/activity.js"
import { admin, connection, connectTo, database, recorder, run, statement } from "./support/connect.js"
import { proxy } from "./support/proxy.js"

const begun = (first: Statement, ...others: ReadonlyArray<Statement>) => [{ ...first, prelude: ["BEGIN"] }, ...others]

describe("pipeline", () => {
  it.scoped("sends BEGIN and all statements on one trip, and gives the rows of each in its shape", () =>
    Effect.gen(function*() {
      const at = yield* database
      const between = yield* proxy(at)
      const c = yield* connectTo({ ...at, port: between.port })
      between.reset()
      let sent = 0
      const rows = yield* c.pipeline!(begun(
        { ...statement("create table t (k int)"), onSend: () => sent++ },
        statement("insert into t values ($1), ($2)", [1, 2]),
        statement("select k from t where k > $1", [1]),
        statement("select k from t where k > $1", [0], { shape: "values" }),
        statement("select k from t where k > $1", [7]),
        statement("select k from t", [], { shape: "raw", prepare: false })
      ))
      assert.equal(between.trips(), 1)
      assert.equal(sent, 1)
      assert.deepEqual(rows.slice(0, 5), [[], [], [{ k: 2 }], [[1], [2]], []])
      assert.deepEqual(rows[5]!.map(({ command, rowCount, rows }) => ({ command, rowCount, rows })), [
        { command: "SELECT", rowCount: 2, rows: [{ k: 1 }, { k: 2 }] }
      ])
      assert.equal(c.transaction(), "open")
      // What is known of the columns by now is not asked for again.
      assert.deepEqual(
        yield* c.pipeline!([statement("select k from t where k > $1", [1]), statement("select 1 as one")]),
        [
          [{ k: 2 }],
          [{ one: 1 }]
        ]
      )
      yield* c.control("commit", "COMMIT")
      assert.deepEqual(yield* run(c, "select k from t"), [{ k: 1 }, { k: 2 }])
      assert.deepEqual(yield* c.pipeline!([]), [])
    }))

  it.scoped("names the statement that failed, and runs none behind it", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      yield* run(c, "create table t (k int primary key)")
      for (const failing of [0, 1, 2]) {
        const statements = [1, 2, 3].map((k, i) =>
          i === failing ? statement("select 1 / $1::int as odd", [0]) : statement("insert into t values ($1)", [k])
        )
        const failure = yield* Effect.flip(c.pipeline!(begun(statements[0]!, ...statements.slice(1))))
        assert.deepEqual({ tag: failure._tag, code: failure.code, sent: failure.sent }, {
          tag: "DataError",
          code: "22012",
          sent: "yes"
        })
        assert.equal("statement" in failure ? failure.statement : undefined, "select 1 / $1::int as odd")
        assert.equal(c.transaction(), "failed")
        yield* c.control("rollback", "ROLLBACK")
        assert.equal(c.condition(), "clean")
      }
      assert.deepEqual(yield* run(c, "select k from t"), [])
    }))

  it.scoped("runs nothing when BEGIN is refused, and sends nothing when a value cannot be sent", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      yield* run(c, "create table t (k int)")
      const insert = statement("insert into t values (1)")
      const refused = yield* Effect.flip(c.pipeline!([{ ...insert, prelude: ["BEGIN NONSENSE"] }, insert]))
      assert.equal(refused.sent, "no")
      assert.equal("statement" in refused ? refused.statement : undefined, "BEGIN NONSENSE")
      const cyclic: Record<string, unknown> = {}
      cyclic["self"] = cyclic
      const unsendable = yield* Effect.flip(c.pipeline!(begun(insert, statement("select $1::json", [cyclic]))))
      assert.equal(unsendable.sent, "no")
      assert.equal(c.transaction(), "none")
      assert.deepEqual(yield* run(c, "select k from t"), [])
    }))

  it.scoped("may hold more statements than are kept prepared, and one of them twice", () =>
    Effect.gen(function*() {
      const c = yield* connection({ preparedStatements: 2 })
      const statements = [1, 2, 3, 1, 4, 1].map((n) => statement(`select ${n} as n, $1::int as k`, [n * 10]))
      const expected = [1, 2, 3, 1, 4, 1].map((n) => [{ n, k: n * 10 }])
      for (let i = 0; i < 3; i++) assert.deepEqual(yield* c.pipeline!(statements), expected)
      assert.deepEqual(
        yield* run(c, "select count(*)::int as kept from pg_prepared_statements", [], { prepare: false }),
        [
          { kept: 2 }
        ]
      )
    }))

  it.scoped("may hold what it makes the connection forget, for want of room or by request", () =>
    Effect.gen(function*() {
      const some = (n: number) => Array.from({ length: n }, (_, i) => statement(`select ${i} as n`))
      const expected = (n: number) => Array.from({ length: n }, (_, i) => [{ n: i }])
      for (const preparedStatements of [1, 100]) {
        const c = yield* connection({ preparedStatements })
        yield* c.pipeline!(begun(some(60)[0]!, ...some(60).slice(1)))
        assert.deepEqual(yield* c.pipeline!(some(120)), expected(120))
        assert.deepEqual(yield* c.pipeline!(some(3)), expected(3))
        yield* c.control("commit", "COMMIT")
      }
      const c = yield* connection({ preparedStatements: 2 })
      for (const forget of ["deallocate all", "discard plans; -- all", "/* all */ Deallocate all"]) {
        for (let i = 0; i < 5; i++) {
          const [a] = some(1)
          assert.deepEqual(yield* c.pipeline!([a!, statement(forget), a!]), [[{ n: 0 }], [], [{ n: 0 }]])
        }
      }
      assert.deepEqual(
        yield* run(c, "select count(*)::int <= 2 as few from pg_prepared_statements", [], { prepare: false }),
        [{ few: true }]
      )
    }))

  it.scoped("sees what each of them leaves, however it ends", () =>
    Effect.gen(function*() {
      for (const first of ["select 1 as one -- first", "select 1 as one /* a /* b */ */", "select 'a;' as one;"]) {
        const c = yield* connection()
        yield* c.pipeline!(begun(statement(first), statement("set work_mem = '123MB'")))
        yield* c.control("commit", "COMMIT")
        assert.equal(c.condition(), "dirty")
        yield* c.reset
        assert.notDeepEqual(yield* run(c, "show work_mem"), [{ work_mem: "123MB" }])
        const pooled = yield* connection({ pgbouncer: true })
        const refused = yield* Effect.flip(pooled.pipeline!(begun(statement(first), statement("set work_mem = '9MB'"))))
        assert.deepEqual([refused._tag, refused.sent], ["EngineConfigError", "no"])
      }
    }))

  it.scoped("refuses COPY FROM STDIN, wherever it stands, and sends nothing", () =>
    Effect.gen(function*() {
      const at = yield* database
      const seen = recorder()
      const c = yield* connectTo(at, {}, seen.context)
      yield* run(c, "create table t (k int)")
      const copy = statement("/* in */ copy t (k) from stdin with (format csv)")
      const insert = statement("insert into t values (1)")
      for (const statements of [[copy], [copy, insert], [insert, copy], [insert, copy, insert]]) {
        const failure = yield* Effect.flip(c.pipeline!(begun(statements[0]!, ...statements.slice(1))))
        assert.deepEqual([failure._tag, failure.sent], ["SqlSyntaxError", "no"])
        assert.equal(c.condition(), "clean")
      }
      assert.deepEqual(yield* run(c, "select k from t"), [])
      assert.deepEqual([...seen.lost, ...seen.gone], [])
    }))

  it.scoped("says on which statement a parser threw", () =>
    Effect.gen(function*() {
      const at = yield* database
      const types = {
        getTypeParser: (oid: number) => (value: string | Buffer) => {
          if (oid === 16) throw new Error("no booleans here")
          return value
        }
      }
      const c = yield* connectTo(at, { types })
      const failure = yield* Effect.flip(c.pipeline!([statement("select 1 as a"), statement("select true as b")]))
      assert.equal("statement" in failure ? failure.statement : undefined, "select true as b")
      assert.deepEqual(yield* run(c, "select 1 as a"), [{ a: "1" }])
    }))

  it.scoped("prepares anew what was outdated", () =>
    Effect.gen(function*() {
      const at = yield* database
      const c = yield* connectTo(at)
      yield* run(c, "create table t (a int)")
      const one = statement("select 1 as one")
      const all = statement("select * from t")
      yield* c.pipeline!([all])
      yield* run(c, "alter table t add column b int")
      yield* run(c, "insert into t values (1, 2)")
      assert.deepEqual(yield* c.pipeline!([one, all]), [[{ one: 1 }], [{ a: 1, b: 2 }]])
      yield* admin(at.url, "alter table t add column c int")
      assert.deepEqual(yield* c.pipeline!(begun(one, all)), [[{ one: 1 }], [{ a: 1, b: 2, c: null }]])
      yield* c.control("commit", "COMMIT")
      yield* admin(at.url, "create table u (a int)")
      const other = statement("select * from u")
      assert.deepEqual(yield* c.pipeline!([other]), [[]])
      yield* admin(at.url, "alter table u add column b int")
      const failure = yield* Effect.flip(c.pipeline!([one, other]))
      assert.deepEqual([failure.code, failure.retryable], ["0A000", true])
      yield* c.control("rollback", "ROLLBACK")
      assert.deepEqual(yield* c.pipeline!([one, other]), [[{ one: 1 }], []])
    }))

  it.scoped("is not sent again where a lock of the session would be taken twice", () =>
    Effect.gen(function*() {
      const at = yield* database
      const c = yield* connectTo(at)
      yield* run(c, "create table t (a int)")
      const all = statement("select * from t")
      const lock = statement("select pg_advisory_lock(7)")
      yield* run(c, all.sql)
      yield* admin(at.url, "alter table t add column b int")
      const failure = yield* Effect.flip(c.pipeline!(begun(lock, all)))
      assert.deepEqual([failure.code, failure.retryable], ["0A000", true])
      yield* c.control("rollback", "ROLLBACK")
      assert.deepEqual(yield* run(c, "select pg_advisory_unlock(7) as once"), [{ once: true }])
      assert.deepEqual(yield* run(c, "select pg_advisory_unlock(7) as once"), [{ once: false }])
    }))

  it.scoped("begins anew where the server has lost what was prepared, and nobody could see it", () =>
    Effect.gen(function*() {
      const c = yield* connection()
      yield* run(c, "create table t (k int)")
      yield* run(c, "create function forget() returns void language plpgsql as 'begin execute ''deallocate all''; end'")
      const insert = statement("insert into t values (1)")
      for (let i = 0; i < 3; i++) {
        yield* c.pipeline!(begun(insert, insert))
        yield* c.control("commit", "COMMIT")
        yield* run(c, insert.sql, [], { prelude: ["BEGIN"] })
        yield* c.control("commit", "COMMIT")
        // Its own plan goes as well, without a word.
        yield* run(c, "select forget()", [], { prepare: false })
        if (i === 1) yield* run(c, insert.sql, [], { prelude: ["BEGIN"] })
        else yield* c.pipeline!(begun(insert))
        yield* c.control("commit", "COMMIT")
      }
      assert.deepEqual(yield* run(c, "select count(*)::int as n from t"), [{ n: 12 }])
    }))

  it.live("is stopped whole when it is interrupted", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const c = yield* connectTo(at)
      yield* run(c, "create table t (k int)")
      const insert = statement("insert into t values (1)")
      const fiber = yield* Effect.fork(c.pipeline!(begun(insert, statement("select pg_sleep(20)"), insert)))
      yield* until(active(at), (texts) => texts.some((text) => text.includes("pg_sleep")))
      assert.ok(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
      assert.equal(c.condition(), "busy")
      assert.equal(yield* c.control("rollback", "ROLLBACK"), "none")
      assert.deepEqual(yield* run(c, "select k from t"), [])
    })))

  it.live("is lost with its connection, and says that its transaction is rolled back", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const between = yield* proxy(at)
      const c = yield* connectTo({ ...at, port: between.port })
      between.cutOnSend = "after"
      const failure = yield* Effect.flip(c.pipeline!(begun(statement("select 1"), statement("select 2"))))
      assert.deepEqual({ tag: failure._tag, sent: failure.sent, retryable: failure.retryable }, {
        tag: "ConnectionError",
        sent: "maybe",
        retryable: true
      })
      assert.equal(c.condition(), "lost")
      assert.equal((yield* Effect.flip(c.pipeline!([statement("select 1")]))).sent, "no")
    })))
})
