import { SqlClient } from "@effect/sql"
import { assert, describe, expect, it } from "@effect/vitest"
import { Cause, Chunk, Clock, Deferred, Effect, Exit, Fiber, Option, Scope, Stream, TestClock } from "effect"
import { Session, SqlFailure } from "effect-sql-engine"
import { Outcome } from "effect-sql-engine-testing"
import { withBench } from "./support/scripted.js"

const insert = (key: number) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into t values (${key})`)
const broken = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`fail 23505`)
const words = (server: { readonly wire: ReadonlyArray<{ readonly step: string }> }) =>
  server.wire.map((entry) => entry.step).filter((step) => !["connect", "init", "close"].includes(step))

const failureOf = <A, E>(exit: Exit.Exit<A, E>): unknown =>
  Exit.isFailure(exit) ? Option.getOrThrow(Cause.failureOption(exit.cause)) : assert.fail("it succeeded")

describe("Session", () => {
  it.scoped("a success commits once, and BEGIN travels with the first statement", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        expect(yield* Session.transaction(Effect.as(insert(1), "done"))).toBe("done")
        expect(words(server)).toEqual(["begin", "statement", "commit"])
        expect(server.rows("t")).toEqual([1])
      })
    ))

  it.scoped("a session without a statement touches no server", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        yield* Session.transaction(Session.transaction(Effect.void))
        expect(server.wire).toEqual([])
      })
    ))

  it.scoped("a failure rolls back and comes out unchanged", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        const mine = { _tag: "Mine" } as const
        const exit = yield* Effect.exit(Session.transaction(Effect.zipRight(insert(1), Effect.fail(mine))))
        expect(failureOf(exit)).toBe(mine)
        expect(words(server)).toEqual(["begin", "statement", "rollback"])
        expect(server.rows("t")).toEqual([])
      })
    ))

  it.scoped("a defect rolls back and comes out unchanged", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        const bug = new Error("bug")
        const exit = yield* Effect.exit(Session.transaction(Effect.zipRight(insert(1), Effect.die(bug))))
        expect(exit).toEqual(Exit.die(bug))
        expect(server.rows("t")).toEqual([])
      })
    ))

  it.scoped("an SqlError leaves as its typed failure", () =>
    withBench(() =>
      Effect.gen(function*() {
        const failure = yield* Effect.flip(Session.transaction(broken))
        expect(failure._tag).toBe("UniqueViolation")
      })
    ))

  it.scoped("a failed statement that the body swallows is TransactionAborted with that failure", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        const failure = yield* Effect.flip(
          Session.transaction(
            Effect.zipRight(insert(1), Effect.zipRight(Effect.ignore(broken), Effect.ignore(insert(2))))
          )
        )
        expect(failure).toMatchObject({ _tag: "TransactionAborted", first: { _tag: "UniqueViolation" } })
        expect(words(server)).toEqual(["begin", "statement", "statement", "rollback"])
        expect(server.rows("t")).toEqual([])
      })
    ))

  it.scoped("where a failed statement leaves the transaction usable, the body may go on", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        yield* Session.transaction(Effect.zipRight(Effect.ignore(broken), insert(2)))
        expect(server.rows("t")).toEqual([2])
      }), { onFailure: "continue" }))

  it.scoped("a transaction that the server ends by itself takes no further statement", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        const second = yield* Deferred.make<unknown>()
        const failure = yield* Effect.flip(Session.transaction(Effect.gen(function*() {
          yield* insert(1)
          yield* Effect.ignore(broken)
          yield* Deferred.succeed(second, yield* Effect.flip(insert(2)))
        })))
        expect(failure).toMatchObject({ _tag: "TransactionAborted", first: { _tag: "UniqueViolation" } })
        expect(yield* Deferred.await(second)).toMatchObject({ cause: { _tag: "TransactionAborted" } })
        expect(server.rows("t")).toEqual([])
        expect(words(server)).toEqual(["begin", "statement", "statement"])
      }), { onFailure: "rollback" }))

  it.scoped("a refused COMMIT is its own typed failure, rolled back, and the next session works", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        server.next("commit", Outcome.fail("23503"))
        expect((yield* Effect.flip(Session.transaction(insert(1))))._tag).toBe("ForeignKeyViolation")
        yield* Session.transaction(insert(2))
        expect(server.rows("t")).toEqual([2])
      }), { onFailure: "continue" }))

  it.scoped("a COMMIT whose answer is lost is CommitUnknown", () =>
    withBench(({ engine, server }) =>
      Effect.gen(function*() {
        server.next("commit", Outcome.lostAfter)
        const failure = yield* Effect.flip(Session.transaction(insert(1)))
        expect(failure).toMatchObject({ _tag: "CommitUnknown", first: { _tag: "ConnectionError", sent: "maybe" } })
        expect((yield* engine.stats).sessions).toMatchObject({ unknown: 1, committed: 0, rolledBack: 0 })
      })
    ))

  it.scoped("a COMMIT that never left is not unknown", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        server.next("commit", Outcome.lostBefore)
        const failure = yield* Effect.flip(Session.transaction(insert(1)))
        expect(failure).toMatchObject({ _tag: "ConnectionError", sent: "no" })
        expect(server.rows("t")).toEqual([])
      })
    ))

  it.scoped("a COMMIT without an answer is CommitUnknown after its limit", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        server.next("commit", Outcome.hang)
        const fiber = yield* Effect.fork(Effect.flip(Session.transaction(insert(1))))
        yield* TestClock.adjust("31 seconds")
        expect((yield* Fiber.join(fiber))._tag).toBe("CommitUnknown")
      })
    ))

  it.scoped("a rollback that fails does not mask the failure, and its connection is destroyed", () =>
    withBench(({ engine, server }) =>
      Effect.gen(function*() {
        server.next("rollback", Outcome.lostAfter)
        expect(yield* Effect.flip(Session.transaction(Effect.zipRight(insert(1), Effect.fail("mine"))))).toBe("mine")
        const { pool } = yield* engine.stats
        expect(pool.open).toBe(0)
        yield* Session.transaction(insert(2))
        expect(server.rows("t")).toEqual([2])
      })
    ))

  it.scoped("an interruption rolls back", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        const inside = yield* Deferred.make<void>()
        const fiber = yield* Effect.fork(
          Session.transaction(
            Effect.zipRight(insert(1), Effect.zipRight(Deferred.succeed(inside, void 0), Effect.never))
          )
        )
        yield* Deferred.await(inside)
        const exit = yield* Fiber.interrupt(fiber)
        expect(Exit.isInterrupted(exit)).toBe(true)
        expect(words(server)).toEqual(["begin", "statement", "rollback"])
      })
    ))

  it.scoped("a session past its timeout is rolled back and fails with SessionTimeout", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(Effect.flip(
          Session.transaction(Effect.zipRight(insert(1), Effect.never), { timeout: "2 seconds" })
        ))
        yield* TestClock.adjust("2 seconds")
        expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "SessionTimeout", limitMillis: 2000 })
        expect(server.rows("t")).toEqual([])
      })
    ))

  it.scoped("after a statement that was timed out, the next one waits until the server is done with it", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        server.next("statement", Outcome.slow("3 seconds"))
        const fiber = yield* Effect.fork(Session.transaction(Effect.gen(function*() {
          const sql = yield* SqlClient.SqlClient
          expect(yield* Effect.timeoutOption(sql`select k from t`, "1 second")).toEqual(Option.none())
          yield* insert(2)
          return yield* Clock.currentTimeMillis
        })))
        yield* TestClock.adjust("10 seconds")
        expect(yield* Fiber.join(fiber)).toBe(3000)
        expect(server.rows("t")).toEqual([2])
      }), { onFailure: "continue" }))

  describe("nested", () => {
    it.scoped("only the inner work of a failed savepoint is undone", () =>
      withBench(({ server }) =>
        Effect.gen(function*() {
          yield* Session.transaction(Effect.gen(function*() {
            yield* insert(1)
            yield* Effect.ignore(Session.transaction(Effect.zipRight(insert(2), Effect.fail("no"))))
            yield* Session.transaction(insert(3))
          }))
          expect(server.rows("t")).toEqual([1, 3])
          const names = server.wire.filter((entry) => entry.step === "savepoint").map((entry) => entry.sql)
          expect(new Set(names).size).toBe(2)
        })
      ))

    it.scoped("a failed statement inside a savepoint leaves the outer session usable", () =>
      withBench(({ server }) =>
        Effect.gen(function*() {
          yield* Session.transaction(Effect.gen(function*() {
            yield* insert(1)
            const inner = yield* Effect.flip(Session.transaction(Effect.ignore(broken)))
            expect(inner._tag).toBe("TransactionAborted")
            yield* insert(3)
          }))
          expect(server.rows("t")).toEqual([1, 3])
        })
      ))

    it.scoped("a joined session that fails makes the outer one roll back", () =>
      withBench(({ server }) =>
        Effect.gen(function*() {
          const failure = yield* Effect.flip(Session.transaction(Effect.zipRight(
            insert(1),
            Effect.ignore(Session.transaction(Effect.fail("no"), { nested: "join" }))
          )))
          expect(failure._tag).toBe("TransactionAborted")
          expect(server.rows("t")).toEqual([])
        })
      ))

    it.scoped("a new session survives the failure of the one around it", () =>
      withBench(({ server }) =>
        Effect.gen(function*() {
          yield* Effect.ignore(Session.transaction(Effect.gen(function*() {
            yield* insert(1)
            yield* Session.transaction(insert(2), { nested: "new" })
            return yield* Effect.fail("no")
          })))
          expect(server.rows("t")).toEqual([2])
        })
      ))

    it.scoped("what a nested session may not decide is refused, and nothing is sent", () =>
      withBench(({ server }) =>
        Effect.gen(function*() {
          for (const options of [{ nested: "refuse" }, { isolation: "serializable" }, { readOnly: true }] as const) {
            const failure = yield* Effect.flip(Session.transaction(Session.transaction(insert(1), options)))
            expect(failure._tag).toBe("NestedRefused")
          }
          expect(server.wire).toEqual([])
        })
      ))

    it.scoped("siblings in other fibers never write inside one another's savepoint", () =>
      withBench(({ server }) =>
        Effect.gen(function*() {
          yield* Session.transaction(Effect.forEach([1, 2, 3, 4], (n) =>
            Effect.ignore(Session.transaction(Effect.gen(function*() {
              yield* insert(n)
              yield* Effect.yieldNow()
              yield* insert(n * 10)
              if (n % 2 === 0) return yield* Effect.fail("even")
            }))), { concurrency: "unbounded" }))
          expect(server.rows("t")).toEqual([1, 10, 3, 30])
        })
      ))
  })

  describe("the end", () => {
    it.scoped("a fiber that outlives its session gets SessionClosed, and nothing reaches the wire", () =>
      withBench(({ server }) =>
        Effect.gen(function*() {
          const over = yield* Deferred.make<void>()
          const stray = yield* Session.transaction(
            Effect.zipRight(insert(1), Effect.forkDaemon(Effect.zipRight(Deferred.await(over), Effect.flip(insert(2)))))
          )
          yield* Deferred.succeed(over, void 0)
          expect(yield* Fiber.join(stray)).toMatchObject({ cause: { _tag: "SessionClosed", closedBy: "commit" } })
          expect(server.rows("t")).toEqual([1])
        })
      ))

    it.scoped("a stream that is read on after the session fails with SessionClosed", () =>
      withBench(({ server }) =>
        Effect.gen(function*() {
          const sql = yield* SqlClient.SqlClient
          const outer = yield* Effect.scope
          const pull = yield* Session.transaction(Effect.gen(function*() {
            for (const key of [1, 2, 3]) yield* insert(key)
            const pull = yield* Scope.extend(Stream.toPull(Stream.rechunk(sql`select k from t`.stream, 1)), outer)
            expect(Chunk.toReadonlyArray(yield* pull)).toEqual([{ k: 1 }])
            yield* insert(4)
            return pull
          }))
          const sent = server.wire.length
          const exit = yield* Effect.exit(Effect.forever(pull))
          expect(Option.getOrThrow(failureOf(exit) as Option.Option<unknown>)).toMatchObject({
            cause: { _tag: "SessionClosed" }
          })
          expect(server.wire.length).toBe(sent)
        })
      ))

    it.scoped("an opened session without a commit is rolled back with its scope", () =>
      withBench(({ server }) =>
        Effect.gen(function*() {
          yield* Effect.scoped(Effect.flatMap(Session.open(), (session) => session.run(insert(1))))
          expect(server.rows("t")).toEqual([])
          yield* Effect.scoped(Effect.gen(function*() {
            const session = yield* Session.open()
            yield* session.run(insert(2))
            yield* session.commit
            expect((yield* Effect.flip(session.run(insert(3))))._tag).toBe("SessionClosed")
            expect((yield* Effect.flip(session.commit))._tag).toBe("SessionClosed")
          }))
          expect(server.rows("t")).toEqual([2])
        })
      ))

    it.scoped("a session layer commits with the success of what it is provided to", () =>
      withBench(({ server }) =>
        Effect.gen(function*() {
          yield* Effect.provide(Effect.zipRight(insert(1), insert(2)), Session.layer())
          yield* Effect.ignore(Effect.provide(Effect.zipRight(insert(3), Effect.fail("no")), Session.layer()))
          expect(server.rows("t")).toEqual([1, 2])
          expect(words(server).filter((word) => word === "begin").length).toBe(2)
        })
      ))
  })

  describe("hooks", () => {
    it.scoped("run once after the outermost commit, on connections of their own", () =>
      withBench(({ server }) =>
        Effect.gen(function*() {
          const seen: Array<string> = []
          yield* Session.transaction(Effect.gen(function*() {
            yield* insert(1)
            yield* Session.transaction(Effect.zipRight(
              insert(2),
              Session.afterCommit(Effect.zipRight(Effect.orDie(insert(3)), Effect.sync(() => seen.push("commit"))))
            ))
            yield* Session.afterRollback(Effect.sync(() => seen.push("rollback")))
            yield* Effect.ignore(Session.transaction(Effect.zipRight(
              Session.afterCommit(Effect.sync(() => seen.push("never"))),
              Effect.zipRight(Session.afterRollback(Effect.sync(() => seen.push("inner"))), Effect.fail("no"))
            )))
            expect(seen).toEqual(["inner"])
          }))
          expect(seen).toEqual(["inner", "commit"])
          expect(server.rows("t")).toEqual([1, 2, 3])
        })
      ))

    it.scoped("a session marked rollbackOnly returns its value and keeps nothing", () =>
      withBench(({ server }) =>
        Effect.gen(function*() {
          const value = yield* Session.transaction(Effect.as(Effect.zipRight(insert(1), Session.rollbackOnly), 7))
          expect(value).toBe(7)
          expect(server.rows("t")).toEqual([])
        })
      ))
  })

  it.scoped("withTransaction of the client is a session, and its failures are SqlErrors", () =>
    withBench(({ server }) =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql.withTransaction(
          Effect.zipRight(insert(1), Effect.ignore(sql.withTransaction(Effect.zipRight(insert(2), Effect.fail("no")))))
        )
        expect(server.rows("t")).toEqual([1])
        server.next("commit", Outcome.lostAfter)
        const failure = yield* Effect.flip(sql.withTransaction(insert(3)))
        expect(SqlFailure.isSqlError(failure) && SqlFailure.fromSqlError(failure)._tag).toBe("CommitUnknown")
      })
    ))
})
