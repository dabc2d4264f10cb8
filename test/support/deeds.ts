/**
 * What borrowers do to a PostgreSQL connection, and what the next one could notice of it.
 */

/** A role belongs to the whole server, and test files run side by side. */
const role = `deeds_${process.pid}`

/** Statements, in the order of harm. */
export const deeds: ReadonlyArray<string> = [
  "select 1",
  "insert into kept values (1)",
  "select no_such_column",
  "begin",
  "commit",
  "rollback",
  "savepoint a",
  "set local work_mem = '1MB'",
  "set work_mem = '2MB'",
  "set search_path = pg_catalog",
  "set timezone = 'Asia/Tokyo'",
  "set session characteristics as transaction isolation level serializable",
  "reset all",
  `set role ${role}`,
  `set session authorization ${role}`,
  "reset role",
  "listen news",
  "unlisten news",
  "select pg_advisory_lock(7)",
  "select pg_advisory_xact_lock(8)",
  "select pg_try_advisory_lock_shared(1, 2)",
  "select pg_advisory_unlock(7)",
  "create temp table scratch (a int)",
  "drop table if exists scratch",
  "select 1 as a into temp scratch2",
  "create temp view peek as select 1",
  "prepare mine as select 1",
  "deallocate all",
  "discard all",
  "declare held cursor with hold for select 1",
  "declare loose cursor for select 1",
  "close all",
  "select set_config('work_mem', '3MB', false)",
  "select set_config('work_mem', '3MB', true)",
  "select shift_clock()",
  "do $$ begin perform set_config('work_mem', '4MB', false); execute 'listen hidden'; end $$",
  "select 1; set work_mem = '5MB'; listen script"
]

/** What the deeds need, to be made by a connection of its own. */
export const prepareDeeds: ReadonlyArray<string> = [
  `do $$ begin create role ${role}; exception when duplicate_object then null; end $$`,
  "create table kept (a int)",
  "grant all on kept to public",
  "create function shift_clock() returns text language sql as $$ select set_config('timezone', 'Asia/Tokyo', false) $$"
]

/** Takes the role away again. */
export const forgetDeeds: ReadonlyArray<string> = [`drop owned by ${role}`, `drop role ${role}`]

/** Everything of a session that another one could notice, as the server tells it. */
export const fingerprint = `select
  (select coalesce(json_agg(json_build_array(name, setting) order by name), '[]') from pg_settings where source = 'session') as settings,
  (select count(*)::int from pg_locks where pid = pg_backend_pid() and locktype = 'advisory') as locks,
  (select coalesce(json_agg(c), '[]') from pg_listening_channels() as c) as channels,
  (select count(*)::int from pg_class where relnamespace = pg_my_temp_schema()) as temporary,
  (select count(*)::int from pg_prepared_statements where name !~ '^ese:') as prepared,
  (select count(*)::int from pg_cursors where is_holdable) as cursors,
  current_user as role, session_user as login`
