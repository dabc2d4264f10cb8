/**
 * Writes that wait: what a flush sends, when, and what becomes of it.
 */
import { Model } from "@effect/sql"
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Schema } from "effect"
import { Session, SqlFailure, Table, Tables } from "effect-sql-engine"
import * as Engine from "effect-sql-engine/Engine"
import * as Scopes from "effect/Scope"
import { type Bench, databases, type Site } from "../support/databases.js"
import { until } from "../support/quiescence.js"

class User extends Model.Class<User>("User")({
  id: Model.Generated(Schema.Int),
  name: Schema.String,
  bossId: Schema.NullOr(Schema.Int)
}) {}
class Post extends Model.Class<Post>("Post")({
  id: Model.Generated(Schema.Int),
  authorId: Schema.Int,
  title: Schema.String
}) {}
class Comment extends Model.Class<Comment>("Comment")({
  id: Model.Generated(Schema.Int),
  postId: Schema.Int,
  authorId: Schema.Int,
  text: Schema.String
}) {}
class Team extends Model.Class<Team>("Team")({ id: Schema.Int, captain: Schema.Int }) {}
class Player extends Model.Class<Player>("Player")({ id: Schema.Int, team: Schema.Int }) {}

const users = Table.make("u_users", User, {
  unique: ["name"],
  references: [{ columns: ["bossId"], table: "u_users" }]
})
const posts = Table.make("u_posts", Post, { references: [{ columns: ["authorId"], table: users }] })
const comments = Table.make("u_comments", Comment, {
  references: [{ columns: ["postId"], table: posts }, { columns: ["authorId"], table: users }]
})
const teams = Table.make("u_teams", Team, { references: [{ columns: ["captain"], table: "u_players" }] })
const players = Table.make("u_players", Player, {
  references: [{ columns: ["team"], table: teams, deferrable: "initially immediate" }]
})
const others = Table.make("u_others", Schema.Struct({ id: Schema.Int, note: Schema.NullOr(Schema.String) }))

const { enqueue } = Session

const name = (name: string) => ({ name, bossId: null })

for (const database of databases.filter(({ name }) => !name.startsWith("scripted"))) {
  describe(`a unit of work on ${database.name}`, () => {
    let site: Site
    let scope: Scopes.CloseableScope
    beforeAll(() =>
      Effect.runPromise(Effect.gen(function*() {
        scope = yield* Scopes.make()
        site = yield* Scopes.extend(database.prepare, scope)
      }))
    )
    afterAll(() => Effect.runPromise(Scopes.close(scope, Exit.void)))

    const all = [users, posts, comments, teams, players, others]

    /** Runs an effect on fresh tables; `sent` are the texts that were sent since they were made. */
    const test = <A, E>(
      effect: (bench: Bench & { readonly sent: () => ReadonlyArray<string> }) => Effect.Effect<A, E, Engine.Engine>
    ) =>
      database.run(Effect.scoped(Effect.gen(function*() {
        const bench = yield* site.open()
        const run = Effect.gen(function*() {
          yield* Tables.drop(all)
          yield* Tables.ensure(all)
          const from = bench.wire.sent.length
          return yield* effect({ ...bench, sent: () => bench.wire.sent.slice(from).map(({ text }) => text) })
        })
        return yield* Effect.provideService(run, Engine.Engine, bench.engine)
      })))

    const words = (sent: ReadonlyArray<string>) =>
      sent.map((text) => /^(\w+)(?: (?:INTO|FROM) "?(\w+)| ("u_\w+"))?/i.exec(text)!.slice(1).filter(Boolean).join(" "))
        .map((text) => text.replaceAll("\"", ""))

    const names = (sql: Engine.EngineService["sql"]) =>
      Effect.map(sql<{ name: string }>`select name from u_users order by name`, (rows) => rows.map(({ name }) => name))

    it("of a thousand inserts in three tables takes three statements, and hands the keys back", () =>
      test(({ engine: { sql }, sent }) =>
        Effect.gen(function*() {
          const count = 100
          const rows = yield* Session.transaction(Effect.gen(function*() {
            const handles = []
            for (let i = 0; i < count; i++) {
              // Children and parents come in turn, as a program would enqueue them.
              const user = yield* enqueue.insert(users, name(`user ${i}`))
              const posted = []
              for (let j = 0; j < 3; j++) {
                const post = yield* enqueue.insert(posts, { authorId: user.later.id, title: `${i}.${j}` })
                posted.push(post)
                yield* enqueue.insert(comments, { postId: post.later.id, authorId: user.later.id, text: `${i}.${j}` })
                yield* enqueue.insert(comments, { postId: post.later.id, authorId: user.later.id, text: `${i}.${j}` })
              }
              handles.push([user, ...posted] as const)
            }
            expect(sent()).toEqual([])
            return yield* Effect.forEach(handles, ([user, ...posted]) =>
              Effect.all([user.row, Effect.all(posted.map((post) => post.row))]))
          }))
          expect(words(sent())).toEqual([
            expect.stringMatching(/begin/i),
            "INSERT u_users",
            "INSERT u_posts",
            "INSERT u_comments",
            "COMMIT"
          ])
          rows.forEach(([user, posted], i) => {
            expect([user.name, user.id]).toEqual([`user ${i}`, i + 1])
            posted.forEach((post, j) =>
              expect([post.title, post.authorId]).toEqual([`${i}.${j}`, user.id])
            )
          })
          const [right] = yield* sql<{ n: number }>`select count(*) as n from u_comments c
            join u_posts p on p.id = c."postId" and p.title = c.text join u_users u on u.id = p."authorId" and u.id = c."authorId"`
          expect(Number(right!.n)).toBe(6 * count)
        })
      ))

    it("reaches the server before a later read, and nothing of it before that", () =>
      test(({ engine: { sql }, sent }) =>
        Session.transaction(Effect.gen(function*() {
          yield* sql`select 1`
          const before = sent().length
          yield* enqueue.insert(users, name("Ada"))
          yield* enqueue.insert(users, name("Bob"))
          expect(sent().length).toBe(before)
          expect(yield* names(sql)).toEqual(["Ada", "Bob"])
          expect(words(sent().slice(before))).toEqual(["INSERT u_users", "select"])
          yield* Session.flush
          expect(sent().length).toBe(before + 2)
        }))
      ))

    it("reaches the server before COMMIT, and flush after it does nothing", () =>
      test(({ engine: { sql }, sent }) =>
        Effect.gen(function*() {
          const later = yield* Deferred.make<void>()
          const [ada, fiber] = yield* Session.transaction(Effect.gen(function*() {
            const ada = yield* enqueue.insert(users, name("Ada"))
            const outliving = Effect.zipRight(
              Deferred.await(later),
              Effect.all([Effect.exit(Session.flush), Effect.flip(enqueue.insert(users, name("late")))])
            )
            return [ada, yield* Effect.forkDaemon(outliving)] as const
          }))
          expect(words(sent()).slice(1)).toEqual(["INSERT u_users", "COMMIT"])
          yield* Deferred.succeed(later, undefined)
          const [flushed, refused] = yield* Fiber.join(fiber)
          expect(flushed).toEqual(Exit.void)
          expect(refused._tag).toBe("SessionClosed")
          expect((yield* ada.row).id).toBe(1)
          expect(sent().length).toBe(3)
          expect(yield* names(sql)).toEqual(["Ada"])
        })
      ))

    it("keeps the order of the program where it matters, and merges where it does not", () =>
      test(({ engine: { sql }, sent }) =>
        Effect.gen(function*() {
          yield* sql`insert into u_users (name) values ('Ada'), ('Bob')`
          yield* sql`insert into u_others (id, note) values (1, 'a'), (2, 'b'), (3, 'c')`
          const before = sent().length
          yield* Session.transaction(Effect.gen(function*() {
            yield* enqueue.delete(users, 1)
            yield* enqueue.update(others, 1, { note: "x" })
            // The name is free only after the delete.
            const ada = yield* enqueue.insert(users, name("Ada"))
            yield* enqueue.update(others, 2, { note: "y" })
            yield* enqueue.insert(posts, { authorId: ada.later.id, title: "one" })
            yield* enqueue.update(others, 1, { note: "z" })
            yield* enqueue.update(users, ada.later.id, { bossId: 2 })
            yield* enqueue.delete(others, 3)
          }))
          expect(words(sent().slice(before)).slice(1)).toEqual([
            "DELETE u_users",
            "UPDATE u_others",
            "INSERT u_users",
            "INSERT u_posts",
            "UPDATE u_users",
            "DELETE u_others",
            "COMMIT"
          ])
          expect(yield* sql`select id, note from u_others order by id`).toEqual([{ id: 1, note: "z" }, {
            id: 2,
            note: "y"
          }])
          expect(yield* sql`select name, "bossId" from u_users order by id`).toEqual([
            { name: "Bob", bossId: null },
            { name: "Ada", bossId: 2 }
          ])
        })
      ))

    it("inserts rows that refer to rows of the same table, and tables that refer to each other", () =>
      test(({ engine: { sql }, sent }) =>
        Effect.gen(function*() {
          yield* Session.transaction(Effect.gen(function*() {
            const one = yield* enqueue.insert(users, name("1"))
            const two = yield* enqueue.insert(users, { name: "2", bossId: one.later.id })
            yield* enqueue.insert(users, { name: "3", bossId: two.later.id })
            yield* enqueue.insert(users, { name: "4", bossId: one.later.id })
            yield* enqueue.insert(players, { id: 1, team: 1 })
            yield* enqueue.insert(teams, { id: 1, captain: 1 })
            yield* enqueue.insert(players, { id: 2, team: 1 })
          }))
          expect(sent().filter((text) => text.startsWith("INSERT")).length).toBe(5)
          expect(yield* sql`select name, "bossId" from u_users order by name`).toEqual([
            { name: "1", bossId: null },
            { name: "2", bossId: 1 },
            { name: "3", bossId: 2 },
            { name: "4", bossId: 1 }
          ])
          yield* Session.transaction(Effect.gen(function*() {
            yield* enqueue.delete(teams, 1)
            yield* enqueue.delete(players, 2)
            yield* enqueue.delete(players, 1)
            yield* enqueue.delete(players, 77)
          }))
          expect(yield* sql`select * from u_players`).toEqual([])
        })
      ))

    it("with a savepoint that is undone goes with it, and what is outside stays", () =>
      test(({ engine: { sql } }) =>
        Effect.gen(function*() {
          yield* Session.transaction(Effect.gen(function*() {
            yield* enqueue.insert(users, name("outer"))
            const lost = yield* Session.transaction(Effect.gen(function*() {
              const lost = yield* enqueue.insert(users, name("never sent"))
              yield* Session.rollbackOnly
              return lost
            }))
            yield* Effect.ignore(Session.transaction(Effect.gen(function*() {
              yield* enqueue.insert(users, name("sent and undone"))
              // The read sends what the outer scope has enqueued, too: that must not be undone with the savepoint.
              expect(yield* names(sql)).toEqual(["outer", "sent and undone"])
              return yield* Effect.fail("undo")
            })))
            yield* Session.transaction(enqueue.insert(users, name("inner")))
            expect((yield* Effect.flip(lost.row))._tag).toBe("SessionClosed")
            const refused = yield* Effect.flip(enqueue.insert(posts, { authorId: lost.later.id, title: "x" }))
            expect(refused._tag).toBe("RowEncodeError")
          }))
          expect(yield* names(sql)).toEqual(["inner", "outer"])
        })
      ))

    it("fails its savepoint when that ends, and the session goes on", () =>
      test(({ engine: { sql } }) =>
        Effect.gen(function*() {
          yield* Session.transaction(Effect.gen(function*() {
            yield* enqueue.insert(users, name("Ada"))
            const failure = yield* Effect.flip(Session.transaction(enqueue.insert(users, name("Ada"))))
            expect(failure._tag).toBe("UniqueViolation")
            yield* enqueue.insert(users, name("Bob"))
          }))
          expect(yield* names(sql)).toEqual(["Ada", "Bob"])
        })
      ))

    it("that cannot be flushed fails the session, whoever swallows the failure", () =>
      test(({ engine: { sql } }) =>
        Effect.gen(function*() {
          const twice = Effect.zipRight(enqueue.insert(users, name("Ada")), enqueue.insert(users, name("Ada")))
          expect((yield* Effect.flip(Session.transaction(twice)))._tag).toBe("UniqueViolation")
          const swallowed = Effect.zipRight(twice, Effect.ignore(names(sql)))
          expect(yield* Effect.flip(Session.transaction(swallowed))).toMatchObject({
            _tag: "TransactionAborted",
            first: { _tag: "UniqueViolation" }
          })
          const missing = Effect.zipRight(enqueue.insert(users, name("Bob")), enqueue.update(users, 99, name("no")))
          expect(yield* Effect.flip(Session.transaction(missing))).toMatchObject({
            _tag: "StaleRow",
            table: "u_users",
            rows: 1
          })
          const orphan = enqueue.insert(posts, { authorId: 99, title: "x" })
          expect((yield* Effect.flip(Session.transaction(orphan)))._tag).toBe("ForeignKeyViolation")
          expect(yield* names(sql)).toEqual([])
        })
      ))

    it("of an attempt that failed leaves nothing for the next one", () =>
      test(({ engine: { sql } }) =>
        Effect.gen(function*() {
          let attempts = 0
          yield* Session.transaction(
            Effect.gen(function*() {
              yield* enqueue.insert(users, name(`attempt ${++attempts}`))
              if (attempts === 2) yield* Session.flush
              if (attempts < 3) return yield* new SqlFailure.SerializationError({ message: "again" })
            }),
            { retry: "conflicts" }
          )
          expect(yield* names(sql)).toEqual(["attempt 3"])
        })
      ))

    it("of many updates and deletes takes one statement a table", () =>
      test(({ engine: { sql }, sent }) =>
        Effect.gen(function*() {
          yield* Session.transaction(
            Effect.forEach(
              Array.from({ length: 50 }, (_, i) => i),
              (i) => enqueue.insert(others, { id: i, note: null })
            )
          )
          const before = sent().length
          yield* Session.transaction(Effect.gen(function*() {
            for (let i = 0; i < 40; i++) yield* enqueue.update(others, i, { note: `n${i}` })
            for (let i = 0; i < 30; i++) yield* enqueue.delete(others, i)
          }))
          expect(words(sent().slice(before)).slice(1)).toEqual(["UPDATE u_others", "DELETE u_others", "COMMIT"])
          const rows = yield* sql`select id, note from u_others order by id`
          expect(rows).toEqual(
            Array.from({ length: 20 }, (_, i) => ({ id: i + 30, note: i < 10 ? `n${i + 30}` : null }))
          )
        })
      ))

    it("hands a unique value on from row to row, and any value to any table", () =>
      test(({ engine: { sql } }) =>
        Effect.gen(function*() {
          yield* sql`insert into u_users (name) values ('a'), ('b')`
          yield* sql`insert into u_others (id) values (1), (2)`
          yield* Session.transaction(Effect.gen(function*() {
            yield* enqueue.update(users, 1, { name: "free" })
            yield* enqueue.update(users, 2, { name: "a" })
            yield* enqueue.update(users, 1, { name: "b" })
            yield* enqueue.update(others, 1, { note: "first" })
            const eve = yield* enqueue.insert(users, name("eve"))
            yield* enqueue.update(others, 2, { note: eve.later.name })
          }))
          expect(yield* sql`select id, name from u_users order by id`).toEqual([
            { id: 1, name: "b" },
            { id: 2, name: "a" },
            { id: 3, name: "eve" }
          ])
          expect(yield* sql`select note from u_others order by id`).toEqual([{ note: "first" }, { note: "eve" }])
        })
      ))

    it("is committed by hand, and undone by hand", () =>
      test(({ engine: { sql } }) =>
        Effect.gen(function*() {
          const byHand = (commit: boolean, text: string) =>
            Effect.scoped(Effect.gen(function*() {
              const session = yield* Session.open()
              yield* session.run(enqueue.insert(users, name(text)))
              yield* commit ? session.commit : session.rollback
            }))
          yield* byHand(true, "kept")
          yield* byHand(false, "undone")
          expect(yield* names(sql)).toEqual(["kept"])
        })
      ))

    it("of a joined session is the outer one's, of a layer's session is written with the layer's end", () =>
      test(({ engine: { sql }, sent }) =>
        Effect.gen(function*() {
          yield* Session.transaction(Effect.gen(function*() {
            yield* Session.transaction(enqueue.insert(users, name("joined")), { nested: "join" })
            expect(sent()).toEqual([])
          }))
          yield* Effect.provide(enqueue.insert(users, name("layer")), Session.layer())
          expect(yield* names(sql)).toEqual(["joined", "layer"])
        })
      ))

    it("in a session that only reads is refused by the database, when it is flushed", () =>
      test(({ engine: { sql } }) =>
        Effect.gen(function*() {
          const failure = yield* Effect.flip(
            Session.transaction(enqueue.insert(users, name("Ada")), { readOnly: true })
          )
          expect(failure._tag).toBe("ReadOnlyTransaction")
          expect(yield* names(sql)).toEqual([])
        })
      ))

    // Where one transaction can wait for another one inside of a statement.
    if (database.writers > 1) {
      it(
        "whose flush is given up cannot be committed, and counts as the body's time",
        () =>
          test(({ engine: { sql } }) =>
            Effect.gen(function*() {
              const held = yield* Deferred.make<void>()
              const release = yield* Deferred.make<void>()
              const rival = yield* Effect.fork(Session.transaction(Effect.gen(function*() {
                yield* sql`insert into u_users (name) values ('Ada')`
                yield* Deferred.succeed(held, undefined)
                yield* Deferred.await(release)
              })))
              yield* Deferred.await(held)
              const givenUp = Effect.zipRight(
                enqueue.insert(users, name("Ada")),
                Effect.timeoutOption(Session.flush, "50 millis")
              )
              expect(yield* Effect.flip(Session.transaction(givenUp))).toMatchObject({ _tag: "TransactionAborted" })
              const slow = Session.transaction(enqueue.insert(users, name("Ada")), { timeout: "50 millis" })
              expect((yield* Effect.flip(slow))._tag).toBe("SessionTimeout")
              const waiting = Effect.map(
                sql<{ n: number }>`select count(*)::int as n from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock'`,
                ([row]) => row!.n
              )
              const interrupted = yield* Effect.fork(Session.transaction(enqueue.insert(users, name("Ada"))))
              yield* Effect.zipRight(until(waiting, (n) => n > 0), Fiber.interrupt(interrupted))
              yield* Deferred.succeed(release, undefined)
              yield* Fiber.join(rival)
              expect(yield* names(sql)).toEqual(["Ada"])
            })
          )
      )
    }

    it("takes writes of several fibers", () =>
      test(({ engine: { sql }, sent }) =>
        Effect.gen(function*() {
          yield* Session.transaction(Effect.forEach(
            Array.from({ length: 20 }, (_, i) => String(i).padStart(2, "0")),
            (text) => Effect.zipRight(enqueue.insert(users, name(text)), text === "10" ? names(sql) : Effect.void),
            { concurrency: "unbounded", discard: true }
          ))
          expect((yield* names(sql)).length).toBe(20)
          expect(sent().filter((text) => text.startsWith("INSERT")).length).toBeLessThanOrEqual(2)
        })
      ))
  })
}
