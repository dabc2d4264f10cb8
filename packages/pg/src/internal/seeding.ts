/**
 * How foreign keys wait until all rows of a seed are there.
 *
 * One that is not DEFERRABLE is made so for the transaction, and back before it commits; a rollback takes it back by
 * itself.
 *
 * Source: https://www.postgresql.org/docs/18/sql-altertable.html
 */
import type { Seeding } from "effect-sql-engine/Dialect"

const strict =
  "WITH t AS (SELECT pg_catalog.to_regclass(name) AS id, place FROM pg_catalog.unnest($1::pg_catalog.text[]) " +
  "WITH ORDINALITY AS n (name, place)), f AS (SELECT pg_catalog.format('ALTER TABLE %s ALTER CONSTRAINT %I', " +
  "c.conrelid::pg_catalog.regclass, c.conname) AS change, a.place::pg_catalog.int4 AS child, b.place::pg_catalog.int4 " +
  "AS parent FROM pg_catalog.pg_constraint AS c JOIN t AS a ON a.id = c.conrelid JOIN t AS b ON b.id = c.confrelid " +
  "WHERE c.contype = 'f' AND NOT c.condeferrable AND c.conparentid = 0) SELECT child, parent, " +
  "change || ' DEFERRABLE INITIALLY DEFERRED' AS defer, change || ' NOT DEFERRABLE' AS restore FROM f ORDER BY change"

/** A counter that was started further on, or that counts down, stays where it is. */
const advance =
  "SELECT pg_catalog.format('SELECT pg_catalog.setval(%L, pg_catalog.max(%I)) FROM %s HAVING pg_catalog.max(%I) >= " +
  "(SELECT last_value FROM %s)', q.id::pg_catalog.text, a.attname, a.attrelid::pg_catalog.regclass, a.attname, " +
  "q.id::pg_catalog.text) AS run FROM pg_catalog.pg_attribute AS a CROSS JOIN LATERAL (SELECT " +
  "pg_catalog.pg_get_serial_sequence($1, a.attname)::pg_catalog.regclass AS id) AS q JOIN pg_catalog.pg_sequence AS s " +
  "ON s.seqrelid = q.id WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped " +
  "AND s.seqincrement > 0"

export const seeding: Seeding = {
  defer: "SET CONSTRAINTS ALL DEFERRED",
  strict: (tables) => ({ sql: strict, params: [tables] }),
  check: () => ["SET CONSTRAINTS ALL IMMEDIATE"],
  overriding: "OVERRIDING SYSTEM VALUE",
  advance: (table) => ({ sql: advance, params: [table] })
}
