/**
 * A declared table, as the type checker sees it: names of fields are checked on both sides of a foreign key.
 */
import { Model } from "@effect/sql"
import { Schema } from "effect"
import * as Table from "effect-sql-engine/Table"
import { describe, expect, test } from "tstyche"

class User extends Model.Class<User>("User")({
  id: Model.Generated(Schema.Int),
  email: Schema.String,
  secret: Model.FieldOnly("insert")(Schema.String),
  shownOnly: Model.FieldOnly("json")(Schema.String)
}) {}

const users = Table.make("users", User)

const Post = Schema.Struct({ id: Schema.Int, authorId: Schema.Int, title: Schema.optional(Schema.String) })

describe("Table.make", () => {
  test("knows the fields that are columns: those selected, inserted, updated", () => {
    expect<Table.Field<typeof User>>().type.toBe<"id" | "email" | "secret">()
    expect<Table.Field<typeof Post>>().type.toBe<"id" | "authorId" | "title">()
  })

  test("takes fields of the Schema, and no others", () => {
    expect(Table.make("users", User, { primaryKey: "id", unique: ["email", ["id", "email"]] })).type.toBe<
      typeof users
    >()
    expect(Table.make).type.not.toBeCallableWith("users", User, { primaryKey: "nr" })
    expect(Table.make).type.not.toBeCallableWith("users", User, { unique: [["id", "mail"]] })
    expect(Table.make).type.not.toBeCallableWith("users", User, { indexes: [{ columns: ["mail desc"] }] })
    expect(Table.make).type.not.toBeCallableWith("users", User, { columns: { shownOnly: {} } })
  })

  test("checks both sides of a foreign key", () => {
    expect(Table.make).type.toBeCallableWith("posts", Post, {
      references: [
        { columns: ["authorId"], table: users, target: ["id"], onDelete: "cascade" },
        { columns: ["authorId"], table: () => users },
        { columns: ["authorId"], table: "a table declared later", target: ["anything"] }
      ]
    })
    expect(Table.make).type.not.toBeCallableWith("posts", Post, { references: [{ columns: ["author"], table: users }] })
    expect(Table.make).type.not.toBeCallableWith("posts", Post, {
      references: [{ columns: ["authorId"], table: users, target: ["nr"] }]
    })
    expect(Table.make).type.not.toBeCallableWith("posts", Post, {
      references: [{ columns: ["authorId"], table: () => users, target: ["nr"] }]
    })
    expect(Table.make).type.not.toBeCallableWith("posts", Post, {
      references: [{ columns: ["authorId"], table: users, onDelete: "forget" }]
    })
  })

  test("knows the fields of its key", () => {
    expect(users).type.toBe<Table.Table<typeof User, "id">>()
    expect(Table.make("users", User, { primaryKey: ["id", "email"] })).type.toBe<
      Table.Table<typeof User, "id" | "email">
    >()
    expect(Table.make("users", User, { primaryKey: [] })).type.toBe<Table.Table<typeof User, never>>()
  })

  test("keeps its type under another name", () => {
    expect(Table.as(users, { name: "people" })).type.toBe<typeof users>()
  })
})
