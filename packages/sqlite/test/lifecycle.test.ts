/**
 * What an application does with SQLite engines: options that fit or not, connections it sets up, several databases,
 * several processes.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { Engine, EngineMap } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { execFile } from "node:child_process"
import cluster from "node:cluster"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Worker } from "node:worker_threads"
import { dispose, write } from "./stop/elsewhere.js"
import { file, folder } from "./support.js"

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))

describe("the options of SqliteEngine", () => {
  const refused = (options: object) =>
    Effect.map(Effect.flip(Effect.scoped(SqliteEngine.make(options))), (failure) =>
      failure._tag === "EngineConfigError"
        ? Object.fromEntries(failure.problems.map(({ field, problem }) => [field, problem]))
        : failure)

  it.effect("that belong to other databases are refused, all of them, and not dropped", () =>
    Effect.gen(function*() {
      const problems = yield* refused({
        filename: ":memory:",
        pool: { size: 3, maxOverflow: 1, mode: "none" },
        host: "h"
      })
      expect(Object.keys(problems)).toEqual(["pool.size", "pool.maxOverflow", "pool.mode", "host"])
    }))

  it.effect("that are misspelled are told with the nearest name, that are null apart from those that are absent", () =>
    Effect.gen(function*() {
      expect(yield* refused({ filename: ":memory:", reader: 1, name: null })).toMatchObject({
        reader: "is no option here (did you mean `readers`?)",
        name: expect.stringContaining("is null")
      })
      expect(yield* Effect.scoped(SqliteEngine.make({ filename: ":memory:", readers: undefined }))).toBeDefined()
    }))

  it.effect("are told together with what is wrong with the address", () =>
    Effect.gen(function*() {
      expect(Object.keys(yield* refused({ readers: -1 }))).toEqual(["readers", "filename"])
      expect(Object.keys(yield* refused({ url: "postgres://h", readers: -1 }))).toEqual(["readers", "url"])
      expect(Object.keys(yield* refused({ url: "oracle://h", readers: -1 }))).toEqual(["readers", "url"])
    }))

  it.effect("are the same for an engine whose database is known only at run time", () =>
    Effect.gen(function*() {
      const failure = yield* Effect.flip(Effect.scoped(Engine.makeUrl("sqlite://", {
        drivers: [SqliteEngine.driver],
        pool: { size: 3 },
        sqlite: { readers: -1 }
      })))
      expect(failure).toMatchObject({ problems: [{ field: "pool.size" }, { field: "sqlite.readers" }] })
    }))
})

describe("onConnect", () => {
  const orphan = (engine: Engine.EngineService) => engine.sql`insert into street (city) values (7)`
  const tables = (engine: Engine.EngineService) =>
    Effect.zipRight(
      engine.sql`create table city (id integer primary key)`,
      engine.sql`create table street (city integer not null references city (id))`
    )

  it.scoped("what it sets holds for every borrower, also after one that changed it, and foreign keys always", () =>
    Effect.gen(function*() {
      const engine = yield* SqliteEngine.make({
        filename: yield* file,
        onConnect: ({ sql }) =>
          Effect.zipRight(sql`pragma cache_size = -777`, sql`create temp table if not exists scratch (k integer)`)
      })
      yield* tables(engine)
      const seen = engine.transaction(Effect.gen(function*() {
        yield* engine.sql`insert into scratch (k) values (1)`
        const [size] = yield* engine.sql<{ cache_size: number }>`pragma cache_size`
        const [rows] = yield* engine.sql<{ n: number }>`select count(*) as n from scratch`
        yield* engine.sql`delete from scratch`
        yield* engine.sql`pragma cache_size = -5`
        yield* engine.sql`create temp table mine (k integer)`
        return [size?.cache_size, rows?.n]
      }))
      for (let i = 0; i < 5; i++) {
        expect(yield* seen).toEqual([-777, 1])
        expect((yield* Effect.flip(engine.transaction(orphan(engine))))._tag).toBe("ForeignKeyViolation")
      }
      expect((yield* engine.stats).pool.created).toBe(1)
      expect(yield* engine.sql`pragma cache_size`).toEqual([{ cache_size: -777 }])
    }))

  it.scoped("a clean borrower costs no clean-up after it", () =>
    Effect.gen(function*() {
      let runs = 0
      const engine = yield* SqliteEngine.make({
        filename: yield* file,
        onConnect: ({ sql }) => Effect.zipRight(sql`pragma cache_size = -777`, Effect.sync(() => runs++))
      })
      yield* tables(engine)
      for (let i = 0; i < 5; i++) yield* engine.transaction(engine.sql`insert into city (id) values (${i})`)
      // One of them made a table, which is looked at as if it could be a temporary one.
      const before = runs
      for (let i = 5; i < 10; i++) yield* engine.transaction(engine.sql`insert into city (id) values (${i})`)
      expect(runs).toBe(before)
    }))

  it.scoped("a transaction it leaves open is refused, and the file is not locked", () =>
    Effect.gen(function*() {
      const filename = yield* file
      const engine = yield* SqliteEngine.make({ filename, onConnect: ({ sql }) => sql`begin immediate` })
      expect(yield* Effect.flip(engine.transaction(engine.sql`select 1`))).toMatchObject({
        _tag: "EngineConfigError",
        problems: [{ field: "onConnect" }]
      })
      const other = yield* SqliteEngine.make({ filename, lockTimeout: 0 })
      yield* other.sql`create table t (k integer)`
    }))

  it.scoped("in memory it runs on the one connection there is", () =>
    Effect.gen(function*() {
      const engine = yield* SqliteEngine.make({
        filename: ":memory:",
        onConnect: ({ lane, sql }) => sql`create table if not exists lane as select ${lane} as name`
      })
      expect(yield* engine.sql`select name from lane`).toEqual([{ name: "write" }])
    }))
})

describe("several databases", () => {
  it.scoped("each tenant has its file, and a statement on one inside a session on another runs on its own", () =>
    Effect.gen(function*() {
      const where = yield* folder
      const map = yield* EngineMap.make({
        drivers: [SqliteEngine.driver],
        capacity: 10,
        options: { sqlite: { readers: 1 } },
        onEngine: (engine) => engine.sql`create table if not exists t (k text)`
      })
      const tenant = (name: string) => map.get(`sqlite:///${join(where, name)}.db`)
      const one = yield* tenant("one")
      const two = yield* tenant("two")
      for (const [outer, inner] of [[one, two], [two, one]] as const) {
        yield* Effect.ignore(outer.transaction(Effect.gen(function*() {
          yield* outer.sql`insert into t values ('lost')`
          yield* inner.sql`insert into t values ('kept')`
          return yield* Effect.fail("rolled back")
        })))
      }
      expect(yield* one.sql`select k from t`).toEqual([{ k: "kept" }])
      expect(yield* two.sql`select k from t`).toEqual([{ k: "kept" }])
      expect(yield* map.stats).toMatchObject({ connections: 4, totals: { made: 2 } })
      yield* Effect.forEach(["a", "b", "c"], (name) => Effect.scoped(tenant(name)))
      expect((yield* Effect.flip(map.get({ url: `sqlite:///${join(where, "big")}.db`, sqlite: { readers: 7 } })))._tag)
        .toBe("TooManyConnections")
      expect(existsSync(join(where, "big.db"))).toBe(false)
    }))
})

describe("several processes", () => {
  it.scoped("an engine knows its own", () =>
    Effect.gen(function*() {
      const filename = yield* file
      const engine = yield* SqliteEngine.make({ filename })
      const told = SqliteEngine.make({ filename }).pipe(
        Effect.provideService(Engine.ProcessIdentity, { current: () => places.shift() ?? "elsewhere" })
      )
      const places = ["home"]
      const carried = yield* told
      yield* engine.sql`create table t (k integer)`
      expect(yield* Effect.flip(carried.transaction(carried.sql`insert into t values (1)`))).toMatchObject({
        _tag: "ForeignProcess",
        owner: "home",
        user: "elsewhere"
      })
      expect(yield* engine.sql`select k from t`).toEqual([])
    }))

  it.scopedLive("a child, a member of a cluster and a worker thread each have an engine of their own", () =>
    Effect.gen(function*() {
      const filename = yield* file
      const engine = yield* SqliteEngine.make({ filename })
      yield* engine.sql`create table visit (place text not null)`
      const argv = [path("stop/elsewhere.ts"), "write", JSON.stringify({ filename })]
      const here = yield* Effect.acquireRelease(
        Effect.promise(() => write({ filename })),
        () => Effect.promise(dispose)
      )
      yield* Effect.all([
        Effect.promise(() => promisify(execFile)(process.execPath, [path("child.mjs"), ...argv])),
        Effect.promise(async () => {
          cluster.setupPrimary({ exec: path("child.mjs"), args: argv, silent: true })
          const [code] = await once(cluster.fork(), "exit")
          expect(code).toBe(0)
        }),
        Effect.promise(async () => {
          const [code] = await once(new Worker(path("child.mjs"), { argv, stdout: true }), "exit")
          expect(code).toBe(0)
        })
      ], { concurrency: "unbounded", discard: true })
      // The one that was here before them still works.
      yield* Effect.promise(() => write({ filename }))
      const places = yield* engine.sql<{ place: string }>`select place from visit`
      const ids = places.map(({ place }) => place)
      expect(ids.filter((place) => place === here)).toHaveLength(2)
      expect(new Set(ids).size).toBe(4)
      expect(new Set(ids.map((place) => place.split("/")[0])).size).toBe(3)
    }))
})
