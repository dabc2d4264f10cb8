import { describe, expect, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { Effect, Exit, Fiber, Stream } from "effect"
import { SqliteDriver } from "effect-sql-engine-sqlite"
import { connect, drain, failure, file, listener, run, runAll, statement, value, writer } from "./support.js"

const begin = ["BEGIN IMMEDIATE"]

/** Another connection to the file, by the plain client; closed with the scope. */
const outsider = (filename: string) =>
  Effect.acquireRelease(
    Effect.sync(() => new Sqlite(filename, { timeout: 0 })),
    (db) => Effect.sync(() => db.close())
  )

/** Runs an effect, and does something when it has been waiting for a while. */
const afterAWhile = <A, E, R>(effect: Effect.Effect<A, E, R>, then: () => void) =>
  Effect.zipLeft(effect, Effect.sync(then).pipe(Effect.delay("80 millis")), { concurrent: true })

describe("a lock that is given back in time", () => {
  it.scopedLive("is waited for at BEGIN, by a lone write, at COMMIT and by a stream", () =>
    Effect.gen(function*() {
      const { db, filename } = yield* writer({ journalMode: "delete" })
      yield* runAll(db, "CREATE TABLE t (a)", "INSERT INTO t VALUES (0)")
      const other = yield* outsider(filename)
      const held = () => {
        other.exec("BEGIN EXCLUSIVE")
        return () => void other.exec("COMMIT")
      }
      yield* afterAWhile(run(db, "INSERT INTO t VALUES (1)", [], { prelude: begin }), held())
      yield* db.control("commit", "COMMIT")
      yield* afterAWhile(run(db, "INSERT INTO t VALUES (2)"), held())
      expect(yield* afterAWhile(value(db, "SELECT count(*) FROM t"), held())).toBe(3)
      expect(yield* afterAWhile(drain(db, "SELECT a FROM t"), held())).toHaveLength(3)
      // A reader keeps a commit waiting where there is no write-ahead log.
      yield* run(db, "INSERT INTO t VALUES (3)", [], { prelude: begin })
      other.exec("BEGIN")
      other.prepare("SELECT * FROM t").all()
      expect(yield* afterAWhile(db.control("commit", "COMMIT"), () => void other.exec("COMMIT"))).toBe("none")
      expect(yield* value(db, "SELECT count(*) FROM t")).toBe(4)
      expect(db.condition()).toBe("clean")
    }))

  it.scopedLive("is waited for while opening", () =>
    Effect.gen(function*() {
      const filename = yield* file
      const other = yield* outsider(filename)
      other.exec("CREATE TABLE t (a); BEGIN EXCLUSIVE")
      const driver = yield* SqliteDriver.make({ filename })
      const db = yield* afterAWhile(connect(driver), () => void other.exec("COMMIT"))
      expect(yield* value(db, "PRAGMA journal_mode")).toBe("wal")
    }))
})

describe("a lock that is not given back", () => {
  it.scopedLive("ends in LockTimeoutError with the numbers, and leaves nothing behind", () =>
    Effect.gen(function*() {
      const { db, filename } = yield* writer({ lockTimeout: "120 millis" })
      yield* run(db, "CREATE TABLE t (a)")
      const other = yield* outsider(filename)
      other.exec("BEGIN IMMEDIATE")
      for (
        const attempt of [
          run(db, "INSERT INTO t VALUES (1)"),
          run(db, "INSERT INTO t VALUES (1)", [], { prelude: begin }),
          drain(db, "INSERT INTO t VALUES (1) RETURNING a"),
          drain(db, "SELECT 1", { prelude: begin })
        ]
      ) {
        const began = performance.now()
        const error = yield* failure(attempt)
        const waited = performance.now() - began
        expect(error).toMatchObject({
          _tag: "LockTimeoutError",
          code: "SQLITE_BUSY",
          limitMillis: 120,
          retryable: true,
          connection: "keep",
          engine: "test"
        })
        expect(error._tag === "LockTimeoutError" && error.waitedMillis).toBeGreaterThanOrEqual(119)
        expect(waited).toBeLessThan(1120)
        expect([db.transaction(), db.condition()]).toEqual(["none", "clean"])
      }
      other.exec("ROLLBACK")
      yield* run(db, "INSERT INTO t VALUES (1)")
      expect(yield* value(db, "SELECT count(*) FROM t")).toBe(1)
    }))

  it.scopedLive("is not waited for with a limit of 0", () =>
    Effect.gen(function*() {
      const { db, filename } = yield* writer({ lockTimeout: 0 })
      yield* run(db, "CREATE TABLE t (a)")
      const other = yield* outsider(filename)
      other.exec("BEGIN IMMEDIATE")
      expect(yield* failure(run(db, "INSERT INTO t VALUES (1)"))).toMatchObject({
        _tag: "LockTimeoutError",
        limitMillis: 0
      })
    }))

  it.scopedLive("fails a COMMIT that stays open, so that it can be rolled back", () =>
    Effect.gen(function*() {
      const { db, filename } = yield* writer({ journalMode: "delete", lockTimeout: "50 millis" })
      yield* run(db, "CREATE TABLE t (a)")
      const other = yield* outsider(filename)
      other.exec("BEGIN")
      other.prepare("SELECT * FROM t").all()
      yield* run(db, "INSERT INTO t VALUES (1)", [], { prelude: begin })
      expect(yield* failure(db.control("commit", "COMMIT"))).toMatchObject({
        _tag: "LockTimeoutError",
        connection: "keep"
      })
      expect(db.transaction()).toBe("open")
      expect(yield* db.control("rollback", "ROLLBACK")).toBe("none")
      other.exec("COMMIT")
      expect(yield* value(db, "SELECT count(*) FROM t")).toBe(0)
    }))

  it.scopedLive("fails opening, with nothing left open", () =>
    Effect.gen(function*() {
      const filename = yield* file
      const other = yield* outsider(filename)
      other.exec("CREATE TABLE t (a); BEGIN EXCLUSIVE")
      const driver = yield* SqliteDriver.make({ filename, lockTimeout: "50 millis" })
      expect(yield* failure(driver.write.connect(listener().context))).toMatchObject({
        _tag: "LockTimeoutError",
        sent: "no"
      })
      expect(yield* failure(driver.read!.connect(listener().context))).toMatchObject({
        _tag: "LockTimeoutError",
        sent: "no"
      })
    }))
})

describe("interrupting a wait", () => {
  it.scopedLive("returns at once, and the statement never happens", () =>
    Effect.gen(function*() {
      const { db, filename } = yield* writer()
      yield* run(db, "CREATE TABLE t (a)")
      const other = yield* outsider(filename)
      other.exec("BEGIN IMMEDIATE")
      for (
        const attempt of [
          Effect.asVoid(run(db, "INSERT INTO t VALUES (1)", [], { prelude: begin })),
          Effect.asVoid(run(db, "INSERT INTO t VALUES (1)")),
          Stream.runDrain(db.stream(statement("INSERT INTO t VALUES (1) RETURNING a")))
        ]
      ) {
        const fiber = yield* Effect.fork(attempt)
        yield* Effect.sleep("20 millis")
        const began = performance.now()
        expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
        expect(performance.now() - began).toBeLessThan(500)
        expect([db.transaction(), db.condition()]).toEqual(["none", "clean"])
      }
      other.exec("ROLLBACK")
      yield* Effect.sleep("60 millis")
      expect(yield* value(db, "SELECT count(*) FROM t")).toBe(0)
    }))

  it.scopedLive("lets timers run on while it lasts", () =>
    Effect.gen(function*() {
      const { db, filename } = yield* writer({ lockTimeout: "400 millis" })
      yield* run(db, "CREATE TABLE t (a)")
      const other = yield* outsider(filename)
      other.exec("BEGIN IMMEDIATE")
      let ticks = 0
      const ticking = yield* Effect.fork(
        Effect.forever(Effect.zipRight(Effect.sleep("10 millis"), Effect.sync(() => ticks++)))
      )
      yield* failure(run(db, "INSERT INTO t VALUES (1)"))
      yield* Fiber.interrupt(ticking)
      expect(ticks).toBeGreaterThan(10)
    }))
})
