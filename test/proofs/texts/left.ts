/**
 * Statements that leave something on a connection, and statements that leave nothing, in whatever clothes.
 */
import { SqlText } from "effect-sql-engine"
import type { Chance } from "../../support/proof.js"

/** What statements of a database leave on their connection. */
export interface Deeds {
  /** Something, when they succeed. */
  readonly leaving: ReadonlyArray<string>
  /** Nothing. */
  readonly harmless: ReadonlyArray<string>
  /** Nothing, which cannot be told from their texts. */
  readonly doubtful: ReadonlyArray<string>
  /** Gaps that may stand between any two tokens. */
  readonly gaps: ReadonlyArray<string>
  /** Functions and settings whose names mean the same in quotes. */
  readonly quotable: ReadonlyArray<string>
  /** What may go before and behind a statement; `;` between two where a text may hold both. */
  readonly before: ReadonlyArray<string>
  readonly behind: ReadonlyArray<string>
}

export const postgresDeeds: Deeds = {
  leaving: [
    "set work_mem = '2MB'",
    "set session timezone to 'Asia/Tokyo'",
    "set time zone 'Asia/Tokyo'",
    "set search_path = pg_catalog",
    "set local.setting = 1",
    "set session characteristics as transaction isolation level serializable",
    "listen news",
    "select pg_advisory_lock(7)",
    "select pg_catalog.pg_try_advisory_lock_shared(1, 2)",
    "with a as (select pg_advisory_lock(7)) select * from a",
    "create temp table scratch (a int)",
    "create local temporary table scratch as select 1 as a",
    "create table pg_temp.scratch (a int)",
    "create or replace temp view peek as select 1 as a",
    "create temporary sequence counter",
    "select 1 as a into temp scratch",
    "explain analyze create temp table scratch as select 1 as a",
    "prepare mine as select 1",
    "declare held cursor with hold for select 1",
    "select set_config('work_mem', '3MB', false)",
    "select set_config('work_mem', 'true', false) where set_config('a.b', 'true', true) is not null",
    "select set_config('work_mem', concat('3', 'MB'), length('true') = 5)",
    "update pg_catalog.pg_settings set setting = '4096' where name = 'work_mem'",
    "do $$ begin perform set_config('work_mem', '4MB', false); end $$",
    "begin; set work_mem = '5MB'; commit",
    "select 1; set work_mem = '5MB'; listen script"
  ],
  harmless: [
    "select 1",
    "insert into kept values (1)",
    "select 'set work_mem = 1; listen news' as a, $$ listen news; $$ as b, e'\\'; listen news; --' as c",
    "select \"listen\", \"set\" from (select 1 as \"listen\", 2 as \"set\") as x",
    "select temp from (select 1 as temp) as temporary",
    "select into_temp, hold, load from (select 1 as into_temp, 2 as hold, 3 as load) as x",
    "set local work_mem = '1MB'",
    "begin; set local work_mem = '1MB'; commit",
    "begin; declare loose cursor for select 1; fetch all from loose; commit",
    "select set_config('work_mem', '3MB', true)",
    "select set_config('work_mem', concat('3', (select 'MB')), true)",
    "select pg_advisory_xact_lock(8)",
    "create table if not exists plain (temp int, \"with\" int, hold int)",
    "create or replace function quiet() returns text language sql as $$ select set_config('a.b', 'c', false) $$",
    "notify news, 'listen news'",
    "show work_mem",
    "reset all",
    "unlisten *",
    "select * from no_such_table",
    "select from where",
    "prepare transaction 'nothing'",
    "rollback"
  ],
  doubtful: [
    "do $$ begin end $$",
    "select set_config('a.b', current_setting('a.b', true), random() > 2)",
    "select 1 as \"pg_temp\"",
    "begin; set work_mem = '5MB'; rollback",
    "set no_such_setting = 1"
  ],
  gaps: [" ", "\n", " /* listen c; /* ' */ */ ", " -- set a = 1; it's\n", "\r\t", " -- \r", "\f"],
  quotable: ["set_config", "pg_advisory_lock", "pg_try_advisory_lock_shared", "pg_temp", "pg_settings", "news"],
  before: ["", "", ";", " -- listen c\n", "/* ; */ ; ", "select 'a'; ", "\f"],
  behind: ["", "", ";", ";;", " -- ; listen c", "; /* set x = 1 */", "; select 'b'"]
}

export const sqliteDeeds: Deeds = {
  leaving: [
    "pragma foreign_keys = off",
    "pragma foreign_keys(0)",
    "pragma cache_size = -77",
    "pragma main.cache_size = 78",
    "pragma recursive_triggers = on",
    "explain pragma cache_size = 79",
    "explain query plan pragma cache_size = 80",
    "create temp table scratch (a)",
    "create table temp.scratch (a)",
    "create temporary view if not exists peek as select 1",
    "create temp trigger noted after insert on kept begin select new.a; end",
    "attach ':memory:' as other"
  ],
  harmless: [
    "select 1",
    "insert into kept values (1)",
    "select 'pragma foreign_keys = off; attach x' as a, [temp], `attach` from (select 1 as temp, 2 as attach)",
    "pragma foreign_keys",
    "pragma table_info(kept)",
    "pragma user_version = 3",
    "select * from pragma_cache_size",
    "create table if not exists plain (temp, attach)",
    "create view if not exists seen as select 'temp' as temp",
    "explain select 1",
    "select * from no_such_table",
    "select from where",
    "pragma foreign_key_check",
    "rollback"
  ],
  doubtful: ["pragma foreign_keys = on", "pragma no_such_pragma = 1", "pragma trusted_schema = 1"],
  gaps: [" ", "\n", " /* attach /* ' */ ", " -- pragma a = 1; it's\n", "\r\t", " -- \r attach\n", "\f", " \uFEFF"],
  quotable: ["foreign_keys", "cache_size", "recursive_triggers", "scratch", "main", "other"],
  before: ["", "", ";", " -- attach c\n", "/* ; */ ; ", "\uFEFF", "\f"],
  behind: ["", "", ";", ";;", " -- ; attach c", "; /* pragma a = 1 */"]
}

/** The same statement with other gaps, letters and quotes, among others. */
export const disguised = (text: string, deeds: Deeds, syntax: SqlText.SqlSyntax, chance: Chance): string => {
  let clothed = ""
  let from = 0
  for (const { end, kind, start, text: word } of SqlText.tokens(text, syntax)) {
    clothed += start > from ? chance.pick(deeds.gaps) : ""
    const written = text.slice(start, end)
    if (kind !== "word") clothed += written
    else if (deeds.quotable.includes(word) && chance.below(3) === 0) clothed += `"${word}"`
    else clothed += [...written].map((letter) => chance.below(2) === 0 ? letter.toUpperCase() : letter).join("")
    from = end
  }
  return chance.pick(deeds.before) + clothed + chance.pick(deeds.behind)
}
