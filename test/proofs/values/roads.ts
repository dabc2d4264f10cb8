/**
 * Every way a value takes into a row of a table `(id, v)`.
 */
import { Effect } from "effect"
import { Repository, Session } from "effect-sql-engine"
import type { PgEngine } from "effect-sql-engine-pg"
import type * as Engine from "effect-sql-engine/Engine"
import type { Kind } from "./kind.js"

/** A row to write. */
export interface Row {
  readonly id: number
  readonly v: unknown
}

/** Writes rows, all or none of them known to be there. */
export type Write = (rows: ReadonlyArray<Row>) => Effect.Effect<unknown, unknown, Engine.Engine>

/** A way, and what it is called. */
export interface Road {
  readonly name: string
  /** Whether rows go together: what one of them does, all do. */
  readonly together: boolean
  readonly write: Write
}

const each = (name: string, one: (row: Row) => Effect.Effect<unknown, unknown, Engine.Engine>): Road => ({
  name,
  together: false,
  write: (rows) => Effect.forEach(rows, one, { discard: true })
})

const together = (name: string, write: Write): Road => ({ name, together: true, write })

/** The rows without their values, for what changes rows. */
const empty = (engine: Engine.EngineService, table: string, rows: ReadonlyArray<Row>) =>
  engine.sql.unsafe(`insert into ${table} (id) values ${rows.map(({ id }) => `(${id})`).join(", ")}`)

/** The ways by which a kind of value goes into its table. */
export const roadsOf = (kind: Kind, engine: Engine.EngineService): ReadonlyArray<Road> => {
  const { sql } = engine
  const name = kind.table.name
  const repository = Repository.make(kind.table)
  const table = sql(name)
  const bound = (v: unknown): any => v === null || kind.bound === undefined ? v : kind.bound(v)
  const insertion = ({ id, v }: Row) => sql`insert into ${table} (id, v) values (${id}, ${bound(v)})`
  const first = (rows: ReadonlyArray<Row>) => empty(engine, name, rows)
  const after = (name: string, one: (row: Row) => Effect.Effect<unknown, unknown, Engine.Engine>): Road => ({
    name,
    together: false,
    write: (rows) => Effect.zipRight(first(rows), Effect.forEach(rows, one, { discard: true }))
  })
  const afterAll = (name: string, write: Write): Road =>
    together(name, (rows) => Effect.zipRight(first(rows), write(rows)))
  return [
    each("template", insertion),
    each("unprepared", (row) => insertion(row).unprepared),
    together(
      "sql.insert",
      (rows) => sql`insert into ${table} ${sql.insert(rows.map(({ id, v }) => ({ id, v: bound(v) })))}`
    ),
    after("sql.update", ({ id, v }) => sql`update ${table} set ${sql.update({ v: bound(v) })} where id = ${id}`),
    together("pipeline", (rows) => Session.transaction(Session.pipeline(rows.map(insertion)))),
    together("batch", (rows) => Session.batch(rows.map(insertion))),
    each("insert", (row) => repository.insert(row)),
    together("insertMany", (rows) => repository.insertMany(rows)),
    each("upsert", (row) => repository.upsert(row)),
    after("upsert of a row that is there", (row) => repository.upsert(row)),
    together("upsertMany", (rows) => repository.upsertMany(rows)),
    afterAll("upsertMany of rows that are there", (rows) => repository.upsertMany(rows)),
    after("update", ({ id, v }) => repository.update(id, { v })),
    after("updateMany", ({ id, v }) => repository.updateMany({ id }, { v })),
    together(
      "enqueue.insert",
      (rows) => Session.transaction(Effect.forEach(rows, (row) => Session.enqueue.insert(kind.table, row)))
    ),
    afterAll(
      "enqueue.update",
      (rows) =>
        Session.transaction(
          Effect.forEach(rows, ({ id, v }) => Session.enqueue.update(kind.table, id, { v }))
        )
    )
  ]
}

/** `PgClient.json` in a template, for documents. */
export const jsonRoad = (kind: Kind, engine: PgEngine.PgEngineService): Road =>
  each(
    "PgClient.json",
    ({ id, v }) =>
      engine.sql`insert into ${engine.sql(kind.table.name)} (id, v) values (${id}, ${
        v === null ? null : engine.client.json(v)
      })`
  )
