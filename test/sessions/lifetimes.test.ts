/**
 * Whose a session is, and for how long, on both databases: ambient, explicit, fresh, by key, of a job.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Logger, Queue, Schedule, Schema, type Scope } from "effect"
import { Database, Engine, Session, SqlFailure, Table } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { type Place, places } from "../support/places.js"
import * as postgres from "../support/postgres.js"
import { checkSums, until } from "../support/quiescence.js"

const name = Effect.map(Session.info, ({ session }) => session)

const insert = (k: number) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into t (k) values (${k})`)

const drivers = [PgEngine.driver, SqliteEngine.driver] as const

/** A database with a table, an engine on it, and what is committed in it. */
const opened = (open: Effect.Effect<Place, never, Scope.Scope>) =>
  Effect.gen(function*() {
    const place = yield* open
    yield* place.admin("create table t (k integer not null primary key)")
    const engine = yield* place.engine()
    return {
      ...place,
      engine,
      on: Effect.provide(Engine.layer(Effect.succeed(engine))),
      committed: Effect.map(place.admin("select k from t order by k"), (rows) => rows.map(({ k }) => Number(k))),
      atRest: Effect.tap(
        until(engine.stats, ({ pool, sessions }) => pool.inUse + pool.waiting + pool.returning + sessions.open === 0),
        (stats) => Effect.sync(() => checkSums(stats))
      )
    }
  })

class RequestId extends Context.Tag("test/RequestId")<RequestId, string>() {}

describe.each(places)("on %s", (kind, open) => {
  it.scopedLive("two lookups in one scope are one session, and 100 sibling fibers have 100", () =>
    Effect.gen(function*() {
      const { atRest, committed, on } = yield* opened(open)
      const work = (k: number) =>
        Session.transaction(Effect.gen(function*() {
          const first = yield* name
          yield* insert(k)
          const sql = yield* SqlClient.SqlClient
          const own = yield* sql<{ k: number }>`select k from t`
          expect(yield* name).toBe(first)
          expect(own.map(({ k }) => Number(k))).toContain(k)
          if (k % 2 === 0) return yield* Effect.fail("even")
          return first
        }))
      const numbers = Array.from({ length: 100 }, (_, k) => k)
      const exits = yield* on(Effect.forEach(numbers, (k) => Effect.exit(work(k)), { concurrency: "unbounded" }))
      const names = exits.flatMap((exit) => Exit.isSuccess(exit) ? [exit.value] : [])
      expect(new Set(names).size).toBe(50)
      expect(yield* committed).toEqual(numbers.filter((k) => k % 2 === 1))
      expect((yield* atRest).sessions).toMatchObject({ opened: 100, committed: 50 })
    }))

  it.scopedLive("two calls are two sessions, on two connections while both are open", () =>
    Effect.gen(function*() {
      const { atRest, on } = yield* opened(open)
      const seen = yield* on(Effect.scoped(Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        // A file has one connection that writes.
        const handles = [yield* Session.open({ readOnly: true }), yield* Session.open({ readOnly: true })]
        return yield* Effect.forEach(
          handles,
          (handle) => Effect.zipRight(handle.run(sql`select 1 as one`), handle.info)
        )
      })))
      expect(new Set(seen.map(({ session }) => session)).size).toBe(2)
      expect(new Set(seen.map(({ connection }) => connection)).size).toBe(2)
      yield* atRest
    }))

  it.scopedLive("a key shares one session among fibers, and closing ends that of every fiber", () =>
    Effect.gen(function*() {
      const { atRest, committed, on } = yield* opened(open)
      yield* on(Effect.gen(function*() {
        const sessions = yield* Session.keyed(RequestId)
        const in_ = (id: string) => Effect.provideService(RequestId, id)
        const part = (k: number) => sessions.transaction(Effect.zipRight(insert(k), name))
        const names = yield* sessions.transaction(
          Effect.all([1, 2, 3].map(part), { concurrency: "unbounded" })
        ).pipe(in_("a"))
        expect(new Set(names).size).toBe(1)
        expect(yield* committed).toEqual([1, 2, 3])

        const inside = yield* Deferred.make<void>()
        const stuck = yield* Effect.fork(Effect.exit(
          sessions.transaction(Effect.all([insert(4), Deferred.succeed(inside, undefined), Effect.never])).pipe(
            in_("b")
          )
        ))
        yield* Deferred.await(inside)
        const idle = yield* Effect.fork(Effect.exit(
          sessions.transaction(Effect.zipRight(Session.info, Effect.never)).pipe(in_("c"))
        ))
        yield* until(sessions.keys, (keys) => keys.length === 2)
        yield* sessions.close
        yield* sessions.close
        expect(yield* sessions.keys).toEqual([])
        yield* atRest
        expect(yield* committed).toEqual([1, 2, 3])
        yield* Fiber.interruptAll([stuck, idle])
      }))
    }))

  it.scopedLive("an operation takes the session it is given, else the one around it", () =>
    Effect.gen(function*() {
      const { committed, on } = yield* opened(open)
      const operation = Effect.zipRight(Effect.ignore(insert(1)), name)
      yield* on(Effect.scoped(Effect.gen(function*() {
        const explicit = yield* Session.open({ name: "explicit", readOnly: true })
        yield* Session.transaction(
          Effect.gen(function*() {
            expect(yield* operation).toMatch(/^ambient#/)
            expect(yield* explicit.run(name)).toMatch(/^explicit#/)
            // What runs in the explicit one is refused there, and not done here.
            const refused = yield* Effect.flip(explicit.run(insert(2)))
            expect(refused._tag).toBe("ReadOnlyTransaction")
            expect(yield* operation).toMatch(/^ambient#/)
          }),
          { name: "ambient" }
        ).pipe(Effect.catchTag("TransactionAborted", () => Effect.void))
      })))
      // The second `operation` violates the key: PostgreSQL gives the transaction up, SQLite only the statement.
      expect(yield* committed).toEqual(kind === "SQLite" ? [1] : [])
    }))

  it.scopedLive("rows are plain values, of use after the session and the engine", () =>
    Effect.gen(function*() {
      const place = yield* open
      yield* place.admin("create table t (k integer not null primary key)")
      const rows = yield* Effect.scoped(Effect.gen(function*() {
        const engine = yield* place.engine()
        return yield* engine.transaction(Effect.gen(function*() {
          yield* engine.sql`insert into t (k) values (1), (2)`
          return yield* engine.sql<{ k: number }>`select k from t order by k`
        }))
      }))
      expect(JSON.parse(JSON.stringify(rows))).toEqual([{ k: 1 }, { k: 2 }])
    }))

  it.scopedLive("a database without a table can be queried at once, through the engine and through its sessions", () =>
    Effect.gen(function*() {
      const place = yield* open
      const visits = Table.make("visits", Schema.Struct({ id: Schema.Int }), { primaryKey: "id" })
      const ready = Database.layer({ url: place.url, drivers, tables: [visits], allowCreate: true })
      const counted = yield* Effect.gen(function*() {
        const engine = yield* Engine.Engine
        yield* engine.transaction(engine.sql`insert into visits (id) values (1)`)
        return yield* Session.transaction(engine.sql`select id from visits`)
      }).pipe(Effect.provide(ready))
      expect(counted).toEqual([{ id: 1 }])
    }))

  it.scopedLive("a job is a transaction: whatever ends it, the worker goes on and nothing stays lent", () =>
    Effect.gen(function*() {
      const { atRest, committed, on } = yield* opened(open)
      const jobs = yield* Queue.unbounded<{ readonly k: number; readonly end: Effect.Effect<unknown, string> }>()
      const done = yield* Queue.unbounded<string>()
      const inside = yield* Deferred.make<void>()
      const work = ({ end, k }: { readonly k: number; readonly end: Effect.Effect<unknown, string> }) =>
        Session.transaction(Effect.zipRight(insert(k), end), { name: `job ${k}` })
      const worker = yield* on(Queue.take(jobs)).pipe(
        Effect.flatMap((job) => on(Effect.exit(work(job)))),
        Effect.flatMap((exit) => Queue.offer(done, exit._tag)),
        Effect.forever,
        Effect.forkScoped
      )
      yield* Queue.offerAll(jobs, [
        { k: 1, end: Effect.void },
        { k: 2, end: Effect.fail("no") },
        { k: 3, end: Effect.die("a bug") },
        { k: 4, end: Effect.interrupt },
        { k: 5, end: Effect.void },
        { k: 6, end: Effect.zipRight(Deferred.succeed(inside, undefined), Effect.never) }
      ])
      const ends = yield* Queue.takeN(done, 5)
      expect([...ends]).toEqual(["Success", "Failure", "Failure", "Failure", "Success"])
      yield* Deferred.await(inside)
      yield* Fiber.interrupt(worker)
      expect((yield* atRest).sessions).toMatchObject({ opened: 6, committed: 2, rolledBack: 4 })
      expect(yield* committed).toEqual([1, 5])
    }))

  it.scopedLive("failures are told apart by their tag, and none is a success", () =>
    Effect.gen(function*() {
      const { engine, on } = yield* opened(open)
      yield* engine.sql`create table u (k integer not null)`
      yield* engine.sql`insert into t (k) values (1)`
      const tagOf = (statement: string) =>
        on(Effect.map(Effect.flip(Session.transaction(engine.sql.unsafe(statement))), ({ _tag }) => _tag))
      expect(yield* tagOf("insert into t (k) values (1)")).toBe("UniqueViolation")
      expect(yield* tagOf("insert into u (k) values (null)")).toBe("NotNullViolation")
      expect(yield* tagOf("selekt 1")).toBe("SqlSyntaxError")
      const gone = kind === "SQLite"
        ? yield* SqliteEngine.make({ filename: "/no/such/folder/app.db" })
        : yield* PgEngine.make({ host: "127.0.0.1", port: 1, username: "nobody", database: "none" })
      const failure = yield* Effect.flip(gone.transaction(gone.sql`select 1`))
      expect(failure._tag).toBe(kind === "SQLite" ? "EngineConfigError" : "ConnectionError")
      expect(SqlFailure.isSqlFailure(failure)).toBe(true)
    }))

  it.scopedLive("a connection reserved inside of a session is the session's: nothing waits for itself", () =>
    Effect.gen(function*() {
      const { committed, engine, on } = yield* opened(open)
      yield* on(Session.transaction(Effect.scoped(Effect.gen(function*() {
        yield* insert(1)
        const connection = yield* engine.sql.reserve
        yield* Session.transaction(Effect.scoped(Effect.gen(function*() {
          const inner = yield* engine.sql.reserve
          yield* inner.execute("insert into t (k) values (2)", [], undefined)
        })))
        yield* connection.execute("insert into t (k) values (3)", [], undefined)
      }))))
      expect(yield* committed).toEqual([1, 2, 3])
    }))
})

describe.each(places)("a session inside of another one on %s", (kind, open) => {
  const inside = (k: number, nested: "join" | "savepoint" | "new", end: Effect.Effect<unknown, string> = Effect.void) =>
    Session.transaction(Effect.zipRight(insert(k), end), { nested })

  it.scopedLive("that joins commits nothing by itself, and poisons the outer one when it fails", () =>
    Effect.gen(function*() {
      const { atRest, committed, on } = yield* opened(open)
      const lost = yield* on(Effect.flip(Session.transaction(
        Effect.all([insert(1), inside(2, "join"), insert(3), Effect.fail("no")])
      )))
      expect(lost).toBe("no")
      expect(yield* committed).toEqual([])
      const poisoned = yield* on(Effect.flip(Session.transaction(
        Effect.all([insert(1), Effect.ignore(inside(2, "join", Effect.fail("no"))), insert(3)])
      )))
      expect(poisoned._tag).toBe("TransactionAborted")
      yield* on(Session.transaction(Effect.all([insert(4), inside(5, "join"), insert(6)])))
      expect(yield* committed).toEqual([4, 5, 6])
      yield* atRest
    }))

  it.scopedLive("that is a savepoint loses its own work only, and leaves the outer one usable", () =>
    Effect.gen(function*() {
      const { atRest, committed, on } = yield* opened(open)
      yield* on(Session.transaction(Effect.gen(function*() {
        yield* insert(1)
        yield* Effect.ignore(inside(2, "savepoint", Effect.fail("no")))
        // A refused statement, too, is undone with its savepoint.
        yield* Effect.ignore(inside(1, "savepoint"))
        yield* inside(3, "savepoint")
        yield* insert(4)
      })))
      expect(yield* committed).toEqual([1, 3, 4])
      yield* on(Effect.ignore(Session.transaction(Effect.all([inside(5, "savepoint"), Effect.fail("no")]))))
      expect(yield* committed).toEqual([1, 3, 4])
      yield* atRest
    }))

  it.scopedLive("has siblings in other fibers, and none of their work is mixed", () =>
    Effect.gen(function*() {
      const { committed, on } = yield* opened(open)
      const sibling = (from: number, fails: boolean) =>
        Effect.ignore(Session.transaction(Effect.gen(function*() {
          for (let i = 0; i < 4; i++) yield* Effect.zipLeft(insert(from + i), Effect.yieldNow())
          if (fails) return yield* Effect.fail("no")
        })))
      yield* on(Session.transaction(
        Effect.all([sibling(10, false), sibling(20, true)], { concurrency: "unbounded" })
      ))
      expect(yield* committed).toEqual([10, 11, 12, 13])
    }))

  it.scopedLive("that is new survives the outer one where there is a connection for it, else is refused", () =>
    Effect.gen(function*() {
      const { atRest, committed, on } = yield* opened(open)
      const inner = yield* Deferred.make<Exit.Exit<unknown, unknown>>()
      const lost = yield* on(Effect.flip(Session.transaction(Effect.gen(function*() {
        yield* insert(1)
        const outer = yield* name
        expect(yield* Session.transaction(name, { nested: "new", readOnly: true })).not.toBe(outer)
        yield* Deferred.succeed(inner, yield* Effect.exit(inside(2, "new")))
        // The outer one is as it was.
        yield* insert(3)
        expect(yield* name).toBe(outer)
        return yield* Effect.fail("no")
      }))))
      expect(lost).toBe("no")
      const exit = yield* Deferred.await(inner)
      if (kind === "SQLite") expect(yield* Effect.flip(exit)).toMatchObject({ _tag: "PoolDeadlock" })
      else expect(exit._tag).toBe("Success")
      expect(yield* committed).toEqual(kind === "SQLite" ? [] : [2])
      yield* atRest
    }))
})

describe("a short-lived session on PostgreSQL", () => {
  it.scopedLive("never has the session at hand, never takes its place, and survives no longer than itself", () =>
    Effect.gen(function*() {
      const at = yield* postgres.database
      yield* postgres.admin(at.url, "create table t (k integer not null)")
      const engine = yield* PgEngine.make({ url: at.url })
      yield* Effect.gen(function*() {
        const sessions = yield* Session.keyed(Effect.succeed("one"))
        const pid = Effect.map(engine.sql<{ pid: number }>`select pg_backend_pid() as pid`, ([row]) => row!.pid)
        yield* sessions.transaction(Effect.gen(function*() {
          const mine = [yield* name, yield* pid]
          const short = yield* Session.transaction(Effect.all([name, pid, insert(1)]), { nested: "new" })
          expect(short[0]).not.toBe(mine[0])
          expect(short[1]).not.toBe(mine[1])
          expect([yield* sessions.transaction(name), yield* pid]).toEqual(mine)
          // Its connection dies while nobody uses it.
          yield* postgres.admin(at.url, `select pg_terminate_backend(${short[1]})`)
          const next = yield* Session.transaction(Effect.all([pid, insert(2)]), { nested: "new" })
          expect(next[0]).not.toBe(short[1])
          expect([yield* name, yield* pid]).toEqual(mine)
          return yield* Effect.fail("no")
        })).pipe(Effect.ignore)
      }).pipe(Effect.provide(Engine.layer(Effect.succeed(engine))))
      expect(yield* postgres.admin(at.url, "select k from t order by k")).toEqual([{ k: 1 }, { k: 2 }])
    }))
})

describe("a backend that is killed in a transaction", () => {
  it.scopedLive("is the failure, unless the body's own came first; tried again, the work is done once", () =>
    Effect.gen(function*() {
      const at = yield* postgres.database
      yield* postgres.admin(at.url, "create table t (k integer not null)")
      const engine = yield* PgEngine.make({ url: at.url, name: "shop" })
      const { sql } = engine
      const pid = Effect.map(sql<{ pid: number }>`select pg_backend_pid() as pid`, ([row]) => row!.pid)
      const kill = Effect.flatMap(pid, (pid) => postgres.admin(at.url, `select pg_terminate_backend(${pid})`))
      const write = sql`insert into t (k) values (1)`

      const lost = yield* Effect.flip(engine.transaction(Effect.all([write, kill, write])))
      // The server's last words, or the end of the link: whichever is read first.
      const gone = expect.stringMatching(/^(ServerShutdown|ConnectionError)$/)
      expect(lost._tag).toEqual(gone)
      expect(lost).toMatchObject({ engine: "shop", connection: "discard" })
      // Returned as a success, it is the same failure.
      const swallowed = yield* Effect.flip(engine.transaction(Effect.all([write, kill, Effect.ignore(write)])))
      expect(swallowed).toMatchObject({ _tag: "TransactionAborted", first: { _tag: gone } })
      // The rollback cannot be sent either; what the body failed with stands.
      const mine = yield* Effect.flip(engine.transaction(Effect.all([write, kill, Effect.fail("mine" as const)])))
      expect(mine).toBe("mine")

      const said: Array<string> = []
      const logger = Logger.make(({ message }) => void said.push(String(message)))
      const hooks: Array<string> = []
      let attempts = 0
      yield* engine.transaction(
        Effect.suspend(() => Effect.all([write, ++attempts === 1 ? kill : Effect.void, sql`select 1`])),
        {
          name: "count",
          retry: Schedule.recurs(2),
          idempotent: true,
          onRetry: ({ failure }) => Effect.zipRight(Effect.sync(() => hooks.push(failure._tag)), Effect.die("ignored"))
        }
      ).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      expect([attempts, hooks.length]).toEqual([2, 1])
      expect(said[0]).toMatch(/"count" of engine "shop" failed with \w+ and is tried again \(retry 1/)
      expect(said.some((line) => line.includes("onRetry hook"))).toBe(true)
      expect(yield* postgres.admin(at.url, "select k from t")).toEqual([{ k: 1 }])
    }))
})

describe("an engine that may not be there", () => {
  class Reports extends Engine.Tag<Reports>()("test/Reports") {}

  it.scopedLive("is looked up, and its absence is a typed failure", () =>
    Effect.gen(function*() {
      const absent = yield* Effect.flip(Reports.lookup)
      expect(absent).toMatchObject({ _tag: "EngineMissing", key: "test/Reports", sent: "no" })
      const engine = yield* SqliteEngine.make({ filename: ":memory:" })
      expect(yield* Effect.provideService(Reports.lookup, Reports, engine)).toBe(engine)
      expect(yield* Effect.flip(Engine.Engine.lookup)).toMatchObject({ key: "effect-sql-engine/Engine" })
    }))
})
