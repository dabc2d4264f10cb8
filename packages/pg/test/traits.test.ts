import { describe, it } from "@effect/vitest"
import * as assert from "node:assert/strict"
import { traits } from "../src/internal/traits.js"

const leaves = (sql: string) => traits(sql).leaves

describe("traits", () => {
  it("sees several statements only where semicolons separate them", () => {
    for (const sql of ["select 1; select 2", "begin;;commit", "select 1;\n-- end\nselect 2"]) {
      assert.equal(traits(sql).script, true)
    }
    for (const sql of ["select 1;", "select ';' ; ", "select 1; -- 2", "select $$;$$", "select \"a;b\"", "", ";;"]) {
      assert.equal(traits(sql).script, false, sql)
    }
    for (const open of ["'a;b", "\"a;b", "$$a;b", "/* a;b", "-- a;b"]) {
      assert.equal(traits(`select 1 ${open}`).script, false)
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
        "load 'x'",
        "select U&\"set\\005fconfig\"('a.b', 'c', false)",
        "select set_config(setting_name => 'a.b', new_value => 'c', is_local => true)",
        "set local.setting = 1",
        "create table pg_temp_3.t (a int)",
        "explain analyze create temp table t as select 1",
        "update pg_catalog.pg_settings set setting = 'c' where name = 'a.b'"
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
        "notify c",
        "select set_config('a.b', concat('c', (select max(d) from e)), true)",
        "select 'with hold', \"listen\" from \"set\"",
        "/* set x = 1 /* ; */ ; listen c */ select 1"
      ]
    ) assert.equal(leaves(sql), false, sql)
  })

  it("knows what asks for read only, and what cannot be undone", () => {
    assert.equal(traits("begin isolation level serializable read only").readOnly, true)
    assert.equal(traits("set default_transaction_read_only = on").readOnly, true)
    assert.equal(traits("insert into t values ('read only')").readOnly, false)
    assert.equal(traits("load 'auto_explain'").spoils, true)
  })

  it("knows a COPY that talks to the client, whichever word it has for it", () => {
    for (const sql of ["copy t from stdin", "COPY t (a, \"to\") FROM STDOUT", "copy t from stdin with (format csv)"]) {
      assert.equal(traits(sql).copies, "FROM STDIN", sql)
    }
    for (const sql of ["copy t to stdout", "copy (select a from b) to stdout", "select 1; copy t to stdin"]) {
      assert.equal(traits(sql).copies, "TO STDOUT", sql)
    }
    for (const sql of ["copy t from '/tmp/stdin'", "copy t to program 'cat'", "select 'copy t to stdout'"]) {
      assert.equal(traits(sql).copies, undefined, sql)
    }
  })

  it("knows what a plan runs, and what steers the transaction", () => {
    for (const sql of ["(select 1)", "with a as (select 1) select * from a", "table t", "select 1; set x = 1"]) {
      assert.equal(traits(sql).planned, true, sql)
    }
    for (const sql of ["", "show all", "explain select 1"]) assert.equal(traits(sql).planned, false, sql)
    for (const sql of ["select 1; /* */ commit", "prepare transaction 'x'", "lock t"]) {
      assert.equal(traits(sql).steers, true, sql)
    }
    for (const sql of ["select 1", "prepare p as select 1", "select 'a'; -- commit"]) {
      assert.equal(traits(sql).steers, false, sql)
    }
  })
})
