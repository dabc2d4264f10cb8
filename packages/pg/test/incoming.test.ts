/**
 * What the server sends, and cannot be taken in: the process goes on, that connection ends, and no other.
 */
import { describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { PgEngine } from "effect-sql-engine-pg"
import * as SqlFailure from "effect-sql-engine/SqlFailure"
import * as assert from "node:assert/strict"
import { connectTo, database, recorder, run } from "./support/connect.js"
import { interposed } from "./support/interposed.js"

/** An authentication request of a kind that no server has. */
const odd = Buffer.from([82, 0, 0, 0, 8, 0, 0, 0, 99])
/** No message at all. */
const garbage = Buffer.from([7, 0, 0, 0, 4])

describe("a message that cannot be understood", () => {
  for (const [name, bytes] of [["of a known kind", odd], ["of no kind", garbage]] as const) {
    it.scoped(`${name} ends its connection with a typed failure, and proves nothing of the others`, () =>
      Effect.gen(function*() {
        const at = yield* database
        const between = yield* interposed(at)
        const heard = recorder()
        const c = yield* connectTo({ ...at, host: "127.0.0.1", port: between.port }, {}, heard.context)
        const other = yield* connectTo(at)
        between.next(bytes)
        const failure = yield* Effect.flip(run(c, "select 1"))
        assert.equal(failure._tag, "ConnectionError")
        assert.equal(failure.sent, "maybe")
        assert.match(failure.message, /cannot be understood/)
        assert.equal(c.condition(), "lost")
        assert.deepEqual(heard.gone, [])
        assert.deepEqual(yield* run(other, "select 1 as a"), [{ a: 1 }])
      }))

    it.scoped(`${name} ends an idle connection too`, () =>
      Effect.gen(function*() {
        const at = yield* database
        const between = yield* interposed(at)
        const heard = recorder()
        const c = yield* connectTo({ ...at, host: "127.0.0.1", port: between.port }, {}, heard.context)
        yield* between.send(bytes)
        yield* Effect.repeat(Effect.yieldNow(), { until: () => heard.lost.length > 0 })
        assert.equal(heard.lost[0]!._tag, "ConnectionError")
        assert.deepEqual(heard.gone, [])
        assert.equal(c.condition(), "lost")
      }))

    it.scoped(`${name} in place of a welcome fails the connection`, () =>
      Effect.gen(function*() {
        const at = yield* database
        const between = yield* interposed(at)
        between.next(bytes)
        const failure = yield* Effect.flip(connectTo({ ...at, host: "127.0.0.1", port: between.port }))
        assert.equal(failure._tag, "ConnectionError")
      }))
  }
})

describe("a value of more than 512 MB", () => {
  it.scoped(
    "is a typed failure, its connection is closed, and a session on another goes on",
    () =>
      Effect.gen(function*() {
        const at = yield* database
        const { sql, transaction } = yield* PgEngine.make({ url: at.url })
        yield* sql`create table v (id int)`
        const begun = yield* Deferred.make<void>()
        const read = yield* Deferred.make<void>()
        const other = yield* Effect.fork(transaction(Effect.gen(function*() {
          yield* sql`insert into v values (1)`
          yield* Deferred.succeed(begun, undefined)
          yield* Deferred.await(read)
          return yield* sql`select * from v`
        })))
        yield* Deferred.await(begun)
        const failure = yield* Effect.flip(
          SqlFailure.refine(sql.unsafe("select repeat(repeat('x', 100000), 5400) as it"))
        )
        assert.equal(failure._tag, "DataError")
        assert.equal(failure.connection, "discard")
        assert.equal(failure.retryable, false)
        assert.match(failure.message, /longest string/)
        yield* Deferred.succeed(read, undefined)
        assert.deepEqual(yield* Fiber.join(other), [{ id: 1 }])
        assert.deepEqual(yield* sql`select * from v`, [{ id: 1 }])
      }),
    240_000
  )

  it.scoped("that is bound is refused before anything is sent", () =>
    Effect.gen(function*() {
      const at = yield* database
      const c = yield* connectTo(at)
      const bytes = Buffer.alloc(2 ** 29)
      const failure = yield* Effect.flip(run(c, "select $1::bytea, $2::bytea", [bytes, bytes]))
      assert.equal(failure._tag, "DataError")
      assert.equal(failure.sent, "no")
      assert.deepEqual(yield* run(c, "select 1 as a"), [{ a: 1 }])
    }))
})
