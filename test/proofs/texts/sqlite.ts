/**
 * Statements of SQLite that compile on the tables of `schema`, with the places of `postgres.ts`.
 */
import type { Grammar } from "./corpus.js"

/** What the statements stand on. */
export const schema =
  "create table a (x, y, \"end\", \"begin\"); create table b (x primary key, y); create view v as select x from a"

/** Statements. */
const forms: ReadonlyArray<string> = [
  "select{g}{n}",
  "select {s} as {i}, {s} || {s}{g}from a",
  "select {n} + {n} -{g}{n}, - -{n}, {n} - -{n}, x -> '$' , y ->> '$' from a",
  "select x, y from a where x = {s} and y in ({n}, {n}) or x like {s} escape 'e'",
  "select case when x = {s} then {n} else {n} end as end from a",
  "select case x when {n} then {s} end, end, begin, a.end from a",
  "select ?, ?1, :b, @c, $d, $d::e(f), :g(';') from b",
  "select [x], `y`, \"x\" as [it's; x], y as `a;``b` from a",
  "select x'00ff', X'' , x'0a' as {i}",
  "select 1.5e10, .5, 5., 1e-3, 0x1F, 1_000",
  "select (select x from a limit {n}), exists (select {s}), max(x) filter (where x > {n}) over (order by y) from a",
  "with t(n) as (values ({n}) union all select n + 1 from t where n < 5) select * from t",
  "with recursive t as (select {s} as s) insert into b select s, {n} from t where true on conflict (x) do update set y = {s}",
  "values ({n}, {s}), ({n}, null)",
  "insert into b (x, y) values ({s}, {n}) on conflict do nothing",
  "insert or replace into b values ({s}, {n}) returning x",
  "replace into b values ({n}, {s})",
  "update or ignore a set x = {s}, end = {n} where y = {s}",
  "update a set (x, y) = ({n}, {s}) from b where b.x = a.x returning a.x",
  "delete from a where x = {s}",
  "create table if not exists c (x integer primary key, y text not null default {s}, check (y <> {s}), unique (x, y)) strict",
  "create table if not exists c (begin, \"end\" default ({n} + {n})) without rowid",
  "create temp table d as select {s} as {i}",
  "create temporary view w as select x from a where y = {s}",
  "create index if not exists i on a (x, lower(y) desc) where x > {n}",
  "create trigger if not exists t after insert on a begin insert into b values (new.x, new.end); end",
  "create temp trigger t2 before update of end on a when new.y = {s} begin select case when new.x then {n} end; delete from b where x = {s}; end",
  "create trigger t3 instead of delete on v for each row begin update a set end = old.x where x = {s}; select end, begin from a; values ({n}); end",
  "create{g}trigger{g}t4 delete on a begin select raise(abort, {s}); end",
  "explain create trigger t5 after delete on a begin select {n}; select {s}; end",
  "explain query plan select x from a where y = {s}",
  "explain query plan create trigger t6 after delete on a begin select {n}; end",
  "alter table a add column z default {s}",
  "drop table if exists e",
  "pragma user_version = {n}",
  "pragma table_info({i})",
  "pragma main.user_version",
  "begin",
  "begin immediate transaction",
  "end",
  "savepoint {i}",
  "analyze",
  "reindex",
  "attach ':memory:' as other",
  "vacuum"
]

/** Strings, with places for a marker. */
const strings: ReadonlyArray<string> = [
  "'{m}'",
  "''",
  "'it''s {m}'",
  "'{m};'",
  "'-- {m}'",
  "'/* {m}'",
  "'{m}\\'",
  "'\"{m}\"'",
  "'[{m}'",
  "'é {m} 名 \u{1F600}'",
  "'\n{m}\r;\n'",
  "'$a(' || '{m}'"
]

/** Names. */
const names: ReadonlyArray<string> = [
  "c1",
  "a1$b",
  "_x",
  "größe",
  "\"a;b\"",
  "\"a\"\"b\"",
  "`a;b`",
  "`a``b`",
  "[a;'b]",
  "end",
  "begin",
  "trigger",
  "temp"
]

/** Gaps between tokens. */
const gaps: ReadonlyArray<string> = [
  " ",
  "\n",
  "\r\n",
  "\t\f ",
  " \uFEFF",
  " -- it's; {c}\n",
  " -- {c}\r ; ' \n",
  " /* {c} ; ' */ ",
  " /* {c} /* ; \" */ ",
  "/**/",
  " /*/ {c} ; */ "
]

const numbers: ReadonlyArray<string> = ["{d}", "{d}.5", "1.5e{e}", "0x{d}", ".{d}", "0"]

/** What a mutation puts in. */
const pieces: ReadonlyArray<string> = [
  "'",
  "''",
  "\"",
  "`",
  "[",
  "]",
  "\\",
  "$",
  "$$",
  "$a(",
  ":a",
  "?1",
  "@",
  "#",
  "/*",
  "*/",
  "--",
  "\n",
  "\r",
  ";",
  "(",
  ")",
  " x'",
  "begin ",
  " end ",
  " end;",
  "; end",
  "case ",
  "explain ",
  "create trigger q after insert on a begin ",
  "create temp ",
  "é",
  "\u00A0",
  "\uFEFF",
  "\v",
  "1",
  ".",
  "-",
  "*",
  "/"
]

/** What the texts of SQLite are made of. */
export const sqlite: Grammar = { forms, strings, names, gaps, numbers, pieces }
