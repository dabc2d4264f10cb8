/**
 * What a test may do to its sandbox, and what the next one sees of it: nothing.
 */
import { SqlResolver } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Schema } from "effect"
import { Engine, Migrations, Mutex, Session } from "effect-sql-engine"
import { Sandbox } from "effect-sql-engine-testing"
import { drivers, grounds, insert, names, sql, under } from "./places.js"

class Other extends Engine.Tag<Other>()("test/Other") {}

describe.each(grounds)("a sandbox on %s", (name, open) => {
  const postgres = name === "PostgreSQL"

  it.scopedLive("refuses words that would end its transaction, on a reserved connection as well", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* under(
        ground,
        Sandbox.run(Effect.gen(function*() {
          const client = yield* sql
          expect((yield* Effect.flip(client`commit`)).cause).toMatchObject({ _tag: "NestedRefused" })
          yield* Effect.scoped(Effect.gen(function*() {
            const connection = yield* client.reserve
            yield* connection.execute("insert into topic (id, name) values (2, 'reserved')", [], undefined)
            const failure = yield* Effect.flip(connection.execute("/* now */ BEGIN", [], undefined))
            expect(failure.cause).toMatchObject({ _tag: "NestedRefused" })
          }))
          expect(yield* names).toEqual(["given", "reserved"])
        }))
      )
      expect(yield* ground.topics).toEqual(["given"])
    }))

  it.scopedLive("says so when a statement has ended its transaction all the same", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* under(
        ground,
        Effect.gen(function*() {
          yield* Effect.exit(Sandbox.run(Effect.gen(function*() {
            yield* insert(2)
            const client = yield* sql
            yield* Effect.exit(client.unsafe(
              postgres ? "select 1; rollback" : "insert or rollback into topic (id, name) values (1, 'again')"
            ))
            expect((yield* Effect.flip(insert(3))).message).toContain("has lost its transaction")
            expect(yield* Effect.flip(Session.transaction(insert(4)))).toMatchObject({ _tag: "ConnectionError" })
          })))
          expect(yield* Sandbox.run(Effect.zipRight(insert(2), names))).toEqual(["given", "topic 2"])
        })
      )
      expect(yield* ground.topics).toEqual(["given"])
    }))

  it.scopedLive("is undone when its test is interrupted, fails or dies", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* under(
        ground,
        Effect.gen(function*() {
          const written = yield* Deferred.make<void>()
          const hung = yield* Effect.fork(Sandbox.run(
            Session.transaction(
              Effect.zipRight(insert(2), Effect.zipRight(Deferred.succeed(written, undefined), Effect.never))
            )
          ))
          yield* Deferred.await(written)
          yield* Fiber.interrupt(hung)
          yield* Effect.exit(Sandbox.run(Effect.zipRight(insert(2), Effect.fail("no"))))
          yield* Effect.exit(Sandbox.run(Effect.zipRight(Session.transaction(insert(2)), Effect.die("no"))))
          expect(yield* Sandbox.run(Effect.zipRight(insert(2), names))).toEqual(["given", "topic 2"])
        })
      )
      expect(yield* ground.topics).toEqual(["given"])
    }))

  it.scopedLive("keeps what a session has SET read-only from the next, and what one waits for from being lost", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* under(
        ground,
        Sandbox.run(Effect.gen(function*() {
          const begun = yield* Deferred.make<void>()
          const first = yield* Effect.fork(Session.transaction(
            Effect.zipRight(names, Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never)),
            { readOnly: true }
          ))
          yield* Deferred.await(begun)
          const waiters = yield* Effect.forEach([2, 3, 4], (id) => Effect.fork(Session.transaction(insert(id))))
          yield* Effect.yieldNow()
          yield* Fiber.interrupt(waiters[0]!)
          yield* Fiber.interrupt(first)
          yield* Fiber.join(waiters[1]!)
          yield* Fiber.join(waiters[2]!)
          expect(yield* names).toEqual(["given", "topic 3", "topic 4"])
        }))
      )
    }))

  it.scopedLive("is found by requests that are answered in batches, and by who is told where it is", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* under(
        ground,
        Effect.gen(function*() {
          const client = yield* sql
          const byId = yield* SqlResolver.findById("Topic", {
            Id: Schema.Number,
            Result: Schema.Struct({ id: Schema.Number, name: Schema.String }),
            ResultId: ({ id }) => id,
            execute: (ids) => client`select * from topic where id in ${client.in(ids)}`
          })
          const elsewhere = yield* Deferred.make<
            (effect: Effect.Effect<unknown, unknown, any>) => Effect.Effect<any, any, any>
          >()
          const server = yield* Effect.fork(Effect.flatMap(Deferred.await(elsewhere), (within) => within(names)))
          yield* Sandbox.run(Effect.gen(function*() {
            yield* insert(2)
            const found = yield* Effect.forEach([1, 2, 3], (id) => byId.execute(id), { batching: true })
            expect(found.map((one) => one._tag)).toEqual(["Some", "Some", "None"])
            yield* Deferred.succeed(elsewhere, (yield* Sandbox.here) as never)
            expect(yield* Fiber.join(server)).toEqual(["given", "topic 2"])
          }))
        })
      )
    }))

  it.scopedLive("takes DDL; a lock of its database's is held where it is a row, and refused where it is a connection's", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* under(
        ground,
        Effect.gen(function*() {
          for (const _ of [1, 2]) {
            yield* Sandbox.run(Effect.gen(function*() {
              const locked = yield* Effect.either(Mutex.withLock("sandbox")(insert(2)))
              if (postgres) expect(locked).toMatchObject({ left: { _tag: "MutexUnsupported" } })
              else yield* Mutex.withLock("sandbox")(insert(3))
              const client = yield* sql
              yield* Session.transaction(client`create table later (id integer primary key)`)
              yield* client`insert into later (id) values (1)`
              expect((yield* client`select id from later`).length).toBe(1)
            }))
          }
        })
      )
      expect(yield* ground.topics).toEqual(["given"])
    }))

  it.scopedLive("has migrations in its set-up, for good", () =>
    Effect.gen(function*() {
      const ground = yield* open
      const migrations = Migrations.fromRecord({
        "0001_later": Effect.flatMap(sql, (sql) => sql`create table later (id integer primary key)`)
      })
      yield* Effect.provide(
        Sandbox.run(Effect.flatMap(sql, (sql) => sql`insert into later (id) values (1)`)),
        Sandbox.layer({ url: ground.url, drivers, setup: Migrations.run(migrations) })
      )
      expect(yield* ground.tables).toContain("later")
      expect(yield* ground.admin("select id from later")).toEqual([])
    }))

  it.scopedLive("undoes every engine that a layer makes", () =>
    Effect.gen(function*() {
      const ground = yield* open
      const both = Layer.merge(ground.layer, Other.layer(ground.engine()))
      if (!postgres) return
      yield* Effect.provide(
        Sandbox.run(Effect.gen(function*() {
          const other = yield* Other
          yield* insert(2)
          yield* Other.transaction(other.sql`insert into topic (id, name) values (3, 'other')`)
          // They are two connections, as they were without a sandbox.
          expect(yield* names).toEqual(["given", "topic 2"])
          expect((yield* other.sql`select id from topic`).length).toBe(2)
        })),
        Sandbox.rollback(both)
      )
      expect(yield* ground.topics).toEqual(["given"])
    }))

  it.scopedLive("a statement that a stray fiber still runs when the test ends is cut off", () =>
    Effect.gen(function*() {
      const ground = yield* open
      if (!postgres) return
      yield* under(
        ground,
        Effect.gen(function*() {
          const client = yield* sql
          const stray = yield* Sandbox.run(
            Effect.gen(function*() {
              yield* insert(2)
              const fiber = yield* Effect.forkDaemon(Effect.flip(client`select pg_sleep(20)`))
              yield* Effect.yieldNow()
              return fiber
            }),
            "the short one"
          )
          expect(yield* Sandbox.run(Effect.zipRight(insert(3), names))).toEqual(["given", "topic 3"])
          expect((yield* Fiber.join(stray)).cause).toMatchObject({ _tag: "SandboxClosed", testName: "the short one" })
        })
      )
      expect(yield* ground.topics).toEqual(["given"])
    }))

  it.scopedLive("a second session that never gets its turn is told why", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* under(
        ground,
        Sandbox.run(Effect.scoped(Effect.gen(function*() {
          const handle = yield* Session.open()
          yield* handle.run(insert(2))
          const failure = yield* Effect.flip(names)
          expect(failure.cause).toMatchObject({ _tag: "ConcurrentUse" })
          yield* handle.commit
          expect(yield* names).toEqual(["given", "topic 2"])
        }))),
        { turnTimeout: "100 millis" }
      )
    }))
})
