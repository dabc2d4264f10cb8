import { describe, it } from "@effect/vitest"
import { Chunk, Effect, Exit, Fiber, Ref, Stream } from "effect"
import * as assert from "node:assert/strict"
import { active, until } from "./support/activity.js"
import { connection, connectTo, database, run, statement } from "./support/connect.js"
import { proxy } from "./support/proxy.js"

const numbers = (count: number) => statement("select n from generate_series(1, $1::int) as n", [count])

const collect = <A, E>(stream: Stream.Stream<A, E>) => Effect.map(Stream.runCollect(stream), Chunk.toReadonlyArray)

describe("stream", () => {
  it.scoped("gives every row in order, whatever the batches, and leaves a clean connection", () =>
    Effect.gen(function*() {
      const at = yield* database
      for (const [fetchSize, count] of [[1, 5], [10, 0], [10, 9], [10, 10], [10, 11], [7, 1000]] as const) {
        const c = yield* connectTo(at, { fetchSize })
        const rows = yield* collect(c.stream(numbers(count)))
        assert.deepEqual(rows.map((row) => row.n), Array.from({ length: count }, (_, i) => i + 1))
        assert.equal(c.condition(), "clean")
      }
    }))

  it.scoped("gives rows as arrays too, and parses them", () =>
    Effect.gen(function*() {
      const c = yield* connection({ fetchSize: 2 })
      const rows = yield* collect(c.stream({ ...numbers(5), shape: "values" }))
      assert.deepEqual(rows, [[1], [2], [3], [4], [5]])
    }))

  it.scoped("reads every statement that returns rows, also those no cursor can be declared for", () =>
    Effect.gen(function*() {
      const c = yield* connection({ fetchSize: 3 })
      yield* run(c, "create table t (a int)")
      const inserted = yield* collect(c.stream(statement("insert into t select generate_series(1, 10) returning a")))
      assert.equal(inserted.length, 10)
      assert.deepEqual(yield* run(c, "select count(*)::int as n from t"), [{ n: 10 }])
      assert.equal((yield* collect(c.stream(statement("explain select * from t")))).length > 0, true)
      assert.deepEqual(yield* collect(c.stream(statement("insert into t values (11)"))), [])
      assert.deepEqual(yield* run(c, "select count(*)::int as n from t"), [{ n: 11 }])
    }))

  it.scoped("takes rows from the server in bounded batches, at most two ahead of the reader", () =>
    Effect.gen(function*() {
      const c = yield* connection({ fetchSize: 100 })
      yield* run(c, "create sequence served")
      const made = Effect.map(run(c, "select last_value::int as n from served"), ([row]) => row.n as number)
      let read = 0
      let most = 0
      yield* run(c, "select 1", [], { prelude: ["BEGIN"] })
      yield* Stream.runForEachChunk(
        c.stream(statement("select nextval('served') from generate_series(1, 2000)")),
        (chunk) =>
          Effect.map(made, (served) => {
            read += Chunk.size(chunk)
            most = Math.max(most, served - read)
          })
      )
      assert.equal(read, 2000)
      assert.ok(most <= 100, `${most} rows were ahead of the reader`)
      yield* c.control("commit", "COMMIT")
    }))

  it.scoped("reads nothing ahead for a reader that is content with the first batch", () =>
    Effect.gen(function*() {
      const c = yield* connection({ fetchSize: 100 })
      yield* run(c, "create sequence served")
      yield* run(c, "select 1", [], { prelude: ["BEGIN"] })
      yield* collect(Stream.take(c.stream(statement("select nextval('served') from generate_series(1, 2000)")), 50))
      assert.deepEqual(yield* run(c, "select last_value::int as n from served"), [{ n: 100 }])
      yield* c.control("commit", "COMMIT")
    }))

  it.scoped("left early waits for nothing, and the connection is as new after its clean-up", () =>
    Effect.gen(function*() {
      const at = yield* database
      for (const take of [1, 150, 550]) {
        const c = yield* connectTo(at, { fetchSize: 100 })
        const rows = yield* collect(Stream.take(c.stream(numbers(1_000_000)), take))
        assert.equal(rows.length, take)
        yield* c.settle
        assert.equal(c.condition(), "dirty")
        yield* c.reset
        assert.equal(c.condition(), "clean")
        assert.deepEqual(yield* run(c, "select count(*)::int as n from pg_cursors where name <> ''"), [{ n: 0 }])
      }
    }))

  it.scoped("left early in a session closes its portal with the next statement, in the same trip", () =>
    Effect.gen(function*() {
      const at = yield* database
      const between = yield* proxy(at)
      const c = yield* connectTo({ ...at, port: between.port }, { fetchSize: 100 })
      yield* run(c, "create table t (a int)", [], { prelude: ["BEGIN"] })
      yield* collect(Stream.take(c.stream(numbers(1_000_000)), 550))
      assert.equal(c.transaction(), "open")
      assert.notEqual(c.condition(), "busy")
      const open = run(c, "select count(*)::int as n from pg_cursors where name <> ''")
      between.reset()
      assert.deepEqual(yield* open, [{ n: 0 }])
      yield* run(c, "insert into t values (1)")
      assert.equal(between.trips(), 2)
      assert.equal(yield* c.control("commit", "COMMIT"), "none")
      assert.deepEqual(yield* run(c, "select a from t"), [{ a: 1 }])
    }))

  it.scoped("left early keeps what a statement has written, and rolls it back when its reader failed", () =>
    Effect.gen(function*() {
      const c = yield* connection({ fetchSize: 2 })
      yield* run(c, "create table t (a int)")
      const insert = c.stream(statement("insert into t select generate_series(1, 10) returning a"))
      yield* collect(Stream.take(insert, 1))
      assert.deepEqual(yield* run(c, "select count(*)::int as n from t"), [{ n: 10 }])
      yield* Effect.exit(Stream.runForEach(insert, () => Effect.fail("no")))
      yield* c.settle
      yield* c.reset
      assert.deepEqual(yield* run(c, "select count(*)::int as n from t"), [{ n: 10 }])
    }))

  it.scoped("lets its session write while it is read", () =>
    Effect.gen(function*() {
      const c = yield* connection({ fetchSize: 10 })
      yield* run(c, "create table t (a int)", [], { prelude: ["BEGIN"] })
      yield* Stream.runForEach(c.stream(numbers(100)), (row) => run(c, "insert into t values ($1)", [row.n]))
      yield* c.control("commit", "COMMIT")
      assert.deepEqual(yield* run(c, "select count(*)::int as n from t"), [{ n: 100 }])
    }))

  it.scoped("fails typed at the row that fails, with the rows before it delivered", () =>
    Effect.gen(function*() {
      const c = yield* connection({ fetchSize: 10 })
      const seen = yield* Ref.make(0)
      const failure = yield* Effect.flip(
        Stream.runForEach(c.stream(statement("select 100 / (55 - n) as q from generate_series(1, 100) as n")), () =>
          Ref.update(seen, (n) => n + 1))
      )
      assert.equal(failure._tag, "DataError")
      assert.equal(failure.code, "22012")
      assert.equal(yield* Ref.get(seen), 50)
      assert.equal(c.condition(), "dirty")
      yield* c.reset
      assert.equal(c.condition(), "clean")
    }))

  it.scoped("whose next batch failed unseen gives its failure to the statement that meets the aborted transaction", () =>
    Effect.gen(function*() {
      const c = yield* connection({ fetchSize: 10 })
      yield* run(c, "select 1", [], { prelude: ["BEGIN"] })
      const failing = c.stream(statement("select 1 / (25 - n) as q from generate_series(1, 100) as n"))
      const failure = yield* Effect.flip(Effect.scoped(Effect.gen(function*() {
        const pull = yield* Stream.toPull(failing)
        yield* Effect.mapError(pull, () => "early")
        yield* Effect.mapError(pull, () => "early")
        return yield* run(c, "select 2")
      })))
      assert.ok(typeof failure === "object")
      assert.equal(failure.code, "22012")
      yield* c.control("rollback", "ROLLBACK")
    }))

  it.live("interrupted while the server works returns at once, and the server stops", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const c = yield* connectTo(at)
      const fiber = yield* Effect.fork(Stream.runDrain(c.stream(statement("select pg_sleep(20)"))))
      yield* until(active(at), (texts) => texts.some((text) => text.includes("pg_sleep")))
      const exit = yield* Fiber.interrupt(fiber).pipe(Effect.timeout("250 millis"))
      assert.equal(Exit.isInterrupted(exit), true)
      assert.equal(c.condition(), "busy")
      yield* c.settle.pipe(Effect.timeout("2 seconds"))
      assert.equal(c.condition(), "dirty")
      yield* c.reset
      assert.deepEqual(yield* active(at), [])
    })))

  it.live("of a connection that dies fails typed, and its release ends", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      const between = yield* proxy(at)
      const c = yield* connectTo({ ...at, port: between.port }, { fetchSize: 10 })
      const failure = yield* Effect.flip(
        Stream.runForEach(c.stream(numbers(1000)), (row) => Effect.sync(() => row.n === 35 && between.cut()))
      ).pipe(Effect.timeout("2 seconds"))
      assert.equal(failure._tag, "ConnectionError")
      assert.equal(c.condition(), "lost")
    })))
})
