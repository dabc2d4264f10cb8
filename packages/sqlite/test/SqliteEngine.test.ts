import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { Model, SqlClient, SqlResolver, SqlSchema } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { SqliteEngine } from "effect-sql-engine-sqlite"

const scopedFile = Effect.map(
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped({ prefix: "effect-sql-engine-" })),
  (folder) => `${folder}/test.db`
).pipe(Effect.provide(NodeContext.layer))

const onFile = <A, E>(body: Effect.Effect<A, E, Engine.Engine | SqlClient.SqlClient>) =>
  Effect.flatMap(scopedFile, (filename) => Effect.provide(body, SqliteEngine.layer({ filename })))

class City extends Model.Class<City>("City")({
  id: Model.Generated(Schema.Number),
  name: Schema.String
}) {}

const createCity = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) => sql`create table city (id integer primary key, name text not null unique)`
)

describe("SqliteEngine", () => {
  it.scoped("a session commits to the file and a lone read sees it", () =>
    onFile(Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* createCity
      yield* Session.transaction(sql`insert into city ${sql.insert([{ name: "Rome" }, { name: "Oslo" }])}`)
      expect(yield* sql`select name from city order by id`).toEqual([{ name: "Rome" }, { name: "Oslo" }])
      const stats = yield* Engine.Engine.stats
      expect(stats.sessions).toMatchObject({ opened: 1, committed: 1 })
      expect(stats.readers?.served).toBe(1)
    })))

  it.scoped("a failed session leaves nothing, and its failure names table and column", () =>
    onFile(Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* createCity
      const failure = yield* Effect.flip(Session.transaction(Effect.zipRight(
        sql`insert into city (name) values ('Rome')`,
        sql`insert into city (name) values ('Rome')`
      )))
      expect(failure).toMatchObject({ _tag: "UniqueViolation", table: "city", columns: ["name"] })
      expect(yield* sql`select * from city`).toEqual([])
    })))

  it.scoped("OR ROLLBACK ends the transaction: the body's later writes are refused", () =>
    onFile(Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* createCity
      const failure = yield* Effect.flip(Session.transaction(Effect.gen(function*() {
        yield* sql`insert into city (name) values ('Rome')`
        yield* Effect.ignore(sql`insert or rollback into city (name) values ('Rome')`)
        yield* Effect.ignore(sql`insert into city (name) values ('Oslo')`)
      })))
      expect(failure).toMatchObject({ _tag: "TransactionAborted", first: { _tag: "UniqueViolation" } })
      expect(yield* sql`select * from city`).toEqual([])
    })))

  it.scoped("a deferred foreign key fails at COMMIT, typed, and the next session works", () =>
    onFile(Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* createCity
      yield* sql`create table street (city integer references city (id) deferrable initially deferred)`
      const failure = yield* Effect.flip(Session.transaction(sql`insert into street (city) values (7)`))
      expect(failure._tag).toBe("ForeignKeyViolation")
      yield* Session.transaction(sql`insert into city (name) values ('Rome')`)
      expect(yield* sql`select count(*) as n from street`).toEqual([{ n: 0 }])
    })))

  it.scoped("a body reads a stream and writes between its batches", () =>
    onFile(Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* createCity
      yield* sql`create table copy (name text)`
      yield* Session.transaction(Effect.gen(function*() {
        yield* Effect.forEach(Array.from({ length: 1000 }, (_, n) => n), (n) =>
          sql`insert into city (name) values (${`city ${n}`})`)
        yield* Stream.runForEach(sql<{ name: string }>`select name from city`.stream, ({ name }) =>
          Session.transaction(sql`insert into copy (name) values (${name})`))
      }))
      expect(yield* sql`select count(*) as n from copy`).toEqual([{ n: 1000 }])
    })))

  it.scoped("Model, SqlSchema and SqlResolver of @effect/sql work, inside a session and outside", () =>
    onFile(Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* createCity
      const repository = yield* Model.makeRepository(City, { tableName: "city", idColumn: "id", spanPrefix: "City" })
      const rome = yield* repository.insert({ name: "Rome" })
      expect(rome).toEqual(new City({ id: 1, name: "Rome" }))
      const byName = SqlSchema.findAll({
        Request: Schema.String,
        Result: City,
        execute: (name) => sql`select * from city where name = ${name}`
      })
      let batches = 0
      const byId = yield* SqlResolver.findById("CityById", {
        Id: Schema.Number,
        Result: City,
        ResultId: (city) => city.id,
        execute: (ids) => {
          batches++
          return sql`select * from city where ${sql.in("id", ids)}`
        }
      })
      yield* Session.transaction(Effect.gen(function*() {
        const oslo = yield* repository.insert({ name: "Oslo" })
        expect(yield* byName("Oslo")).toEqual([oslo])
        const found = yield* Effect.withRequestBatching(
          Effect.forEach([rome.id, oslo.id], (id) => byId.execute(id), { batching: true }),
          true
        )
        expect(found.map((city) => city._tag === "Some" && city.value.name)).toEqual(["Rome", "Oslo"])
        expect(batches).toBe(1)
        yield* repository.delete(rome.id)
      }))
      expect(yield* byName("Rome")).toEqual([])
    })))

  it.scoped("a memory engine is isolated from another one, and sessions take turns", () =>
    Effect.gen(function*() {
      const one = yield* SqliteEngine.make({ filename: ":memory:" })
      const two = yield* SqliteEngine.make({ url: "sqlite://" })
      yield* one.sql`create table t (k integer)`
      yield* Effect.forEach([1, 2, 3, 4], (k) =>
        Effect.ignore(one.transaction(Effect.gen(function*() {
          yield* one.sql`insert into t values (${k})`
          yield* Effect.yieldNow()
          if (k % 2 === 0) return yield* Effect.fail("even")
        }))), { concurrency: "unbounded" })
      expect(yield* one.sql`select k from t order by k`).toEqual([{ k: 1 }, { k: 3 }])
      const failure = yield* Effect.flip(two.transaction(two.sql`select k from t`))
      expect(failure._tag).toBe("SqlSyntaxError")
    }))

  it.scoped("options that do not fit are refused with their names", () =>
    Effect.gen(function*() {
      const refused = (options: SqliteEngine.SqliteEngineOptions) =>
        Effect.map(Effect.flip(SqliteEngine.make(options)), (failure) =>
          failure._tag === "EngineConfigError" ? failure.problems.map(({ field }) => field) : [failure._tag])
      expect(yield* refused({})).toEqual(["filename"])
      expect(yield* refused({ filename: "a.db", url: "sqlite://" })).toEqual(["filename"])
      expect(yield* refused({ url: "postgres://localhost/app" })).toEqual(["url"])
      expect(yield* refused({ url: "sqlite:///a.db?cache=shared&immutable=1" })).toEqual(["url.cache", "url.immutable"])
      expect(yield* refused({ url: "oracle://localhost" })).toEqual(["UnsupportedBackend"])
      expect(yield* refused({ filename: "no/such/folder/a.db", connect: "eager" })).toEqual(["filename"])
    }))
})
