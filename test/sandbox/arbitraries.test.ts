/**
 * Rows by chance: whatever is generated can be inserted on every database, and reads back as it was.
 */
import { Model } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Equal, FastCheck, Option, Schema } from "effect"
import { Repository, Table, Tables } from "effect-sql-engine"
import { Arbitraries, Sandbox } from "effect-sql-engine-testing"
import { size } from "../support/proof.js"
import { drivers, grounds } from "./places.js"

class User extends Model.Class<User>("User")({
  id: Model.Generated(Schema.Int),
  email: Schema.NonEmptyString.pipe(Schema.maxLength(40)),
  nickName: Schema.NullOr(Schema.String),
  age: Schema.Int.pipe(Schema.between(0, 150)),
  createdAt: Model.DateTimeInsertFromDate,
  token: Model.Generated(Schema.UUID)
}) {}

class Post extends Model.Class<Post>("Post")({
  id: Model.Generated(Schema.Int),
  authorId: Schema.Int,
  reviewerId: Model.FieldOption(Schema.Int),
  title: Schema.String,
  kind: Schema.Literal("draft", "public"),
  score: Schema.Number,
  body: Model.JsonFromString(Schema.Struct({ text: Schema.String, stars: Schema.optional(Schema.Int) }))
}) {}

const Profile = Schema.Struct({ user: Schema.Int, bio: Schema.String })

const Kinds = Schema.Struct({
  id: Schema.UUID,
  whole: Schema.Int,
  large: Schema.BigIntFromSelf,
  number: Schema.Number,
  yes: Schema.Boolean,
  bytes: Schema.Uint8ArrayFromSelf,
  json: Schema.Struct({ list: Schema.Array(Schema.Number), text: Schema.String }),
  moment: Schema.DateFromSelf,
  text: Schema.optional(Schema.String),
  coded: Schema.NumberFromString,
  maybe: Schema.OptionFromNullOr(Schema.Date)
})

const Category = Schema.Struct({ id: Schema.Int, parent: Schema.NullOr(Schema.Int), name: Schema.String })

class Team extends Model.Class<Team>("Team")({
  id: Model.Generated(Schema.Int),
  captain: Schema.NullOr(Schema.Int)
}) {}

class Player extends Model.Class<Player>("Player")({
  id: Model.Generated(Schema.Int),
  team: Schema.Int,
  shirt: Schema.Int.pipe(Schema.between(1, 3))
}) {}

export const users = Table.make("users", User, {
  naming: "snake",
  unique: ["email"],
  columns: { createdAt: { default: Table.now } },
  indexes: [{ columns: [Table.sql("lower(email)")], name: "users_email_lower", unique: true }],
  checks: ["age >= 0 and age <= 150"]
})
export const posts = Table.make("posts", Post, {
  naming: "snake",
  references: [{ columns: ["authorId"], table: users }, { columns: ["reviewerId"], table: users }],
  unique: [["authorId", "kind"]]
})
export const profiles = Table.make("profiles", Profile, {
  primaryKey: "user",
  references: [{ columns: ["user"], table: () => users }]
})
export const kinds = Table.make("kinds", Kinds)
export const categories = Table.make("categories", Category, {
  references: [{ columns: ["parent"], table: "categories" }]
})
export const teams = Table.make("teams", Team, {
  references: [{ columns: ["captain"], table: "players", onDelete: "set null" }]
})
export const players = Table.make("players", Player, {
  references: [{ columns: ["team"], table: teams }],
  unique: [["team", "shirt"]]
})

const all = { users, posts, profiles, kinds, categories, teams, players }

/** A driver may have a class of its own for bytes. */
const plain = (value: unknown) => ArrayBuffer.isView(value) ? Uint8Array.from(value as Uint8Array) : value

/** The fields of a row that was inserted which the one that was read has not. */
const missing = (read: any, inserted: any) =>
  Object.entries(inserted).flatMap(([field, value]) =>
    Equal.equals(read[field], value) || FastCheck.stringify(plain(read[field])) === FastCheck.stringify(plain(value))
      ? []
      : [{ field, inserted: value, read: read[field] }]
  )

const suite = (runs: number, seen: Record<string, number>) =>
  Sandbox.check(
    Arbitraries.database(all),
    (dataset) =>
      Effect.gen(function*() {
        const loaded = yield* Arbitraries.load(dataset)
        for (const name of Object.keys(all) as Array<keyof typeof all>) {
          seen[name] = (seen[name] ?? 0) + dataset.sizes[name]
          const inserted: ReadonlyArray<any> = dataset.rows[name]
          const returned: ReadonlyArray<any> = loaded[name]
          // Tables of many shapes stand in one list: which of them this is, only its name tells.
          const read = yield* Repository.make(all[name] as any).findMany() as Effect.Effect<ReadonlyArray<any>>
          expect(read.length).toBe(inserted.length)
          const key = all[name].primaryKey[0]!
          for (const [at, row] of inserted.entries()) {
            const stored = read.find((row) => row[key] === returned[at][key])
            expect(missing(stored, row)).toEqual([])
          }
        }
        expect(loaded.posts.every(({ authorId }) => loaded.users.some(({ id }) => id === authorId))).toBe(true)
        expect(
          loaded.categories.every(({ parent }) => parent === null || loaded.categories.some(({ id }) => id === parent))
        )
          .toBe(true)
        seen["captains"] = (seen["captains"] ?? 0) + loaded.teams.filter(({ captain }) => captain !== null).length
        seen["parents"] = (seen["parents"] ?? 0) + loaded.categories.filter(({ parent }) => parent !== null).length
        seen["reviewers"] = (seen["reviewers"] ?? 0) +
          loaded.posts.filter((post) => Option.isSome(post.reviewerId)).length
      }),
    { numRuns: runs, seed: 19 }
  )

describe.each(grounds)("rows by chance, on %s", (_, open) => {
  it.scopedLive("are inserted without a failure, and read back as they were", () =>
    Effect.gen(function*() {
      const ground = yield* open
      const seen: Record<string, number> = {}
      yield* Effect.provide(
        suite(size(40, 500), seen),
        Sandbox.layer({ url: ground.url, drivers, setup: Tables.ensure(Object.values(all)) })
      )
      for (const [name, rows] of Object.entries(seen)) expect(rows, name).toBeGreaterThan(5)
    }))
})

describe("the arbitrary of a table", () => {
  it("gives rows to insert, with the fields that are given and a filter", () => {
    const rows = FastCheck.sample(
      Arbitraries.row(users, {
        fields: { email: FastCheck.constant("a@b.c") },
        filter: ({ age }) => age! > 100
      }),
      { numRuns: 50, seed: 1 }
    )
    expect(rows.every(({ age, email }) => age > 100 && email === "a@b.c")).toBe(true)
    expect(Object.keys(rows[0]!).sort()).toEqual(["age", "email", "nickName"])
  })

  it("tells a counterexample by its rows and the rows they name", () => {
    const dataset = Arbitraries.database({ users, posts }, {
      users: { rows: { min: 2, max: 2 } },
      posts: { rows: { min: 1 } }
    })
    expect(FastCheck.stringify(FastCheck.sample(dataset, { numRuns: 1, seed: 2 })[0])).toMatch(
      /^users\[0\] \{.*\nusers\[1\] .*\nposts\[0\] .*authorId → users\[[01]\]/
    )
  })

  it("throws where no rows can be", () => {
    expect(() => Arbitraries.database({ posts })).toThrow("refers to a table that is not among those given")
    const selfish = Table.make("selfish", Schema.Struct({ id: Schema.Int, other: Schema.Int }), {
      columns: { id: { generated: true } },
      references: [{ columns: ["other"], table: "selfish" }]
    })
    expect(() => Arbitraries.database({ selfish })).not.toThrow()
  })
})
