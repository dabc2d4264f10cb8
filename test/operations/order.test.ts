/**
 * Whatever a unit of work merges and moves: what it leaves is what its writes would have left, each sent at once.
 */
import { Model } from "@effect/sql"
import { describe, it } from "@effect/vitest"
import { Effect, FastCheck as fc, Schema } from "effect"
import { Session, Table, Tables } from "effect-sql-engine"
import * as Engine from "effect-sql-engine/Engine"
import assert from "node:assert/strict"
import { places as databases } from "../support/places.js"
import { check, quietly, size } from "../support/proof.js"

class User extends Model.Class<User>("User")({
  id: Model.Generated(Schema.Int),
  name: Schema.String,
  boss: Schema.NullOr(Schema.Int)
}) {}
class Post extends Model.Class<Post>("Post")({
  id: Model.Generated(Schema.Int),
  author: Schema.Int,
  title: Schema.String
}) {}

const users = Table.make("users", User, { unique: ["name"], references: [{ columns: ["boss"], table: "users" }] })
const posts = Table.make("posts", Post, { references: [{ columns: ["author"], table: users, onDelete: "cascade" }] })
const notes = Table.make("notes", Schema.Struct({ id: Schema.Int, text: Schema.String }))

/** What the database should hold; users and posts by the handle of their row. */
class Known {
  constructor(
    readonly users = new Map<object, { name: string; boss: object | undefined }>(),
    readonly posts = new Map<object, { title: string; author: object }>(),
    readonly notes = new Map<number, string>()
  ) {}

  copy(): Known {
    const rows = <K, V extends object>(map: Map<K, V>) =>
      new Map([...map].map(([key, row]) => [key, { ...row }] as const))
    return new Known(rows(this.users), rows(this.posts), new Map(this.notes))
  }

  get shown() {
    return {
      users: [...this.users.values()].map(({ boss, name }) =>
        `${name} < ${boss === undefined ? "" : this.users.get(boss)!.name}`
      ).sort(),
      posts: [...this.posts.values()].map(({ author, title }) => `${title} by ${this.users.get(author)!.name}`).sort(),
      notes: [...this.notes].map(([id, text]) => `${id} ${text}`).sort()
    }
  }
}

const shown = ({ sql }: Engine.EngineService) =>
  Effect.gen(function*() {
    const names = yield* sql<{ what: string }>`select u.name || ' < ' || coalesce(b.name, '') as what from users u
      left join users b on b.id = u.boss`
    const titles = yield* sql<{ what: string }>`select p.title || ' by ' || u.name as what from posts p
      join users u on u.id = p.author`
    const texts = yield* sql<{ what: string }>`select id || ' ' || text as what from notes`
    const list = (rows: ReadonlyArray<{ readonly what: string }>) => rows.map(({ what }) => what).sort()
    return { users: list(names), posts: list(titles), notes: list(texts) }
  })

type Step =
  | readonly ["savepoint", undo: boolean, steps: ReadonlyArray<Step>]
  | readonly [what: string, a: number, b: number]

/** What happens to users, whose names are few and unique, comes often: there the order matters. */
const verbs = [
  ...["insert user", "rename user", "delete user", "insert user", "rename user", "delete user", "set boss"],
  ...["insert post", "insert post", "change post", "move post", "delete post"],
  ...["put note", "put note", "delete note"],
  ...["read", "flush"]
]

const steps = fc.letrec<{ steps: ReadonlyArray<Step>; step: Step }>((tie) => ({
  steps: fc.array(tie("step"), { maxLength: 30, size: "max" }),
  step: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { weight: 12, arbitrary: fc.tuple(fc.constantFrom(...verbs), fc.nat(20), fc.nat(20)) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("savepoint" as const), fc.boolean(), tie("steps")) }
  )
})).steps

const { enqueue } = Session

/** Enqueues what is possible, and keeps the books. What is not possible is passed over. */
const walk = (engine: Engine.EngineService, known: Known, steps: ReadonlyArray<Step>): Effect.Effect<Known, any, any> =>
  Effect.gen(function*() {
    for (const step of steps) {
      if (step[0] === "savepoint") {
        const inner = yield* Effect.either(Session.transaction(
          Effect.flatMap(
            walk(engine, known.copy(), step[2] as ReadonlyArray<Step>),
            (after) => step[1] === true ? Effect.fail("undo" as const) : Effect.succeed(after)
          )
        ))
        if (inner._tag === "Right") known = inner.right
        else if (inner.left !== "undo") return yield* Effect.fail(inner.left)
        continue
      }
      const [what, a, b] = step as readonly [string, number, number]
      const pick = <A>(all: Iterable<A>, at: number): A | undefined => {
        const list = [...all]
        return list[at % Math.max(1, list.length)]
      }
      const user = pick(known.users.keys(), a) as Session.Enqueued<typeof User> | undefined
      const other = pick(known.users.keys(), b) as Session.Enqueued<typeof User> | undefined
      const post = pick(known.posts.keys(), a) as Session.Enqueued<typeof Post> | undefined
      const name = `n${b % 3}`
      const isFree = ![...known.users.values()].some((user) => user.name === name)
      switch (what) {
        case "insert user":
          if (isFree) {
            const boss = a % 2 === 0 ? undefined : user
            known.users.set(yield* enqueue.insert(users, { name, boss: boss === undefined ? null : boss.later.id }), {
              name,
              boss
            })
          }
          break
        case "insert post":
          if (user !== undefined) {
            const title = `t${b % 4}`
            known.posts.set(yield* enqueue.insert(posts, { author: user.later.id, title }), { title, author: user })
          }
          break
        case "rename user":
          if (user !== undefined && isFree) {
            yield* enqueue.update(users, user.later.id, { name })
            known.users.get(user)!.name = name
          }
          break
        case "set boss":
          if (user !== undefined && other !== undefined) {
            yield* enqueue.update(users, { id: user.later.id }, { boss: other.later.id })
            known.users.get(user)!.boss = other
          }
          break
        case "delete user":
          if (user !== undefined && ![...known.users].some(([one, { boss }]) => boss === user && one !== user)) {
            yield* enqueue.delete(users, user.later.id)
            known.users.delete(user)
            for (const [post, { author }] of known.posts) if (author === user) known.posts.delete(post)
          }
          break
        case "change post":
          if (post !== undefined) {
            yield* enqueue.update(posts, post.later.id, { title: `c${b}` })
            known.posts.get(post)!.title = `c${b}`
          }
          break
        case "move post":
          if (post !== undefined && other !== undefined) {
            yield* enqueue.update(posts, post.later.id, { author: other.later.id })
            known.posts.get(post)!.author = other
          }
          break
        case "delete post":
          if (post !== undefined) {
            yield* enqueue.delete(posts, post.later.id)
            known.posts.delete(post)
          }
          break
        case "put note":
          if (known.notes.has(a % 3)) yield* enqueue.update(notes, a % 3, { text: name })
          else yield* enqueue.insert(notes, { id: a % 3, text: name })
          known.notes.set(a % 3, name)
          break
        case "delete note":
          yield* enqueue.delete(notes, a % 3)
          known.notes.delete(a % 3)
          break
        case "read":
          assert.deepEqual(yield* shown(engine), known.shown)
          break
        default:
          yield* Session.flush
      }
    }
    return known
  })

for (const [database, open] of databases) {
  describe(`a unit of work on ${database}`, () => {
    it.scopedLive("leaves what its writes would have left one by one", () =>
      Effect.gen(function*() {
        const engine = yield* (yield* open).engine()
        const provided = <A, E>(effect: Effect.Effect<A, E, Engine.Engine>) =>
          Effect.provideService(effect, Engine.Engine, engine)
        yield* provided(Tables.ensure([users, posts, notes]))
        const { sql } = engine
        yield* check(20_260_102, size(40, 2_000), steps, (steps) =>
          quietly(provided(Effect.gen(function*() {
            yield* sql`delete from posts`
            yield* sql`update users set boss = null`
            yield* sql`delete from users`
            yield* sql`delete from notes`
            const known = yield* Session.transaction(walk(engine, new Known(), steps)) as Effect.Effect<Known>
            assert.deepEqual(yield* shown(engine), known.shown)
          }) as Effect.Effect<void, any, Engine.Engine>)))
      }))
  })
}
