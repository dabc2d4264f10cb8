/**
 * What the tests of the sandbox run on: a database with two tables, engines on it under a sandbox, and the view of a
 * connection outside of every engine.
 */
import { SqlClient } from "@effect/sql"
import { Effect } from "effect"
import type { Layer, Scope } from "effect"
import { Engine } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { Sandbox } from "effect-sql-engine-testing"
import { type Place, places } from "../support/places.js"

export const drivers = [PgEngine.driver, SqliteEngine.driver] as const

/** `note` refers to `topic`; that the topic is there is asked at COMMIT. */
const tables = [
  "create table topic (id integer primary key, name text not null unique)",
  "create table note (id integer primary key, topic integer not null references topic (id) deferrable initially deferred)",
  "insert into topic (id, name) values (1, 'given')"
]

export interface Ground extends Place {
  /** The database of the place, as a layer. */
  readonly layer: Layer.Layer<Engine.Engine | SqlClient.SqlClient>
  /** What is committed in `topic`. */
  readonly topics: Effect.Effect<ReadonlyArray<string>>
}

const groundOf = (place: Place): Effect.Effect<Ground> =>
  Effect.map(place.admin(...tables), () => ({
    ...place,
    layer: Engine.layer(place.engine()),
    topics: Effect.map(
      place.admin("select name from topic order by id"),
      (rows) => rows.map(({ name }) => String(name))
    )
  }))

/** Every kind of place, with its tables. */
export const grounds: ReadonlyArray<readonly [name: string, open: Effect.Effect<Ground, never, Scope.Scope>]> = places
  .map(([name, open]) => [name, Effect.flatMap(open, groundOf)] as const)

/** Runs a body with the place's engine under a sandbox of mode `rollback`. */
export const under = <A, E, R>(
  ground: Ground,
  body: Effect.Effect<A, E, R>,
  options?: Sandbox.RollbackOptions
) => Effect.provide(body, Sandbox.rollback(ground.layer, options))

export const sql = SqlClient.SqlClient

export const insert = (id: number, name = `topic ${id}`) =>
  Effect.flatMap(sql, (sql) => sql`insert into topic ${sql.insert({ id, name })}`)

export const names = Effect.flatMap(
  sql,
  (sql) =>
    Effect.map(
      sql<{ readonly name: string }>`select name from topic order by id`,
      (rows) => rows.map(({ name }) => name)
    )
)
