import { describe, it } from "@effect/vitest"
import { Effect, Stream, Chunk } from "effect"
import * as assert from "node:assert/strict"
import { connection, run, statement } from "./support/connect.js"

describe("smoke", () => {
  it.scoped("works", () => Effect.gen(function*() {
    const c = yield* connection()
    assert.deepEqual(yield* run(c, "select $1::int + 1 as n", [1]), [{ n: 2 }])
    assert.deepEqual(yield* run(c, "select $1::int + 1 as n", [2]), [{ n: 3 }])
    assert.deepEqual(yield* run(c, "select 1 as a; select 2 as b"), [[{ a: 1 }], [{ b: 2 }]])
    yield* run(c, "create table t (id int primary key)", [], { prelude: ["BEGIN"] })
    assert.equal(c.transaction(), "open")
    yield* run(c, "insert into t select generate_series(1, 1000)")
    assert.equal(yield* c.control("commit", "COMMIT"), "none")
    const rows = yield* Stream.runCollect(c.stream(statement("select id from t order by id")))
    assert.equal(Chunk.size(rows), 1000)
    assert.equal(c.condition(), "clean")
    const f = yield* Effect.flip(run(c, "insert into t values ($1)", [5]))
    console.log(f)
    yield* run(c, "set search_path = public")
    assert.equal(c.condition(), "dirty")
    yield* c.reset
    assert.equal(c.condition(), "clean")
    yield* c.ping
  }))
})
