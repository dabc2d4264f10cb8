/**
 * Columns of the database's own types, names that need quotes, tables in a schema: one row and many go in and come back.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import { Repository, Session, Table, Tables } from "effect-sql-engine"
import * as Engine from "effect-sql-engine/Engine"
import { places as databases } from "../support/places.js"

const own = (postgresql: string) => ({ type: Table.sql({ postgresql, sqlite: "text" }) })

const odd = Table.make(
  "odd \"table\"",
  Schema.Struct({
    id: Schema.BigIntFromSelf,
    mood: Schema.Literal("good", "bad"),
    tags: Schema.Array(Schema.String),
    price: Schema.String,
    document: Schema.Struct({ a: Schema.Array(Schema.Number) }),
    when: Schema.DateFromSelf,
    "and": Schema.String
  }),
  {
    schema: "odd",
    columns: {
      mood: own("odd.mood"),
      tags: own("text[]"),
      price: own("numeric(20, 4)"),
      document: { ...own("json"), name: "the \"document\"" },
      when: { name: "v" },
      "and": { name: "effect" }
    }
  }
)

const rows = Repository.make(odd)

const row = (n: number) => ({
  id: 2n ** 60n + BigInt(n),
  mood: n % 2 === 0 ? "good" as const : "bad" as const,
  tags: ["a", "with \"quotes\"", "{braces}", "", `${n}`],
  price: `${n}.2500`,
  document: { a: [n, 2.5] },
  when: new Date(1_700_000_000_123 + n),
  "and": "'; --"
})

for (const [name, open] of databases) {
  describe(`odd columns on ${name}`, () => {
    it.scoped("take and give the same, alone, together, and enqueued", () =>
      Effect.gen(function*() {
        const place = yield* open
        const engine = yield* place.engine()
        const work = Effect.gen(function*() {
          if (place.kind === "postgres") {
            yield* place.admin("create schema odd", "create type odd.mood as enum ('good', 'bad')")
          }
          yield* Tables.ensure([odd])
          expect(yield* rows.insert(row(1))).toEqual(row(1))
          expect(yield* rows.insertMany([row(2), row(3)])).toEqual([row(2), row(3)])
          yield* Session.transaction(Effect.gen(function*() {
            const four = yield* Session.enqueue.insert(odd, row(4))
            yield* Session.enqueue.insert(odd, row(5))
            yield* Session.enqueue.update(odd, row(1).id, { tags: ["x"], mood: "good", document: { a: [] } })
            yield* Session.enqueue.update(odd, four.later.id, { tags: ["y"], mood: "bad", document: { a: [9] } })
            yield* Session.enqueue.delete(odd, row(2).id)
            yield* Session.enqueue.delete(odd, row(3).id)
            expect(yield* four.row).toEqual(row(4))
          }))
          expect(yield* rows.findMany({ orderBy: { id: "asc" } })).toEqual([
            { ...row(1), tags: ["x"], mood: "good", document: { a: [] } },
            { ...row(4), tags: ["y"], mood: "bad", document: { a: [9] } },
            row(5)
          ])
          expect(yield* rows.upsertMany([row(5), row(6)])).toEqual([row(5), row(6)])
          const keys = [row(5).id, row(2).id, row(6).id]
          const found = yield* Effect.forEach(keys, (key) => rows.findByKey(key), {
            batching: true,
            concurrency: "unbounded"
          })
          expect(found).toEqual([Option.some(row(5)), Option.none(), Option.some(row(6))])
          const where = { id: { in: keys }, mood: "good", "and": "'; --", when: { gt: row(5).when } } as const
          expect(yield* rows.findMany({ where })).toEqual([row(6)])
          const slice = yield* rows.slice({ size: 1, orderBy: { id: "desc" } })
          const next = yield* rows.slice({ size: 1, orderBy: { id: "desc" }, after: Option.getOrThrow(slice.next) })
          expect([...slice.items, ...next.items].map(({ id }) => id)).toEqual([row(6).id, row(5).id])
        })
        yield* Effect.provideService(work, Engine.Engine, engine)
      }))
  })
}
