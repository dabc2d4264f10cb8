/**
 * The output of `pg_dump --schema-only`, and a `structure.sql` of Rails, as a first migration.
 */
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Engine, Migrations } from "effect-sql-engine"
import { places } from "../support/places.js"

const [[, onPostgres], [, onSqlite]] = places as [typeof places[number], typeof places[number]]

const on = (engine: Engine.EngineService) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(Effect.provideService(Engine.Engine, engine), Effect.provide(NodeContext.layer))

/** What pg_dump writes of a schema, without the lines of psql. */
const dump = `--
-- PostgreSQL database dump
--

-- Dumped from database version 18.1 (Debian 18.1-1.pgdg13+2)
-- Dumped by pg_dump version 18.1 (Debian 18.1-1.pgdg13+2)

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

--
-- Name: SCHEMA public; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON SCHEMA public IS 'it''s; standard';

--
-- Name: kind; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.kind AS ENUM (
    'a;b',
    'c'
);

--
-- Name: touch(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.touch() RETURNS trigger
    LANGUAGE plpgsql
    AS $_$
BEGIN
  NEW.name := regexp_replace(NEW.name, '^\\s+', ''); -- it's; fine
  RETURN NEW;
END;
$_$;

CREATE FUNCTION public.three() RETURNS integer
    LANGUAGE sql
    BEGIN ATOMIC
 SELECT 1;
 SELECT 3;
END;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public.city (
    id integer NOT NULL,
    name text DEFAULT E'\\\\x'::text NOT NULL,
    kind public.kind
);

CREATE SEQUENCE public.city_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.city_id_seq OWNED BY public.city.id;

ALTER TABLE ONLY public.city ALTER COLUMN id SET DEFAULT nextval('public.city_id_seq'::regclass);

ALTER TABLE ONLY public.city
    ADD CONSTRAINT city_pkey PRIMARY KEY (id);

CREATE RULE quiet AS
    ON DELETE TO public.city DO INSTEAD ( UPDATE public.city SET name = ''::text;
 SELECT 1;
);

CREATE TRIGGER touch BEFORE INSERT ON public.city FOR EACH ROW EXECUTE FUNCTION public.touch();

INSERT INTO public.city VALUES (1, ' x -- y; z', 'a;b');

SELECT pg_catalog.setval('public.city_id_seq', 1, true);

--
-- PostgreSQL database dump complete
--

`

/** The end of a structure.sql of Rails. */
const rails = `SET search_path TO "$user", public;

CREATE TABLE public.schema_migrations (version character varying NOT NULL);

INSERT INTO "schema_migrations" (version) VALUES
('20240102000000'),
('20240101000000');

`

describe("a dump as a migration", () => {
  it.scopedLive.each([["", dump], ["-- no-transaction\n", dump], ["", dump + rails]] as const)(
    "is applied with its row, and the next migration finds a connection as new",
    ([head, text]) =>
      Effect.gen(function*() {
        const place = yield* onPostgres
        const engine = yield* place.engine({ pool: { size: 1, maxOverflow: 0 } })
        const set = Migrations.fromRecord({ "1_dump": head + text, "2_next": "create table next (k integer)" })
        expect(yield* on(engine)(Migrations.run(set))).toHaveLength(2)
        yield* on(engine)(Migrations.verify(set))
        expect(yield* place.tables).toEqual(text === dump ? ["city", "next"] : ["city", "next", "schema_migrations"])
        expect(yield* place.admin("select name, kind, public.three() from public.city")).toEqual([
          { name: "x -- y; z", kind: "a;b", three: 3 }
        ])
        expect(yield* place.admin("select state from public.migration_ledger order by id")).toEqual([
          { state: "applied" },
          { state: "applied" }
        ])
      })
  )

  it.scopedLive("of sqlite3 names the line of its BEGIN, and runs without it", () =>
    Effect.gen(function*() {
      const place = yield* onSqlite
      const engine = yield* place.engine()
      const text = "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE child (p integer references parent);\n" +
        "INSERT INTO child VALUES(1);\nCREATE TABLE parent (id integer primary key);\nINSERT INTO parent VALUES(1);\nCOMMIT;\n"
      expect(yield* Effect.flip(on(engine)(Migrations.run(Migrations.fromRecord({ "1_dump": text }))))).toMatchObject({
        _tag: "MigrationSourceError",
        problems: [{ line: 2, problem: expect.stringContaining("steers its own transaction (BEGIN)") }]
      })
      const without = text.replace("BEGIN TRANSACTION;\n", "").replace("COMMIT;\n", "")
      yield* on(engine)(Migrations.run(Migrations.fromRecord({ "1_dump": without })))
      expect(yield* place.tables).toEqual(["child", "parent"])
      // The pragma of the dump does not outlive it.
      expect((yield* engine.sql`pragma foreign_keys`)[0]).toEqual({ foreign_keys: 1 })
    }))
})
