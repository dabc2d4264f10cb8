import * as SqlStatement from "@effect/sql/Statement"
import { describe, expect, it } from "@effect/vitest"
import { Cause, Chunk, Duration, Effect, Exit, Fiber, Option, Stream } from "effect"
import { Outcome, type Script, ScriptedDriver, VirtualClock } from "effect-sql-engine-testing"
import type { DriverConnection } from "effect-sql-engine/Driver"
import { isSqlFailure, SqlSyntaxError } from "effect-sql-engine/SqlFailure"
import { begin, connect, notices, statement } from "./support/scripted.js"

type Driven = ScriptedDriver.ScriptedDriver

/** Every step in a place where it can happen, and how the server shows that it was carried out. */
const steps: Record<Exclude<Script.Step, "connect" | "init" | "settle" | "resolveCommit" | "close">, {
  readonly before: (connection: DriverConnection) => Effect.Effect<unknown, unknown>
  readonly run: (connection: DriverConnection) => Effect.Effect<unknown, unknown>
  readonly done: (scripted: Driven, connection: DriverConnection) => boolean
}> = {
  validate: { before: () => Effect.void, run: (c) => c.ping, done: () => true },
  begin: {
    before: () => Effect.void,
    run: (c) => c.execute(statement("select t", { prelude: ["BEGIN"] })),
    done: (s) => s.counts().begun === 1
  },
  statement: {
    before: () => Effect.void,
    run: (c) => c.execute(statement("insert t 1")),
    done: (s) => s.rows("t").length === 1
  },
  stream: {
    before: () => Effect.void,
    run: (c) => Stream.runCollect(c.stream(statement("insert t 1"))),
    done: (s) => s.rows("t").length === 1
  },
  savepoint: {
    before: (c) => begin(c, "insert t 1"),
    run: (c) => c.execute(statement("select t", { prelude: ["SAVEPOINT a"] })),
    done: () => true
  },
  release: {
    before: (c) => c.execute(statement("insert t 1", { prelude: ["BEGIN", "SAVEPOINT a"] })),
    run: (c) => c.control("release", "RELEASE a"),
    done: () => true
  },
  rollbackTo: {
    before: (c) => c.execute(statement("insert t 1", { prelude: ["BEGIN", "SAVEPOINT a"] })),
    run: (c) => c.control("rollbackTo", "ROLLBACK TO a"),
    done: () => true
  },
  commit: {
    before: (c) => begin(c, "insert t 1"),
    run: (c) => c.control("commit", "COMMIT"),
    done: (s) => s.counts().committed === 1 && s.rows("t").length === 1
  },
  rollback: {
    before: (c) => begin(c, "insert t 1"),
    run: (c) => c.control("rollback", "ROLLBACK"),
    done: (s) => s.counts().rolledBack === 1
  },
  reset: {
    before: (c) => c.execute(statement("set x")),
    run: (c) => c.reset,
    done: (_, c) => c.condition() !== "dirty"
  }
}

/** Steps whose being carried out the server shows only while its connection is there. */
const unseen = new Set(["validate", "savepoint", "release", "rollbackTo", "reset"])

const summary = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.match(exit, {
    onSuccess: () => "ok",
    onFailure: (cause) =>
      Cause.isInterruptedOnly(cause)
        ? "interrupted"
        : Option.match(Cause.failureOption(cause), {
          onNone: () =>
            `defect: ${Chunk.toReadonlyArray(Cause.defects(cause)).map((d) => (d as Error).message).join()}`,
          onSome: (failure) => isSqlFailure(failure) ? `${failure._tag} ${failure.sent}` : String(failure)
        })
  })

/** An effect's end; the exception of a method that throws when called counts as one, under its own name. */
const endOf = <A, E>(run: () => Effect.Effect<A, E>): Effect.Effect<string> => {
  try {
    return Effect.map(Effect.exit(run()), summary)
  } catch (error) {
    return Effect.succeed(`exception: ${(error as Error).message}`)
  }
}

const boom = new Error("boom")

/** What the caller sees, whether the step shows on the wire, whether it was carried out, and the connection afterwards. */
const expectations: ReadonlyArray<
  readonly [Outcome.Outcome, end: string, sent: boolean, done: boolean, alive: boolean]
> = [
  [Outcome.ok, "ok", true, true, true],
  [Outcome.fail("42601"), "SqlSyntaxError yes", true, false, true],
  [Outcome.fail("no such code"), "UnknownError yes", true, false, true],
  [Outcome.fail("57P01"), "ServerShutdown yes", true, false, false],
  [Outcome.failWith(new SqlSyntaxError({ message: "no", sent: "no" })), "SqlSyntaxError no", true, false, true],
  [Outcome.slow("5 seconds"), "ok", true, true, true],
  [Outcome.slow("5 seconds", Outcome.fail("42601")), "SqlSyntaxError yes", true, false, true],
  [Outcome.slow("5 seconds", Outcome.lostAfter), "ConnectionError maybe", true, true, false],
  [Outcome.lostBefore, "ConnectionError no", false, false, false],
  [Outcome.lostAfter, "ConnectionError maybe", true, true, false],
  [Outcome.serverGone, "ServerShutdown maybe", true, false, false],
  [Outcome.throws(boom), "defect: boom", false, false, true],
  [Outcome.throwsOnCall(boom), "exception: boom", false, false, true],
  [Outcome.dies(boom), "defect: boom", true, true, true]
]

describe("steps and outcomes", () => {
  for (const [name, step] of Object.entries(steps)) {
    for (const [outcome, end, sent, done, alive] of expectations) {
      const label = "then" in outcome ? `${outcome._tag} then ${outcome.then._tag}` : outcome._tag
      it.live(`${name} told ${label} ends as ${end}`, () =>
        VirtualClock.run(Effect.gen(function*() {
          const scripted = yield* ScriptedDriver.make()
          const connection = yield* connect(scripted)
          yield* step.before(connection)
          const already = scripted.wire.length
          scripted.next(name as Script.Step, outcome)

          const seen = yield* endOf(() => step.run(connection))

          expect(seen).toBe(name === "validate" ? end.replace("ConnectionError maybe", "ConnectionError no") : end)
          expect(scripted.wire.slice(already).some((entry) => entry.step === name)).toBe(sent)
          expect(connection.condition() !== "lost").toBe(alive)
          expect(scripted.counts().open).toBe(alive ? 1 : 0)
          if (!unseen.has(name) && !(name === "rollback" && !alive)) {
            expect(step.done(scripted, connection)).toBe(done)
          }
          expect(scripted.breaches).toEqual([])
        })))
    }
    for (const outcome of [Outcome.hang, Outcome.hangApplied]) {
      it.live(`${name} told ${outcome._tag} ends when interrupted, and the connection stays busy`, () =>
        VirtualClock.run(Effect.gen(function*() {
          const scripted = yield* ScriptedDriver.make()
          const connection = yield* connect(scripted)
          yield* step.before(connection)
          scripted.next(name as Script.Step, outcome)
          const waited = yield* Effect.timed(Effect.timeoutOption(step.run(connection), "1 minute"))
          expect(waited[1]).toEqual(Option.none())
          expect(connection.condition()).toBe("busy")
          const settled = yield* Effect.timeoutOption(connection.settle, "1 hour")
          expect(settled).toEqual(Option.none())
          if (!unseen.has(name)) {
            expect(step.done(scripted, connection)).toBe(outcome._tag === "HangApplied")
          }
          yield* connection.close
          expect(scripted.counts()).toMatchObject({ open: 0, handles: 0, openTransactions: 0 })
        })))
      it.live(`${name} told ${outcome._tag} fails when the connection is closed under it`, () =>
        VirtualClock.run(Effect.gen(function*() {
          const scripted = yield* ScriptedDriver.make()
          const connection = yield* connect(scripted)
          yield* step.before(connection)
          scripted.next(name as Script.Step, outcome)
          const running = yield* Effect.fork(endOf(() => step.run(connection)))
          yield* Effect.sleep("1 second")
          yield* connection.close
          expect(yield* Fiber.join(running)).toBe("ConnectionError maybe")
          expect(scripted.counts()).toMatchObject({ open: 0, handles: 0, openTransactions: 0 })
        })))
    }
  }
})

describe("connecting", () => {
  const all: ReadonlyArray<readonly [Outcome.Outcome, end: string]> = [
    [Outcome.fail("28P01"), "AuthenticationError yes"],
    [Outcome.slow("1 second", Outcome.fail("53300")), "TooManyConnections yes"],
    [Outcome.lostBefore, "ConnectionError no"],
    [Outcome.lostAfter, "ConnectionError no"],
    [Outcome.serverGone, "ServerShutdown maybe"],
    [Outcome.throws(boom), "defect: boom"],
    [Outcome.dies(boom), "defect: boom"]
  ]
  for (const step of ["connect", "init"] as const) {
    for (const [outcome, end] of all) {
      it.live(`${step} told ${outcome._tag} ends as ${end} and leaves nothing open`, () =>
        VirtualClock.run(Effect.gen(function*() {
          const scripted = yield* ScriptedDriver.make({ script: [{ step, outcome }] })
          expect(yield* endOf(() => connect(scripted))).toBe(end)
          expect(scripted.counts()).toMatchObject({ open: 0, handles: 0 })
        })))
    }
    for (const outcome of [Outcome.hang, Outcome.hangApplied, Outcome.slow("1 hour")]) {
      it.live(`${step} told ${outcome._tag} leaves nothing open when interrupted`, () =>
        VirtualClock.run(Effect.gen(function*() {
          const scripted = yield* ScriptedDriver.make({ script: [{ step, outcome }] })
          expect(yield* Effect.timeoutOption(connect(scripted), "1 second")).toEqual(Option.none())
          yield* Effect.sleep("2 hours")
          expect(scripted.counts()).toMatchObject({ open: 0, handles: 0 })
        })))
    }
  }

  it.live("connect throws when called, if it is told so", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make({
        script: [{ step: "connect", nth: 1, outcome: Outcome.throwsOnCall(boom) }]
      })
      expect(() => scripted.driver.write.connect(notices())).toThrow("boom")
      expect(yield* endOf(() => connect(scripted))).toBe("ok")
    }))

  it.live("one connection more than the server takes is refused", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make({ maxConnections: 1 })
      const first = yield* connect(scripted)
      expect(yield* endOf(() => connect(scripted))).toBe("TooManyConnections no")
      yield* first.close
      expect(yield* endOf(() => connect(scripted))).toBe("ok")
    }))
})

describe("closing", () => {
  for (
    const [outcome, end] of [
      [Outcome.ok, "ok"],
      [Outcome.fail("42601"), "ok"],
      [Outcome.lostBefore, "ok"],
      [Outcome.slow("1 second"), "ok"],
      [Outcome.throws(boom), "defect: boom"],
      [Outcome.throwsOnCall(boom), "exception: boom"],
      [Outcome.dies(boom), "defect: boom"],
      [Outcome.hang, "interrupted"]
    ] as const
  ) {
    it.live(`close told ${outcome._tag} ends as ${end}, and the link is gone`, () =>
      VirtualClock.run(Effect.gen(function*() {
        const scripted = yield* ScriptedDriver.make({ script: [{ step: "close", outcome }] })
        const connection = yield* connect(scripted)
        yield* begin(connection, "insert t 1")
        const closing = yield* Effect.fork(endOf(() => connection.close))
        yield* Effect.sleep("1 minute")
        const exit = yield* Fiber.interrupt(closing)
        expect(Exit.match(exit, { onSuccess: (seen) => seen, onFailure: () => "interrupted" })).toBe(end)
        expect(connection.condition()).toBe("lost")
        expect(scripted.counts()).toMatchObject({ open: 0, handles: 0, openTransactions: 0 })
        expect(scripted.rows("t")).toEqual([])
        yield* connection.close
        expect(scripted.counts().handles).toBe(0)
      })))
  }

  it.live("a step after close reaches nothing and is a breach", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make()
      const connection = yield* connect(scripted)
      yield* connection.close
      const seen = scripted.wire.length
      expect(yield* endOf(() => connection.execute(statement("insert t 1")))).toBe("ConnectionError no")
      expect(scripted.wire.length).toBe(seen)
      expect(scripted.breaches).toEqual([{ kind: "afterClose", connection: "1", step: "statement", sql: "insert t 1" }])
    }))
})

describe("interruption", () => {
  it.live("an interrupted statement returns at once, and the connection is busy until the server is done", () =>
    VirtualClock.run(Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make()
      const connection = yield* connect(scripted)
      yield* begin(connection, "insert t 1")
      scripted.next("statement", Outcome.slow("10 seconds"))
      const [, outcome] = yield* Effect.timed(
        Effect.timeoutOption(connection.execute(statement("insert t 2")), "1 second")
      )
      expect(outcome).toEqual(Option.none())
      expect([connection.condition(), connection.transaction()]).toEqual(["busy", "open"])
      const [waited] = yield* Effect.timed(connection.settle)
      expect(Duration.toMillis(waited)).toBe(9000)
      expect([connection.condition(), connection.transaction()]).toEqual(["dirty", "failed"])
      expect(yield* connection.control("rollback", "ROLLBACK")).toBe("none")
      expect(scripted.rows("t")).toEqual([])
    })))

  it.live("a step on a busy connection is refused and is a breach", () =>
    VirtualClock.run(Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make()
      const connection = yield* connect(scripted)
      scripted.next("statement", Outcome.slow("10 seconds"))
      const running = yield* Effect.fork(connection.execute(statement("insert t 1")))
      yield* Effect.sleep("1 second")
      expect(yield* endOf(() => connection.ping)).toBe("UnknownError no")
      expect(scripted.breaches.map((breach) => breach.kind)).toEqual(["overlap"])
      yield* Fiber.join(running)
      expect(scripted.rows("t")).toEqual([1])
    })))

  it.live("a COMMIT that nobody waits for any more is carried out", () =>
    VirtualClock.run(Effect.gen(function*() {
      for (const close of [false, true]) {
        const scripted = yield* ScriptedDriver.make()
        const connection = yield* connect(scripted)
        yield* begin(connection, "insert t 1")
        scripted.next("commit", Outcome.slow("10 seconds"))
        yield* Effect.timeoutOption(connection.control("commit", "COMMIT"), "1 second")
        if (close) {
          yield* connection.close
        }
        expect(scripted.rows("t")).toEqual([])
        expect(scripted.counts().openTransactions).toBe(1)
        yield* Effect.sleep("9 seconds")
        expect(scripted.rows("t")).toEqual([1])
        expect(scripted.counts().openTransactions).toBe(0)
        expect(connection.condition()).toBe(close ? "lost" : "clean")
      }
    })))

  it.live("a lone statement is carried out although its connection was closed under it", () =>
    VirtualClock.run(Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make()
      const connection = yield* connect(scripted)
      scripted.next("statement", Outcome.slow("10 seconds"))
      const running = yield* Effect.fork(endOf(() => connection.execute(statement("insert t 1"))))
      yield* Effect.sleep("1 second")
      yield* connection.close
      expect(yield* Fiber.join(running)).toBe("ConnectionError maybe")
      yield* Effect.sleep("1 minute")
      expect(scripted.rows("t")).toEqual([1])
    })))

  it.live("settle passes at once on a quiet connection, and can be told to fail or to hang", () =>
    VirtualClock.run(Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make()
      const connection = yield* connect(scripted)
      scripted.next(
        "settle",
        Outcome.ok,
        Outcome.fail("XX000"),
        Outcome.slow("3 seconds"),
        Outcome.hang,
        Outcome.lostBefore
      )
      expect(yield* endOf(() => connection.settle)).toBe("ok")
      expect(yield* endOf(() => connection.settle)).toBe("UnknownError yes")
      expect(Duration.toMillis((yield* Effect.timed(connection.settle))[0])).toBe(3000)
      expect(yield* Effect.timeoutOption(connection.settle, "1 day")).toEqual(Option.none())
      expect(yield* endOf(() => connection.settle)).toBe("ConnectionError no")
      expect(connection.condition()).toBe("lost")
    })))
})

describe("the trip of a statement", () => {
  for (const outcome of [Outcome.fail("53100"), Outcome.lostBefore, Outcome.lostAfter, Outcome.throws(boom)]) {
    it.live(`a BEGIN told ${outcome._tag} lets its statement have no effect`, () =>
      Effect.gen(function*() {
        const scripted = yield* ScriptedDriver.make({ script: [{ step: "begin", outcome }] })
        const connection = yield* connect(scripted)
        yield* endOf(() => begin(connection, "insert t 1"))
        expect(scripted.wire.some((entry) => entry.step === "statement")).toBe(false)
        yield* connection.close
        expect(scripted.rows("t")).toEqual([])
      }))
  }

  it.live("what travelled with an interrupted BEGIN arrives too: the savepoint is set, the statement given up", () =>
    VirtualClock.run(Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make()
      const connection = yield* connect(scripted)
      scripted.next("begin", Outcome.slow("10 seconds"))
      const trip = connection.execute(statement("insert t 1", { prelude: ["BEGIN", "SAVEPOINT a"] }))
      yield* Effect.timeoutOption(trip, "1 second")
      expect([connection.condition(), connection.transaction()]).toEqual(["busy", "none"])
      yield* connection.settle
      expect([connection.condition(), connection.transaction()]).toEqual(["dirty", "failed"])
      expect(yield* connection.control("rollbackTo", "ROLLBACK TO a")).toBe("open")
      expect(yield* connection.execute(statement("select t"))).toEqual([])
      expect(scripted.breaches).toEqual([])
    })))

  it.live("a refused SAVEPOINT leaves the transaction as the server's mode says", () =>
    Effect.gen(function*() {
      for (const [onFailure, status] of [["abort", "failed"], ["continue", "open"], ["rollback", "none"]] as const) {
        const scripted = yield* ScriptedDriver.make({ onFailure })
        const connection = yield* connect(scripted)
        yield* begin(connection)
        scripted.next("savepoint", Outcome.fail("53100"))
        yield* endOf(() => connection.execute(statement("insert t 1", { prelude: ["SAVEPOINT a"] })))
        expect(connection.transaction()).toBe(status)
      }
    }))

  it.live("the wire shows each part of the trip, with the transaction it belongs to", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make()
      const connection = yield* connect(scripted)
      yield* connection.execute(statement("insert t 1", { prelude: ["BEGIN READ WRITE", "SAVEPOINT a"] }))
      yield* connection.control("release", "RELEASE a")
      yield* connection.control("commit", "COMMIT")
      expect(scripted.wire.map(({ sql, step, transaction }) => [step, sql, transaction])).toEqual([
        ["connect", undefined, undefined],
        ["init", undefined, undefined],
        ["begin", "BEGIN READ WRITE", 1],
        ["savepoint", "SAVEPOINT a", 1],
        ["statement", "insert t 1", 1],
        ["release", "RELEASE a", 1],
        ["commit", "COMMIT", 1]
      ])
    }))
})

describe("transactions", () => {
  it.live("after a failed statement, an aborting server refuses the rest and answers COMMIT with ROLLBACK", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make()
      const connection = yield* connect(scripted)
      yield* begin(connection, "insert t 1")
      expect(yield* endOf(() => connection.execute(statement("fail 42601")))).toBe("SqlSyntaxError yes")
      expect(connection.transaction()).toBe("failed")
      expect(yield* endOf(() => connection.execute(statement("insert t 2")))).toBe("UnknownError yes")
      expect(yield* endOf(() => connection.control("commit", "COMMIT"))).toBe("TransactionAborted yes")
      expect([connection.transaction(), connection.condition()]).toEqual(["none", "clean"])
      expect(scripted.rows("t")).toEqual([])
    }))

  it.live("after a failed statement, a continuing server commits the rest", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make({ onFailure: "continue" })
      const connection = yield* connect(scripted)
      yield* begin(connection, "insert t 1")
      expect(yield* endOf(() => connection.execute(statement("fail 42601")))).toBe("SqlSyntaxError yes")
      yield* connection.execute(statement("insert t 2"))
      expect(yield* connection.control("commit", "COMMIT")).toBe("none")
      expect(scripted.rows("t")).toEqual([1, 2])
    }))

  it.live("a server that rolls back by itself leaves no transaction", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make({ onFailure: "continue" })
      const connection = yield* connect(scripted)
      yield* begin(connection, "insert t 1")
      expect(yield* endOf(() => connection.execute(statement("rollback-by-itself")))).toBe("ResourceExhausted yes")
      expect(connection.transaction()).toBe("none")
      yield* endOf(() => connection.control("rollback", "ROLLBACK"))
      expect(scripted.breaches.map((breach) => breach.kind)).toEqual(["noTransaction"])
      expect(scripted.rows("t")).toEqual([])
    }))

  it.live("a deferred constraint is checked at COMMIT: an aborting server rolls back, a continuing one stays open", () =>
    Effect.gen(function*() {
      for (const [onFailure, status] of [["abort", "none"], ["continue", "open"]] as const) {
        const scripted = yield* ScriptedDriver.make({ onFailure })
        const connection = yield* connect(scripted)
        yield* begin(connection, "insert t 1 deferred")
        expect(yield* endOf(() => connection.control("commit", "COMMIT"))).toBe("ForeignKeyViolation yes")
        expect(connection.transaction()).toBe(status)
        yield* connection.close
        expect(scripted.rows("t")).toEqual([])
      }
    }))

  it.live("a deferred constraint that was mended before COMMIT holds", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make()
      const connection = yield* connect(scripted)
      yield* begin(connection, "insert t 1 deferred")
      yield* connection.execute(statement("delete t 1"))
      expect(yield* connection.control("commit", "COMMIT")).toBe("none")
    }))

  it.live("a unique key is refused inside the transaction, and at COMMIT when another one was first", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make({ unique: true, tables: { t: [1] } })
      const a = yield* connect(scripted)
      const b = yield* connect(scripted)
      expect(yield* endOf(() => a.execute(statement("insert t 1")))).toBe("UniqueViolation yes")
      yield* begin(a, "insert t 2")
      yield* begin(b, "insert t 2")
      yield* a.control("commit", "COMMIT")
      expect(yield* endOf(() => b.control("commit", "COMMIT"))).toBe("UniqueViolation yes")
      expect(scripted.rows("t")).toEqual([1, 2])
    }))

  it.live("a read-only transaction and the read lane refuse writes", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make({ readLane: true, readConnections: 2 })
      const writer = yield* connect(scripted)
      const failed = writer.execute(
        statement("insert t 1", { prelude: [scripted.driver.dialect.begin({ readOnly: true })] })
      )
      expect(yield* endOf(() => failed)).toBe("ReadOnlyTransaction yes")
      expect(scripted.driver.read?.connections).toBe(2)
      const reader = yield* scripted.driver.read!.connect(notices())
      expect(yield* endOf(() => reader.execute(statement("insert t 1")))).toBe("ReadOnlyTransaction yes")
      expect(["select k from t", "insert t 1"].map(scripted.driver.isRead!)).toEqual([true, false])
    }))

  it.live("savepoints nest: rolling back to one undoes what came after, releasing one keeps it", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make()
      const connection = yield* connect(scripted)
      yield* connection.execute(statement("insert t 1", { prelude: ["BEGIN", "SAVEPOINT a"] }))
      yield* connection.execute(statement("insert t 2", { prelude: ["SAVEPOINT b"] }))
      yield* connection.control("release", "RELEASE b")
      yield* connection.execute(statement("insert t 3", { prelude: ["SAVEPOINT c"] }))
      yield* endOf(() => connection.execute(statement("fail 42601")))
      expect(yield* connection.control("rollbackTo", "ROLLBACK TO c")).toBe("open")
      yield* connection.control("commit", "COMMIT")
      expect(scripted.rows("t")).toEqual([1, 2])
      expect(scripted.breaches).toEqual([])
    }))

  it.live("what no engine may do is noted as a breach", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make()
      const connection = yield* connect(scripted)
      yield* endOf(() => connection.control("commit", "COMMIT"))
      yield* begin(connection)
      yield* endOf(() => begin(connection))
      yield* connection.reset
      yield* connection.execute(statement("select t", { prelude: ["BEGIN", "SAVEPOINT a", "SAVEPOINT a"] }))
      yield* endOf(() => connection.control("release", "RELEASE b"))
      expect(scripted.breaches.map((breach) => breach.kind)).toEqual([
        "noTransaction",
        "nestedBegin",
        "savepointReused",
        "unknownSavepoint"
      ])
    }))
})

describe("the server's own doing", () => {
  it.live("kill ends the connection, its transaction and its statement", () =>
    VirtualClock.run(Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make()
      const context = notices()
      const connection = yield* connect(scripted, context)
      yield* begin(connection, "insert t 1")
      scripted.next("statement", Outcome.hang)
      const running = yield* Effect.fork(endOf(() => connection.execute(statement("insert t 2"))))
      yield* Effect.sleep("1 second")
      expect(scripted.kill(connection.id)).toBe(true)
      expect(yield* Fiber.join(running)).toBe("ServerShutdown maybe")
      expect(context.lost).toEqual([])
      expect(scripted.counts()).toMatchObject({ open: 0, handles: 1, openTransactions: 0 })
      expect(scripted.kill(connection.id)).toBe(false)
    })))

  it.live("an unused connection that dies is reported, and so is a server that goes", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make()
      const context = notices()
      const first = yield* connect(scripted, context)
      yield* connect(scripted, context)
      scripted.kill(first.id)
      expect(context.lost.map((failure) => failure._tag)).toEqual(["ServerShutdown"])
      scripted.crash()
      expect(context.serverGone.map((failure) => failure._tag)).toEqual(["ServerShutdown"])
      expect(scripted.counts().open).toBe(0)
    }))

  it.live("the statement `kill` does the same from inside", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make()
      const connection = yield* connect(scripted)
      yield* begin(connection, "insert t 1")
      expect(yield* endOf(() => connection.execute(statement("kill")))).toBe("ServerShutdown maybe")
      expect([connection.condition(), connection.transaction()]).toEqual(["lost", "none"])
    }))
})

describe("asking after a COMMIT", () => {
  const ask = (scripted: Driven, connection: DriverConnection) =>
    endOf(() => Effect.flatMap(scripted.driver.resolveCommit!(connection, "test")!, (fate) => Effect.fail(fate)))

  for (
    const [outcome, fate] of [
      [Outcome.lostBefore, "aborted"],
      [Outcome.lostAfter, "committed"],
      [Outcome.fail("57P01"), "aborted"],
      [Outcome.dies(boom), "committed"]
    ] as const
  ) {
    it.live(`a COMMIT told ${outcome._tag} was ${fate}`, () =>
      Effect.gen(function*() {
        const scripted = yield* ScriptedDriver.make({ resolveCommit: true })
        const connection = yield* connect(scripted)
        yield* begin(connection, "insert t 1")
        scripted.next("commit", outcome)
        yield* endOf(() => connection.control("commit", "COMMIT"))
        expect(yield* ask(scripted, connection)).toBe(fate)
        expect(scripted.rows("t").length).toBe(fate === "committed" ? 1 : 0)
      }))
  }

  it.live("nobody knows while the server is still at it, and the question can go wrong too", () =>
    VirtualClock.run(Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make({ resolveCommit: true })
      const connection = yield* connect(scripted)
      yield* begin(connection, "insert t 1")
      scripted.next("commit", Outcome.slow("10 seconds"))
      yield* Effect.timeoutOption(connection.control("commit", "COMMIT"), "1 second")
      yield* connection.close
      expect(yield* ask(scripted, connection)).toBe("unknown")
      scripted.next(
        "resolveCommit",
        Outcome.fail("53300"),
        Outcome.lostBefore,
        Outcome.throwsOnCall(boom),
        Outcome.slow(9_000)
      )
      expect(yield* ask(scripted, connection)).toBe("TooManyConnections yes")
      expect(yield* ask(scripted, connection)).toBe("ConnectionError no")
      expect(yield* ask(scripted, connection)).toBe("exception: boom")
      expect(yield* ask(scripted, connection)).toBe("committed")
    })))

  it.live("a driver that cannot ask says so by its absence", () =>
    Effect.map(ScriptedDriver.make(), ({ driver }) => expect(driver.resolveCommit).toBeUndefined()))
})

describe("dirty connections", () => {
  it.live("a setting or an open transaction makes a connection dirty, reset makes it clean", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make()
      const connection = yield* connect(scripted)
      expect(connection.condition()).toBe("clean")
      yield* connection.execute(statement("set x = 1"))
      expect(connection.condition()).toBe("dirty")
      yield* begin(connection, "insert t 1")
      yield* connection.reset
      expect([connection.condition(), connection.transaction()]).toEqual(["clean", "none"])
      expect(scripted.rows("t")).toEqual([])
    }))
})

describe("streams", () => {
  it.live("a stream leaves its connection dirty until it ends, however it ends, and other statements run between its batches", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make({ tables: { t: [1, 2, 3, 4, 5] } })
      const connection = yield* connect(scripted)
      const all = yield* Stream.runCollect(Stream.tap(connection.stream(statement("select t")), () =>
        Effect.zipRight(
          Effect.sync(() => expect(connection.condition()).toBe("dirty")),
          connection.execute(statement("select u"))
        )))
      expect(scripted.breaches).toEqual([])
      expect(Chunk.toReadonlyArray(all)).toEqual([1, 2, 3, 4, 5].map((k) => ({ k })))
      expect(connection.condition()).toBe("clean")
      yield* Stream.runDrain(Stream.take(connection.stream(statement("select t")), 1))
      expect(connection.condition()).toBe("clean")
      yield* endOf(() => Stream.runForEach(connection.stream(statement("select t")), () => Effect.fail("enough")))
      expect(connection.condition()).toBe("clean")
    }))

  it.live("a stream can be cut after some rows, and fails when its connection is closed", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make({ tables: { t: [1, 2, 3, 4, 5] } })
      scripted.next("stream", Outcome.cutAfter(3))
      const seen: Array<unknown> = []
      const note = (row: unknown) => Effect.sync(() => seen.push(row))
      const a = yield* connect(scripted)
      expect(yield* endOf(() => Stream.runForEach(a.stream(statement("select t")), note))).toBe("ConnectionError maybe")
      expect(seen).toEqual([{ k: 1 }, { k: 2 }, { k: 3 }])
      expect(a.condition()).toBe("lost")
      const b = yield* connect(scripted)
      expect(yield* endOf(() => Stream.runForEach(b.stream(statement("select t")), () => b.close))).toBe(
        "ConnectionError maybe"
      )
      expect(scripted.breaches).toEqual([])
    }))
})

describe("scripts", () => {
  it.live("the first rule that fits holds, numbers count from 1, and `next` goes before the script", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make({
        script: [
          { step: "statement", sql: /never/, outcome: Outcome.fail("42601") },
          { step: "statement", nthOnConnection: 2, connection: "2", outcome: Outcome.fail("40001") },
          { step: "statement", nth: 1, outcome: Outcome.answer([{ version: "16" }]) }
        ]
      })
      const a = yield* connect(scripted)
      const b = yield* connect(scripted)
      expect(yield* a.execute(statement("select version()", { shape: "values" }))).toEqual([["16"]])
      expect(yield* endOf(() => a.execute(statement("never")))).toBe("SqlSyntaxError yes")
      expect(yield* endOf(() => b.execute(statement("select 1")))).toBe("ok")
      expect(yield* endOf(() => b.execute(statement("select 1")))).toBe("SerializationError yes")
      scripted.next("statement", Outcome.fail("40P01"))
      expect(yield* endOf(() => b.execute(statement("select 1")))).toBe("DeadlockError yes")
      expect(yield* endOf(() => b.execute(statement("select 1")))).toBe("ok")
    }))
})

describe("the language", () => {
  it.live("statements made by an @effect/sql template are understood", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make()
      const connection = yield* connect(scripted)
      const sql = SqlStatement.make(Effect.die("unused"), scripted.driver.compiler, [], undefined)
      const run = (template: SqlStatement.Statement<unknown>, shape: "rows" | "values" | "raw" = "rows") => {
        const [text, params] = template.compile()
        return connection.execute(statement(text, { params, shape }))
      }
      expect(yield* run(sql`insert into t values (${1})`)).toEqual([])
      expect(yield* run(sql`INSERT INTO ${sql("t")} ${sql.insert([{ k: 2 }, { k: 3 }]).returning("*")}`)).toEqual([{
        k: 2
      }, { k: 3 }])
      expect(yield* run(sql`insert into t (k) values (${"it's"}) returning k`, "values")).toEqual([["it's"]])
      expect(yield* run(sql`delete from t where k = ${2}`, "raw")).toEqual([{ rows: [], rowCount: 1 }])
      expect(yield* run(sql`select k from t where k = ${3}`)).toEqual([{ k: 3 }])
      expect(yield* run(sql`select * from ${sql("t")} order by k`, "values")).toEqual([[1], [3], ["it's"]])
      expect(yield* run(sql`select count(*) from t`)).toEqual([{ count: 3 }])
      expect(yield* run(sql`select 1`)).toEqual([{ one: 1 }])
      expect(yield* endOf(() => run(sql`insert into t (a, b) values (${1}, ${2})`))).toBe("SqlSyntaxError yes")
      expect(yield* endOf(() => run(sql`vacuum the carpet`))).toBe("SqlSyntaxError yes")
    }))

  it.live("a code means the tag it names, a well-known SQLSTATE its own, and anything else is unknown", () =>
    Effect.sync(() => {
      const { classify } = ScriptedDriver.dialect
      expect(classify("40001")).toEqual({ tag: "SerializationError", retryable: true, connection: "keep" })
      expect(classify("UniqueViolation")).toEqual({ tag: "UniqueViolation", retryable: false, connection: "keep" })
      expect(classify("57P01")).toEqual({ tag: "ServerShutdown", retryable: true, connection: "discard" })
      for (const code of ["", "toString", "__proto__", "ZZZZZ"]) {
        expect(classify(code).tag).toBe("UnknownError")
      }
    }))

  it.live("no failure shows a bound value", () =>
    Effect.gen(function*() {
      const scripted = yield* ScriptedDriver.make({ unique: true })
      const connection = yield* connect(scripted)
      const insert = connection.execute(statement("insert into t values (?)", { params: ["s3cret"] }))
      yield* insert
      const failure = yield* Effect.flip(insert)
      expect(failure._tag).toBe("UniqueViolation")
      expect(JSON.stringify(failure) + failure.message).not.toContain("s3cret")
    }))
})
