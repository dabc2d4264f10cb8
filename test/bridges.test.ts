/**
 * Query builders that bring no connection of their own take part in a session: Kysely compiles, the engine runs; Drizzle
 * runs through its proxy driver, in the runtime of the session it is used in.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { eq } from "drizzle-orm"
import { integer as pgInteger, pgTable, text as pgText } from "drizzle-orm/pg-core"
import { drizzle as pgDrizzle } from "drizzle-orm/pg-proxy"
import { integer as sqliteInteger, sqliteTable, text as sqliteText } from "drizzle-orm/sqlite-core"
import { drizzle as sqliteDrizzle } from "drizzle-orm/sqlite-proxy"
import { Effect, Runtime } from "effect"
import type { Scope } from "effect"
import type { Engine } from "effect-sql-engine"
import { Session } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import type { Compilable, Dialect } from "kysely"
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler
} from "kysely"
import { database } from "./support/postgres.js"

interface Schema {
  readonly city: { readonly id: number; readonly name: string }
}

const postgres: Dialect = {
  createAdapter: () => new PostgresAdapter(),
  createDriver: () => new DummyDriver(),
  createIntrospector: (db) => new PostgresIntrospector(db),
  createQueryCompiler: () => new PostgresQueryCompiler()
}

const sqlite: Dialect = {
  createAdapter: () => new SqliteAdapter(),
  createDriver: () => new DummyDriver(),
  createIntrospector: (db) => new SqliteIntrospector(db),
  createQueryCompiler: () => new SqliteQueryCompiler()
}

/** Runs what Kysely has compiled. */
const run = <A extends object>(query: Compilable<A>) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => {
    const { parameters, sql: text } = query.compile()
    return sql.unsafe<A>(text, [...parameters])
  })

/** Runs a statement as a promise, in the session of the fiber that asked for this function. */
const runner = Effect.map(
  Effect.all([SqlClient.SqlClient, Effect.runtime<never>()]),
  ([sql, runtime]) => (text: string, params: ReadonlyArray<unknown>) =>
    Runtime.runPromise(runtime)(sql.unsafe(text, [...params]).values)
)

const pgCity = pgTable("city", { id: pgInteger().primaryKey(), name: pgText().notNull() })
const sqliteCity = sqliteTable("city", { id: sqliteInteger().primaryKey(), name: sqliteText().notNull() })

const drizzlePostgres = Effect.map(runner, (run) => {
  const db = pgDrizzle(async (text, params) => ({ rows: (await run(text, params)) as Array<Array<unknown>> }))
  return {
    insert: (id: number, name: string) => Effect.promise(() => db.insert(pgCity).values({ id, name })),
    named: (name: string) => Effect.promise(() => db.select().from(pgCity).where(eq(pgCity.name, name)))
  }
})

const drizzleSqlite = Effect.map(runner, (run) => {
  const db = sqliteDrizzle(async (text, params) => ({ rows: (await run(text, params)) as Array<Array<unknown>> }))
  return {
    insert: (id: number, name: string) => Effect.promise(() => db.insert(sqliteCity).values({ id, name })),
    named: (name: string) => Effect.promise(() => db.select().from(sqliteCity).where(eq(sqliteCity.name, name)))
  }
})

interface Case {
  readonly name: string
  readonly kysely: Kysely<Schema>
  readonly drizzle: Effect.Effect<
    {
      readonly insert: (id: number, name: string) => Effect.Effect<unknown>
      readonly named: (name: string) => Effect.Effect<ReadonlyArray<{ readonly id: number; readonly name: string }>>
    },
    never,
    SqlClient.SqlClient
  >
  readonly onEngine: <A, E>(
    body: Effect.Effect<A, E, Engine.Engine | SqlClient.SqlClient>
  ) => Effect.Effect<A, unknown, Scope.Scope>
}

const engines: ReadonlyArray<Case> = [
  {
    name: "PostgreSQL",
    kysely: new Kysely<Schema>({ dialect: postgres }),
    drizzle: drizzlePostgres,
    onEngine: (body) => Effect.flatMap(database, ({ url }) => Effect.provide(body, PgEngine.layer({ url })))
  },
  {
    name: "SQLite",
    kysely: new Kysely<Schema>({ dialect: sqlite }),
    drizzle: drizzleSqlite,
    onEngine: (body) => Effect.provide(body, SqliteEngine.layer({ filename: ":memory:" }))
  }
]

describe.each(engines)("on $name", ({ drizzle, kysely, onEngine }) => {
  it.scopedLive("queries of Kysely and Drizzle are the session's, and are undone with it", () =>
    onEngine(Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* sql`create table city (id integer primary key, name text not null)`
      const names = Effect.map(
        run(kysely.selectFrom("city").select("name").orderBy("id")),
        (rows) => rows.map(({ name }) => name)
      )
      yield* Session.transaction(Effect.gen(function*() {
        yield* run(kysely.insertInto("city").values({ id: 1, name: "Rome" }))
        const { insert, named } = yield* drizzle
        yield* insert(2, "Oslo")
        expect(yield* named("Rome")).toEqual([{ id: 1, name: "Rome" }])
        expect(yield* names).toEqual(["Rome", "Oslo"])
      }))
      const failure = yield* Effect.flip(Session.transaction(Effect.gen(function*() {
        yield* run(kysely.insertInto("city").values({ id: 3, name: "Bern" }))
        yield* Effect.flatMap(drizzle, ({ insert }) => insert(4, "Riga"))
        return yield* Effect.fail("no" as const)
      })))
      expect(failure).toBe("no")
      expect(yield* names).toEqual(["Rome", "Oslo"])
    })))

  it.scopedLive("a Drizzle database that is kept after its session reaches nothing", () =>
    onEngine(Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* sql`create table city (id integer primary key, name text not null)`
      const kept = yield* Session.transaction(drizzle)
      const exit = yield* Effect.exit(kept.insert(1, "Rome"))
      expect(String(exit)).toContain("SessionClosed")
      expect(yield* sql`select * from city`).toEqual([])
    })))
})
