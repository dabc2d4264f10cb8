/**
 * Proof 14: retry that is safe by construction.
 *
 * Sixteen fibers write what serializable transactions may not write side by side: every unit of work commits in the end,
 * once, and nothing of a failed attempt is left, neither rows nor hooks.
 */
import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Exit, Logger, LogLevel, Schedule, type Scope } from "effect"
import { Session } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import * as Engine from "effect-sql-engine/Engine"
import type { SqlFailure } from "effect-sql-engine/SqlFailure"
import assert from "node:assert/strict"
import { join } from "node:path"
import { evidence, percentile } from "../support/evidence.js"
import { folder } from "../support/places.js"
import { admin, database, type TestDatabase } from "../support/postgres.js"
import { chance, size } from "../support/proof.js"
import { type Proxy, proxy } from "../support/proxy.js"
import { quiescent, until } from "../support/quiescence.js"

const seed = 14_000_014
const fibers = 16
const each = size(25, 500)
const shifts = 64

/** So many times, each after a longer time by chance. */
const patient = (times: number) =>
  Schedule.exponential("2 millis", 1.6).pipe(
    Schedule.union(Schedule.spaced("60 millis")),
    Schedule.jitteredWith({ min: 0, max: 1 }),
    Schedule.intersect(Schedule.recurs(times))
  )

/**
 * Without autovacuum: once the server has counted the rows of so small a table it reads all of them, whatever is asked for.
 * Then every session has read what every other writes, and nearly all of them conflict.
 */
const rota = [
  "create table doctor (id int primary key, shift int not null, on_call boolean not null) with (autovacuum_enabled = off)",
  "create index on doctor (shift)",
  `insert into doctor select i, i / 2, true from generate_series(0, ${2 * shifts - 1}) i`,
  "create table log (fiber int not null, n int not null)"
]

/** Every shift has somebody on call. */
const abandoned = "select shift from doctor group by shift having not bool_or(on_call)"

/** A doctor goes off call when another one of the shift stays, else comes back: right for each alone, wrong side by side. */
const swap = (engine: Engine.EngineService, doctor: number) =>
  Effect.gen(function*() {
    const { sql } = engine
    const shift = Math.floor(doctor / 2)
    const [row] = yield* sql<{ readonly n: number }>`
      select count(*) filter (where on_call)::int as n from doctor where shift = ${shift}`
    assert.ok(row!.n >= 1, `nobody of shift ${shift} is on call`)
    yield* row!.n > 1
      ? sql`update doctor set on_call = false where id = ${doctor}`
      : sql`update doctor set on_call = true where shift = ${shift}`
  })

/** Transactions the server has rolled back in this database, all told once every connection has ended. */
const rolledBack = (at: TestDatabase) =>
  Effect.map(
    admin(at.url, "select xact_rollback::int as n from pg_stat_database where datname = current_database()"),
    ([row]) => row!["n"] as number
  )

describe("Sixteen fibers with write skew", () => {
  it.live(
    `commit ${fibers * each} SERIALIZABLE sessions on PostgreSQL, each once, and break no rule (seed ${seed})`,
    () =>
      Effect.scoped(Effect.gen(function*() {
        const began = performance.now()
        const at = yield* database
        yield* admin(at.url, ...rota)
        const before = yield* rolledBack(at)
        const attempts: Array<number> = []
        const failures = new Map<string, number>()
        const hooks = { committed: 0, rolledBack: 0 }
        const stats = yield* Effect.scoped(Effect.gen(function*() {
          const engine = yield* PgEngine.make({ url: at.url, ssl: "disable", pool: { size: fibers, maxOverflow: 0 } })
          const random = chance(seed)
          const one = (fiber: number, n: number) => {
            let tries = 0
            const doctor = random.below(2 * shifts)
            const work = Effect.gen(function*() {
              tries++
              yield* Session.afterCommit(Effect.sync(() => hooks.committed++))
              yield* Session.afterRollback(Effect.sync(() => hooks.rolledBack++))
              yield* engine.sql`insert into log (fiber, n) values (${fiber}, ${n})`
              yield* swap(engine, doctor)
            })
            return Session.transaction(work, {
              isolation: "serializable",
              retry: patient(60),
              onRetry: ({ failure }) =>
                Effect.sync(() => {
                  const code = (failure as { readonly code?: string }).code ?? failure._tag
                  failures.set(code, (failures.get(code) ?? 0) + 1)
                })
            }).pipe(Effect.tap(() => Effect.sync(() => attempts.push(tries))))
          }
          yield* Effect.forEach(
            Array.from({ length: fibers }, (_, i) => i),
            (fiber) =>
              Effect.forEach(Array.from({ length: each }, (_, i) => i), (n) => one(fiber, n), { discard: true }),
            { concurrency: fibers }
          ).pipe(Effect.provideService(Engine.Engine, engine))
          yield* quiescent(engine, at)
          return yield* engine.stats
        }))
        const commits = fibers * each
        const conflicts = [...failures.values()].reduce((a, b) => a + b, 0)
        assert.deepEqual([...failures.keys()].filter((code) => code !== "40001" && code !== "40P01"), [])
        expect(yield* admin(at.url, abandoned)).toEqual([])
        expect(yield* admin(at.url, "select count(*)::int as n, count(distinct (fiber, n))::int as d from log"))
          .toEqual([
            { n: commits, d: commits }
          ])
        expect(attempts.length).toBe(commits)
        expect(attempts.reduce((a, b) => a + b, 0)).toBe(commits + conflicts)
        expect(hooks).toEqual({ committed: commits, rolledBack: conflicts })
        expect(stats.sessions).toMatchObject({
          opened: commits + conflicts,
          committed: commits,
          rolledBack: conflicts,
          retried: conflicts
        })
        // A backend counts when it has ended, which the client does not see.
        const counted = yield* until(rolledBack(at), (now) => now - before >= conflicts)
        expect(counted - before).toBe(conflicts)
        assert.ok(conflicts > commits / 50, `only ${conflicts} conflicts`)
        const p99 = percentile(attempts, 0.99)
        assert.ok(p99 <= 8, `p99 is ${p99} attempts`)
        evidence({
          proof: "14",
          size: `${fibers} fibers, ${each} SERIALIZABLE sessions each, ${shifts} shifts`,
          figures: {
            committed: commits,
            "times the rule was broken": 0,
            "conflicts, as many as the server counted": conflicts,
            "attempts, p99": p99,
            "attempts at most": Math.max(...attempts),
            s: (performance.now() - began) / 1_000
          },
          seed
        })
      })).pipe(Logger.withMinimumLogLevel(LogLevel.None)),
    600_000
  )

  it.live("would break the rule at REPEATABLE READ: what looks for it finds it", () =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      yield* admin(at.url, ...rota)
      const engine = yield* PgEngine.make({ url: at.url, ssl: "disable" })
      const side = (isolation: "repeatable read" | "serializable") => {
        const first = engine.transaction(
          Effect.gen(function*() {
            yield* engine.sql`select count(*) from doctor where shift = 0 and on_call`
            yield* engine.transaction(swap(engine, 1), { isolation, nested: "new" })
            yield* engine.sql`update doctor set on_call = false where id = 0`
          }),
          { isolation }
        )
        return Effect.zipRight(admin(at.url, "update doctor set on_call = true"), Effect.exit(first))
      }
      expect(Exit.isSuccess(yield* side("repeatable read"))).toBe(true)
      expect(yield* admin(at.url, abandoned)).toEqual([{ shift: 0 }])
      expect(yield* side("serializable")).toMatchObject({ cause: { error: { _tag: "SerializationError" } } })
      expect(yield* admin(at.url, abandoned)).toEqual([])
      yield* quiescent(engine, at)
    })))
})

describe("Two engines on one SQLite file", () => {
  it.live(
    `commit ${fibers * each} sessions that wait too short for the lock, each once (seed ${seed + 1})`,
    () =>
      Effect.scoped(Effect.gen(function*() {
        const began = performance.now()
        const filename = join(yield* folder, "retry.db")
        const make = SqliteEngine.make({ filename, synchronous: "off", lockTimeout: "2 millis" })
        const engines = [yield* make, yield* make] as const
        yield* engines[0].sql`create table counter (n int not null)`
        yield* engines[0].sql`create table log (fiber int not null, n int not null)`
        yield* engines[0].sql`insert into counter values (0)`
        const random = chance(seed + 1)
        const attempts: Array<number> = []
        const failures = new Map<string, number>()
        const hooks = { committed: 0, rolledBack: 0 }
        const one = (engine: Engine.EngineService, fiber: number, n: number) => {
          let tries = 0
          const pause = random.below(3)
          return Session.transaction(
            Effect.gen(function*() {
              tries++
              yield* Session.afterCommit(Effect.sync(() => hooks.committed++))
              yield* Session.afterRollback(Effect.sync(() => hooks.rolledBack++))
              const [row] = yield* engine.sql<{ readonly n: number }>`select n from counter`
              yield* engine.sql`insert into log (fiber, n) values (${fiber}, ${n})`
              yield* Effect.sleep(Duration.millis(pause))
              yield* engine.sql`update counter set n = ${row!.n + 1}`
            }),
            {
              // The file's lock knows no queue: who comes from the other engine may be late very often.
              retry: patient(10_000),
              onRetry: ({ failure }) =>
                Effect.sync(() => failures.set(failure._tag, (failures.get(failure._tag) ?? 0) + 1))
            }
          ).pipe(Effect.tap(() => Effect.sync(() => attempts.push(tries))))
        }
        yield* Effect.forEach(Array.from({ length: fibers }, (_, i) => i), (fiber) => {
          const engine = engines[fiber % 2]!
          return Effect.forEach(Array.from({ length: each }, (_, i) => i), (n) => one(engine, fiber, n), {
            discard: true
          }).pipe(Effect.provideService(Engine.Engine, engine))
        }, { concurrency: fibers })
        const commits = fibers * each
        const conflicts = [...failures.values()].reduce((a, b) => a + b, 0)
        expect([...failures.keys()]).toEqual(["LockTimeoutError"])
        expect(yield* engines[0].sql`select n, (select count(distinct fiber * 1000 + n) from log) as d from counter`)
          .toEqual([{ n: commits, d: commits }])
        expect(hooks).toEqual({ committed: commits, rolledBack: conflicts })
        for (const engine of engines) yield* quiescent(engine)
        const totals = (yield* Effect.all(engines.map(({ stats }) => stats))).map(({ sessions }) => sessions)
        expect(totals.reduce((sum, { retried }) => sum + retried, 0)).toBe(conflicts)
        expect(totals.reduce((sum, { opened }) => sum + opened, 0)).toBe(commits + conflicts)
        evidence({
          proof: "14",
          size: `two engines on one SQLite file, ${fibers} fibers, ${each} sessions each, lock wait 2 ms`,
          figures: {
            committed: commits,
            conflicts,
            "attempts, p99": percentile(attempts, 0.99),
            "attempts at most": Math.max(...attempts),
            s: (performance.now() - began) / 1_000
          },
          seed: seed + 1
        })
      })).pipe(Logger.withMinimumLogLevel(LogLevel.None)),
    600_000
  )
})

describe("A session whose connection is lost", () => {
  const on = (
    test: (engine: Engine.EngineService, between: Proxy, at: TestDatabase) => Effect.Effect<void, unknown, Scope.Scope>
  ) =>
    Effect.scoped(Effect.gen(function*() {
      const at = yield* database
      yield* admin(at.url, "create table t (n int not null)")
      const between = yield* proxy(at)
      const hosts = [{ host: "127.0.0.1", port: between.port }]
      const engine = yield* PgEngine.make({ url: at.url, hosts, ssl: "disable" })
      yield* test(engine, between, at)
      yield* quiescent(engine, at)
    })).pipe(Logger.withMinimumLogLevel(LogLevel.None))

  const failed = <A, E>(effect: Effect.Effect<A, E>) => Effect.flip(effect) as unknown as Effect.Effect<SqlFailure, A>

  it.live("before anything was sent is tried again", () =>
    on((engine, between, at) =>
      Effect.gen(function*() {
        between.cutOnSend = "before"
        const onRetry = () => Effect.sync(() => (between.cutOnSend = undefined))
        yield* engine.transaction(engine.sql`insert into t values (1)`, { retry: "conflicts", onRetry })
        expect((yield* engine.stats).sessions.retried).toBe(1)
        expect(yield* admin(at.url, "select n from t")).toEqual([{ n: 1 }])
      })
    ))

  for (const step of ["a statement", "COMMIT"] as const) {
    it.live(`while ${step} was on its way is tried again only if it says that twice does no harm`, () =>
      on((engine, between, at) =>
        Effect.gen(function*() {
          const { sql } = engine
          const session = (idempotent: boolean) => {
            let cut = false
            const cutNow = Effect.sync(() => {
              if (!cut) between.cutAt(1)
              cut = true
            })
            const body = step === "COMMIT"
              ? Effect.zipRight(sql`insert into t values (1)`, cutNow)
              : Effect.zipRight(cutNow, sql`insert into t values (1)`)
            return engine.transaction(body, { retry: "conflicts", idempotent })
          }
          yield* sql`select 1`
          const failure = yield* failed(session(false))
          expect(failure._tag).toBe(step === "COMMIT" ? "CommitUnknown" : "ConnectionError")
          expect((yield* engine.stats).sessions.retried).toBe(0)
          expect(yield* admin(at.url, "select n from t")).toEqual([])
          yield* sql`select 1`
          yield* session(true)
          expect((yield* engine.stats).sessions.retried).toBe(1)
          expect(yield* admin(at.url, "select n from t")).toEqual([{ n: 1 }])
        })
      ))
  }

  it.live("is not tried again alone where it is a part of another one: that is refused before anything is sent", () =>
    on((engine, between) =>
      Effect.gen(function*() {
        const { sql, transaction } = engine
        yield* transaction(Effect.gen(function*() {
          yield* sql`insert into t values (1)`
          between.reset()
          const failure = yield* failed(transaction(sql`insert into t values (2)`, { retry: "conflicts" }))
          expect(failure._tag).toBe("NestedRefused")
          expect(between.messages()).toBe("")
        }))
      })
    ))
})
