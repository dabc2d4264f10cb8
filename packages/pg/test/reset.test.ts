import { describe, it } from "@effect/vitest"
import { Effect, FastCheck } from "effect"
import type { PgConnection } from "effect-sql-engine-pg/PgDriver"
import * as assert from "node:assert/strict"
import { deeds, fingerprint as noticeable, forgetDeeds, prepareDeeds } from "../../../test/support/deeds.js"
import { admin, connectTo, database, run } from "./support/connect.js"
import { proxy } from "./support/proxy.js"

const full = process.env["PROVE"] === "full"

/** Everything of a session that another one could notice, as the server and the driver tell it. */
const fingerprint = (c: PgConnection) =>
  Effect.map(
    run(c, noticeable, [], { prepare: false }),
    ([row]) => ({ ...row, status: c.transaction() })
  )

describe("reset", () => {
  it.live(
    "makes a connection as new after whatever was done on it, in one round trip, or none where nothing was",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const at = yield* database
        yield* admin(at.url, ...prepareDeeds)
        const between = yield* proxy(at)
        const config = { searchPath: "public", settings: { geqo: "off" }, preparedStatements: 5 }
        const through = { ...at, port: between.port }
        const fresh = yield* Effect.scoped(Effect.flatMap(connectTo(through, config), fingerprint))
        const c = yield* connectTo(through, config)
        let cleaned = 0
        let untouched = 0
        const sequence = FastCheck.array(FastCheck.constantFrom(...deeds), { minLength: 1, maxLength: full ? 20 : 10 })
        yield* Effect.promise(() =>
          FastCheck.assert(
            FastCheck.asyncProperty(sequence, (deeds) =>
              Effect.runPromise(Effect.gen(function*() {
                for (const deed of deeds) yield* Effect.ignore(run(c, deed, [], { prepare: deed.length % 2 === 0 }))
                between.reset()
                const condition = c.condition()
                if (condition === "dirty") {
                  yield* c.reset
                  assert.equal(between.trips(), 1)
                  cleaned++
                } else {
                  assert.equal(condition, "clean")
                  untouched++
                }
                assert.deepEqual(yield* fingerprint(c), fresh)
                assert.equal(c.condition(), "clean")
                assert.deepEqual(yield* run(c, "select 1 as a"), [{ a: 1 }])
              }))),
            { seed: 4, numRuns: full ? 500 : 120 }
          )
        )
        assert.ok(cleaned > 50 && untouched > 3, `${cleaned} cleaned, ${untouched} untouched`)
        yield* admin(at.url, ...forgetDeeds)
      })),
    120_000
  )

  it.scoped("of a transaction that was left open is a ROLLBACK and nothing else", () =>
    Effect.gen(function*() {
      const at = yield* database
      const between = yield* proxy(at)
      const c = yield* connectTo({ ...at, port: between.port })
      yield* run(c, "create table t (a int)", [], { prelude: ["BEGIN"] })
      assert.equal(c.condition(), "dirty")
      between.reset()
      yield* c.reset
      assert.equal(between.messages(), "Q")
      assert.equal(c.condition(), "clean")
      assert.deepEqual(yield* run(c, "select to_regclass('t') as t"), [{ t: null }])
    }))

  it.scoped("keeps the prepared statements that are ours", () =>
    Effect.gen(function*() {
      const at = yield* database
      const between = yield* proxy(at)
      const c = yield* connectTo({ ...at, port: between.port })
      yield* run(c, "select 1 as a")
      yield* run(c, "set work_mem = '2MB'")
      yield* c.reset
      between.reset()
      assert.deepEqual(yield* run(c, "select 1 as a"), [{ a: 1 }])
      assert.equal(between.messages(), "BES")
    }))

  it.scoped("of a connection that loaded a library fails and closes it: that cannot be undone", () =>
    Effect.gen(function*() {
      const c = yield* Effect.flatMap(database, (at) => connectTo(at))
      yield* run(c, "load 'auto_explain'")
      assert.equal(c.condition(), "lost")
      assert.equal((yield* Effect.flip(c.reset))._tag, "ConnectionError")
      assert.equal((yield* Effect.flip(run(c, "select 1"))).sent, "no")
    }))
})

describe("condition", () => {
  it.scoped("is clean after what ends with its transaction", () =>
    Effect.gen(function*() {
      const c = yield* Effect.flatMap(database, (at) => connectTo(at))
      for (
        const sql of [
          "set local work_mem = '1MB'",
          "select set_config('a.b', 'c', true)",
          "select pg_advisory_xact_lock(1)",
          "declare d cursor for select 1",
          "set local timezone = 'Asia/Tokyo'"
        ]
      ) {
        yield* run(c, sql, [], { prelude: ["BEGIN"] })
        assert.equal(c.condition(), "dirty", "a transaction is open")
        yield* c.control("commit", "COMMIT")
        assert.equal(c.condition(), "clean", sql)
      }
    }))
})
