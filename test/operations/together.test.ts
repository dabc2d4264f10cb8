/**
 * Many operations together: batches of finds, statements in one transaction, streams.
 */
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Option, Stream } from "effect"
import { Repository, Session, Tables } from "effect-sql-engine"
import * as Engine from "effect-sql-engine/Engine"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { databases as benches } from "../support/databases.js"
import { places as databases } from "../support/places.js"
import { size } from "../support/proof.js"
import { onTables, people, person, persons, places } from "./declared.js"

setFlagsFromString("--expose-gc")
const collectGarbage = runInNewContext("gc") as () => void

const all = { concurrency: "unbounded", batching: true } as const

for (const [name, open] of databases) {
  describe(`operations together on ${name}`, () => {
    it.scoped("a batch of finds by key answers each with its own row", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          yield* persons.insertMany(Array.from({ length: 30 }, (_, i) => person(`P${i}`)))
          const keys = [3, 1, 99, 3, 30]
          const found = yield* Effect.forEach(keys, (key) => persons.findByKey(key), all)
          expect(found.map(Option.map(({ id }) => id))).toEqual([
            Option.some(3),
            Option.some(1),
            Option.none(),
            Option.some(3),
            Option.some(30)
          ])
          yield* places.insertMany([{ row: "A", number: 1 }, { row: "B", number: 2 }])
          const two = yield* Effect.forEach(
            [{ row: "B", number: 2 }, { row: "A", number: 2 }, { row: "A", number: 1 }],
            (key) => places.findByKey(key),
            all
          )
          expect(two.map(Option.map(({ row }) => row))).toEqual([Option.some("B"), Option.none(), Option.some("A")])
          const failed = yield* Effect.exit(Effect.forEach([1, 98], (key) => persons.getByKey(key), all))
          expect(failed._tag).toBe("Failure")
        })))

    it.scoped("a batch is a matter of one session", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          const look = Effect.map(
            Effect.forEach([1, 2], (key) => persons.findByKey(key), all),
            (found) => found.filter(Option.isSome).length
          )
          const inside = Session.transaction(
            Effect.zipRight(persons.insert(person("Ada")), look).pipe(
              Effect.flatMap((seen) => Effect.as(Session.rollbackOnly, seen))
            )
          )
          expect(yield* Effect.all([inside, look], { batching: true })).toEqual([1, 0])
        })))

    it.scoped("statements in one transaction see the ones before them, and say what they did", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          const results = yield* Repository.executeAll([
            (sql) => sql`insert into seats ${sql.insert([{ row: "A", number: 1 }, { row: "A", number: 2 }])}`,
            (sql) => sql`select count(*) as n from seats`,
            (sql) => sql`update seats set guest = ${"Ada"} where number > ${0} returning number`,
            (sql) => sql`delete from seats where number = ${1}`,
            (sql) => sql`select number, guest from seats`
          ])
          expect(results.map(({ count }) => count)).toEqual([2, 1, 2, 1, 1])
          expect(Number(results[1]!.rows[0].n)).toBe(2)
          expect(results[2]!.rows.length).toBe(2)
          expect(results[4]!.rows).toEqual([{ number: 2, guest: "Ada" }])
          expect(yield* Repository.execute((sql) => sql`delete from seats where number = ${77}`)).toEqual({
            count: 0,
            rows: []
          })
        })))

    it.scoped("of five statements whose third fails nothing is left", () =>
      onTables(open, () =>
        Effect.gen(function*() {
          const insert = (number: number): Repository.SqlCondition => (sql) =>
            sql`insert into seats ${sql.insert({ row: "A", number })}`
          const failure = yield* Effect.flip(Repository.executeAll([1, 2, 2, 3, 4].map(insert)))
          expect(failure._tag).toBe("UniqueViolation")
          expect(yield* places.count()).toBe(0)
        })))

    it.scopedLive("a stream of many rows holds few of them", () =>
      onTables(open, (_place, engine) =>
        Effect.gen(function*() {
          // A hundred megabytes together, whatever the number of rows.
          const rows = size(20_000, 100_000)
          const text = "x".repeat(1e8 / rows)
          yield* engine.dialect.name === "postgresql"
            ? engine.sql`insert into seats ("row", number, guest)
                select 'A', i, ${text} from generate_series(1, ${rows}::int) i`
            : engine.sql`with recursive n(i) as (values (1) union all select i + 1 from n where i < ${rows})
                insert into seats ("row", number, guest) select 'A', i, ${text} from n`
          let [sum, count, most] = [0, 0, 0]
          const used = () => {
            collectGarbage()
            const { external, heapUsed } = process.memoryUsage()
            return heapUsed + external
          }
          const before = used()
          yield* Stream.runForEachChunk(places.stream({ orderBy: { number: "asc" } }), (chunk) =>
            Effect.sync(() => {
              for (const { number } of chunk) sum += number
              count += Chunk.size(chunk)
              if (count % 5_000 < Chunk.size(chunk)) most = Math.max(most, used() - before)
            }))
          expect([count, sum]).toEqual([rows, rows * (rows + 1) / 2])
          expect(most / 2 ** 20).toBeLessThan(64)
          const some = yield* Stream.runCollect(Stream.take(places.stream({ orderBy: { number: "desc" } }), 3))
          expect(Chunk.toReadonlyArray(some).map(({ number }) => number)).toEqual([rows, rows - 1, rows - 2])
          expect((yield* engine.stats).pool.inUse).toBe(0)
        })))
  })
}

for (const database of benches.filter(({ name }) => !name.startsWith("scripted"))) {
  it(`any number of finds by key in a batch is one statement on ${database.name}`, () =>
    database.run(Effect.scoped(Effect.gen(function*() {
      const { engine, wire } = yield* (yield* database.prepare).open()
      const test = Effect.gen(function*() {
        yield* Tables.drop([people], {})
        yield* Tables.ensure([people])
        yield* persons.insertMany(Array.from({ length: 100 }, (_, i) => person(`P${i}`)))
        const sent = wire.sent.length
        const find = Effect.forEach(Array.from({ length: 100 }, (_, i) => i + 1), (key) => persons.getByKey(key), all)
        expect((yield* find).map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
        expect(wire.sent.length - sent).toBe(1)
        yield* Session.transaction(Effect.all([find, find], all))
        expect(wire.sent.slice(sent + 1).map(({ text }) => /\w+/.exec(text)![0])).toEqual(["BEGIN", "SELECT", "COMMIT"])
      })
      yield* Effect.provideService(test, Engine.Engine, engine)
    }))))
}
