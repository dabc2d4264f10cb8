/**
 * The ledger: the table of the migrations that have been applied, a row each.
 *
 * It is written in the transaction of the migration it tells of. A set that has none yet, and follows on `@effect/sql`'s
 * own migrator, is told what that one has applied; when the ledger is made, those rows are taken over.
 */
import type { Statement } from "@effect/sql/Statement"
import { DateTime, Effect, Option } from "effect"
import type { EngineService } from "../../Engine.js"
import { refine } from "../../SqlFailure.js"
import type { SqlFailure } from "../../SqlFailure.js"
import { canonical } from "./id.js"
import type { Entry, MigrationSet } from "./model.js"

interface Row {
  readonly id: string
  readonly name: string
  readonly checksum: string | null
  readonly state: Entry["state"]
  readonly done: number
  readonly started_at: string
  readonly millis: number | null
}

const entryOf = (row: Row): Entry => ({
  id: row.id,
  name: row.name,
  checksum: row.checksum ?? undefined,
  state: row.state,
  done: Number(row.done),
  startedAt: row.started_at,
  millis: row.millis === null ? undefined : Number(row.millis)
})

/** What stands in a ledger. `made`: whether there is one. */
export interface Ledger {
  readonly made: boolean
  readonly entries: ReadonlyArray<Entry>
}

/** The statements on one ledger. */
export interface LedgerTable {
  readonly read: Effect.Effect<Ledger, SqlFailure>
  /** Makes it, with what it takes over. To be called under the lock, when there is none. */
  readonly make: Effect.Effect<void, SqlFailure>
  readonly insert: (entry: Entry) => Statement<unknown>
  readonly update: (entry: Entry) => Statement<unknown>
  readonly remove: (id: string) => Statement<unknown>
}

/** SQLite has a text without a zone, which is UTC. */
const iso = (moment: unknown): string =>
  Option.match(DateTime.make(moment instanceof Date ? moment : `${String(moment).replace(" ", "T")}Z`), {
    onNone: () => DateTime.formatIso(DateTime.unsafeMake(0)),
    onSome: DateTime.formatIso
  })

/** Whether there is a table of this name. The dialect has words for scripts: that is checked before. */
const exists = (
  engine: EngineService,
  table: string,
  schema: string | undefined
): Effect.Effect<boolean, SqlFailure> => {
  const { params, sql } = engine.dialect.script!.tableExists(table, schema)
  const rows = engine.sql.unsafe<{ found: boolean | number }>(sql, params).withoutTransform
  return refine(Effect.map(rows, ([row]) => row?.found === true || row?.found === 1))
}

/** The ledger of a set. */
export const ledgerOf = (engine: EngineService, set: MigrationSet<unknown>): LedgerTable => {
  const sql = engine.sql.withoutTransforms()
  const { quoteIdentifier: quote, script } = engine.dialect
  const schema = script?.schemas === true ? set.schema : undefined
  const table = sql.literal(schema === undefined ? quote(set.table) : `${quote(schema)}.${quote(set.table)}`)
  const rowOf = ({ startedAt, ...entry }: Entry) => ({
    ...entry,
    checksum: entry.checksum ?? null,
    millis: entry.millis ?? null,
    started_at: startedAt
  })

  const insert: LedgerTable["insert"] = (entry) => sql`insert into ${table} ${sql.insert(rowOf(entry))}`

  /** What the other migrator has applied. */
  const inherited: Effect.Effect<ReadonlyArray<Entry>, SqlFailure> = Effect.gen(function*() {
    if (set.takeOver === undefined || !(yield* exists(engine, set.takeOver, undefined))) return []
    const rows = yield* sql<{ migration_id: number | string; name: string; created_at: unknown }>`
      select migration_id, name, created_at from ${sql(set.takeOver)} order by migration_id`
    return rows.map((row): Entry => ({
      id: canonical(String(row.migration_id)),
      name: row.name,
      checksum: undefined,
      state: "applied",
      done: 0,
      startedAt: iso(row.created_at),
      millis: undefined
    }))
  }).pipe(refine)

  const create = sql`create table ${table} (
    id text primary key,
    name text not null,
    checksum text,
    state text not null,
    done integer not null,
    started_at text not null,
    millis integer
  )`

  return {
    read: Effect.gen(function*() {
      if (!(yield* exists(engine, set.table, schema))) return { made: false, entries: yield* inherited }
      return { made: true, entries: (yield* sql<Row>`select * from ${table}`).map(entryOf) }
    }).pipe(refine),
    make: engine.transaction(
      Effect.gen(function*() {
        if (schema !== undefined) yield* sql`create schema if not exists ${sql(schema)}`
        yield* create
        yield* Effect.forEach(yield* inherited, insert, { discard: true })
      }),
      { name: `ledger ${set.name}` }
    ),
    insert,
    update: (entry) => sql`update ${table} set ${sql.update(rowOf(entry), ["id"])} where id = ${entry.id}`,
    remove: (id) => sql`delete from ${table} where id = ${id}`
  }
}
