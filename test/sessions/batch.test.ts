/**
 * Sessions of statements that are known beforehand: on both databases as a session around a pipeline; on PostgreSQL one
 * trip, whose end never lies.
 */
import { SqlClient } from "@effect/sql"
import * as SqlStatement from "@effect/sql/Statement"
import { afterAll, describe, expect, it } from "@effect/vitest"
import { Cause, Chunk, Effect, Exit, FastCheck as fc, Fiber, Logger, LogLevel, Option, Stream } from "effect"
import { Engine, Session, type SqlFailure } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { places } from "../support/places.js"
import { admin, database, type TestDatabase } from "../support/postgres.js"
import { type Proxy, proxy } from "../support/proxy.js"
import { checkSums, quiescent } from "../support/quiescence.js"

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000_000)
const full = process.env["PROVE"] === "full"

afterAll(() => console.log(`batches: SEED=${seed}`))

type Plan = readonly ["insert", number] | readonly ["read", number] | readonly ["late", number] | readonly ["broken", 0]

const number = fc.integer({ min: 0, max: 12 })
const plan: fc.Arbitrary<Plan> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.constant("insert" as const), number) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("read" as const), number) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("late" as const), number) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("broken" as const), fc.constant(0 as const)) }
)

const compiled = (sql: SqlClient.SqlClient, [kind, k]: Plan) => {
  switch (kind) {
    case "insert":
      return sql`insert into t (k) values (${k}) returning k`
    case "read":
      return sql`select k from t where k > ${k} order by k`
    // Fails at COMMIT, unless the row it points to is there by then.
    case "late":
      return sql`insert into late (k) values (${k})`
    case "broken":
      return sql`select k from nowhere`
  }
}

const tables = [
  "create table t (k integer not null primary key)",
  "create table late (k integer references t deferrable initially deferred)"
]

/** Lets a fiber that was just forked get as far as it can without waiting. */
const listening = Effect.repeatN(Effect.yieldNow(), 20)

/** Interrupts an effect, and tells how it ended: its fiber is interrupted, whatever the effect says. */
const interrupting = <A, E>(effect: Effect.Effect<A, E>, moment: Effect.Effect<unknown>) =>
  Effect.gen(function*() {
    let ended: Exit.Exit<A, E> | undefined
    const fiber = yield* Effect.fork(Effect.uninterruptibleMask((restore) =>
      Effect.map(Effect.exit(restore(effect)), (exit) => {
        ended = exit
      })
    ))
    yield* moment
    yield* Fiber.interrupt(fiber)
    return ended
  })

const said = (exit: Exit.Exit<unknown, SqlFailure.SqlFailure>) =>
  Exit.match(exit, {
    onSuccess: (rows) => ({ rows }),
    onFailure: (cause) =>
      Option.match(Cause.failureOption(cause), {
        onNone: () => ({ interrupted: Cause.isInterruptedOnly(cause) }),
        onSome: (failure) => ({
          tag: failure._tag,
          sent: failure.sent,
          retryable: failure.retryable,
          statement: "statement" in failure && failure.statement
        })
      })
  })

describe.each(places)("on %s", (_, open) => {
  const opened = Effect.gen(function*() {
    const place = yield* open
    yield* place.admin(...tables)
    const engine = yield* place.engine()
    const on = Effect.provide(Engine.layer(Effect.succeed(engine)))
    return { ...place, engine, on, committed: place.admin("select k from t order by k") }
  })

  it.scopedLive("end as a session around a pipeline, also inside of a session", () =>
    Effect.gen(function*() {
      const { admin, committed, engine, on } = yield* opened
      const end = (verb: "batch" | "pipeline", plans: ReadonlyArray<Plan>, where: "alone" | "nested" | "join") =>
        Effect.gen(function*() {
          yield* admin("delete from late")
          yield* admin("delete from t")
          const before = (yield* engine.stats).sessions
          const sql = yield* SqlClient.SqlClient
          const statements = plans.map((plan) => compiled(sql, plan))
          const options = where === "join" ? { nested: "join" } as const : {}
          const session = verb === "batch"
            ? Session.batch(statements, options)
            : Session.transaction(Session.pipeline(statements), options)
          const exit = yield* Effect.exit<unknown, SqlFailure.SqlFailure, Engine.Engine>(
            where === "alone"
              ? session
              : Session.transaction(
                Effect.zip(sql`insert into t (k) values (100)`, Effect.exit(session)).pipe(
                  Effect.zipLeft(Effect.ignore(sql`insert into t (k) values (101)`)),
                  Effect.map(([, exit]) => said(exit))
                )
              )
          )
          const { committed: kept, opened, rolledBack, unknown } = (yield* engine.stats).sessions
          return {
            exit: said(exit),
            rows: yield* committed,
            late: yield* admin("select k from late order by k"),
            counted: [
              opened - before.opened,
              kept - before.committed,
              rolledBack - before.rolledBack,
              unknown - before.unknown
            ]
          }
        })
      const property = fc.asyncProperty(
        fc.array(plan, { maxLength: 6 }),
        fc.constantFrom("alone" as const, "nested" as const, "join" as const),
        (plans, where) =>
          Effect.runPromise(on(Effect.gen(function*() {
            const batch = yield* end("batch", plans, where)
            expect(batch).toEqual(yield* end("pipeline", plans, where))
          })))
      )
      yield* Effect.promise(() => fc.assert(property, { seed, numRuns: full ? 500 : 60 }))
      checkSums(yield* engine.stats)
    }), 120_000)

  it.scopedLive("type the rows of each, and leave nothing open when a statement cannot even be made", () =>
    Effect.gen(function*() {
      const { committed, engine, on } = yield* opened
      yield* on(Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const [inserted, [counted]] = yield* Session.batch([
          sql<{ k: number }>`insert into t (k) values (7) returning k`,
          sql<{ n: number | string }>`select count(*) as n from t`
        ], { name: "typed" })
        const first: number | undefined = inserted[0]?.k
        expect([first, Number(counted?.n)]).toEqual([7, 1])
        expect(yield* Session.batch([])).toEqual([])
        // @ts-expect-error: what is made of a statement is none any more, for the compiler too
        const mapped = Session.batch([Effect.map(sql`select 1`, (rows) => rows)])
        expect((yield* Effect.flip(mapped))._tag).toBe("NestedRefused")
        expect((yield* Effect.flip(Session.batch([sql`insert into t (k) values (8)`, sql`commit`])))._tag)
          .toBe("NestedRefused")
        // No value that the types allow fails before it is sent.
        const odd = sql`select ${{
          get toString(): never {
            throw new Error("odd")
          }
        } as any}`
        expect(Exit.isFailure(yield* Effect.exit(Session.batch([sql`insert into t (k) values (9)`, odd])))).toBe(true)
      }))
      expect(yield* committed).toEqual([{ k: 7 }])
      yield* quiescent(engine)
      checkSums(yield* engine.stats)
    }))

  it.scopedLive("are tried again as other sessions are, and told to who watches", () =>
    Effect.gen(function*() {
      const { admin, engine, on } = yield* opened
      const events = yield* Effect.fork(Stream.runCollect(Stream.takeUntil(
        Stream.filterMap(engine.events, ({ _tag }) =>
          _tag.startsWith("Session") || _tag.startsWith("Statement") ? Option.some(_tag) : Option.none()),
        (tag) =>
          tag === "SessionCommitted"
      )))
      yield* listening
      yield* on(Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        let failures = 0
        yield* Session.batch([sql`insert into t (k) values (1)`], { timeout: "10 seconds" })
        expect(
          yield* Effect.flip(Session.batch([sql`insert into t (k) values (2)`, sql`insert into t (k) values (2)`], {
            retry: "conflicts",
            onRetry: () => Effect.sync(() => failures++)
          }))
        ).toMatchObject({ _tag: "UniqueViolation" })
        expect(failures).toBe(0)
      }))
      expect(yield* admin("select k from t")).toEqual([{ k: 1 }])
      const tags = Chunk.toReadonlyArray(yield* Fiber.join(events))
      expect(tags.filter((tag) => tag === "SessionBegan" || tag === "SessionCommitted")).toEqual([
        "SessionBegan",
        "SessionCommitted"
      ])
    }))
})

/** Ends the server's process that is at such a statement, once there is one. */
const terminate = (at: TestDatabase, where: string) =>
  Effect.repeat(
    admin(
      at.url,
      `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and ${where}`
    ),
    { until: (rows) => rows.length > 0 }
  )

/** Waits until a whole exchange has gone out. */
const sent = (between: Proxy) =>
  Effect.repeat(Effect.delay(Effect.sync(() => between.messages()), 1), {
    until: (messages) => messages.endsWith("S")
  })

describe("on one trip to PostgreSQL", () => {
  /** An engine with one connection, through a proxy. */
  const through = (config: Partial<PgEngine.PgEngineOptions> = {}) =>
    Effect.gen(function*() {
      const at = yield* database
      yield* admin(at.url, ...tables)
      const between = yield* proxy(at)
      const engine = yield* PgEngine.make({
        url: at.url,
        hosts: [{ host: "127.0.0.1", port: between.port }],
        ssl: "disable",
        pool: { size: 1, maxOverflow: 0 },
        ...config
      })
      const batch = (...statements: Parameters<typeof Session.batch>[0]) =>
        Effect.provide(Session.batch(statements), Engine.layer(Effect.succeed(engine)))
      return { at, between, engine, sql: engine.sql, batch, committed: admin(at.url, "select k from t order by k") }
    })

  it.scopedLive("BEGIN, statements and COMMIT go together; where the transaction's id is wanted COMMIT goes alone", () =>
    Effect.gen(function*() {
      for (const trackTransactionId of [false, true]) {
        const { batch, between, committed, sql } = yield* through({ trackTransactionId })
        yield* sql`select 1`
        for (let k = 0; k < 3; k++) {
          between.reset()
          yield* batch(sql`insert into t (k) values (${k})`, sql`select k from t`)
          expect(between.trips()).toBe(trackTransactionId ? 2 : 1)
        }
        expect(yield* committed).toEqual([{ k: 0 }, { k: 1 }, { k: 2 }])
      }
    }))

  it.scopedLive("a value that a parser of ours cannot read is told, and that what was done is committed", () =>
    Effect.gen(function*() {
      const types = {
        getTypeParser: () => () => {
          throw new Error("unreadable")
        }
      }
      const { batch, committed, engine, sql } = yield* through({ types })
      const failure = yield* Effect.flip(batch(sql`insert into t (k) values (1) returning k`))
      expect(failure).toMatchObject({ _tag: "DataError", retryable: false })
      expect(yield* committed).toEqual([{ k: 1 }])
      expect((yield* engine.stats).sessions).toMatchObject({ committed: 1, rolledBack: 0, unknown: 0 })
    }))

  it.scopedLive("is not cut short by what a transformer does in the session, and heeds it", () =>
    Effect.gen(function*() {
      const { at, committed, engine, sql } = yield* through()
      const on = Effect.provide(Engine.layer(Effect.succeed(engine)))
      const besides = (work: Effect.Effect<unknown, unknown, any>) => {
        let asked = false
        return Effect.exit(
          on(Session.batch([sql`insert into t (k) values (1)`])).pipe(
            SqlStatement.withTransformer((statement) => {
              if (asked) return Effect.succeed(statement)
              asked = true
              // What it needs of the session is there: a transformer runs inside of it, and cannot say so in its type.
              return Effect.as(Effect.orDie(work), statement) as Effect.Effect<typeof statement>
            })
          )
        )
      }
      expect(Exit.isSuccess(yield* besides(Session.rollbackOnly))).toBe(true)
      expect(yield* committed).toEqual([])
      expect(Exit.isSuccess(yield* besides(sql`insert into t (k) values (2)`))).toBe(true)
      expect(yield* committed).toEqual([{ k: 1 }, { k: 2 }])
      yield* quiescent(engine, at)
      expect((yield* engine.stats).sessions).toMatchObject({ committed: 1, rolledBack: 1, unknown: 0 })
    }))

  it.scopedLive("may hold more statements than a call may have arguments", () =>
    Effect.gen(function*() {
      const { batch, sql } = yield* through()
      const rows = yield* batch(...Array.from({ length: 100 }, () => sql`select 1 as a`))
      expect(rows).toHaveLength(100)
      const many = Array.from({ length: 150_000 }, () => sql`select 1 as a`)
      const { engine } = yield* through()
      const foreign = Effect.provide(Session.batch(many), Engine.layer(Effect.succeed(engine)))
      expect((yield* Effect.flip(foreign))._tag).toBe("NestedRefused")
      const own = Array.from({ length: 150_000 }, () => engine.sql`select 1 as a`)
      expect(yield* Effect.provide(Session.batch(own), Engine.layer(Effect.succeed(engine)))).toHaveLength(150_000)
    }), 60_000)

  it.scopedLive("is told without its literals, however its parts are written", () =>
    Effect.gen(function*() {
      const { batch, engine, sql } = yield* through()
      const ended = Stream.filterMap(
        engine.events,
        (event) => event._tag === "StatementEnded" ? Option.some(event.statement) : Option.none()
      )
      const texts = yield* Effect.fork(Stream.runCollect(Stream.takeUntil(ended, (text) => text.includes("last"))))
      yield* listening
      yield* batch(sql.unsafe("select 'secret'"), sql`select ${1}::int`)
      yield* batch(sql.unsafe("select 1 -- it's"), sql.unsafe("select 'secret' as last"))
      const told = Chunk.toReadonlyArray(yield* Fiber.join(texts))
      expect(told[0]).toBe("select ?; select $1::int")
      expect(told.join()).not.toContain("secret")
    }))

  it.scopedLive("lost behind a warning of a statement's own that looks like the server's last, it is CommitUnknown", () =>
    Effect.gen(function*() {
      const { at, batch, between, engine, sql } = yield* through()
      yield* admin(
        at.url,
        `create function warn() returns void language plpgsql as
           $$ begin raise warning 'x' using errcode = '57P01'; end $$`
      )
      for (const inside of [false, true]) {
        yield* inside ? sql`select 1` : sql`select warn()`
        between.reset()
        between.hold("answers")
        const fiber = yield* Effect.fork(Effect.flip(
          inside ? batch(sql`select warn()`, sql`select 1`) : batch(sql`insert into t (k) values (1)`)
        ))
        yield* sent(between)
        between.cut()
        between.release()
        const failure = yield* Fiber.join(fiber)
        expect(failure).toMatchObject({ _tag: "CommitUnknown", retryable: false })
      }
      expect((yield* engine.stats).sessions).toMatchObject({ unknown: 2, open: 0 })
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None)))

  it.scopedLive("ended by an administrator in a statement, it is known to be rolled back, and may be tried again", () =>
    Effect.gen(function*() {
      const { at, batch, committed, engine, sql } = yield* through()
      const fiber = yield* Effect.fork(
        Effect.flip(batch(sql`insert into t (k) values (1)`, sql`select pg_sleep(20)`))
      )
      yield* terminate(at, "query like '%pg_sleep(20)'")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "ServerShutdown", retryable: true })
      expect(yield* committed).toEqual([])
      expect((yield* engine.stats).sessions).toMatchObject({ committed: 0, rolledBack: 1, unknown: 0 })
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None)))

  it.scopedLive("ended by an administrator in COMMIT, it is CommitUnknown", () =>
    Effect.gen(function*() {
      const { at, batch, engine, sql } = yield* through()
      yield* admin(
        at.url,
        "create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(20); return null; end $$",
        `create constraint trigger slow after insert on t deferrable initially deferred
           for each row execute function slow()`
      )
      const fiber = yield* Effect.fork(Effect.flip(batch(sql`insert into t (k) values (1)`)))
      yield* terminate(at, "query = 'COMMIT' and state = 'active'")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "CommitUnknown", retryable: false })
      expect((yield* engine.stats).sessions).toMatchObject({ committed: 0, rolledBack: 0, unknown: 1 })
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None)))

  it.scopedLive("begins anew where the server has lost what was prepared", () =>
    Effect.gen(function*() {
      const { at, batch, committed, sql } = yield* through()
      yield* admin(
        at.url,
        "create function forget() returns void language plpgsql as 'begin execute ''deallocate all''; end'"
      )
      for (let k = 0; k < 4; k++) {
        yield* batch(sql`insert into t (k) values (${k})`)
        yield* sql`select forget()`.unprepared
      }
      expect(yield* committed).toEqual([{ k: 0 }, { k: 1 }, { k: 2 }, { k: 3 }])
    }))

  it.scopedLive("interrupted, it is stopped on the server, and nothing of it is there", () =>
    Effect.gen(function*() {
      const { at, batch, committed, engine, sql } = yield* through()
      const fiber = yield* Effect.fork(batch(sql`insert into t (k) values (1)`, sql`select pg_sleep(20)`))
      yield* Effect.repeat(
        admin(at.url, "select 1 from pg_stat_activity where query like '%pg_sleep(20)' and pid <> pg_backend_pid()"),
        { until: (rows) => rows.length > 0 }
      )
      expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
      expect(yield* committed).toEqual([])
      yield* quiescent(engine, at)
      expect((yield* engine.stats).sessions).toMatchObject({ committed: 0, rolledBack: 1, unknown: 0 })
    }))

  it.scopedLive("interrupted at any moment, it is committed and succeeds, or neither", () =>
    Effect.gen(function*() {
      const { at, batch, committed, engine, sql } = yield* through()
      const succeeded: Array<number> = []
      const runs = full ? 3_000 : 300
      let interrupted = 0
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(fc.nat(40), fc.nat(30), fc.nat(5), (operations, turns, millis) =>
            Effect.runPromise(Effect.gen(function*() {
              const k = succeeded.length + interrupted
              const together = batch(sql`insert into t (k) values (${k})`, sql`select pg_sleep(0.0005)`)
              const moment = Effect.zipRight(
                Effect.repeatN(Effect.yieldNow(), turns),
                millis === 0 ? Effect.void : Effect.sleep(millis)
              )
              const exit = yield* interrupting(Effect.withMaxOpsBeforeYield(together, 10 + operations), moment)
              // Interrupted before it had begun.
              if (exit === undefined) interrupted++
              else if (Exit.isSuccess(exit)) {
                succeeded.push(k)
              } else {
                expect(Exit.isInterrupted(exit)).toBe(true)
                interrupted++
              }
            }))),
          { seed, numRuns: runs }
        )
      )
      yield* quiescent(engine, at)
      const { sessions } = yield* engine.stats
      const rows = (yield* committed).map(({ k }) => k)
      expect(rows).toHaveLength(sessions.committed)
      expect(rows).toEqual(expect.arrayContaining(succeeded))
      expect(sessions.unknown).toBe(0)
      expect(succeeded.length).toBeGreaterThan(0)
      expect(interrupted).toBeGreaterThan(0)
    }), 120_000)

  it.scopedLive(
    "interrupted before a server that has fallen silent, it is CommitUnknown after releaseTimeout",
    () =>
      Effect.gen(function*() {
        const { batch, between, engine, sql } = yield* through({ session: { releaseTimeout: "300 millis" } })
        yield* sql`select 1`
        between.reset()
        between.hold("answers")
        const exit = yield* interrupting(batch(sql`insert into t (k) values (1)`), sent(between))
        expect(exit && said(exit)).toMatchObject({ tag: "CommitUnknown" })
        expect((yield* engine.stats).sessions).toMatchObject({ unknown: 1, open: 0 })
      }).pipe(Logger.withMinimumLogLevel(LogLevel.None)),
    60_000
  )
})
