/**
 * Programs that do more than send one statement after the other.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Random, Stream } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { Interleavings } from "effect-sql-engine-testing"
import * as postgres from "../support/postgres.js"
import * as bank from "./bank.js"
import { at70, nothing, place } from "./place.js"

describe("a program", () => {
  it.scopedLive("may wait for another one outside of the database", () =>
    Effect.gen(function*() {
      const { options } = yield* place
      const one = Effect.unsafeMakeSemaphore(1)
      const alone = (amount: number) => one.withPermits(1)(bank.withdraw(amount))
      const report = yield* Interleavings.check([alone(10), alone(20)], {
        ...options,
        invariant: at70,
        patience: "5 millis"
      })
      // Who gets what is not the database's is not tried out: one order.
      expect(report.outcomes).toEqual([{ results: ["committed", "committed"], orders: 1, code: "aaabbb" }])
    }))

  it.scopedLive("that nobody will ever wake is stuck, and the failure says where everybody is", () =>
    Effect.gen(function*() {
      const { left, options } = yield* place
      const failure = yield* Effect.flip(
        Interleavings.explore([bank.withdraw(1), Effect.never], { ...options, patience: "5 millis" })
      )
      expect(failure).toMatchObject({ _tag: "InterleavingsError", reason: "stuck" })
      expect(failure.message).toContain("a is done; b waits for something outside of the database")
      expect(yield* left).toEqual(nothing)
    }))

  it.scopedLive("sleeps without time, and its limits stand still while it is held", () =>
    Effect.gen(function*() {
      const { options } = yield* place
      const slow = Effect.gen(function*() {
        yield* Effect.sleep("1 day")
        const waits = Effect.timeoutTo(bank.withdrawLocked(10), {
          duration: "1 millis",
          onSuccess: () => "in time",
          onTimeout: () => "too late"
        })
        return [
          yield* waits,
          yield* Effect.timeoutTo(Effect.never, {
            duration: "1 hour",
            onSuccess: () => "in time",
            onTimeout: () => "too late"
          })
        ]
      })
      const report = yield* Interleavings.check([slow, bank.withdrawLocked(20)], {
        ...options,
        invariant: ([slow]) =>
          Effect.map(at70(), (fits) => {
            expect(Exit.isSuccess(slow) ? slow.value : slow).toEqual(["in time", "too late"])
            return fits
          })
      })
      expect(report.orders.explored).toBeGreaterThan(1)
    }))

  it.scopedLive("finds the rows, the sequences and the tables as they were, in each order", () =>
    Effect.gen(function*() {
      const { options } = yield* place
      const setup = Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql`create table parent (id int primary key, self int references parent)`
        yield* sql`create table child (id serial primary key, parent int references parent, twice int generated always as (parent * 2) stored)`
        yield* sql`insert into parent values (1, 1), (2, 1)`
        yield* sql`insert into child (parent) values (1)`
      })
      const seen = new Set<string>()
      const write = Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* Effect.either(Session.transaction(Effect.zipRight(
          sql`insert into child (parent) values (2)`,
          sql`insert into child (parent) values (3)`
        )))
        return (yield* sql<{ id: number }>`insert into child (parent) values (2) returning id`)[0]!.id
      })
      const grows = Session.transaction(Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql`alter table parent add column more int`
        yield* sql`create table extra (k int)`
      }))
      const report = yield* Interleavings.check([write, grows], {
        ...options,
        setup,
        invariant: ([write]) =>
          Effect.gen(function*() {
            const sql = yield* SqlClient.SqlClient
            const rows = [
              yield* sql`select * from parent order by id`,
              yield* sql`select * from child order by id`,
              yield* sql`select count(*)::int from extra`
            ]
            seen.add(JSON.stringify([Exit.isSuccess(write) && write.value, rows]))
          })
      })
      expect(report.orders.explored).toBeGreaterThan(3)
      expect([...seen]).toEqual([JSON.stringify([4, [
        [{ id: 1, self: 1, more: null }, { id: 2, self: 1, more: null }],
        [{ id: 1, parent: 1, twice: 2 }, { id: 4, parent: 2, twice: 4 }],
        [{ count: 0 }]
      ]])])
    }))

  it.scopedLive("that does something else each time is told so", () =>
    Effect.gen(function*() {
      const { options } = yield* place
      let times = 0
      const moody = Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(`select ${++times}`))
      const failure = yield* Effect.flip(Interleavings.explore([moody, bank.withdraw(1), bank.withdraw(2)], options))
      expect(failure).toMatchObject({ _tag: "InterleavingsError", reason: "notRepeatable" })
      // What comes by chance is the same each time, when it comes from Random.
      const lucky = Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        return yield* sql.unsafe(`select ${yield* Random.nextIntBetween(0, 1_000_000)}`)
      })
      yield* Interleavings.check([lucky, bank.withdraw(1)], options)
    }))

  it.scopedLive("may use an engine and services of its own, and what it leaves running has no part in the next order", () =>
    Effect.gen(function*() {
      const { options } = yield* place
      class Reports extends Engine.Tag<Reports>()("test/interleavings/Reports") {}
      class Clerk extends Context.Tag("test/interleavings/Clerk")<Clerk, { readonly name: string }>() {}
      const { url } = yield* postgres.database
      const layer = Layer.merge(Reports.layer(PgEngine.make({ url })), Layer.succeed(Clerk, { name: "ann" }))
      const program = Effect.gen(function*() {
        const sql = yield* Reports.sql
        const { name } = yield* Clerk
        yield* Reports.transaction(sql`insert into visit values (${name})`)
        yield* Effect.forkDaemon(Effect.zipRight(Effect.sleep("1 second"), sql`insert into visit values ('late')`))
      })
      const report = yield* Interleavings.check([program, program], {
        layer,
        setup: Effect.flatMap(Reports.sql, (sql) => sql`create table visit (name text)`),
        invariant: () =>
          Effect.map(
            Effect.flatMap(Reports.sql, (sql) => sql`select * from visit`),
            (rows) => expect(rows).toEqual([{ name: "ann" }, { name: "ann" }])
          )
      })
      expect(report.orders.explored).toBeGreaterThan(1)
      const two = Layer.merge(layer, options.layer)
      const failure = yield* Effect.flip(Interleavings.explore([program], { layer: two, setup: Effect.void }))
      expect(failure).toMatchObject({ _tag: "InterleavingsError", reason: "unsupported" })
    }))
})

describe("a program of several connections", () => {
  it.scopedLive("waits for its own other one without a deadlock, where that can go on", () =>
    Effect.gen(function*() {
      const { left, options } = yield* place
      const add = (id: number) =>
        Effect.flatMap(SqlClient.SqlClient, (sql) => sql`update account set balance = balance + 1 where id = ${id}`)
      // Two sessions side by side: the second waits for b, which waits for the first.
      const both = Effect.all([Session.transaction(add(1)), Session.transaction(add(2))], { concurrency: 2 })
      const other = Session.transaction(Effect.zipRight(add(2), add(1)))
      const report = yield* Interleavings.check([both, other], {
        ...options,
        invariant: () => Effect.map(bank.balances, (rows) => expect(rows).toEqual([{ balance: 102 }, { balance: 102 }]))
      })
      expect(report.orders.explored).toBeGreaterThan(2)
      const nested = Session.transaction(Effect.zipRight(add(1), Session.transaction(add(2), { nested: "new" })))
      yield* Interleavings.check([nested, Session.transaction(add(2))], options)
      expect(yield* left).toEqual(nothing)
    }))

  it.scopedLive("that waits for itself is stuck, and is ended all the same", () =>
    Effect.gen(function*() {
      const { left, options } = yield* place
      const add = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`update account set balance = 0 where id = 1`)
      const itself = Session.transaction(Effect.zipRight(add, Session.transaction(add, { nested: "new" })))
      const failure = yield* Effect.flip(Interleavings.explore([itself], { ...options, stepTimeout: "300 millis" }))
      expect(failure).toMatchObject({ _tag: "InterleavingsError", reason: "stuck" })
      expect(yield* left).toEqual(nothing)
    }))
})

describe("a stream", () => {
  it.scopedLive("is held at each batch", () =>
    Effect.gen(function*() {
      const { left, options } = yield* place
      const sum = Session.transaction(Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const rows = sql<{ balance: number }>`select balance from account order by id`.stream
        return yield* Stream.runFold(rows, 0, (sum, { balance }) => sum + balance)
      }))
      const report = yield* Interleavings.check([sum, bank.move(1, 2)], {
        ...options,
        invariant: ([sum]) => Effect.succeed(Exit.isSuccess(sum) && sum.value === 200)
      })
      expect(report.orders.explored).toBeGreaterThan(3)
      expect(yield* left).toEqual(nothing)
    }))
})
