/**
 * What a user saw: a migration that begins as a file of `pg_dump` does, with an empty `search_path`, could not be applied:
 * the row of the history table was to be written with the settings of the script.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Engine, Migrations } from "effect-sql-engine"
import { places } from "../support/places.js"

const [, openPostgres] = places.find(([name]) => name === "PostgreSQL")!
const on = (engine: Engine.EngineService) => Effect.provideService(Engine.Engine, engine)

const dump = `
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE TABLE public.person (id integer NOT NULL, name text);
ALTER TABLE ONLY public.person ADD CONSTRAINT person_pkey PRIMARY KEY (id);`

/** What a script may leave that would reach whatever is written behind it. */
const scripts: Readonly<Record<string, string>> = {
  "the head of a pg_dump": dump,
  "another search_path": "create schema app; set search_path = app; create table person (id integer)",
  "a local search_path": "create schema app; set local search_path = app; create table person (id integer)",
  "a role that may not write": "create table person (id integer); set role pg_monitor",
  "a local role": "create table person (id integer); set local role pg_monitor",
  "another session authorization": "create table person (id integer); set session authorization pg_monitor",
  "another encoding": "create table person (id integer); set client_encoding = 'LATIN1'",
  "no time for the next statement":
    "create table person (id integer); set lock_timeout = 1; set statement_timeout = '1s'"
}

describe.each(Object.entries(scripts))("a migration that leaves %s", (_, script) => {
  for (const head of ["", "-- no-transaction\n"]) {
    // Outside of a transaction SET LOCAL does nothing: the table lands elsewhere, which is the script's business.
    it.scopedLive(`is applied and taken back${head === "" ? "" : " without a transaction"}`, () =>
      Effect.gen(function*() {
        const place = yield* openPostgres
        const engine = yield* place.engine({ pool: { size: 1, maxOverflow: 0 } })
        const set = Migrations.fromRecord({
          "1_Zoë": {
            up: head + script,
            down: `${head}${script.replaceAll(/create [^;]*;?|CREATE [^;]*;|ALTER [^;]*;/g, "")};\nselect 1`
          }
        })
        yield* on(engine)(Migrations.run(set))
        const history = "select name, state from public.migration_ledger"
        expect(yield* place.admin(history)).toEqual([{ name: "Zoë", state: "applied" }])
        const [settings] = yield* engine.sql`select current_user, current_setting('search_path') as search_path,
          current_setting('client_encoding') as client_encoding, current_setting('lock_timeout') as lock_timeout`
        expect(settings).toEqual({
          current_user: "postgres",
          search_path: "\"$user\", public",
          client_encoding: "UTF8",
          lock_timeout: "0"
        })
        yield* on(engine)(Migrations.down(set))
        expect(yield* place.admin(history)).toEqual([])
      }))
  }
})

describe("a migration without a transaction that begins its own", () => {
  it.scopedLive("keeps what it sets for its next statements, and its transaction stays its own", () =>
    Effect.gen(function*() {
      const place = yield* openPostgres
      const engine = yield* place.engine()
      const set = Migrations.fromRecord({
        "1_own": "-- no-transaction\ncreate schema app;\nset search_path = app;\ncreate table a ();\nbegin;\n" +
          "create table b ();\nset local search_path = public;\ncreate table c ();\ncommit;\ncreate table d ();\n" +
          "begin;\ncreate table e ();\nrollback;\ncreate table f ()"
      })
      yield* on(engine)(Migrations.run(set))
      const tables = "select schemaname || '.' || tablename as t from pg_tables where tablename ~ '^.$' order by 1"
      expect((yield* place.admin(tables)).map(({ t }) => t)).toEqual(["app.a", "app.b", "app.d", "app.f", "public.c"])
    }))
})
