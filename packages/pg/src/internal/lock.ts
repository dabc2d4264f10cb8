/**
 * PostgreSQL's lock over a whole database: a session-level advisory lock.
 *
 * Source: https://www.postgresql.org/docs/18/explicit-locking.html#ADVISORY-LOCKS
 */
import type { SessionLock } from "effect-sql-engine/Dialect"

/** `pg_locks` shows the two halves of a 64-bit key; the lock is this database's only. */
const found = "FROM pg_catalog.pg_locks AS l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 " +
  "AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()) " +
  "AND ((l.classid::pg_catalog.int8 << 32) | l.objid::pg_catalog.int8) = $1::pg_catalog.int8"

export const lock: SessionLock = {
  kind: "session",
  tryTake: "SELECT pg_catalog.pg_try_advisory_lock($1::pg_catalog.int8) AS taken",
  release: "SELECT pg_catalog.pg_advisory_unlock($1::pg_catalog.int8) AS released",
  isHeld: `SELECT EXISTS (SELECT ${found} AND l.pid = pg_catalog.pg_backend_pid()) AS held`,
  holder:
    "SELECT 'backend ' || l.pid || coalesce((SELECT ' of ' || a.application_name FROM pg_catalog.pg_stat_activity " +
    `AS a WHERE a.pid = l.pid AND a.application_name <> ''), '') AS holder ${found}`,
  evict: `SELECT pg_catalog.pg_terminate_backend(l.pid) AS evicted ${found}`,
  server: "SELECT pg_catalog.pg_backend_pid()::pg_catalog.text AS server",
  // New in PostgreSQL 14: an older server never ends a connection for that.
  idleTimeout: "SELECT coalesce((SELECT s.setting::pg_catalog.int4 FROM pg_catalog.pg_settings AS s " +
    "WHERE s.name = 'idle_session_timeout'), 0) AS millis"
}
