import { describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as assert from "node:assert/strict"
import { significant, traits } from "../src/internal/sqlText.js"

const leaves = (sql: string) => traits(sql).leaves

describe("significant", () => {
  it("drops comments, nested ones too, and the insides of literals and dollar quotes", () => {
    assert.equal(significant("SELECT 1 -- set x\n, 2"), "select 1  , 2")
    assert.equal(significant("a /* b /* c */ d */ e"), "a   e")
    assert.equal(significant("'it''s' || E'a\\'b' || $$x;y$$ || $t$;$$;$t$"), "'' || e'' || '' || ''")
    assert.equal(significant("select \"set;x\", $1, a$b"), "select set_x, $1, a$b")
  })

  it("ends for every text, with an unfinished quote or comment reaching to the end", () => {
    const piece = FastCheck.constantFrom("'", "\"", "$$", "$a$", "/*", "*/", "--", "\n", "\\", "E", ";", "a", "$", " ")
    FastCheck.assert(
      FastCheck.property(FastCheck.array(piece, { maxLength: 20 }), (pieces) => {
        assert.equal(typeof significant(pieces.join("")), "string")
      }),
      { seed: 2, numRuns: 2_000 }
    )
    for (const open of ["'a;b", "\"a;b", "$$a;b", "/* a;b", "-- a;b"]) {
      assert.equal(traits(`select 1 ${open}`).script, false)
    }
  })
})

describe("traits", () => {
  it("sees several statements only where semicolons separate them", () => {
    for (const sql of ["select 1; select 2", "begin;;commit", "select 1;\n-- end\nselect 2"]) {
      assert.equal(traits(sql).script, true)
    }
    for (const sql of ["select 1;", "select ';' ; ", "select 1; -- 2", "select $$;$$", "select \"a;b\"", "", ";;"]) {
      assert.equal(traits(sql).script, false, sql)
    }
  })

  it("finds what may change what other texts return; in doubt it may", () => {
    for (
      const sql of [
        "alter table t add b int",
        "create index on t (a)",
        "drop view v",
        "do $$ begin end $$",
        "call p()",
        "import foreign schema s from server f into public",
        "set search_path = a",
        "SET LOCAL \"search_path\" TO a",
        "set schema 'a'",
        "set session role to b",
        "reset role",
        "reset all",
        "set session authorization default",
        "select set_config('search_path', $1, true)",
        "select pg_catalog.\"set_config\" ( 'Search_Path', 'a', false)",
        "select set_config($1, 'a', true)",
        "select set_config('a.b', 'c', true), set_config(name, 'a', true) from s",
        "update pg_settings set setting = 'a' where name = 'search_path'",
        "select 1 as a into u from t",
        "with a as (insert into t values (1) returning a) select * into u from a",
        "select 1; alter table t add b int"
      ]
    ) assert.equal(traits(sql).reshapes, true, sql)
    for (
      const sql of [
        "",
        "select 1",
        "(select 1) union (select 2)",
        "insert into t select 1",
        "with a as (insert into t values (1) returning a) select * from a",
        "set local statement_timeout = 1",
        "set constraints all deferred",
        "reset work_mem",
        "select set_config('app.tenant', $1, true)",
        "begin",
        "rollback to a",
        "commit",
        "lock table t",
        "select 'alter table t', \"alter\" from t -- alter"
      ]
    ) assert.equal(traits(sql).reshapes, false, sql)
  })

  it("finds what outlives a transaction", () => {
    for (
      const sql of [
        "SET search_path = a",
        "set session role to b",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "select 1; set x = 1",
        "listen c",
        "select pg_advisory_lock(1)",
        "select pg_try_advisory_lock_shared(1, 2)",
        "create temp table t (a int)",
        "create /* now */ temporary view v as select 1",
        "create or replace temp view v as select 1",
        "create local temporary table t (a int)",
        "select 1 into temp t",
        "create table pg_temp.t (a int)",
        "select set_config('a.b', 'c', false)",
        "select set_config('a.b', 'c', $1)",
        "select \"set_config\"('a.b', 'c', false)",
        "declare c cursor with hold for select 1",
        "prepare p as select 1",
        "do $$ begin end $$",
        "call p()",
        "load 'x'"
      ]
    ) assert.equal(leaves(sql), true, sql)
  })

  it("leaves alone what ends with the transaction, and what only looks like it", () => {
    for (
      const sql of [
        "select 1",
        "SET LOCAL statement_timeout = 1",
        "set transaction read only",
        "set constraints all deferred",
        "select set_config('a.b', $1, true)",
        "select set_config('a.b', $1::text, true), pg_catalog.set_config('c', 'd', true)",
        "select pg_advisory_xact_lock(1)",
        "update t set a = 1",
        "select temp from readings",
        "create table temperature (a int)",
        "create table template (a int)",
        "select 'set x = 1; listen y'",
        "create function f() returns void language plpgsql as $$ begin perform set_config('a', 'b', false); end $$",
        "declare c cursor for select 1",
        "prepare transaction 'x'",
        "notify c"
      ]
    ) assert.equal(leaves(sql), false, sql)
  })

  it("knows what asks for read only, and what cannot be undone", () => {
    assert.equal(traits("begin isolation level serializable read only").readOnly, true)
    assert.equal(traits("set default_transaction_read_only = on").readOnly, true)
    assert.equal(traits("insert into t values ('read only')").readOnly, false)
    assert.equal(traits("load 'auto_explain'").spoils, true)
  })
})
