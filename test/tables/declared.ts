/**
 * The tables of these tests.
 */
import { Model } from "@effect/sql"
import { Schema } from "effect"
import { Table } from "effect-sql-engine"

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
