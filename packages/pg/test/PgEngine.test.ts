import { PgClient } from "@effect/sql-pg/PgClient"
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Deferred, Effect, Fiber, Option, Stream } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { admin, database } from "../../../test/support/postgres.js"
import type { TestDatabase } from "../../../test/support/postgres.js"

/** Runs a test on an engine with a database of its own, and looks at the server when it is over. */
const onServer = <A, E>(
  body: (at: TestDatabase) => Effect.Effect<A, E, Engine.Engine | SqlClient | PgClient>,
  options: PgEngine.PgEngineOptions = {}
) =>
  Effect.gen(function*() {
    const at = yield* database
    const quiescent = Effect.gen(function*() {
      const stats = yield* Engine.Engine.stats
      expect(stats).toMatchObject({ pool: { inUse: 0, waiting: 0 }, sessions: { open: 0 } })
      const open = yield* admin(
        at.url,
        `select state from pg_stat_activity where application_name = 'effect-sql-engine' and datname = '${at.database}'
          and state <> 'idle'`
      )
      expect(open).toEqual([])
    })
    return yield* Effect.provide(
      Effect.zipLeft(body(at), quiescent),
      PgEngine.layer({ url: at.url, ssl: "disable", ...options })
    )
  })

const createCity = Effect.flatMap(
  SqlClient,
  (sql) => sql`create table city (id int primary key generated always as identity, name text not null unique)`
)

describe("PgEngine", () => {
  it.scopedLive("a session commits, and a connection outside of the engine sees it", () =>
    onServer((at) =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* createCity
        yield* Session.transaction(sql`insert into city ${sql.insert([{ name: "Rome" }, { name: "Oslo" }])}`)
        expect(yield* admin(at.url, "select name from city order by id")).toEqual([{ name: "Rome" }, { name: "Oslo" }])
      })
    ))

  it.scopedLive("a failed statement that the body swallows is TransactionAborted with that failure", () =>
    onServer((at) =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* createCity
        const failure = yield* Effect.flip(Session.transaction(Effect.gen(function*() {
          yield* sql`insert into city (name) values ('Rome')`
          yield* Effect.ignore(sql`insert into city (name) values ('Rome')`)
        })))
        expect(failure).toMatchObject({
          _tag: "TransactionAborted",
          first: { _tag: "UniqueViolation", constraint: "city_name_key", table: "city", columns: ["name"] }
        })
        expect(yield* admin(at.url, "select name from city")).toEqual([])
      })
    ))

  it.scopedLive("a savepoint undoes only its own work, also after a failed statement", () =>
    onServer((at) =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* createCity
        yield* Session.transaction(Effect.gen(function*() {
          yield* sql`insert into city (name) values ('Rome')`
          yield* Effect.ignore(Session.transaction(sql`insert into city (name) values ('Rome')`))
          yield* Session.transaction(sql`insert into city (name) values ('Oslo')`)
        }))
        expect(yield* admin(at.url, "select name from city order by id")).toEqual([{ name: "Rome" }, { name: "Oslo" }])
      })
    ))

  it.scopedLive("a deferred constraint fails at COMMIT as the failure it is", () =>
    onServer(() =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* createCity
        yield* sql`create table street (city int references city deferrable initially deferred)`
        const failure = yield* Effect.flip(Session.transaction(sql`insert into street values (7)`))
        expect(failure).toMatchObject({ _tag: "ForeignKeyViolation", table: "street", constraint: "street_city_fkey" })
        yield* Session.transaction(sql`insert into city (name) values ('Rome')`)
      })
    ))

  it.scopedLive("a backend killed in a transaction is the failure that is reported, and the engine goes on", () =>
    onServer((at) =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* createCity
        const failure = yield* Effect.flip(Session.transaction(Effect.gen(function*() {
          yield* sql`insert into city (name) values ('Rome')`
          const [{ pid }] = (yield* sql<{ pid: number }>`select pg_backend_pid() as pid`) as [{ pid: number }]
          yield* admin(at.url, `select pg_terminate_backend(${pid})`)
          yield* sql`insert into city (name) values ('Oslo')`
        })))
        expect(["ServerShutdown", "ConnectionError"]).toContain(failure._tag)
        yield* Session.transaction(sql`insert into city (name) values ('Oslo')`)
        expect(yield* admin(at.url, "select name from city")).toEqual([{ name: "Oslo" }])
      })
    ))

  it.scopedLive("an interrupted query is cancelled on the server, and its session rolled back", () =>
    onServer((at) =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* createCity
        const inside = yield* Deferred.make<void>()
        const fiber = yield* Effect.fork(Session.transaction(Effect.gen(function*() {
          yield* sql`insert into city (name) values ('Rome')`
          yield* Deferred.succeed(inside, void 0)
          yield* sql`select pg_sleep(60)`
        })))
        yield* Deferred.await(inside)
        yield* Fiber.interrupt(fiber)
        expect(yield* admin(at.url, "select name from city")).toEqual([])
      })
    ))

  it.scopedLive("a stream is read with bounded batches while the body writes", () =>
    onServer((at) =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        yield* sql`create table copy (n int)`
        yield* Session.transaction(
          Stream.runForEach(sql<{ n: number }>`select n from generate_series(1, 1000) n`.stream, ({ n }) =>
            n % 100 === 0 ? Session.transaction(sql`insert into copy values (${n})`) : Effect.void)
        )
        const lone = yield* Stream.runCollect(Stream.take(sql<{ n: number }>`select n from copy order by n`.stream, 3))
        expect(Chunk.toReadonlyArray(lone)).toEqual([{ n: 100 }, { n: 200 }, { n: 300 }])
        expect(yield* admin(at.url, "select count(*)::int as n from copy")).toEqual([{ n: 10 }])
      })
    ))

  it.scopedLive("what a borrower sets is not seen by the next one", () =>
    onServer(() =>
      Effect.gen(function*() {
        const sql = yield* SqlClient
        const setting = Effect.map(sql<{ v: string }>`select current_setting('search_path') as v`, (rows) => rows[0]?.v)
        const before = yield* setting
        yield* sql`set search_path = pg_catalog`
        yield* Session.transaction(sql`set statement_timeout = 12345`)
        expect(yield* setting).toBe(before)
        expect(yield* sql`show statement_timeout`).toEqual([{ statement_timeout: "0" }])
      }), { pool: { size: 1, maxOverflow: 0 } }))

  it.scopedLive("PgClient's json, notify and listen work on the engine", () =>
    onServer(() =>
      Effect.gen(function*() {
        const sql = yield* PgClient
        expect(yield* sql`select ${sql.json({ a: [1] })}::jsonb as j`).toEqual([{ j: { a: [1] } }])
        const engine = yield* Engine.Engine
        const events = (engine as PgEngine.PgEngineService).listen("news")
        const heard = yield* Deferred.make<void>()
        const fiber = yield* Effect.fork(Stream.runCollect(
          Stream.tap(events, (event) => event._tag === "Listening" ? Deferred.succeed(heard, void 0) : Effect.void)
            .pipe(
              Stream.filterMap((event) => event._tag === "Notified" ? Option.some(event.payload) : Option.none()),
              Stream.take(2)
            )
        ))
        yield* Deferred.await(heard)
        yield* Effect.ignore(Session.transaction(Effect.zipRight(sql.notify("news", "never"), Effect.fail("no"))))
        yield* sql.notify("news", "it's 1")
        yield* Session.transaction(sql.notify("news", "2"))
        expect(Chunk.toReadonlyArray(yield* Fiber.join(fiber))).toEqual(["it's 1", "2"])
      })
    ))

  it.scopedLive("options that do not fit are refused with their names", () =>
    Effect.gen(function*() {
      const refused = (options: PgEngine.PgEngineOptions) =>
        Effect.map(Effect.flip(PgEngine.make(options)), (failure) =>
          failure._tag === "EngineConfigError" ? failure.problems.map(({ field }) => field) : [failure._tag])
      expect(yield* refused({ url: "sqlite:///a.db" })).toEqual(["url"])
      expect(yield* refused({ statmentTimeout: 5 } as PgEngine.PgEngineOptions)).toEqual(["statmentTimeout"])
      expect(yield* refused({ host: "a", hosts: [{ host: "b" }] })).toEqual(["host"])
      expect(yield* refused({ url: "mysql://localhost/a" })).toEqual(["UnsupportedBackend"])
      expect(yield* refused({ pool: { size: 0 } })).toEqual(["pool.size"])
      expect(yield* refused({ host: "127.0.0.1", port: 1, connect: "eager" })).toEqual(["ConnectionError"])
    }))
})
