/**
 * Repositories tried out by sequences of operations: a right one passes, a wrong one is told by the shortest sequence.
 */
import { Model } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Effect, FastCheck, Schema } from "effect"
import { Repository, Table, Tables } from "effect-sql-engine"
import { Arbitraries, Sandbox, StatefulSuite } from "effect-sql-engine-testing"
import { size } from "../support/proof.js"
import { drivers, grounds } from "./places.js"

class User extends Model.Class<User>("User")({
  id: Model.Generated(Schema.Int),
  email: Schema.NonEmptyString.pipe(Schema.maxLength(3)),
  nickName: Schema.NullOr(Schema.String),
  age: Schema.Int,
  updatedAt: Model.DateTimeUpdateFromDate
}) {}

class Post extends Model.Class<Post>("Post")({
  id: Model.Generated(Schema.Int),
  author: Schema.Int,
  title: Schema.String
}) {}

const users = Table.make("users", User, {
  naming: "snake",
  unique: ["email"],
  columns: { updatedAt: { default: Table.now } }
})
const posts = Table.make("posts", Post, {
  references: [{ columns: ["author"], table: users }],
  unique: [["author", "title"]]
})
const pairs = Table.make("pairs", Schema.Struct({ one: Schema.Int, other: Schema.Int, note: Schema.String }), {
  primaryKey: ["one", "other"]
})

const right = Repository.make(users)

describe.each(grounds)("a repository on %s", (_, open) => {
  const suite = <A, E>(body: Effect.Effect<A, E, any>) =>
    Effect.flatMap(open, (ground) =>
      Effect.provide(
        body,
        Sandbox.layer({ url: ground.url, drivers, setup: Tables.ensure([users, posts, pairs]) })
      ) as Effect.Effect<A, E>)

  it.scopedLive("that is right passes", () =>
    suite(Effect.all([
      StatefulSuite.repository(users, { runs: size(20, 200), seed: 19 }),
      StatefulSuite.repository(pairs, {
        runs: size(10, 100),
        seed: 19,
        fields: { one: FastCheck.nat(2), other: FastCheck.nat(2) }
      }),
      StatefulSuite.repository(posts, {
        runs: size(10, 100),
        seed: 19,
        given: Arbitraries.database({ users }, { users: { rows: { max: 2 } } })
      })
    ])))

  const failed = (repository: StatefulSuite.Subject<typeof User, "id", any>) =>
    Effect.map(
      suite(Effect.flip(StatefulSuite.repository(users, { runs: 200, seed: 19, repository }))),
      ({ counterexample, message }) => ({
        operations: (counterexample as ReadonlyArray<string>).map((line) => line.split(" ")[0]),
        message
      })
    )

  it.scopedLive("whose update forgets a field that is set to null is told by an insert and an update", () =>
    Effect.gen(function*() {
      const { message, operations } = yield* failed({
        ...right,
        update: (target, changes) =>
          right.update(
            target,
            Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== null)) as typeof changes
          )
      })
      expect(operations).toEqual(["insert", "update"])
      expect(message).toContain("`nickName` is")
    }))

  it.scopedLive("whose delete does nothing is told by an insert, a delete and a look", () =>
    Effect.gen(function*() {
      const { operations } = yield* failed({ ...right, delete: () => Effect.succeed(true) })
      expect(operations.slice(0, 2)).toEqual(["insert", "delete"])
      expect(operations.length).toBe(3)
    }))

  it.scopedLive("that marks rows instead of deleting them, and forgets the mark once, is told by three operations", () =>
    Effect.gen(function*() {
      const marked = -19
      const alive = Effect.map(right.findMany(), (rows) => rows.filter(({ age }) => age !== marked))
      const { operations } = yield* failed({
        ...right,
        delete: (target) =>
          Effect.as(right.update(target, { age: marked }), true).pipe(
            Effect.catchTag("RowNotFound", () => Effect.succeed(false))
          ),
        findMany: () => alive,
        count: () => Effect.map(alive, (rows) => rows.length)
      })
      expect(operations.slice(0, 2)).toEqual(["insert", "delete"])
      expect(operations.length).toBe(3)
    }))

  it.scopedLive("that swallows a violation is told by two inserts", () =>
    Effect.gen(function*() {
      const { message, operations } = yield* failed({
        ...right,
        insert: (row) =>
          Effect.catchTag(right.insert(row), "UniqueViolation", () => Effect.map(right.findMany(), (rows) => rows[0]!))
      })
      expect(operations).toEqual(["insert", "insert"])
      expect(message).toContain("should fail with UniqueViolation")
    }))
})
