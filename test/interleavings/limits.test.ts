/**
 * Codes, limits, the end of an exploration, and programs that do more than send statements.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Cause, Context, Deferred, Effect, Exit, Fiber, Layer, Random, Schema } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { Interleavings } from "effect-sql-engine-testing"
import * as postgres from "../support/postgres.js"
import * as bank from "./bank.js"

const at70 = () => Effect.map(bank.balances, ([first]) => first!.balance === 70)

/** A database of its own, an exploration of it, and what is there afterwards. */
const place = Effect.map(postgres.database, ({ url }) => ({
  options: { layer: PgEngine.layer({ url }), setup: bank.accounts },
  left: Effect.map(
    postgres.admin(
      url,
      "select (select count(*)::int from pg_namespace where nspname like 'interleavings%') as schemas, " +
        "(select count(*)::int from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() " +
        "and backend_type = 'client backend') as connections"
    ),
    ([row]) => row
  )
}))

const nothing = { schemas: 0, connections: 0 }

describe("the code of an order", () => {
  it.scopedLive("leads to the same steps, the same answers and the same end", () =>
    Effect.gen(function*() {
      const { left, options } = yield* place
      const programs = [bank.withdraw(10), bank.withdraw(20)] as const
      const all = { ...options, invariant: at70, isolation: "repeatable read" as const }
      const report = yield* Interleavings.explore(programs, all)
      expect(report.smallest).toBeDefined()
      const codes = [report.smallest!.code, ...report.outcomes.map(({ code }) => code)]
      for (const code of codes) {
        const again = yield* Interleavings.replay(programs, code, all)
        const ends = again.results.map((exit) =>
          Exit.isSuccess(exit) ? "committed" : (Cause.squash(exit.cause) as { _tag: string })._tag
        )
        expect(again.code).toBe(code)
        expect(report.outcomes.map(({ results }) => results)).toContainEqual(ends)
      }
      const again = yield* Interleavings.replay(programs, report.smallest!.code, all)
      expect(again.steps).toEqual(report.smallest!.steps)
      expect(again.text).toBe(report.smallest!.text)
      expect(again.diagram).toBe(report.smallest!.diagram)
      expect(yield* left).toEqual(nothing)
    }))

  it.scopedLive("may be the beginning only, and is refused where it does not fit", () =>
    Effect.gen(function*() {
      const { options } = yield* place
      const programs = [bank.withdraw(10), bank.withdraw(20)] as const
      const begun = yield* Interleavings.replay(programs, "ab", options)
      expect(begun.code).toBe("abaabb")
      for (const code of ["aaaa", "ac", "ababb"]) {
        const failure = yield* Effect.flip(Interleavings.replay(programs, code, options))
        expect(failure).toMatchObject({ _tag: "InterleavingsError", reason: "order" })
      }
    }))

  it.scopedLive("of a level that the database does not have is refused", () =>
    Effect.gen(function*() {
      const { left, options } = yield* place
      const failure = yield* Effect.flip(
        Interleavings.explore([bank.withdraw(1)], { ...options, isolation: "read uncommitted" })
      )
      expect(failure).toMatchObject({ _tag: "EngineConfigError", problems: [{ field: "isolation" }] })
      expect(yield* left).toEqual(nothing)
    }))
})

describe("a limit", () => {
  it.scopedLive("on orders makes the report say that it is not complete, and fails a check", () =>
    Effect.gen(function*() {
      const { options } = yield* place
      const programs = [bank.withdraw(10), bank.withdraw(20)] as const
      const report = yield* Interleavings.explore(programs, { ...options, maxOrders: 2 })
      expect(report.orders.explored).toBe(2)
      expect(report.incomplete).toContain("maxOrders")
      expect(report.text.startsWith("NOT COMPLETE")).toBe(true)
      const failure = yield* Effect.flip(Interleavings.check(programs, { ...options, maxOrders: 2 }))
      expect(failure).toMatchObject({ _tag: "ExplorationIncomplete", explored: 2 })
      // As many as there are is complete.
      yield* Interleavings.check(programs, { ...options, maxOrders: 6 })
      const broken = yield* Effect.flip(Interleavings.check(programs, { ...options, invariant: at70 }))
      expect(broken).toMatchObject({ _tag: "InvariantBroken", code: "abbbaa", anomaly: "lost update" })
    }))

  it.scopedLive("on steps ends a run that would never end", () =>
    Effect.gen(function*() {
      const { left, options } = yield* place
      const endless = Effect.forever(Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select balance from account`))
      const report = yield* Interleavings.explore([endless], { ...options, maxSteps: 5 })
      expect(report.orders.explored).toBe(0)
      expect(report.incomplete).toContain("maxSteps")
      expect(yield* left).toEqual(nothing)
    }))
})

describe("an interrupted exploration", () => {
  it.scopedLive("leaves no session, no connection and no table", () =>
    Effect.gen(function*() {
      const { left, options } = yield* place
      // Held by what one program does, while the other one waits for its lock in the database.
      const held = yield* Deferred.make<void>()
      const holds = Session.transaction(Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql`update account set balance = 0 where id = 1`
        yield* sql`select 1`
        yield* Deferred.succeed(held, undefined)
        yield* Effect.never
      }))
      const run = Interleavings.replay([holds, bank.withdrawAtOnce(1)], "aba", { ...options, patience: "1 hour" })
      const fiber = yield* Effect.fork(run)
      yield* Deferred.await(held)
      yield* Fiber.interrupt(fiber)
      expect(yield* left).toEqual(nothing)
    }))

  it.scopedLive("between two orders leaves nothing either", () =>
    Effect.gen(function*() {
      const { left, options } = yield* place
      const judged = yield* Deferred.make<void>()
      const run = Interleavings.explore([bank.withdraw(1), bank.withdraw(2)], {
        ...options,
        invariant: () => Effect.zipRight(Deferred.succeed(judged, undefined), Effect.never)
      })
      const fiber = yield* Effect.fork(run)
      yield* Deferred.await(judged)
      yield* Fiber.interrupt(fiber)
      expect(yield* left).toEqual(nothing)
    }))
})

describe("a program", () => {
  it.scopedLive("may wait for another one outside of the database", () =>
    Effect.gen(function*() {
      const { options } = yield* place
      const one = Effect.unsafeMakeSemaphore(1)
      const alone = (amount: number) => one.withPermits(1)(bank.withdraw(amount))
      const report = yield* Interleavings.check([alone(10), alone(20)], { ...options, invariant: at70, patience: "5 millis" })
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
        return [yield* waits, yield* Effect.timeoutTo(Effect.never, {
          duration: "1 hour",
          onSuccess: () => "in time",
          onTimeout: () => "too late"
        })]
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

describe("an invariant", () => {
  it.scopedLive("that fails or dies is broken, and a query that fails in it ends the exploration", () =>
    Effect.gen(function*() {
      const { left, options } = yield* place
      class Wrong extends Schema.TaggedError<Wrong>()("Wrong", { message: Schema.String }) {}
      const problem = (invariant: () => Effect.Effect<unknown, unknown, SqlClient.SqlClient>) =>
        Effect.map(
          Interleavings.explore([bank.withdraw(1)], { ...options, invariant }),
          ({ smallest }) => smallest?.problem
        )
      expect(yield* problem(() => new Wrong({ message: "money is missing" }))).toBe("money is missing")
      expect(yield* problem(() => Effect.die(new Error("assertion")))).toBe("assertion")
      expect(yield* problem(() => Effect.succeed(0))).toBeUndefined()
      const failure = yield* Effect.flip(
        problem(() => Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select * from no_such_table`))
      )
      expect(failure).toMatchObject({ _tag: "SqlError" })
      expect(yield* left).toEqual(nothing)
    }))

  it.scopedLive("of serial orders also sees what a program returned, when it is asked to", () =>
    Effect.gen(function*() {
      const { options } = yield* place
      // Moves money while the other one adds up, account by account.
      const sum = Session.transaction(Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const [one] = yield* sql<{ balance: number }>`select balance from account where id = 1`
        const [two] = yield* sql<{ balance: number }>`select balance from account where id = 2`
        return one!.balance + two!.balance
      }))
      const programs = [sum, bank.move(1, 2)] as const
      yield* Interleavings.check(programs, { ...options, invariant: Interleavings.serializable(bank.balances) })
      const strict = { ...options, invariant: Interleavings.serializable(bank.balances, { results: true }) }
      const found = yield* Interleavings.explore(programs, strict)
      expect(found.smallest?.code).toBe("abbbaa")
      yield* Interleavings.check(programs, { ...strict, isolation: "repeatable read" })
    }))
})
