/**
 * Known mistakes are found on PostgreSQL, and are gone where they were corrected.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { Session } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { Interleavings } from "effect-sql-engine-testing"
import * as postgres from "../support/postgres.js"
import * as bank from "./bank.js"

const layer = Effect.map(postgres.database, ({ url }) => PgEngine.layer({ url }))

const at70 = () => Effect.map(bank.balances, ([first]) => first!.balance === 70)

const failures = (outcomes: Interleavings.Report["outcomes"]) =>
  [...new Set(outcomes.flatMap(({ results }) => results))].sort()

describe("a lost update", () => {
  it.scopedLive("is found at read committed, and the smallest order is the smallest there is", () =>
    Effect.gen(function*() {
      const programs = [bank.withdraw(10), bank.withdraw(20)] as const
      const options = { layer: yield* layer, setup: bank.accounts, invariant: at70 }
      const report = yield* Interleavings.explore(programs, options)
      expect(report.smallest?.anomaly).toBe("lost update")
      expect(report.anomalies).toEqual(["lost update"])
      // Every order, counted by hand: 14 that the locks allow, of which 2 keep the programs apart.
      const every = yield* Interleavings.explore(programs, { ...options, prune: false })
      expect(every.orders).toMatchObject({ explored: 14, broken: 12, cut: 0 })
      // The place of each read before or after the other's COMMIT, and who writes first: 6.
      expect(report.orders).toMatchObject({ explored: 6, broken: 4, cut: 0, covered: 14 })
      // Two turns are the fewest that can break it: the first one reads, the other does everything, the first one writes.
      expect([report.smallest?.code, every.smallest?.code]).toEqual(["abbbaa", "abbbaa"])
    }))

  it.scopedLive("is gone with SELECT FOR UPDATE, and with one statement", () =>
    Effect.gen(function*() {
      const options = { layer: yield* layer, setup: bank.accounts, invariant: at70 }
      const locked = yield* Interleavings.check([bank.withdrawLocked(10), bank.withdrawLocked(20)], options)
      const atOnce = yield* Interleavings.check([bank.withdrawAtOnce(10), bank.withdrawAtOnce(20)], options)
      expect([failures(locked.outcomes), failures(atOnce.outcomes)]).toEqual([["committed"], ["committed"]])
      // Whoever comes second waits, wherever it comes: before the first one's UPDATE, before its COMMIT, or after it.
      expect(locked.orders.covered).toBe(6)
      expect(atOnce.orders.covered).toBe(4)
    }))

  it.scopedLive("is a refused transaction at repeatable read, and with retry nothing at all", () =>
    Effect.gen(function*() {
      const options = {
        layer: yield* layer,
        setup: bank.accounts,
        invariant: Interleavings.serializable(bank.balances),
        isolation: "repeatable read" as const
      }
      const refused = yield* Interleavings.check([bank.withdraw(10), bank.withdraw(20)], options)
      expect(failures(refused.outcomes)).toEqual(["SerializationError", "committed"])
      const retried = yield* Interleavings.check(
        [bank.withdraw(10, { retry: "conflicts" }), bank.withdraw(20, { retry: "conflicts" })],
        { ...options, invariant: at70 }
      )
      expect(failures(retried.outcomes)).toEqual(["committed"])
    }))
})

describe("a write skew", () => {
  it.scopedLive("is found at every level but serializable, where somebody is refused, or comes again", () =>
    Effect.gen(function*() {
      const options = { layer: yield* layer, setup: bank.accounts, invariant: bank.solvent }
      const { reports, table } = yield* Interleavings.levels([bank.drain(1, 150), bank.drain(2, 150)], options)
      expect(reports.map(({ anomalies, isolation }) => [isolation, anomalies])).toEqual([
        ["read committed", ["write skew"]],
        ["repeatable read", ["write skew"]],
        ["serializable", []]
      ])
      expect(reports.map(({ smallest }) => smallest?.code)).toEqual(["aabbba", "aabbba", undefined])
      expect(failures(reports[2]!.outcomes)).toEqual(["Refused", "SerializationError", "committed"])
      expect(table.split("\n").map((line) => line.split(/ {2,}/)[0])).toEqual([
        "isolation",
        "read committed",
        "repeatable read",
        "serializable"
      ])
      const retry = { isolation: "serializable", retry: "conflicts" } as const
      const retried = yield* Interleavings.check([bank.drain(1, 150, retry), bank.drain(2, 150, retry)], options)
      expect(failures(retried.outcomes)).toEqual(["Refused", "committed"])
    }))
})

describe("a phantom", () => {
  it.scopedLive("is found at repeatable read, and gone at serializable", () =>
    Effect.gen(function*() {
      const options = { layer: yield* layer, setup: bank.bookings, invariant: bank.once }
      const found = yield* Interleavings.explore([bank.book(), bank.book()], {
        ...options,
        isolation: "repeatable read"
      })
      expect(found.smallest).toMatchObject({ anomaly: "phantom", code: "aabbba" })
      const retry = { isolation: "serializable", retry: "conflicts" } as const
      yield* Interleavings.check([bank.book(retry), bank.book(retry)], options)
    }))

  it.scopedLive("in a query that is repeated is one, and other values are a non-repeatable read", () =>
    Effect.gen(function*() {
      const twice = Session.transaction(Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        return [yield* sql`select * from account order by id`, yield* sql`select * from account order by id`]
      }))
      const options = {
        layer: yield* layer,
        setup: bank.accounts,
        invariant: ([reader]: Interleavings.Results<readonly [typeof twice, any]>) =>
          Effect.succeed(Exit.isFailure(reader) || JSON.stringify(reader.value[0]) === JSON.stringify(reader.value[1]))
      }
      const insert = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into account values (3, 0)`)
      const rows = yield* Interleavings.explore([twice, insert], options)
      const values = yield* Interleavings.explore([twice, bank.withdrawAtOnce(1)], options)
      expect([rows.smallest?.anomaly, values.smallest?.anomaly]).toEqual(["phantom", "non-repeatable read"])
      expect([rows.smallest?.code, values.smallest?.code]).toEqual(["abaa", "abbaa"])
      yield* Interleavings.check([twice, insert], { ...options, isolation: "repeatable read" })
    }))
})

describe("a deadlock", () => {
  it.scopedLive("is found, its victim rolls back, and it is gone where the rows are locked in order", () =>
    Effect.gen(function*() {
      const options = {
        layer: yield* layer,
        setup: bank.accounts,
        invariant: Interleavings.serializable(bank.balances)
      }
      const found = yield* Interleavings.explore([bank.move(1, 2), bank.move(2, 1)], options)
      expect(found.anomalies).toEqual(["deadlock"])
      // Each has its first row and asks for the other one's; the second to ask is the victim.
      expect(found.smallest?.code).toBe("abbaab")
      expect(found.smallest?.steps.map(({ answer, waitsFor }) => [waitsFor, answer])).toEqual([
        [[], "done"],
        [[], "done"],
        [["a"], "done"],
        [[], "DeadlockError"],
        [[], "done"],
        [[], "done"]
      ])
      expect(found.orders.deadlocks).toBe(found.orders.broken)
      const allowed = yield* Interleavings.check([bank.move(1, 2), bank.move(2, 1)], { ...options, deadlocks: "allow" })
      expect(allowed.orders.deadlocks).toBe(found.orders.deadlocks)
      const ordered = yield* Interleavings.check([bank.moveInOrder(1, 2), bank.moveInOrder(2, 1)], options)
      expect([failures(ordered.outcomes), ordered.orders.deadlocks]).toEqual([["committed"], 0])
    }))

  it.scopedLive("of three in a circle is found, though no two of them have one", () =>
    Effect.gen(function*() {
      const tables = ["one", "two", "three"]
      const setup = Effect.flatMap(SqlClient.SqlClient, (sql) =>
        Effect.forEach(tables, (table) =>
          Effect.zipRight(
            sql`create table ${sql(table)} (v int not null)`,
            sql`insert into ${sql(table)} values (0)`
          )))
      const both = (first: string, second: string) =>
        Session.transaction(Effect.gen(function*() {
          const sql = yield* SqlClient.SqlClient
          yield* sql`update ${sql(first)} set v = v + 1`
          yield* sql`update ${sql(second)} set v = v + 1`
        }))
      const options = { layer: yield* layer, setup }
      yield* Interleavings.check([both("one", "two"), both("two", "three")], options)
      const circle = [both("one", "two"), both("two", "three"), both("three", "one")] as const
      const found = yield* Interleavings.explore(circle, options)
      expect(found.incomplete).toBeUndefined()
      expect(found.anomalies).toEqual(["deadlock"])
      expect(found.smallest?.steps.filter(({ answer }) => answer === "DeadlockError")).toHaveLength(1)
      // Each of the three is the victim somewhere.
      const victims = found.outcomes.map(({ results }) => results.indexOf("DeadlockError")).filter((at) => at >= 0)
      expect(victims.sort()).toEqual([0, 1, 2])
    }))
})

describe("three programs", () => {
  it.scopedLive("break what no two of them break", () =>
    Effect.gen(function*() {
      // Each looks whether both others are still there before it goes: two can always go, three cannot.
      const leave = (id: number) =>
        Session.transaction(Effect.gen(function*() {
          const sql = yield* SqlClient.SqlClient
          const left = yield* sql`select id from account where balance > 0`
          if (left.length <= 2) return
          yield* sql`update account set balance = 0 where id = ${id}`
        }))
      const setup = Effect.zipRight(
        bank.accounts,
        Effect.flatMap(SqlClient.SqlClient, (sql) => sql`insert into account values (3, 1), (4, 1)`)
      )
      const someone = () =>
        Effect.map(
          Effect.flatMap(SqlClient.SqlClient, (sql) => sql`select id from account where balance > 0`),
          (rows) => rows.length >= 2
        )
      const options = { layer: yield* layer, setup, invariant: someone }
      yield* Interleavings.check([leave(1), leave(2)], options)
      const found = yield* Interleavings.explore([leave(1), leave(2), leave(3)], options)
      expect(found.smallest).toMatchObject({ anomaly: "write skew" })
      expect(found.incomplete).toBeUndefined()
    }))
})
