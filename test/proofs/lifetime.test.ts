/**
 * Proof 6: no life after close, and no silent sharing.
 */
import { assert, describe, expect, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Option, Scope } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { Outcome } from "effect-sql-engine-testing"
import { isSqlFailure } from "effect-sql-engine/SqlFailure"
import { type Bench, databases } from "../support/databases.js"
import { finish, refined } from "../support/endings.js"
import { evidence, type Note } from "../support/evidence.js"
import { type Chance, chance, size } from "../support/proof.js"
import type { Sent } from "../support/recorded.js"
import { escapes, type Late, names } from "./lifetime/escapes.js"

const seed = 6_000_006

const note = (size: string, figures: Note["figures"], from = 0) =>
  evidence({ proof: "6", size, figures, seed: seed + from })

/** How a session ends, and what its strays are told of it. */
const endings = {
  succeed: "commit",
  fail: "rollback",
  die: "rollback",
  interrupt: "rollback",
  timeout: "rollback",
  rollbackOnly: "rollback"
} as const
const endingNames = Object.keys(endings) as ReadonlyArray<keyof typeof endings>

/** In which kind of session: the outermost, a savepoint of it that ends first, one ended by hand, one of a layer. */
const kinds = ["outermost", "savepoint", "opened", "layer"] as const

/** Rows are only ever written between BEGIN and the end of the one session they belong to. */
const checkOwners = (sent: ReadonlyArray<Sent>): void => {
  const open = new Map<string, number | undefined>()
  for (const { connection, params, text } of sent) {
    if (/^begin/i.test(text)) open.set(connection, undefined)
    else if (/^(commit|rollback$)/i.test(text)) open.delete(connection)
    else if (params.length > 0) {
      const owner = Math.floor(Number(params[0]) / 1_000_000)
      expect(open.has(connection)).toBe(true)
      expect(open.get(connection) ?? owner).toBe(owner)
      open.set(connection, owner)
    }
  }
}

const failureOf = (exit: Exit.Exit<unknown, unknown>): unknown => {
  return Exit.isFailure(exit) ? refined(Option.getOrUndefined(Cause.failureOption(exit.cause))) : undefined
}

const tell = (failure: unknown): string =>
  isSqlFailure(failure) && failure._tag === "SessionClosed"
    ? `SessionClosed of ${
      failure.session.replace(/#\d+$/, "")
    } of ${failure.engine} by ${failure.closedBy}, sent: ${failure.sent}`
    : String(failure)

/** One escape by chance: succeeds with what is wrong with its end, as a text that says which escape it was. */
const escape = ({ engine, wire }: Bench, random: Chance, key: number, patience: number) =>
  Effect.gen(function*() {
    const name = random.pick(names)
    const kind = random.pick(kinds)
    const ending = kind === "opened" || kind === "layer"
      ? random.pick(["succeed", "fail"] as const)
      : random.pick(endingNames)
    const over = yield* Deferred.make<void>()
    const scope = yield* Scope.make()
    let late: Late = Effect.void
    const body = Effect.gen(function*() {
      // Half of them have begun a transaction.
      if (random.below(2) === 0) yield* engine.sql`select k from me`
      late = yield* escapes[name]!({ engine, key, scope, over })
      for (let turns = random.below(4); turns > 0; turns--) yield* Effect.yieldNow()
      return yield* finish[ending]
    })
    const options = { timeout: ending === "timeout" ? patience : undefined, name: "escaped" }
    const session = kind === "savepoint"
      ? Session.transaction(Effect.zipRight(Effect.exit(Session.transaction(body, options)), ended(over, () => late)))
      : kind === "opened"
      ? Effect.scoped(Effect.flatMap(Session.open(options), (handle) =>
        Effect.zipRight(Effect.exit(handle.run(body)), ending === "succeed" ? handle.commit : handle.rollback)))
      : kind === "layer"
      ? Effect.provide(body, Session.layer(options))
      : Session.transaction(body, options)
    const inner = yield* Effect.exit(session)
    const before = wire.sent.length
    const failure = kind === "savepoint"
      ? Exit.getOrElse(inner, () =>
        undefined)
      : yield* ended(over, () => late)
    yield* Scope.close(scope, Exit.void)
    if (kind !== "savepoint") expect(wire.sent.slice(before)).toEqual([])
    const told = tell(failure)
    const right = `SessionClosed of ${kind === "savepoint" ? "session" : "escaped"} of main by ${
      endings[ending]
    }, sent: no`
    if (told !== right) assert.fail(`${name} out of ${kind} by ${ending}, number ${key}: ${told}`)
  })

/** Lets the escaped work run, and tells how it failed. */
const ended = (over: Deferred.Deferred<void>, late: () => Late) =>
  Effect.zipRight(Deferred.succeed(over, void 0), Effect.map(Effect.exit(Effect.suspend(late)), failureOf))

for (const database of databases) {
  describe(`Sessions on ${database.name}`, () => {
    const on = (
      test: (bench: Bench) => Effect.Effect<void, unknown, Engine.Engine | Scope.Scope>,
      engine: Engine.EngineOptions = {},
      slow = false
    ) =>
      Effect.promise(() =>
        database.run(Effect.scoped(Effect.gen(function*() {
          const site = yield* database.prepare
          const script = slow
            ? ({ nth, step }: { readonly nth: number; readonly step: string }) =>
              step === "statement" && nth % 3 === 0 ? Outcome.slow(nth % 7) : undefined
            : undefined
          const bench = yield* site.open(script === undefined ? { engine } : { engine, script })
          yield* Effect.provide(test(bench), Engine.layer(Effect.succeed(bench.engine)))
        })))
      )

    const count = size(database.virtual ? 300 : 120, 1_000)
    it.effect(
      `${count} escapes all end in SessionClosed, and send nothing (seed ${seed})`,
      () =>
        on((bench) =>
          Effect.gen(function*() {
            const random = chance(seed)
            for (let key = 1; key <= count; key++) yield* escape(bench, random, key, database.virtual ? 5 : 300)
            expect(bench.wire.sent.filter(({ params, text }) => text.startsWith("insert") && Number(params[0]) > 0))
              .toEqual([])
            note(`${count} escapes on ${database.name}`, {
              "statements after the end": 0,
              "other ends than SessionClosed": 0
            })
          })
        ),
      600_000
    )

    const races = size(database.virtual ? 150 : 40, 1_000)
    it.effect(
      `what strays write while their session ends is in it or refused, ${races} times (seed ${seed})`,
      () =>
        on(
          (bench) =>
            Effect.gen(function*() {
              const { engine: { sql }, wire } = bench
              const random = chance(seed + 1)
              const kept: Array<number> = []
              let refused = 0
              for (let key = 1; key <= races; key++) {
                const commits = random.below(3) > 0
                const turns = random.below(25)
                const written: Array<number> = []
                const write = (mine: number) => sql`insert into t (k) values (${mine})`
                const stray = (mine: number): Effect.Effect<unknown, unknown, Engine.Engine> =>
                  Effect.suspend(() => {
                    const done: Effect.Effect<unknown, unknown, Engine.Engine> = mine % 2 === 0
                      ? Session.transaction(write(mine))
                      : write(mine)
                    // Virtual time passes only when everybody rests.
                    const rest = Effect.zipRight(Effect.sync(() => written.push(mine)), Effect.sleep(random.below(3)))
                    return Effect.zipRight(Effect.zipRight(done, rest), stray(mine + 4))
                  })
                const strays: Array<Fiber.Fiber<unknown, unknown>> = []
                const session = Session.transaction(Effect.gen(function*() {
                  for (const mine of [0, 1, 2, 3]) strays.push(yield* Effect.forkDaemon(stray(key * 1_000_000 + mine)))
                  for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow()
                  if (random.below(2) === 0) yield* Effect.sleep(random.below(4))
                  if (!commits) return yield* Effect.fail("mine")
                }))
                const exit = yield* Effect.exit(Effect.withMaxOpsBeforeYield(session, 10 + random.below(100)))
                expect(Exit.isSuccess(exit)).toBe(commits)
                const sent = wire.sent.length
                for (const fiber of strays) {
                  expect(failureOf(yield* Fiber.await(fiber))).toMatchObject({ _tag: "SessionClosed", sent: "no" })
                  refused++
                }
                // Nothing followed the end, and what was said to be written was.
                expect(wire.sent.length).toBe(sent)
                if (commits) kept.push(...written)
              }
              expect(refused).toBe(4 * races)
              const rows = new Set(yield* bench.rows)
              expect(kept.filter((key) => !rows.has(key))).toEqual([])
              checkOwners(wire.sent)
              note(`${races} sessions that end under four strays on ${database.name}`, {
                refused,
                "on a connection of somebody else": 0
              }, 1)
            }),
          {},
          true
        ),
      600_000
    )

    const trials = size(database.virtual ? 300 : 60, 10_000)
    it.effect(
      `fibers that share a session take turns in the order of asking, ${trials} times (seed ${seed})`,
      () =>
        on(
          (bench) =>
            Effect.gen(function*() {
              const random = chance(seed + 2)
              let key = 0
              for (let trial = 0; trial < trials; trial++) {
                const asked: Array<number> = []
                const user = Effect.gen(function*() {
                  for (let n = 1 + random.below(3); n > 0; n--) {
                    for (let turns = random.below(4); turns > 0; turns--) yield* Effect.yieldNow()
                    const mine = ++key
                    asked.push(mine)
                    yield* bench.engine.sql`insert into t (k) values (${mine})`
                  }
                })
                const users = Array.from({ length: 2 + random.below(3) }, () => user)
                const from = bench.wire.sent.length
                yield* Session.transaction(Effect.all(users, { concurrency: "unbounded", discard: true }))
                expect(bench.wire.sent.slice(from).flatMap(({ params }) => params)).toEqual(asked)
              }
              expect((yield* bench.rows).length).toBe(key)
              note(`${trials} sessions shared by fibers that take turns on ${database.name}`, {
                statements: key,
                "out of order": 0
              }, 2)
            }),
          {},
          true
        ),
      600_000
    )

    it.effect(
      `fibers that must not share a session are told so, ${trials} times (seed ${seed})`,
      () =>
        on(
          (bench) =>
            Effect.gen(function*() {
              const random = chance(seed + 3)
              const ends = { refused: 0, written: 0 }
              let key = 0
              for (let trial = 0; trial < trials; trial++) {
                const written: Array<number> = []
                const user = Effect.gen(function*() {
                  for (let turns = random.below(6); turns > 0; turns--) yield* Effect.yieldNow()
                  const mine = ++key
                  const exit = yield* Effect.exit(bench.engine.sql`insert into t (k) values (${mine})`)
                  if (Exit.isSuccess(exit)) return written.push(mine)
                  expect(failureOf(exit)).toMatchObject({ _tag: "ConcurrentUse", sent: "no" })
                  ends.refused++
                })
                const users = Array.from({ length: 2 + random.below(3) }, () => user)
                const from = bench.wire.sent.length
                yield* Session.transaction(Effect.all(users, { concurrency: "unbounded", discard: true }), {
                  concurrency: "reject"
                })
                expect(bench.wire.sent.slice(from).flatMap(({ params }) => params).sort()).toEqual(written.sort())
                ends.written += written.length
              }
              // A database that answers before anybody else can ask never finds two at once.
              if (database.name !== "SQLite in WAL") expect(ends.refused).toBeGreaterThan(trials / 10)
              expect(ends.written).toBeGreaterThanOrEqual(trials)
              expect((yield* bench.rows).length).toBe(ends.written)
              note(`${trials} sessions that refuse to be shared on ${database.name}`, ends, 3)
            }),
          {},
          true
        ),
      600_000
    )

    it.effect("draining the engine ends every session that is open, and what runs in it is told by whom", () =>
      on((bench) =>
        Effect.gen(function*() {
          const ready = yield* Deferred.make<void>()
          const late = yield* Deferred.make<unknown>()
          const fiber = yield* Effect.fork(Effect.exit(Session.transaction(Effect.gen(function*() {
            yield* bench.engine.sql`insert into t (k) values (1)`
            yield* Deferred.succeed(ready, void 0)
            yield* Effect.sleep("1 second")
            yield* Deferred.succeed(late, failureOf(yield* Effect.exit(bench.engine.sql`insert into t (k) values (2)`)))
          }))))
          yield* Deferred.await(ready)
          expect((yield* bench.engine.drain).length).toBe(1)
          const sent = bench.wire.sent.length
          expect(yield* Deferred.await(late)).toMatchObject({ _tag: "SessionClosed", closedBy: "engine" })
          expect(failureOf(yield* Fiber.join(fiber))).toMatchObject({ _tag: "TransactionAborted" })
          expect(bench.wire.sent.length).toBe(sent)
          expect(yield* bench.rows).toEqual([])
        }), { drainTimeout: 100 }))
  })
}
