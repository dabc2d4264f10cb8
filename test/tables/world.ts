/**
 * The tables of these tests, and the two databases they are made in.
 */
import { Model, SqlClient } from "@effect/sql"
import { Effect, Layer, Schema } from "effect"
import type { Scope } from "effect"
import { Engine, Table } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { database } from "../support/postgres.js"

export class User extends Model.Class<User>("User")({
  id: Model.Generated(Schema.Int),
  email: Schema.String,
  nickName: Schema.NullOr(Schema.String),
  password: Model.Sensitive(Schema.String),
  createdAt: Model.DateTimeInsertFromDate,
  token: Model.Generated(Schema.UUID)
}) {}

export const users = Table.make("users", User, {
  naming: "snake",
  unique: ["email"],
  indexes: [["nickName", "email"], { columns: ["createdAt desc"], name: "users_newest" }],
  checks: [{ name: "users_email_has_at", check: "email like '%@%'" }],
  columns: { createdAt: { default: Table.now } }
})

export class Post extends Model.Class<Post>("Post")({
  id: Model.Generated(Schema.Number),
  authorId: Schema.Number,
  title: Schema.String,
  score: Schema.Number,
  body: Model.JsonFromString(Schema.Struct({ text: Schema.String }))
}) {}

export const posts = Table.make("posts", Post, {
  naming: "snake",
  references: [{ columns: ["authorId"], table: users, onDelete: "cascade" }],
  unique: [["authorId", "title"]],
  columns: { score: { default: 0.5 } }
})

/** Two tables that refer to each other, both without exception. */
export const teams = Table.make("teams", Schema.Struct({ id: Schema.Int, captain: Schema.Int }), {
  references: [{ columns: ["captain"], table: "players" }]
})

export const players = Table.make("players", Schema.Struct({ id: Schema.Int, team: Schema.Int }), {
  references: [{ columns: ["team"], table: teams, onDelete: "cascade" }]
})

/** A database of a test's own. */
export interface World {
  readonly name: "postgresql" | "sqlite"
  /** What a process needs to find it. */
  readonly url: string
  readonly make: Effect.Effect<Engine.EngineService, SqlFailure, Scope.Scope>
}

export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "tables-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

export const worlds = {
  postgresql: Effect.map(database, ({ url }): World => ({
    name: "postgresql",
    url,
    make: PgEngine.make({ url, ssl: "disable" })
  })),
  sqlite: Effect.map(folder, (folder): World => {
    const url = `sqlite:///${join(folder, "app.db")}`
    return { name: "sqlite", url, make: SqliteEngine.make({ url }) }
  })
}

export type Name = keyof typeof worlds

export const names: ReadonlyArray<Name> = ["postgresql", "sqlite"]

/** Runs a test on an engine of its own, the default one. */
export const on = <A, E>(
  name: Name,
  body: (world: World) => Effect.Effect<A, E, Engine.Engine | SqlClient.SqlClient | Scope.Scope>
): Effect.Effect<A, E | SqlFailure | Error, Scope.Scope> =>
  Effect.flatMap(worlds[name] as Effect.Effect<World, Error, Scope.Scope>, (world) =>
    Effect.flatMap(Layer.build(Engine.layer(world.make)), (context) => Effect.provide(body(world), context)))
