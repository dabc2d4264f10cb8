/**
 * Codes, limits, invariants, and the end of an exploration.
 */
import { SqlClient } from "@effect/sql"
import { describe, expect, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Schema } from "effect"
import { Session } from "effect-sql-engine"
import { Interleavings } from "effect-sql-engine-testing"
import * as bank from "./bank.js"
import { at70, nothing, place } from "./place.js"

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
        return yield* Effect.never
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

describe("under a test clock", () => {
  it.scoped("an exploration goes on as it does elsewhere", () =>
    Effect.gen(function*() {
      const { options } = yield* place
      const retry = { isolation: "serializable", retry: "conflicts" } as const
      const report = yield* Interleavings.check([bank.withdraw(10, retry), bank.withdraw(20, retry)], {
        ...options,
        invariant: at70
      })
      expect(report.orders.explored).toBeGreaterThan(3)
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
