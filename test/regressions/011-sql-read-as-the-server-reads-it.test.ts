/**
 * A secret behind a comment that nests stood in logs and spans; two statements counted as one; a rule was cut in two; a
 * trigger with a column called `end` was refused as a migration; a migration with "-- down" in a comment was "applied", and
 * its table was missing.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Engine, Migrations } from "effect-sql-engine"
import { inspect } from "node:util"
import { logged, traced } from "../../packages/engine/test/support/sight.js"
import { places } from "../support/places.js"

const [[, onPostgres], [, onSqlite]] = places as [typeof places[number], typeof places[number]]

const on = (engine: Engine.EngineService) => Effect.provideService(Engine.Engine, engine)

describe("a secret behind a comment that nests", () => {
  it.scopedLive("is neither in the log nor in a span", () => {
    const { layer, lines } = logged()
    const { spans, tracer } = traced()
    return Effect.gen(function*() {
      const place = yield* onPostgres
      const { sql } = yield* place.engine({ echo: true })
      yield* Effect.withTracer(
        sql.unsafe("select 1 as a /* outer /* inner */ don't */ where 'hunter2' = 'hunter2'"),
        tracer
      )
      expect(lines.map(({ message }) => message)).toContain("select ? as a where ? = ?")
      expect(spans.map(({ attributes }) => attributes["db.query.text"])).toEqual(["select ? as a   where ? = ?"])
      expect(inspect([lines, spans], { depth: 8 })).not.toContain("hunter2")
    }).pipe(Effect.provide(layer))
  })
})

describe("a text of several statements", () => {
  it.scopedLive("is cut at a semicolon behind a comment that a carriage return ends", () =>
    Effect.gen(function*() {
      const { sql } = yield* (yield* onPostgres).engine()
      expect(yield* sql.unsafe("select 1 as a; -- c\rselect 2 as b;")).toEqual([[{ a: 1 }], [{ b: 2 }]])
    }))

  it.scopedLive("is not cut in a string that goes on on the next line, and remains one statement", () =>
    Effect.gen(function*() {
      const place = yield* onPostgres
      const engine = yield* place.engine()
      const set = Migrations.fromRecord({
        "1_text": "create table a as select E'one'\n'two\\'; three' as t; insert into a values ('four')"
      })
      yield* on(engine)(Migrations.run(set))
      expect(yield* place.admin("select t from a")).toEqual([{ t: "onetwo'; three" }, { t: "four" }])
    }))

  it.scopedLive("is not cut in a string that goes on behind a comment", () =>
    Effect.gen(function*() {
      const { sql } = yield* (yield* onPostgres).engine()
      const text = "select E'one' -- it's; \n -- ;\n'two\\'; three' as a; select 2 as b"
      expect(yield* sql.unsafe(text)).toEqual([[{ a: "onetwo'; three" }], [{ b: 2 }]])
    }))

  it.scopedLive("is not cut in the parentheses of a rule", () =>
    Effect.gen(function*() {
      const place = yield* onPostgres
      const engine = yield* place.engine()
      const set = Migrations.fromRecord({
        "1_rule": "create table t (k int); create table a (k int); create table b (k int);\n" +
          "create rule r as on insert to t do also (insert into a values (new.k); insert into b values (new.k));\n" +
          "insert into t values (7)"
      })
      yield* on(engine)(Migrations.run(set))
      expect(yield* place.admin("select a.k as a, b.k as b from a, b")).toEqual([{ a: 7, b: 7 }])
    }))

  it.scopedLive("is not cut in a trigger of SQLite that uses a column called end", () =>
    Effect.gen(function*() {
      const place = yield* onSqlite
      const engine = yield* place.engine()
      const set = Migrations.fromRecord({
        "1_trigger": "create table spans (id integer, end integer); create table log (id integer, end integer);\n" +
          "create trigger noted after insert on spans begin\n" +
          "  insert into log (id, end) values (new.id, new.end);\n" +
          "  update log set end = case when end > 5 then 5 else end end;\n" +
          "end;\n" +
          "insert into spans values (1, 9)"
      })
      yield* on(engine)(Migrations.run(set))
      expect(yield* place.admin("select id, end from log")).toEqual([{ id: 1, end: 5 }])
    }))
})

describe.each(places)("a migration on %s", (_, open) => {
  it.scopedLive("with \"-- down\" in a block comment makes its table, and has no way down", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      yield* place.admin("create table a (k int)")
      const set = Migrations.fromRecord({
        "1_b": "/* by hand:\n-- down\ndrop table a;\n*/ create table b (k int)"
      })
      yield* on(engine)(Migrations.run(set))
      expect(yield* place.tables).toEqual(["a", "b"])
      expect(yield* Effect.flip(on(engine)(Migrations.down(set)))).toMatchObject({ _tag: "MigrationIrreversible" })
    }))

  it.scopedLive("with \"-- no-transaction\" behind its first statement leaves nothing when it fails", () =>
    Effect.gen(function*() {
      const place = yield* open
      const engine = yield* place.engine()
      const set = Migrations.fromRecord({ "1_b": "create table b (k int);\n-- no-transaction\ncreate table b (k int)" })
      yield* Effect.flip(on(engine)(Migrations.run(set)))
      expect(yield* place.tables).toEqual([])
    }))
})
