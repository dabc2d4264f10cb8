/**
 * A sandbox of mode `rollback`: what a test does is undone, and looks to the code as if it were not.
 */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Option, Stream } from "effect"
import { Engine, Session, SqlFailure } from "effect-sql-engine"
import { Sandbox } from "effect-sql-engine-testing"
import { grounds, insert, names, sql, under } from "./places.js"

class Broken {
  readonly _tag = "Broken"
}

describe.each(grounds)("on %s, in a sandbox of mode rollback", (name, open) => {
  it.scopedLive("what a test writes alone and in sessions is seen in it, and gone after it", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* under(
        ground,
        Effect.gen(function*() {
          const seen = yield* Sandbox.run(Effect.gen(function*() {
            yield* insert(2)
            yield* Session.transaction(Effect.zipRight(insert(3), Session.transaction(insert(4))))
            return yield* names
          }))
          expect(seen).toEqual(["given", "topic 2", "topic 3", "topic 4"])
          expect(yield* Sandbox.run(names)).toEqual(["given"])
        })
      )
      expect(yield* ground.topics).toEqual(["given"])
    }))

  it.scopedLive("a session that fails is undone alone", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* under(
        ground,
        Sandbox.run(Effect.gen(function*() {
          yield* insert(2)
          const failure = yield* Effect.flip(Session.transaction(Effect.zipRight(insert(3), Effect.fail(new Broken()))))
          expect(failure).toEqual(new Broken())
          expect(yield* names).toEqual(["given", "topic 2"])
          expect((yield* Effect.flip(Session.transaction(insert(2))))._tag).toBe("UniqueViolation")
          const lone = yield* Effect.flip(Effect.flatMap(sql, (sql) => sql`insert into topic (id) values (9)`))
          expect(lone.cause).toMatchObject({ _tag: "NotNullViolation" })
          expect(yield* names).toEqual(["given", "topic 2"])
        }))
      )
    }))

  it.scopedLive("a broken deferred rule fails the session at its COMMIT, and not the test", () =>
    Effect.gen(function*() {
      const ground = yield* open
      const note = (id: number, topic: number) =>
        Effect.flatMap(sql, (sql) => sql`insert into note ${sql.insert({ id, topic })}`)
      const count = Effect.flatMap(sql, (sql) => Effect.map(sql`select id from note`, (rows) => rows.length))
      yield* under(
        ground,
        Sandbox.run(Effect.gen(function*() {
          const events: Array<string> = []
          const broken = yield* Effect.flip(Session.transaction(Effect.gen(function*() {
            yield* note(1, 99)
            events.push("the statement passed")
            yield* Session.afterCommit(Effect.sync(() => events.push("committed")))
          })))
          expect(broken).toMatchObject({ _tag: "ForeignKeyViolation" })
          expect(events).toEqual(["the statement passed"])
          expect(yield* count).toBe(0)
          // Deferred again: the order inside of the next session is free.
          yield* Session.transaction(Effect.zipRight(note(2, 5), insert(5)))
          expect(yield* count).toBe(1)
          expect((yield* Effect.flip(note(3, 98))).cause).toMatchObject({ _tag: "ForeignKeyViolation" })
          expect(yield* count).toBe(1)
        }))
      )
    }))

  it.scopedLive("hooks run where the session commits, and can be captured", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* under(
        ground,
        Sandbox.run(Effect.gen(function*() {
          const ran: Array<string> = []
          const hooked = (id: number) =>
            Session.transaction(Effect.gen(function*() {
              yield* insert(id)
              yield* Session.afterCommit(Effect.sync(() => ran.push(`commit ${id}`)))
              yield* Session.afterRollback(Effect.sync(() => ran.push(`rollback ${id}`)))
              if (id > 10) yield* Session.rollbackOnly
            }))
          yield* hooked(2)
          yield* hooked(12)
          expect(ran).toEqual(["commit 2", "rollback 12"])
          const [, hooks] = yield* Sandbox.captureHooks(Effect.zipRight(hooked(3), hooked(13)))
          expect(ran.length).toBe(2)
          expect(hooks.map(({ when }) => when)).toEqual(["afterCommit", "afterRollback"])
          yield* hooks[0]!.run
          expect(ran.slice(2)).toEqual(["commit 3"])
        }))
      )
    }))

  it.scopedLive("a daemon that outlives the test is refused by name, and nothing of it stays", () =>
    Effect.gen(function*() {
      const ground = yield* open
      const [alone, inSession] = yield* under(
        ground,
        Effect.gen(function*() {
          const over = yield* Deferred.make<void>()
          const fibers = yield* Sandbox.run(
            Effect.gen(function*() {
              yield* insert(2)
              return yield* Effect.all([
                Effect.forkDaemon(Effect.zipRight(Deferred.await(over), Effect.flip(insert(3)))),
                Effect.forkDaemon(
                  Effect.zipRight(Deferred.await(over), Effect.flip(Session.transaction(insert(4))))
                )
              ])
            }),
            "the test of the daemon"
          )
          yield* Deferred.succeed(over, undefined)
          return yield* Fiber.join(Fiber.zip(fibers[0], fibers[1]))
        })
      )
      expect(alone.cause).toMatchObject({ _tag: "SandboxClosed", testName: "the test of the daemon" })
      expect(inSession).toMatchObject({ _tag: "SandboxClosed", testName: "the test of the daemon" })
      expect(yield* ground.topics).toEqual(["given"])
    }))

  it.scopedLive("a session that a daemon holds open when the test ends is undone, and its next statement refused", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* under(
        ground,
        Effect.gen(function*() {
          const begun = yield* Deferred.make<void>()
          const over = yield* Deferred.make<void>()
          const stray = yield* Sandbox.run(
            Effect.gen(function*() {
              const fiber = yield* Effect.forkDaemon(Effect.flip(Session.transaction(Effect.gen(function*() {
                yield* insert(2)
                yield* Deferred.succeed(begun, undefined)
                yield* Deferred.await(over)
                yield* insert(3)
              }))))
              yield* Deferred.await(begun)
              return fiber
            }),
            "a short test"
          )
          // The next test is not kept waiting by it.
          expect(yield* Sandbox.run(names)).toEqual(["given"])
          yield* Deferred.succeed(over, undefined)
          expect(yield* Fiber.join(stray)).toMatchObject({ _tag: "SandboxClosed", testName: "a short test" })
          expect(yield* Sandbox.run(names)).toEqual(["given"])
        })
      )
      expect(yield* ground.topics).toEqual(["given"])
    }))

  it.scopedLive("fibers that a test forks are in its sandbox, and end with it", () =>
    Effect.gen(function*() {
      const ground = yield* open
      const ended: Array<string> = []
      yield* under(
        ground,
        Effect.gen(function*() {
          const seen = yield* Sandbox.run(Effect.gen(function*() {
            yield* Effect.fork(Effect.onInterrupt(Effect.never, () => Effect.sync(() => ended.push("interrupted"))))
            yield* Effect.all([insert(2), Session.transaction(insert(3)), Session.transaction(insert(4)), insert(5)], {
              concurrency: "unbounded"
            })
            return yield* names
          }))
          expect(seen.length).toBe(5)
          expect(ended).toEqual(["interrupted"])
        })
      )
      expect(yield* ground.topics).toEqual(["given"])
    }))

  it.scopedLive("outside of a sandbox the engine is refused", () =>
    Effect.gen(function*() {
      const ground = yield* open
      const failure = yield* under(ground, Effect.flip(insert(2)))
      expect(failure.cause).toMatchObject({ _tag: "SandboxMissing", engine: "main" })
      expect(yield* under(ground, Effect.flip(Session.transaction(insert(2))))).toMatchObject({
        _tag: "SandboxMissing"
      })
      expect(yield* ground.topics).toEqual(["given"])
    }))

  it.scopedLive("a sandbox in a sandbox sees the outer one's writes, and is undone alone", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* under(
        ground,
        Sandbox.run(Effect.gen(function*() {
          yield* insert(2)
          for (const id of [3, 4]) {
            const seen = yield* Sandbox.run(Effect.zipRight(Session.transaction(insert(id)), names))
            expect(seen).toEqual(["given", "topic 2", `topic ${id}`])
          }
          expect(yield* names).toEqual(["given", "topic 2"])
        }))
      )
    }))

  it.scopedLive("what asks for more than one transaction at once is refused", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* under(
        ground,
        Sandbox.run(Effect.gen(function*() {
          const nested = yield* Effect.flip(
            Session.transaction(Effect.zipRight(insert(2), Session.transaction(insert(3), { nested: "new" })))
          )
          expect(nested).toMatchObject({ _tag: "NestedRefused" })
          expect(yield* names).toEqual(["given"])
          const sandbox = yield* Effect.exit(Session.transaction(Sandbox.run(insert(4))))
          expect(Exit.isFailure(sandbox) && Option.getOrUndefined(Cause.dieOption(sandbox.cause))).toMatchObject({
            _tag: "NestedRefused"
          })
        }))
      )
    }))

  it.scopedLive("a read-only session writes nothing, and the next one writes again", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* under(
        ground,
        Sandbox.run(Effect.gen(function*() {
          const failure = yield* Effect.flip(Session.transaction(insert(2), { readOnly: true }))
          expect(failure).toMatchObject({ _tag: "ReadOnlyTransaction" })
          expect(yield* Session.transaction(names, { readOnly: true })).toEqual(["given"])
          yield* Session.transaction(insert(3))
          expect(yield* names).toEqual(["given", "topic 3"])
        }))
      )
    }))

  it.scopedLive("an isolation level is what was asked for, or is refused", () =>
    Effect.gen(function*() {
      const ground = yield* open
      const asked = (isolation: "serializable" | "read committed") =>
        Sandbox.run(Session.transaction(names, { isolation }))
      const own = name === "SQLite" ? "serializable" : "read committed"
      expect(yield* under(ground, asked(own))).toEqual(["given"])
      expect(yield* under(ground, asked("serializable"), { isolation: "serializable" })).toEqual(["given"])
      const level = name === "SQLite"
        ? Effect.succeed("serializable")
        : Effect.flatMap(sql, (sql) =>
          Effect.map(sql`select current_setting('transaction_isolation') as level`, ([row]) => row?.["level"]))
      expect(yield* under(ground, Sandbox.run(level), { isolation: "serializable" })).toBe("serializable")
      if (name === "SQLite") {
        return
      }
      expect(yield* under(ground, Effect.flip(asked("serializable")))).toMatchObject({ _tag: "NestedRefused" })
    }))

  it.scopedLive("a session that is tried again begins from where the failed attempt began", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* under(
        ground,
        Sandbox.run(Effect.gen(function*() {
          let attempts = 0
          yield* Session.transaction(
            Effect.gen(function*() {
              yield* insert(2)
              attempts++
              if (attempts < 3) return yield* retryable
            }),
            { retry: "conflicts" }
          )
          expect(attempts).toBe(3)
          expect(yield* names).toEqual(["given", "topic 2"])
        }))
      )
    }))

  it.scopedLive("a stream outside of sessions leaves room for others between its batches", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* under(
        ground,
        Sandbox.run(Effect.gen(function*() {
          const client = yield* sql
          for (let id = 2; id <= 400; id++) yield* insert(id)
          const read = yield* client<{ readonly id: number }>`select id from topic order by id`.stream.pipe(
            Stream.mapEffect(({ id }) =>
              id % 100 === 0
                ? Effect.as(Session.transaction(client`update topic set name = ${`seen ${id}`} where id = ${id}`), id)
                : Effect.succeed(id)
            ),
            Stream.runCount
          )
          expect(read).toBe(400)
          const seen = yield* client`select id from topic where name like 'seen%'`
          expect(seen.length).toBe(4)
        }))
      )
    }))

  it.scopedLive("what layers do while they are built stays, and a tag of its own is under the same sandbox", () =>
    Effect.gen(function*() {
      const ground = yield* open
      yield* Effect.provide(
        Sandbox.run(Effect.gen(function*() {
          const engine = yield* Reports
          yield* engine.sql`insert into topic (id, name) values (3, 'undone')`
          expect((yield* engine.sql`select id from topic`).length).toBe(3)
        })),
        Sandbox.rollback(
          Reports.layer(
            Effect.tap(ground.engine(), (engine) => engine.sql`insert into topic (id, name) values (2, 'built')`)
          )
        )
      )
      expect(yield* ground.topics).toEqual(["given", "built"])
    }))
})

class Reports extends Engine.Tag<Reports>()("test/Reports") {}

const retryable = Effect.suspend(() =>
  Effect.fail(
    new SqlFailure.SerializationError({ message: "Could not serialize.", retryable: true, code: "40001" })
  )
)
