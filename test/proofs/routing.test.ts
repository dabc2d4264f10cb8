/**
 * Proof 5: engines never cross.
 */
import * as Migrator from "@effect/sql/Migrator"
import * as Model from "@effect/sql/Model"
import * as SqlClient from "@effect/sql/SqlClient"
import * as SqlResolver from "@effect/sql/SqlResolver"
import * as SqlSchema from "@effect/sql/SqlSchema"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Schema, Stream } from "effect"
import { type Bench, type Database, databases } from "../support/databases.js"
import { evidence } from "../support/evidence.js"
import { check, size } from "../support/proof.js"
import type { Sent } from "../support/recorded.js"
import { expected } from "./routing/model.js"
import { plans, type Which } from "./routing/plan.js"
import { First, run, Second, three } from "./routing/run.js"

const seed = 5_000_005
const [aborting, going, sqlite, postgresql] = databases as readonly [Database, Database, Database, Database]
const trios = [[aborting, going, sqlite], [postgresql, postgresql, sqlite]] as const

/** Every row was sent on a connection of its own engine, inside of its own session's transaction or of none. */
const checkWire = (which: number, sent: ReadonlyArray<Sent>, sessions: ReadonlyMap<number, number | undefined>) => {
  const open = new Map<string, { owner?: number }>()
  for (const { connection, params, text } of sent) {
    if (/^begin/i.test(text)) open.set(connection, {})
    else if (/^(commit|rollback$)/i.test(text)) open.delete(connection)
    else if (text.startsWith("insert")) {
      const key = Number(params[0])
      expect(key % 3).toBe(which)
      const transaction = open.get(connection)
      const session = sessions.get(key)
      expect(transaction !== undefined).toBe(session !== undefined)
      if (transaction !== undefined && session !== undefined) {
        transaction.owner ??= session
        expect(session).toBe(transaction.owner)
      }
    }
  }
}

for (const trio of trios) {
  describe(`Three engines: ${trio.map(({ name }) => name).join(", ")}`, () => {
    const { run: inTime, virtual } = trio[0]
    const programs = size(virtual ? 40 : 8, virtual ? 400 : 200)
    const multiple = new Set(([0, 1, 2] as const).filter((which) => trio[which].writers > 1))

    it.scoped(`${programs} programs on all of them cross nowhere (seed ${seed})`, () =>
      Effect.gen(function*() {
        const sites = yield* Effect.all(trio.map(({ prepare }) => prepare))
        let statements = 0
        yield* check(seed, programs, plans(multiple), (plan) => {
          statements += plan.statements
          return inTime(Effect.scoped(Effect.gen(function*() {
            const open = (which: Which) => sites[which]!.open({ me: which })
            const benches: readonly [Bench, Bench, Bench] = yield* Effect.all([open(0), open(1), open(2)])
            yield* Effect.provide(run(plan), three(benches))
            const model = expected(plan)
            for (const which of [0, 1, 2] as const) {
              expect(yield* benches[which].rows).toEqual(model.rows[which])
              checkWire(which, benches[which].wire.sent, model.session)
            }
          })))
        })
        expect(statements).toBeGreaterThan(programs * 20)
        evidence({
          proof: "5",
          size: `${programs} programs on three engines: ${trio.map(({ name }) => name).join(", ")}`,
          figures: { statements, crossings: 0 },
          seed
        })
      }), 600_000)
  })
}

/** Rows of `t` by their key, as many as there are; `batches` gets what was asked for together. */
const grouped = (sql: SqlClient.SqlClient, batches: Array<ReadonlyArray<number>>) =>
  SqlResolver.grouped("T", {
    Request: Schema.Number,
    RequestGroupKey: (key) => key,
    Result: Schema.Struct({ k: Schema.Number }),
    ResultGroupKey: ({ k }) => k,
    execute: (keys) =>
      Effect.suspend(() => {
        batches.push([...keys].sort())
        return sql<{ readonly k: number }>`select k from t`
      })
  })

for (const database of databases) {
  describe(`What @effect/sql offers, in sessions on ${database.name}`, () => {
    const on = <E>(
      test: (benches: readonly [Bench, Bench, Bench]) => Effect.Effect<void, E, First | Second>
    ): Effect.Effect<void> =>
      Effect.promise(() =>
        database.run(Effect.scoped(Effect.gen(function*() {
          const site = yield* database.prepare
          const other = yield* sqlite.prepare
          const benches = [
            yield* site.open({ me: 0 }),
            yield* other.open({ me: 1 }),
            yield* other.open({ me: 2 })
          ] as const
          yield* Effect.provide(test(benches), three(benches))
        })))
      )

    it.effect("rolling one engine back leaves what another one committed inside of it", () =>
      on(([first, second]) =>
        Effect.gen(function*() {
          const exit = yield* Effect.exit(First.transaction(Effect.gen(function*() {
            yield* first.engine.sql`insert into t (k) values (1)`
            yield* Second.transaction(second.engine.sql`insert into t (k) values (2)`)
            yield* second.engine.sql`insert into t (k) values (3)`
            return yield* Effect.fail("no")
          })))
          expect(exit).toEqual(Exit.fail("no"))
          expect(yield* first.rows).toEqual([])
          expect(yield* second.rows).toEqual([2, 3])
        })
      ))

    it.effect("the requests of two sessions never share a batch", () =>
      on(([{ engine: { sql } }]) =>
        Effect.gen(function*() {
          const batches: Array<ReadonlyArray<number>> = []
          const rows = yield* grouped(sql, batches)
          const both = Effect.forEach([1, 2], (key) => rows.execute(key), { batching: true, concurrency: "unbounded" })
          const seen = yield* Effect.forEach([1, 2], (key) =>
            Effect.flip(First.transaction(
              Effect.zipRight(sql`insert into t (k) values (${key})`, Effect.flatMap(both, Effect.fail))
            )), { concurrency: "unbounded" })
          expect(seen).toEqual([[[{ k: 1 }], []], [[], [{ k: 2 }]]])
          expect(batches).toEqual([[1, 2], [1, 2]])
        })
      ))

    if (database.writers > 1) {
      it.effect("sessions side by side in a batched loop keep their requests to themselves", () =>
        on(([{ engine: { sql } }]) =>
          Effect.gen(function*() {
            const batches: Array<ReadonlyArray<number>> = []
            const rows = yield* grouped(sql, batches)
            const seen = yield* Effect.forEach([1, 2, 3], (key) =>
              Effect.flip(First.transaction(Effect.gen(function*() {
                yield* sql`insert into t (k) values (${key})`
                return yield* Effect.fail([yield* rows.execute(key), yield* rows.execute(1)])
              }))), { concurrency: "unbounded", batching: true })
            expect(seen).toEqual([[[{ k: 1 }], [{ k: 1 }]], [[{ k: 2 }], []], [[{ k: 3 }], []]])
            expect(batches.map((batch) => batch.length)).toEqual([1, 1, 1, 1, 1, 1])
          })
        ))
    }

    it.effect("withTransaction of two clients nests in any order", () =>
      on(([first, second]) =>
        Effect.gen(function*() {
          const a = first.engine.sql
          const b = second.engine.sql
          yield* a.withTransaction(b.withTransaction(Effect.gen(function*() {
            yield* Effect.ignore(a.withTransaction(Effect.zipRight(a`insert into t (k) values (1)`, Effect.fail("no"))))
            yield* Effect.ignore(b.withTransaction(Effect.zipRight(b`insert into t (k) values (2)`, Effect.fail("no"))))
            yield* a.withTransaction(a`insert into t (k) values (3)`)
            yield* b.withTransaction(b`insert into t (k) values (4)`)
          })))
          expect(yield* first.rows).toEqual([3])
          expect(yield* second.rows).toEqual([4])
        })
      ))

    it.effect("streams of two engines, read in step, each read their own session", () =>
      on(([first, second]) =>
        Effect.gen(function*() {
          const insert = (bench: Bench, from: number) =>
            Effect.forEach([0, 1, 2, 3, 4], (key) => bench.engine.sql`insert into t (k) values (${from + key})`)
          const both = First.transaction(Second.transaction(Effect.gen(function*() {
            yield* insert(first, 10)
            yield* insert(second, 20)
            const rows = (bench: Bench) =>
              Stream.rechunk(bench.engine.sql<{ k: number }>`select k from t order by k`.stream, 1)
            const pairs = yield* Stream.runCollect(Stream.zip(rows(first), rows(second)))
            return [...pairs].map(([a, b]) => [a.k, b.k])
          })))
          expect(yield* both).toEqual([0, 1, 2, 3, 4].map((key) => [10 + key, 20 + key]))
        })
      ))

    it.effect("what a session reserves is its own connection", () =>
      on(([bench]) =>
        Effect.gen(function*() {
          const { sql } = bench.engine
          const seen = yield* First.transaction(Effect.scoped(Effect.gen(function*() {
            yield* sql`insert into t (k) values (7)`
            return yield* Effect.flatMap(sql.reserve, (mine) => mine.execute("select k from t", [], undefined))
          })))
          expect(seen).toEqual([{ k: 7 }])
          expect(new Set(bench.wire.sent.map(({ connection }) => connection)).size).toBe(1)
        })
      ))
  })
}

class Person extends Model.Class<Person>("Person")({
  id: Model.Generated(Schema.Number),
  name: Schema.String
}) {}

for (const database of [sqlite, postgresql]) {
  describe(`Models and migrations in sessions on ${database.name}`, () => {
    const isSqlite = database === sqlite
    const table = isSqlite
      ? "create table people (id integer primary key, name text not null)"
      : "create table people (id int generated always as identity primary key, name text not null)"

    const on = <E>(
      test: (
        sql: SqlClient.SqlClient,
        transaction: Bench["engine"]["transaction"]
      ) => Effect.Effect<void, E, SqlClient.SqlClient>
    ) =>
      Effect.promise(() =>
        database.run(Effect.scoped(Effect.gen(function*() {
          const { engine } = yield* (yield* database.prepare).open()
          yield* Effect.provideService(test(engine.sql, engine.transaction), SqlClient.SqlClient, engine.sql)
        })))
      )

    it.effect("a repository and a schema's query take part in the session they are used in", () =>
      on((sql, transaction) =>
        Effect.gen(function*() {
          yield* sql.unsafe(table)
          const people = yield* Model.makeRepository(Person, {
            tableName: "people",
            spanPrefix: "people",
            idColumn: "id"
          })
          const named = SqlSchema.findAll({
            Request: Schema.String,
            Result: Person,
            execute: (name) => sql`select * from people where name = ${name}`
          })
          const ada = Person.insert.make({ name: "Ada" })
          const inside = yield* Effect.flip(transaction(Effect.gen(function*() {
            const { id } = yield* people.insert(ada)
            const found = yield* people.findById(id)
            return yield* Effect.fail([found._tag, (yield* named("Ada")).length])
          })))
          expect(inside).toEqual(["Some", 1])
          expect(yield* named("Ada")).toEqual([])
          yield* transaction(people.insert(ada))
          expect((yield* named("Ada")).map(({ name }) => name)).toEqual(["Ada"])
        })
      ))

    it.effect("the migrator of @effect/sql runs on the engine, and a failing migration leaves nothing", () =>
      on((sql) =>
        Effect.gen(function*() {
          const migrate = Migrator.make({})
          const first = Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(table))
          const bad = Effect.flatMap(SqlClient.SqlClient, (sql) =>
            Effect.zipRight(sql`create table half (id integer)`, sql`create nonsense`))
          const good = Migrator.fromRecord({ "0001_people": first })
          expect(yield* migrate({ loader: good })).toEqual([[1, "people"]])
          expect(
            Exit.isFailure(
              yield* Effect.exit(migrate({ loader: Migrator.fromRecord({ "0001_people": first, "0002_bad": bad }) }))
            )
          ).toBe(true)
          expect(Exit.isFailure(yield* Effect.exit(sql`select * from half`))).toBe(true)
          expect(yield* migrate({ loader: good })).toEqual([])
        })
      ))
  })
}
