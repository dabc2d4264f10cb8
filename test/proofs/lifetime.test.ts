/**
 * Proof 6: no life after close, and no silent sharing.
 */
import { assert, describe, expect, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Option, Scope } from "effect"
import { Engine, Session } from "effect-sql-engine"
import { Outcome } from "effect-sql-engine-testing"
import { fromSqlError, isSqlError, isSqlFailure } from "effect-sql-engine/SqlFailure"
import { type Bench, databases } from "../support/databases.js"
import { type Chance, chance, size } from "../support/proof.js"
import { escapes, type Late, names } from "./lifetime/escapes.js"

const seed = 6_000_006

/** How a session ends, and what its strays are told of it. */
const endings = {
  commit: "commit",
  fail: "rollback",
  die: "rollback",
  interrupt: "rollback",
  timeout: "rollback",
  rollbackOnly: "rollback"
} as const
type Ending = keyof typeof endings
const endingNames = Object.keys(endings) as ReadonlyArray<Ending>

/** In which kind of session: the outermost, a savepoint of it that ends first, one ended by hand, one of a layer. */
const kinds = ["outermost", "savepoint", "opened", "layer"] as const

const finish = (ending: Ending): Effect.Effect<unknown, unknown, Session.Session<Engine.Engine>> => {
  switch (ending) {
    case "commit":
      return Effect.void
    case "fail":
      return Effect.fail("mine")
    case "die":
      return Effect.die("a bug")
    case "interrupt":
      return Effect.interrupt
    case "timeout":
      return Effect.never
    case "rollbackOnly":
      return Session.rollbackOnly
  }
}

const failureOf = (exit: Exit.Exit<unknown, unknown>): unknown => {
  const error = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
  return isSqlError(error) ? fromSqlError(error) : error
}

const tell = (failure: unknown): string =>
  isSqlFailure(failure) && failure._tag === "SessionClosed"
    ? `SessionClosed of ${failure.session.replace(/#\d+$/, "")} of ${failure.engine} by ${failure.closedBy}, sent: ${failure.sent}`
    : String(failure)

/** One escape by chance: succeeds with what is wrong with its end, as a text that says which escape it was. */
const escape = ({ engine, wire }: Bench, random: Chance, key: number) =>
  Effect.gen(function*() {
    const name = random.pick(names)
    const kind = random.pick(kinds)
    const ending = kind === "opened" || kind === "layer" ? random.pick(["commit", "fail"] as const) : random.pick(endingNames)
    const over = yield* Deferred.make<void>()
    const scope = yield* Scope.make()
    let late: Late = Effect.void
    const body = Effect.gen(function*() {
      // Half of them have begun a transaction.
      if (random.below(2) === 0) yield* engine.sql`select k from me`
      late = yield* escapes[name]!({ engine, key, scope, over })
      for (let turns = random.below(4); turns > 0; turns--) yield* Effect.yieldNow()
      return yield* finish(ending)
    })
    const options = { timeout: ending === "timeout" ? 5 : undefined, name: "escaped" }
    const session = kind === "savepoint"
      ? Session.transaction(Effect.zipRight(Effect.exit(Session.transaction(body, options)), ended(over, () => late)))
      : kind === "opened"
      ? Effect.scoped(Effect.flatMap(Session.open(options), (handle) =>
        Effect.zipRight(Effect.exit(handle.run(body)), ending === "commit" ? handle.commit : handle.rollback)))
      : kind === "layer"
      ? Effect.provide(body, Session.layer(options))
      : Session.transaction(body, options)
    const inner = yield* Effect.exit(session)
    const before = wire.sent.length
    const failure = kind === "savepoint" ? Exit.getOrElse(inner, () => undefined) : yield* ended(over, () => late)
    yield* Scope.close(scope, Exit.void)
    if (kind !== "savepoint") expect(wire.sent.slice(before)).toEqual([])
    const told = tell(failure)
    const right = `SessionClosed of ${kind === "savepoint" ? "session" : "escaped"} of main by ${endings[ending]}, sent: no`
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
    it.effect(`${count} escapes all end in SessionClosed, and send nothing (seed ${seed})`, () =>
      on((bench) =>
        Effect.gen(function*() {
          const random = chance(seed)
          for (let key = 1; key <= count; key++) yield* escape(bench, random, key)
          expect(bench.wire.sent.filter(({ params, text }) => /^insert/.test(text) && Number(params[0]) > 0)).toEqual([])
        })
      ), 600_000)
  })
}
