/**
 * Faults on demand, on real databases: what the application sees, and what the database is left with.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Stream } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { Faults, Sandbox } from "effect-sql-engine-testing"
import { grounds, insert, names, sql } from "./places.js"

describe.each(grounds)("faults on %s", (name, open) => {
  const using = <A, E>(
    body: (faults: Faults.Faults, topics: Effect.Effect<ReadonlyArray<string>>) => Effect.Effect<A, E, any>,
    options: Engine.EngineOptions = {}
  ) =>
    Effect.gen(function*() {
      const ground = yield* open
      const faults = yield* Faults.make
      yield* Effect.provide(
        body(faults, ground.topics),
        Faults.layer(Engine.layer(ground.engine(options)), faults)
      ) as Effect.Effect<A, E>
    })

  const two = Session.transaction(Effect.zipRight(insert(2), insert(3)))

  it.scopedLive("none changes nothing, and counts the steps", () =>
    using((faults, topics) =>
      Effect.gen(function*() {
        yield* two
        yield* Effect.flip(Session.transaction(insert(2)))
        expect(yield* topics).toEqual(["given", "topic 2", "topic 3"])
        expect(yield* faults.counts).toMatchObject({ begin: 2, statement: 3, commit: 1, rollback: 1 })
      })
    ))

  it.scopedLive("a refused connection is a failure of whoever asked for it, and the next one works", () =>
    using((faults) =>
      Effect.gen(function*() {
        yield* faults.inject("connect", Faults.refuse(), { times: 1, lane: "write" })
        expect(yield* Effect.flip(two)).toMatchObject({ _tag: "ConnectionError", sent: "no" })
        yield* two
      })
    ))

  it.scopedLive("the n-th statement of those that match is refused, and the session undone", () =>
    using((faults, topics) =>
      Effect.gen(function*() {
        const injected = yield* faults.inject("statement", Faults.refuse("DeadlockError"), {
          matching: /^insert/,
          nth: 2
        })
        expect(yield* Effect.flip(two)).toMatchObject({ _tag: "DeadlockError" })
        expect(yield* injected.hits).toBe(1)
        expect(yield* topics).toEqual(["given"])
        yield* two
        expect(yield* injected.hits).toBe(1)
      })
    ))

  it.scopedLive("a swallowed refusal does to the transaction what the database would do", () =>
    using((faults, topics) =>
      Effect.gen(function*() {
        yield* faults.inject("statement", Faults.refuse("CheckViolation"))
        const exit = yield* Effect.exit(Session.transaction(Effect.zipRight(Effect.ignore(insert(2)), insert(3))))
        if (name === "SQLite") {
          expect(exit).toEqual(Exit.succeed([]))
          expect(yield* topics).toEqual(["given", "topic 3"])
        } else {
          expect(Exit.isFailure(exit) && exit.cause).toMatchObject({
            error: { _tag: "TransactionAborted", first: { _tag: "CheckViolation" } }
          })
          expect(yield* topics).toEqual(["given"])
        }
      })
    ))

  it.scopedLive("retry gets past conflicts that end, at the statement and at COMMIT", () =>
    using((faults, topics) =>
      Effect.gen(function*() {
        yield* faults.inject("statement", Faults.refuse())
        yield* faults.inject("commit", Faults.refuse())
        yield* Session.transaction(insert(2), { retry: "conflicts" })
        expect(yield* topics).toEqual(["given", "topic 2"])
      })
    ))

  it.scopedLive("a connection cut before a statement loses the work, one cut after COMMIT leaves it unknown", () =>
    using((faults, topics) =>
      Effect.gen(function*() {
        yield* faults.inject("statement", Faults.cut, { nth: 2 })
        expect(yield* Effect.flip(two)).toMatchObject({ _tag: "ConnectionError", sent: "no" })
        expect(yield* topics).toEqual(["given"])
        yield* faults.inject("statement", Faults.cutAfter, { nth: 2 })
        expect(yield* Effect.flip(two)).toMatchObject({ _tag: "ConnectionError", sent: "maybe" })
        expect(yield* topics).toEqual(["given"])
        yield* faults.inject("commit", Faults.cut)
        expect(yield* Effect.flip(two)).toMatchObject({ _tag: "ConnectionError", sent: "no" })
        expect(yield* topics).toEqual(["given"])
        yield* faults.inject("commit", Faults.cutAfter)
        expect(yield* Effect.flip(two)).toMatchObject({ _tag: "CommitUnknown" })
        expect(yield* topics).toEqual(["given", "topic 2", "topic 3"])
        expect(yield* names).toEqual(["given", "topic 2", "topic 3"])
      })
    ))

  it.scopedLive("what hangs is interrupted by the session's timeout, and its connection is replaced", () =>
    using((faults) =>
      Effect.gen(function*() {
        yield* faults.inject("statement", Faults.hang)
        expect(yield* Effect.flip(Session.transaction(insert(2), { timeout: "50 millis" }))).toMatchObject({
          _tag: "SessionTimeout"
        })
        yield* faults.inject("commit", Faults.hang)
        expect(yield* Effect.flip(Session.transaction(insert(2)))).toMatchObject({ _tag: "CommitUnknown" })
        yield* two
      }), { session: { releaseTimeout: "50 millis", commitTimeout: "50 millis" } }))

  it.scopedLive("what is delayed is done all the same; a cleared fault strikes nobody", () =>
    using((faults, topics) =>
      Effect.gen(function*() {
        yield* faults.inject("statement", Faults.delay("10 millis"), { times: Infinity })
        yield* two
        yield* faults.inject("commit", Faults.cut)
        yield* faults.clear
        yield* Session.transaction(insert(4))
        expect(yield* topics).toEqual(["given", "topic 2", "topic 3", "topic 4"])
      })
    ))

  it.scopedLive("a stream is cut after its rows", () =>
    using((faults) =>
      Effect.gen(function*() {
        yield* faults.inject("statement", Faults.cutAfter)
        const rows: Array<unknown> = []
        const failure = yield* Effect.flip(Stream.runForEach(
          Stream.unwrap(Effect.map(sql, (sql) => sql`select name from topic`.stream)),
          (row) => Effect.sync(() => rows.push(row))
        ))
        expect(rows.length).toBe(1)
        expect(failure.cause).toMatchObject({ _tag: "ConnectionError", sent: "maybe" })
      })
    ))

  it.scopedLive("in a sandbox they meet the test that injects them, and no other", () =>
    Effect.gen(function*() {
      const ground = yield* open
      const faults = yield* Faults.make
      yield* Effect.gen(function*() {
        yield* Sandbox.run(Effect.gen(function*() {
          yield* faults.inject("statement", Faults.refuse("DeadlockError"))
          expect(yield* Effect.flip(two)).toMatchObject({ _tag: "DeadlockError" })
          yield* faults.inject("commit", Faults.cutAfter)
          expect(yield* Effect.flip(two)).toMatchObject({ _tag: "CommitUnknown" })
        }))
        expect(yield* Sandbox.run(Effect.zipRight(two, names))).toEqual(["given", "topic 2", "topic 3"])
      }).pipe(Effect.provide(Faults.layer(Sandbox.rollback(ground.layer), faults)))
      expect(yield* ground.topics).toEqual(["given"])
    }))
})
