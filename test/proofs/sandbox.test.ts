/**
 * A sandbox without footnotes: one suite of a small application in every mode, a thousand tests side by side, and a
 * property whose runs are undone.
 */
import { describe, expect, it, layer } from "@effect/vitest"
import type { Vitest } from "@effect/vitest"
import { Cause, Duration, Effect, FastCheck, Fiber, Layer, Queue } from "effect"
import { Interception, Session, Tables } from "effect-sql-engine"
import type { Engine } from "effect-sql-engine"
import { PgEngine } from "effect-sql-engine-pg"
import { SqliteEngine } from "effect-sql-engine-sqlite"
import { Sandbox } from "effect-sql-engine-testing"
import type { Driver, DriverConnection } from "effect-sql-engine/Driver"
import {
  Accounts,
  AccountsLive,
  InsufficientFunds,
  NoSuchAccount,
  OwnerTaken
} from "../../examples/src/accounts/Accounts.js"
import { accounts, transfers } from "../../examples/src/accounts/tables.js"
import { grounds, insert, names, sql, under } from "../sandbox/places.js"
import { evidence, percentile } from "../support/evidence.js"
import { folder } from "../support/places.js"
import * as postgres from "../support/postgres.js"
import { size } from "../support/proof.js"

const drivers = [PgEngine.driver, SqliteEngine.driver]

const tables = Tables.ensure([accounts, transfers])

/** The suite of the application. It says nothing of the mode it runs in. */
const suite = Sandbox.isolated((it: Vitest.MethodsNonLive<Accounts | Engine.Engine | Sandbox.Sandbox>) => {
  const balances = Effect.map(Effect.flatMap(Accounts, ({ list }) => list), (all) => all.map(({ balance }) => balance))

  const two = Effect.gen(function*() {
    const bank = yield* Accounts
    const [ada, bob] = yield* Effect.all([bank.open("Ada", 100), bank.open("Bob", 0)])
    return { ada: ada.id, bob: bob.id, bank }
  })

  it.effect("begins without accounts", () => Effect.map(balances, (all) => expect(all).toEqual([])))

  it.effect("an account is opened once for an owner", () =>
    Effect.gen(function*() {
      const bank = yield* Accounts
      yield* bank.open("Ada", 10)
      expect(yield* Effect.flip(bank.open("Ada", 20))).toEqual(new OwnerTaken({ owner: "Ada" }))
      expect(yield* balances).toEqual([10])
    }))

  it.effect("money moves, and whoever listens is told once it has", () =>
    Effect.scoped(Effect.gen(function*() {
      const { ada, bank, bob } = yield* two
      const told = yield* bank.moved.subscribe
      const transfer = yield* bank.transfer(ada, bob, 30)
      expect(yield* balances).toEqual([70, 30])
      expect([...(yield* Queue.takeAll(told))]).toEqual([transfer])
    })))

  it.effect("no account is overdrawn, nothing of the attempt stays, and nobody is told", () =>
    Effect.scoped(Effect.gen(function*() {
      const { ada, bank, bob } = yield* two
      const told = yield* bank.moved.subscribe
      expect(yield* Effect.flip(bank.transfer(ada, bob, 101))).toEqual(new InsufficientFunds({ id: ada }))
      expect(yield* Effect.flip(bank.transfer(ada, bob + 1_000, 10))).toEqual(new NoSuchAccount({ id: bob + 1_000 }))
      expect(yield* balances).toEqual([100, 0])
      expect(yield* Queue.size(told)).toBe(0)
    })))

  it.effect("accounts are opened for all, or for none", () =>
    Effect.gen(function*() {
      const { bank } = yield* two
      expect(yield* Effect.flip(bank.openAll(["Cleo", "Bob"]))).toEqual(new OwnerTaken({ owner: "Bob" }))
      yield* bank.openAll(["Cleo", "Dan"])
      expect((yield* bank.list).map(({ owner }) => owner)).toEqual(["Ada", "Bob", "Cleo", "Dan"])
    }))

  it.effect("a service that fails later takes the transfer with it", () =>
    Effect.gen(function*() {
      const { ada, bank, bob } = yield* two
      const failure = yield* Effect.flip(
        Session.transaction(Effect.zipRight(bank.transfer(ada, bob, 30), Effect.fail("later" as const)))
      )
      expect(failure).toBe("later")
      expect(yield* balances).toEqual([100, 0])
    }))

  it.effect("transfers side by side keep the sum", () =>
    Effect.gen(function*() {
      const { ada, bank, bob } = yield* two
      yield* Effect.all([...Array(5)].map(() => bank.transfer(ada, bob, 10)), { concurrency: "unbounded" })
      expect(yield* balances).toEqual([50, 50])
    }))

  it.effect.prop(
    "no sequence of transfers makes or loses money",
    [FastCheck.array(FastCheck.tuple(FastCheck.boolean(), FastCheck.integer({ min: 1, max: 80 })), { maxLength: 4 })],
    ([moves]) =>
      Effect.gen(function*() {
        const { ada, bank, bob } = yield* two
        for (const [there, amount] of moves) {
          yield* Effect.ignore(there ? bank.transfer(ada, bob, amount) : bank.transfer(bob, ada, amount))
        }
        const [first, second] = yield* balances
        expect(first! + second!).toBe(100)
      }),
    { fastCheck: { numRuns: 5, seed: 19 } }
  )
})

/** The application on a sandbox. */
const app = (options: Partial<Sandbox.SandboxOptions>) =>
  Layer.provideMerge(AccountsLive, Layer.orDie(Sandbox.layer({ drivers, setup: tables, ...options })))

const onPostgres = (mode: Sandbox.Mode) =>
  Layer.unwrapScoped(Effect.map(Effect.orDie(postgres.database), ({ url }) => app({ mode, url })))

const onFiles = (mode: Sandbox.Mode) =>
  Layer.unwrapScoped(Effect.map(folder, (folder) => app({ mode, url: `sqlite:///${folder}/bank.db` })))

layer(onPostgres("rollback"))("the suite of the example, undone on PostgreSQL", suite)

layer(onPostgres("clone"))("the suite of the example, on copies of a PostgreSQL database", suite)

layer(onFiles("rollback"))("the suite of the example, undone on an SQLite file", suite)

layer(onFiles("clone"))("the suite of the example, on copies of an SQLite file", suite)

layer(app({ mode: "memory" }))("the suite of the example, on SQLite in memory", suite)

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.timed(effect), ([duration, value]) => [Duration.toMillis(duration), value] as const)

describe.each(grounds)("on %s", (name, open) => {
  it.scopedLive("a thousand tests side by side on one database see their own writes only", () =>
    Effect.gen(function*() {
      const ground = yield* open
      const tests = size(200, 1_000)
      const test = (number: number) =>
        Effect.gen(function*() {
          yield* insert(10 + number)
          yield* Session.transaction(insert(100_000 + number))
          return yield* Effect.fork(names).pipe(Effect.flatMap(Fiber.join))
        })
      const alone = Effect.asVoid(Effect.replicateEffect(names, 100, { discard: true }))
      const [bare] = yield* timed(Effect.provide(alone, ground.layer))
      const [seen, [millis], [sandboxed]] = yield* under(
        ground,
        Effect.gen(function*() {
          yield* Sandbox.run(names)
          const all = yield* Effect.forEach(
            Array.from({ length: tests }, (_, number) => number),
            (number) => Effect.map(Sandbox.run(test(number), `test ${number}`), (seen) => [number, seen] as const),
            { concurrency: "unbounded" }
          )
          const again = yield* timed(
            Effect.forEach(Array.from({ length: 50 }, (_, number) => number), (number) => Sandbox.run(test(number)))
          )
          return [all, again, yield* timed(Effect.replicateEffect(Sandbox.run(names), 100, { discard: true }))] as const
        })
      )
      for (const [number, of] of seen) {
        expect(of).toEqual(["given", `topic ${10 + number}`, `topic ${100_000 + number}`])
      }
      expect(seen.length).toBe(tests)
      expect(yield* ground.topics).toEqual(["given"])
      evidence({
        proof: "19",
        size: `${tests.toLocaleString("en")} tests side by side on ${name}`,
        figures: {
          "ms of overhead a test": (sandboxed - bare) / 100,
          "ms a test with three statements": millis / 50,
          "writes seen by another": 0
        }
      })
    }))

  it.scopedLive("a property of a hundred runs is undone after each of them", () =>
    Effect.gen(function*() {
      const ground = yield* open
      let runs = 0
      const [millis] = yield* under(
        ground,
        timed(Sandbox.check(
          FastCheck.uniqueArray(FastCheck.integer({ min: 2, max: 9 }), { minLength: 1, maxLength: 3 }),
          (ids) =>
            Effect.gen(function*() {
              runs++
              yield* Session.transaction(Effect.forEach(ids, (id) => insert(id), { discard: true }))
              expect((yield* names).length).toBe(ids.length + 1)
            }),
          { numRuns: 100, seed: 19 }
        ))
      )
      expect(runs).toBe(100)
      expect(yield* ground.topics).toEqual(["given"])
      evidence({ proof: "19", size: `a property of 100 runs on ${name}`, figures: { ms: millis }, seed: 19 })
    }))

  it.scopedLive("a property that does not hold fails with the smallest counterexample", () =>
    Effect.gen(function*() {
      const ground = yield* open
      const failure = yield* under(
        ground,
        Effect.flip(Sandbox.check(
          FastCheck.array(FastCheck.integer({ min: 1, max: 9 }), { maxLength: 4 }),
          (ids) => Effect.asVoid(Session.transaction(Effect.forEach(ids, (id) => insert(id)))),
          { seed: 19 }
        ))
      )
      // The first key is taken.
      expect(failure).toMatchObject({ _tag: "PropertyFailed", counterexample: [1], seed: 19 })
      expect(Cause.failureOption(failure.cause)).toMatchObject({ value: { _tag: "UniqueViolation" } })
      expect(yield* ground.topics).toEqual(["given"])
    }))

  it.scopedLive("a copy of the database for a test is soon there", () =>
    Effect.gen(function*() {
      const ground = yield* open
      const setup = Effect.flatMap(sql, (sql) => sql`create table topic (id integer primary key, name text not null)`)
      const times = yield* Effect.provide(
        Effect.replicateEffect(Effect.map(timed(Sandbox.run(insert(1))), ([millis]) => millis), size(3, 20)),
        Sandbox.layer({ mode: "clone", url: ground.url, drivers, setup })
      )
      evidence({
        proof: "19",
        size: `${times.length} copies on ${name}`,
        figures: { "ms for a copy, a statement and the drop (median)": percentile(times, 0.5) }
      })
    }))

  it.scopedLive("without its rollback a test would be seen by the next: the mutation is found", () =>
    Effect.gen(function*() {
      const ground = yield* open
      const forgets = (connection: DriverConnection): DriverConnection => ({
        id: connection.id,
        execute: (statement) => connection.execute(statement),
        stream: (statement) => connection.stream(statement),
        control: (kind, sql) =>
          kind === "rollback" ? connection.control("commit", "COMMIT") : connection.control(kind, sql),
        transaction: () => connection.transaction(),
        condition: () => connection.condition(),
        settle: connection.settle,
        reset: connection.reset,
        ping: connection.ping,
        close: connection.close
      })
      const mutated = Layer.provide(
        ground.layer,
        Layer.effect(
          Interception.Driver,
          Effect.map(
            Interception.Driver,
            (sandbox) => (driver: Driver, engine: string) =>
              sandbox({
                ...driver,
                write: {
                  ...driver.write,
                  connect: (context) => Effect.map(driver.write.connect(context), forgets)
                }
              }, engine)
          )
        )
      ) as typeof ground.layer
      const seen = yield* Effect.provide(
        Effect.zipRight(Sandbox.run(insert(2)), Sandbox.run(names)),
        Sandbox.rollback(mutated)
      )
      expect(seen).toEqual(["given", "topic 2"])
      expect(yield* ground.topics).toEqual(["given", "topic 2"])
    }))
})
