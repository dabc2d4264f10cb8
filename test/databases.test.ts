/**
 * Databases as a whole, on real servers and real files: capabilities 33 to 38, 47 and 48.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import Sqlite from "better-sqlite3"
import { ConfigProvider, Effect, Exit, Fiber, Layer, Schedule } from "effect"
import { Database, EngineConfig, Migrations, Seed, Session } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import type { EngineDriver } from "effect-sql-engine/Engine"
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { admin, ownServer, server } from "./support/postgres.js"
import { posts, users } from "./tables/declared.js"
import { folder, fresh } from "./tables/world.js"

const may = { allowCreate: true }

const tagOf = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(effect), ({ _tag }) => _tag)

describe("a database on PostgreSQL", () => {
  it.scopedLive("is created when it is missing and may be, and found the next time", () =>
    Effect.gen(function*() {
      const { exists, target } = yield* fresh()
      expect(yield* tagOf(Database.ensure(target))).toBe("NotAllowed")
      expect([yield* Database.status(target), yield* exists]).toEqual(["Missing", false])
      expect(yield* Database.ensure(target, may)).toBe("Created")
      expect([yield* Database.status(target), yield* exists]).toEqual(["Present", true])
      expect([yield* Database.ensure(target, may), yield* Database.ensure(target)]).toEqual(["Existed", "Existed"])
      expect([yield* Database.drop(target), yield* Database.drop(target)]).toEqual(["Dropped", "Missing"])
      expect(yield* exists).toBe(false)
    }))

  it.scopedLive("whose name is quoted, has blanks, capitals or SQL in it, is one of that name", () =>
    Effect.gen(function*() {
      // Other test files make and drop databases on this server meanwhile; these three are always there.
      const lasting = Effect.flatMap(
        server,
        ({ url }) =>
          admin(
            url,
            "select datname from pg_database where datname in ('postgres', 'template0', 'template1') order by 1"
          )
      )
      const before = yield* lasting
      for (const prefix of ["Upper Case", "quo\"te's", "x\"; DROP DATABASE postgres; --", "ünï", "%41/?#"]) {
        yield* Effect.scoped(Effect.gen(function*() {
          const { exists, name, options, target } = yield* fresh(prefix)
          expect(yield* Database.ensure(target, may)).toBe("Created")
          expect([name, yield* exists]).toEqual([name, true])
          const engine = yield* PgEngine.make(options)
          expect(yield* engine.sql`select current_database() as name`).toEqual([{ name }])
        }))
      }
      expect(before).toHaveLength(3)
      expect(yield* lasting).toEqual(before)
    }))

  it.scopedLive("with a name that PostgreSQL would cut is refused", () =>
    Effect.gen(function*() {
      const { options } = yield* fresh()
      const target = PgEngine.database({ ...options, database: "ä".repeat(32) })
      expect(yield* Effect.flip(Database.ensure(target, may))).toMatchObject({
        _tag: "EngineConfigError",
        problems: [{ field: "database", problem: "has a name of 64 bytes; the longest is 63" }]
      })
    }))

  it.scopedLive("that is missing, one that nobody answers for and one that is denied are three answers", () =>
    Effect.gen(function*() {
      const own = yield* ownServer({
        hba: "local all all trust\nhost all postgres all trust\nhost all all all scram-sha-256"
      })
      yield* admin(
        own.url,
        "create role owner login password 'right' createdb",
        "create role weak login password 'right'",
        "create database closed",
        "revoke connect on database closed from public"
      )
      const at = (username: string, password: string, database: string, port = own.port) => {
        const url = new URL(own.url)
        return PgEngine.database({
          url: Object.assign(url, { username, password, port: `${port}`, pathname: `/${database}` }),
          ssl: "disable"
        })
      }
      expect(yield* tagOf(Database.ensure(at("owner", "right", "shop", 1), may))).toBe("ConnectionError")
      expect(yield* tagOf(Database.ensure(at("owner", "wrong", "shop"), may))).toBe("AuthenticationError")
      expect(yield* tagOf(Database.ensure(at("nobody", "right", "shop"), may))).toBe("AuthenticationError")
      expect(yield* tagOf(Database.ensure(at("weak", "right", "shop"), may))).toBe("AuthorizationError")
      expect(yield* tagOf(Database.status(at("weak", "right", "closed")))).toBe("AuthorizationError")
      expect(yield* Database.status(at("weak", "right", "shop"))).toBe("Missing")
      // Whoever may connect to it needs no other database to know that it is there.
      yield* admin(
        own.url,
        "revoke connect on database postgres from public",
        "revoke connect on database template1 from public"
      )
      yield* admin(own.url, "create database open")
      expect(yield* Database.ensure(at("weak", "right", "open"))).toBe("Existed")
      // From which database a missing one is created can be said.
      expect(yield* tagOf(Database.ensure(at("owner", "right", "shop"), may))).toBe("AuthorizationError")
      const url = new URL(own.url)
      const target = (maintenance: string | ReadonlyArray<string>) =>
        PgEngine.database({
          url: Object.assign(url, { username: "owner", password: "right", pathname: "/shop" }),
          ssl: "disable",
          maintenance,
          owner: "owner",
          template: "template0"
        })
      expect(yield* Effect.flip(Database.ensure(target("nowhere"), may))).toMatchObject({
        _tag: "EngineConfigError",
        problems: [{ field: "maintenance" }]
      })
      expect(yield* Database.ensure(target(["nowhere", "open"]), may)).toBe("Created")
    }))

  it.scopedLive("whose template is in use is created as soon as it is not", () =>
    Effect.gen(function*() {
      const template = yield* fresh("template")
      yield* Database.ensure(template.target, may)
      const { home, name, options } = yield* fresh()
      const copy = PgEngine.database({ ...options, template: template.name })
      const running = yield* Effect.scoped(Effect.gen(function*() {
        const engine = yield* PgEngine.make(template.options)
        yield* engine.sql`select 1`
        const running = yield* Effect.fork(Database.ensure(copy, may))
        const creating = `select count(*)::int as n from pg_stat_activity where query like 'CREATE DATABASE "${name}"%'`
        yield* Effect.repeat(admin(home, creating), { until: ([row]) => row!["n"] > 0 })
        return running
      }))
      expect(yield* Fiber.join(running)).toBe("Created")
    }))

  it.scopedLive("that others use is not dropped, unless by force", () =>
    Effect.gen(function*() {
      const { options, target } = yield* fresh()
      yield* Database.ensure(target, may)
      const engine = yield* PgEngine.make(options)
      yield* engine.sql`select 1`
      const once = Schedule.recurs(0)
      expect(yield* Effect.flip(Database.drop(target, { schedule: once }))).toMatchObject({ code: "55006" })
      expect(yield* Database.drop(target, { force: true })).toBe("Dropped")
      expect(yield* Database.status(target)).toBe("Missing")
    }))

  it.scopedLive("is waited for while its server is down, starts, and has no such database yet", () =>
    Effect.gen(function*() {
      const own = yield* ownServer()
      const url = new URL(own.url)
      const target = PgEngine.database({ url: Object.assign(url, { pathname: "/shop" }), ssl: "disable" })
      yield* own.stop("fast")
      const schedule = Schedule.spaced("50 millis").pipe(Schedule.upTo("30 seconds"))
      const [once, twice] = [Schedule.recurs(1), Schedule.spaced("50 millis")]
      expect(yield* tagOf(Database.wait(target, { schedule: Schedule.intersect(once, twice) }))).toBe("ConnectionError")
      const up = yield* Effect.fork(Database.wait(target, { schedule, until: "server" }))
      const there = yield* Effect.fork(Database.wait(target, { schedule }))
      yield* Effect.sleep("150 millis")
      yield* own.start
      expect(yield* Fiber.join(up)).toBe("Missing")
      expect(there.unsafePoll()).toBe(null)
      expect(yield* Database.ensure(target, may)).toBe("Created")
      expect(yield* Fiber.join(there)).toBe("Present")
    }))
})

describe("a database file of SQLite", () => {
  const at = Effect.map(folder, (folder) => {
    const filename = `${folder}/app.db`
    return { folder, filename, target: SqliteEngine.database({ filename }) }
  })

  const isDatabase = (file: string) => readFileSync(file).subarray(0, 15).toString() === "SQLite format 3"

  it.scopedLive("that is absent is created when it may be, and found the next time", () =>
    Effect.gen(function*() {
      const { filename, target } = yield* at
      expect(yield* tagOf(Database.ensure(target))).toBe("NotAllowed")
      expect([yield* Database.status(target), statSync(filename, { throwIfNoEntry: false })]).toEqual([
        "Missing",
        undefined
      ])
      expect([yield* Database.ensure(target, may), isDatabase(filename)]).toEqual(["Created", true])
      expect([yield* Database.ensure(target, may), yield* Database.status(target)]).toEqual(["Existed", "Present"])
      const url = `sqlite:///${filename}`
      expect(yield* Database.ensure(url, { drivers: [SqliteEngine.driver] })).toBe("Existed")
      expect(yield* Effect.flip(Database.ensure(url, { drivers: [SqliteEngine.driver], maintenance: "postgres" })))
        .toMatchObject({ _tag: "EngineConfigError", problems: [{ field: "maintenance" }] })
    }))

  it.scopedLive("without a byte in it is begun", () =>
    Effect.gen(function*() {
      const { filename, target } = yield* at
      writeFileSync(filename, "")
      expect([yield* Database.status(target), yield* tagOf(Database.ensure(target))]).toEqual(["Missing", "NotAllowed"])
      expect(statSync(filename).size).toBe(0)
      expect([yield* Database.ensure(target, may), isDatabase(filename)]).toEqual(["Created", true])
    }))

  it.scopedLive("that is none is not touched, whatever is asked", () =>
    Effect.gen(function*() {
      const { filename, target } = yield* at
      for (const text of ["x", "This is a letter, not a database.\n".repeat(500)]) {
        writeFileSync(filename, text)
        for (
          const verb of [Database.ensure(target, may), Database.status(target), Database.drop(target, { force: true })]
        ) {
          expect(yield* Effect.flip(verb as Effect.Effect<unknown, { readonly _tag: string }>)).toMatchObject({
            _tag: "EngineConfigError",
            problems: [{ field: "filename", problem: expect.stringContaining("is not an SQLite database") }]
          })
        }
        expect(readFileSync(filename, "utf8")).toBe(text)
      }
    }))

  it.scopedLive("that a process was killed in the middle of is brought to its last commit, or to nothing", () =>
    Effect.gen(function*() {
      for (const [before, expected, rows] of [["begin", "Missing", []], ["commit", "Present", [{ n: 0 }]]] as const) {
        const { filename, folder, target } = yield* at
        const other = `${folder}/killed.db`
        const db = new Sqlite(other)
        try {
          db.pragma("cache_size = 1")
          if (before === "begin") db.exec("begin")
          db.exec("create table t (k text)")
          if (before === "commit") db.exec("begin")
          // More than the cache holds: it is in the file before it is committed, and the journal beside it.
          db.exec(
            "insert into t with recursive n (k) as (select 1 union all select k + 1 from n limit 500) " +
              "select hex(zeroblob(500)) from n"
          )
          for (const end of ["", "-journal"]) copyFileSync(other + end, filename + end)
          db.exec("rollback")
        } finally {
          db.close()
        }
        expect(statSync(`${filename}-journal`).size).toBeGreaterThan(0)
        const readOnly = SqliteEngine.database({ filename, mode: "ro" })
        expect(yield* Effect.flip(Database.status(readOnly))).toMatchObject({
          _tag: "EngineConfigError",
          code: "SQLITE_READONLY_ROLLBACK"
        })
        expect(yield* Database.status(target)).toBe(expected)
        expect(yield* Database.ensure(target, may)).toBe(expected === "Missing" ? "Created" : "Existed")
        const engine = yield* SqliteEngine.make({ filename })
        const count = Effect.orElseSucceed(engine.sql`select count(*) as n from t`, () => [])
        expect(yield* count).toEqual(rows)
      }
    }))

  it.scopedLive("whose folder is missing, or that is a folder, is a typed failure", () =>
    Effect.gen(function*() {
      const { folder } = yield* at
      mkdirSync(`${folder}/folder`)
      for (const filename of [`${folder}/none/app.db`, `${folder}/folder`]) {
        const target = SqliteEngine.database({ filename })
        expect(yield* Effect.flip(Database.ensure(target, may))).toMatchObject({
          _tag: "EngineConfigError",
          problems: [{ field: "filename" }]
        })
      }
      expect(statSync(`${folder}/none`, { throwIfNoEntry: false })).toBe(undefined)
    }))

  it.scopedLive("in memory is always there, and never dropped", () =>
    Effect.gen(function*() {
      const target = SqliteEngine.database({ filename: ":memory:" })
      expect([yield* Database.status(target), yield* Database.ensure(target), yield* Database.drop(target)])
        .toEqual(["Present", "Existed", "Missing"])
    }))

  it.scopedLive("is dropped with the files beside it, and not while somebody has it open", () =>
    Effect.gen(function*() {
      const { filename } = yield* at
      const target = SqliteEngine.database({ filename, lockTimeout: "20 millis" })
      yield* Effect.scoped(Effect.gen(function*() {
        const engine = yield* SqliteEngine.make({ filename })
        yield* engine.sql`create table t (id integer)`
        const drop = Database.drop(target, { schedule: Schedule.recurs(1) })
        expect(yield* Effect.flip(drop)).toMatchObject({ _tag: "LockTimeoutError" })
        yield* engine.sql`insert into t values (1)`
        expect(yield* engine.sql`select id from t`).toEqual([{ id: 1 }])
      }))
      expect(yield* Database.drop(target)).toBe("Dropped")
      expect(["", "-wal", "-shm", "-journal"].filter((end) => statSync(filename + end, { throwIfNoEntry: false })))
        .toEqual([])
      expect(yield* Database.drop(target)).toBe("Missing")
    }))
})

describe("a database that eight fibers make sure of at once", () => {
  it.scopedLive("is created by one of them, and none fails", () =>
    Effect.gen(function*() {
      const { target } = yield* fresh()
      const file = SqliteEngine.database({ filename: `${yield* folder}/app.db` })
      for (const database of [target, file]) {
        const all = Array.from({ length: 8 }, () => Database.ensure(database, may))
        const outcomes = yield* Effect.all(all, { concurrency: "unbounded" })
        expect(outcomes.sort()).toEqual(["Created", ...Array.from({ length: 7 }, () => "Existed")])
      }
    }))
})

describe("Database.layer", () => {
  const postgres: EngineDriver<"postgresql", object> = {
    name: "postgresql",
    schemes: ["postgresql", "postgres"],
    options: EngineConfig.engineOptions,
    make: PgEngine.make,
    database: PgEngine.database
  }
  const drivers = [postgres, SqliteEngine.driver] as const

  const work = Session.transaction(Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    yield* sql`insert into users (email, password) values ('a@b', 'x')`
    return yield* sql`select count(*) as n from users`
  }))

  it.scopedLive("is an empty server, a database, an engine and its tables in one; twice is as good as once", () =>
    Effect.gen(function*() {
      const { exists, options } = yield* fresh()
      for (const url of [`${options.url}?sslmode=disable`, `sqlite:///${yield* folder}/app.db`]) {
        const closed = Database.layer({ url, drivers, tables: [users, posts] })
        expect(yield* tagOf(Effect.provide(work, closed))).toBe("NotAllowed")
        const open = Database.layer({
          url,
          drivers,
          tables: [users, posts],
          allowCreate: true,
          wait: true,
          name: "shop"
        })
        yield* Effect.provide(work, open)
        const failure = yield* Effect.flip(Effect.provide(work, open))
        expect(failure).toMatchObject({ _tag: "UniqueViolation", engine: "shop" })
      }
      expect(yield* exists).toBe(true)
    }))

  it.scopedLive("with migrations and a seed on it is the way from an empty server to ready, in one layer", () =>
    Effect.gen(function*() {
      const { options } = yield* fresh()
      const migrations = Migrations.fromRecord({
        "1_nick": "update users set nick_name = 'nobody' where nick_name is null"
      })
      const seed = Seed.run(
        Seed.fromValue({ users: [{ email: "a@b", nickName: null, password: "x" }] }),
        [users]
      )
      for (const url of [`${options.url}?sslmode=disable`, `sqlite:///${yield* folder}/app.db`]) {
        const database = Database.layer({ url, drivers, tables: [users, posts], allowCreate: true, wait: true })
        const ready = Layer.effectDiscard(Migrations.initialise(migrations, { andThen: seed })).pipe(
          Layer.provideMerge(database)
        )
        for (const _ of ["the first time", "again"]) {
          const rows = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select email, nick_name from users`)
          expect(yield* Effect.provide(rows, ready)).toEqual([{ email: "a@b", nick_name: null }])
        }
      }
    }))

  it.scopedLive("takes the address from the environment, and says so when there is none", () =>
    Effect.gen(function*() {
      const filename = `${yield* folder}/app.db`
      const environment = (entries: ReadonlyArray<readonly [string, string]>) =>
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map(entries)))
      const layer = Database.layer({ drivers, tables: [users], allowCreate: true })
      const exit = yield* Effect.exit(Effect.provide(work, layer)).pipe(
        environment([["DATABASE_URL", `sqlite:///${filename}`]])
      )
      expect(Exit.isSuccess(exit)).toBe(true)
      expect(yield* Effect.flip(Effect.provide(work, layer)).pipe(environment([]))).toMatchObject({
        _tag: "EngineConfigError",
        message: expect.stringContaining("DATABASE_URL")
      })
    }))
})
