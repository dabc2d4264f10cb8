/**
 * Statements of a session that go together, on both databases: as if each had waited for the one before.
 */
import { SqlClient } from "@effect/sql"
import type { SqlError } from "@effect/sql/SqlError"
import type { Statement } from "@effect/sql/Statement"
import { afterAll, describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Exit, FastCheck as fc, Fiber, Option, Stream } from "effect"
import { Engine, Session, type SqlFailure } from "effect-sql-engine"
import { places } from "../support/places.js"
import { checkSums } from "../support/quiescence.js"

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000_000)
const runs = process.env["PROVE"] === "full" ? 300 : 30

afterAll(() => console.log(`pipelines: SEED=${seed}`))

/** What may be sent: each statement reads or writes rows of `t`, and some fail. */
type Plan =
  | { readonly _tag: "insert"; readonly k: number }
  | { readonly _tag: "read"; readonly above: number }
  | { readonly _tag: "broken" }

const plan: fc.Arbitrary<Plan> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ _tag: fc.constant("insert" as const), k: fc.integer({ min: 0, max: 20 }) }) },
  { weight: 4, arbitrary: fc.record({ _tag: fc.constant("read" as const), above: fc.integer({ min: 0, max: 20 }) }) },
  { weight: 1, arbitrary: fc.constant({ _tag: "broken" as const }) }
)

const compiled = (sql: SqlClient.SqlClient, plan: Plan) =>
  plan._tag === "insert"
    ? sql`insert into t (k) values (${plan.k}) returning k`
    : plan._tag === "read"
    ? sql`select k from t where k > ${plan.above} order by k`
    : sql`select k from nowhere`

describe.each(places)("on %s", (_, open) => {
  const opened = Effect.gen(function*() {
    const place = yield* open
    yield* place.admin("create table t (k integer not null primary key)")
    const engine = yield* place.engine()
    const on = Effect.provide(Engine.layer(Effect.succeed(engine)))
    return { ...place, engine, on, committed: place.admin("select k from t order by k") }
  })

  it.scopedLive("end as the same statements do one after the other", () =>
    Effect.gen(function*() {
      const { admin, committed, engine, on } = yield* opened
      type Run = (
        statements: ReadonlyArray<Statement<any>>
      ) => Effect.Effect<unknown, SqlFailure.SqlFailure | SqlError, Session.Session<Engine.Engine>>
      const end = (run: Run, plans: ReadonlyArray<Plan>) =>
        Effect.gen(function*() {
          yield* admin("delete from t")
          const sql = yield* SqlClient.SqlClient
          const statements = plans.map((plan) => compiled(sql, plan))
          // Caught inside, so that what was done before a failure can be looked at.
          const exit = yield* Effect.exit(Session.transaction(Effect.gen(function*() {
            const inner = yield* Effect.either(Session.transaction(run(statements)))
            yield* sql`insert into t (k) values (1000)`
            return inner
          })))
          const outcome = Exit.isFailure(exit)
            ? "failed"
            : exit.value._tag === "Right"
            ? exit.value.right
            : { tag: exit.value.left._tag, statement: "statement" in exit.value.left && exit.value.left.statement }
          return { outcome, rows: yield* committed }
        })
      const property = fc.asyncProperty(fc.array(plan, { maxLength: 8 }), (plans) =>
        Effect.runPromise(on(Effect.gen(function*() {
          const together = yield* end((statements) =>
            Session.pipeline(statements), plans)
          const awaited = yield* end((statements) => Effect.forEach(statements, (statement) => statement), plans)
          expect(together).toEqual(awaited)
        }))))
      yield* Effect.promise(() =>
        fc.assert(property, { seed, numRuns: runs })
      )
      checkSums(yield* engine.stats)
    }), 120_000)

  it.scopedLive("are undone with their savepoint, also when one behind the first could not even be sent", () =>
    Effect.gen(function*() {
      const { committed, on } = yield* opened
      const failure = yield* on(Session.transaction(Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql`insert into t (k) values (1)`
        const inner = Session.transaction(Session.pipeline([
          sql`insert into t (k) values (2)`,
          sql`insert into t (k) values (${2n ** 70n})`
        ]))
        return yield* Effect.flip(inner)
      })))
      expect(failure._tag).toBe("DataError")
      expect(yield* committed).toEqual([{ k: 1 }])
    }))

  it.scopedLive("types the rows of each, and writes what was enqueued before", () =>
    Effect.gen(function*() {
      const { committed, on } = yield* opened
      const rows = yield* on(Session.transaction(Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const [inserted, [counted]] = yield* Session.pipeline([
          sql<{ k: number }>`insert into t (k) values (7) returning k`,
          sql<{ n: number | string }>`select count(*) as n from t`
        ])
        const first: number | undefined = inserted[0]?.k
        return { first, counted: Number(counted?.n) }
      })))
      expect(rows).toEqual({ first: 7, counted: 1 })
      expect(yield* committed).toEqual([{ k: 7 }])
      expect(yield* on(Session.transaction(Session.pipeline([])))).toEqual([])
    }))

  it.scopedLive("refuse what ends the transaction and what is not this engine's, and send nothing", () =>
    Effect.gen(function*() {
      const { committed, engine, on } = yield* opened
      const other = yield* opened
      const foreign = yield* other.on(SqlClient.SqlClient)
      const attempts = yield* on(Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const insert = sql`insert into t (k) values (1)`
        const tag = (effect: Effect.Effect<unknown, SqlFailure.SqlFailure, Session.Session<Engine.Engine>>) =>
          Session.transaction(Effect.map(Effect.flip(effect), ({ _tag, sent }) => ({ _tag, sent })))
        return [
          yield* tag(Session.pipeline([insert, sql`commit`])),
          yield* tag(Session.pipeline([insert, foreign`select 1`])),
          // @ts-expect-error: what is made of a statement is none any more, for the compiler too
          yield* tag(Session.pipeline([Effect.map(insert, (rows) => rows)]))
        ]
      }))
      for (const attempt of attempts) expect(attempt).toEqual({ _tag: "NestedRefused", sent: "no" })
      expect(yield* committed).toEqual([])
      expect((yield* engine.stats).sessions.open).toBe(0)
    }))

  it.scopedLive("are one statement for whoever watches, and take turns with other fibers' statements", () =>
    Effect.gen(function*() {
      const { engine, on } = yield* opened
      const ended = Stream.filterMap(
        engine.events,
        (event) => event._tag === "StatementEnded" ? Option.some(event) : Option.none()
      )
      const events = yield* Effect.fork(
        Stream.runCollect(Stream.takeUntil(ended, ({ statement }) => statement.includes("last")))
      )
      yield* Effect.yieldNow()
      yield* on(Session.transaction(Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const together = Session.pipeline([1, 2, 3].map((k) => sql`insert into t (k) values (${k})`))
        const alone = Effect.forEach([4, 5, 6], (k) => sql`insert into t (k) values (${k})`)
        yield* Effect.all([together, alone, Session.pipeline([sql`select 1 as a`, sql`select 2 as a`])], {
          concurrency: "unbounded"
        })
        yield* sql`select 1 as last`
      })))
      const seen = Chunk.toReadonlyArray(yield* Fiber.join(events)).map(({ outcome, rows, statement }) => ({
        outcome,
        rows,
        parts: statement.split("; ").length
      }))
      expect(seen.filter(({ parts }) => parts > 1)).toEqual([
        { outcome: "success", rows: 0, parts: 3 },
        { outcome: "success", rows: 2, parts: 2 }
      ])
      expect(seen).toHaveLength(6)
    }))
})
